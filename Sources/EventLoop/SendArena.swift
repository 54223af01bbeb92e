// Where frames are encoded once and shared: one range of memory per loop, filled during a tick and
// emptied by its flush. Connections queue slices of it; what a socket does not take is copied into
// the connection's own queue, so that no slow reader ever pins shared memory.
//
// One of three files with unsafe memory in it. Slices are offsets, not pointers; they are checked
// against the filled part when they are read, and a generation counts the resets.

import Glibc

/// A range of an arena's bytes.
public struct ArenaSlice: Sendable, Equatable {
  /// Offset of the first byte.
  public var start: UInt32
  /// Offset behind the last byte.
  public var end: UInt32

  /// Bytes in the slice.
  public var count: Int { Int(end) - Int(start) }
}

/// What a connection has to send: slices of the arena, behind bytes of its own that wait.
///
/// An idle queue owns no memory. Touch it through `SendArena` only.
public struct SendQueue: ~Copyable {
  fileprivate var backlog = ByteQueue()
  fileprivate var sliceBytes: UInt32 = 0
  fileprivate var first = ArenaSlice(start: 0, end: 0)
  fileprivate var overflowHead: Int32 = -1
  fileprivate var overflowTail: Int32 = -1

  /// An empty queue.
  public init() {}

  /// Bytes that wait, in slices and in the connection's own memory.
  public var count: Int { Int(sliceBytes) + backlog.count }

  /// Whether nothing waits.
  public var isEmpty: Bool { sliceBytes == 0 && backlog.isEmpty }

  /// Whether the socket refused bytes: writability must be awaited.
  public var isBlocked: Bool { !backlog.isEmpty }
}

/// What a flush came to.
public enum FlushOutcome: Equatable, Sendable {
  /// The kernel took everything.
  case done
  /// The socket is full; the rest waits in the connection's own queue.
  case blocked
  /// The connection is gone.
  case failed(Errno)
}

/// Memory for the frames of one tick.
///
/// Owned by one loop.
public struct SendArena: ~Copyable {
  private struct Node {
    var slice: ArenaSlice
    var next: Int32
  }

  // The memory, reserved at once and committed by the kernel page by page.
  private let base: UnsafeMutableRawPointer
  private let capacity: Int

  /// Filled bytes.
  public private(set) var used = 0

  /// Bytes written by `send` since the start.
  public private(set) var sentBytes: UInt64 = 0

  /// Calls of send(2) or sendmsg(2) since the start.
  public private(set) var sendCalls: UInt64 = 0

  // Slices beyond the first of each queue, as linked lists in one array.
  private var nodes: [Node] = []
  private let vectors: UnsafeMutableBufferPointer<iovec>
  private let retainedBytes = 1 << 20

  /// Reserves address space for `capacity` bytes (64 KiB to 1 GiB).
  public init(capacity: Int) {
    precondition((65_536...(1 << 30)).contains(capacity), "an arena of \(capacity) bytes")
    self.capacity = capacity
    let flags = Int32(MAP_PRIVATE) | Int32(MAP_ANONYMOUS) | Int32(MAP_NORESERVE)
    let memory = mmap(nil, capacity, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let memory, memory != MAP_FAILED else {
      preconditionFailure("no address space for an arena: \(Errno.current)")
    }
    base = memory
    vectors = .allocate(capacity: 256)
    vectors.initialize(repeating: iovec())
  }

  deinit {
    munmap(base, capacity)
    vectors.deallocate()
  }

  /// Bytes that still fit.
  public var room: Int { capacity - used }

  // MARK: Filling

  /// Begins a slice at the end of what is filled.
  public func mark() -> UInt32 { UInt32(used) }

  /// The slice from a mark to the end of what is filled.
  public func slice(from mark: UInt32) -> ArenaSlice {
    ArenaSlice(start: mark, end: UInt32(used))
  }

  /// Appends one byte; traps when it does not fit, so ask `room` first.
  public mutating func append(_ byte: UInt8) {
    precondition(used < capacity, "the arena is full")
    base.storeBytes(of: byte, toByteOffset: used, as: UInt8.self)
    used += 1
  }

  /// Appends a copy of the bytes; traps when they do not fit, so ask `room` first.
  public mutating func append(_ bytes: borrowing Span<UInt8>) {
    let count = bytes.count
    precondition(count <= room, "\(count) bytes do not fit the arena")
    bytes.withUnsafeBytes {
      if let source = $0.baseAddress { memcpy(base + used, source, count) }
    }
    used += count
  }

  /// Appends the bytes of a literal.
  public mutating func append(_ text: StaticString) {
    precondition(text.utf8CodeUnitCount <= room, "the arena is full")
    memcpy(base + used, text.utf8Start, text.utf8CodeUnitCount)
    used += text.utf8CodeUnitCount
  }

  /// Calls `body` with the bytes of a slice, to look at or to compress what was encoded.
  public func withBytes<Result>(of slice: ArenaSlice, _ body: (Span<UInt8>) -> Result) -> Result {
    precondition(slice.start <= slice.end && Int(slice.end) <= used, "slice \(slice) of \(used)")
    let bytes = UnsafeBufferPointer(
      start: (base + Int(slice.start)).assumingMemoryBound(to: UInt8.self), count: slice.count)
    return body(Span(_unsafeElements: bytes))
  }

  // MARK: Queueing

  /// Queues a slice for a connection; neighbours merge.
  ///
  /// Constant time, no allocation as a rule.
  public mutating func enqueue(_ slice: ArenaSlice, on queue: inout SendQueue) {
    let count = UInt32(slice.count)
    if queue.sliceBytes == 0 {
      queue.first = slice
    } else if queue.overflowTail < 0 {
      if queue.first.end == slice.start {
        queue.first.end = slice.end
      } else {
        queue.overflowHead = Int32(nodes.count)
        queue.overflowTail = queue.overflowHead
        nodes.append(Node(slice: slice, next: -1))
      }
    } else if nodes[Int(queue.overflowTail)].slice.end == slice.start {
      nodes[Int(queue.overflowTail)].slice.end = slice.end
    } else {
      nodes[Int(queue.overflowTail)].next = Int32(nodes.count)
      queue.overflowTail = Int32(nodes.count)
      nodes.append(Node(slice: slice, next: -1))
    }
    queue.sliceBytes += count
  }

  // MARK: Flushing

  /// Sends what a connection has queued; afterwards its queue holds no slice of the arena.
  public mutating func flush(_ queue: inout SendQueue, to descriptor: Int32) -> FlushOutcome {
    if !queue.backlog.isEmpty {
      // Order first: slices go behind what already waits.
      keepSlices(of: &queue, from: 0)
      return flushBacklog(&queue, to: descriptor)
    }
    guard queue.sliceBytes > 0 else { return .done }
    if queue.overflowHead < 0 {
      let bytes = UnsafeRawBufferPointer(
        start: base + Int(queue.first.start), count: queue.first.count)
      precondition(Int(queue.first.end) <= used, "a slice outlived its tick")
      sendCalls &+= 1
      switch Syscalls.send(descriptor, bytes) {
      case .bytes(let sent):
        sentBytes &+= UInt64(sent)
        if sent == bytes.count {
          queue.sliceBytes = 0
          return .done
        }
        keepSlices(of: &queue, from: sent)
        return .blocked
      case .wouldBlock, .endOfStream:
        keepSlices(of: &queue, from: 0)
        return .blocked
      case .failed(let code):
        drop(&queue)
        return .failed(code)
      }
    }
    return flushVectors(&queue, to: descriptor)
  }

  /// Sends what waits in a connection's own memory, after the socket became writable, and the slices
  /// behind it when the socket has taken all of that: `done` always means that nothing waits.
  public mutating func flushBacklog(_ queue: inout SendQueue, to descriptor: Int32) -> FlushOutcome
  {
    while !queue.backlog.isEmpty {
      sendCalls &+= 1
      switch queue.backlog.withBytes({ Syscalls.send(descriptor, $0) }) {
      case .bytes(let sent):
        sentBytes &+= UInt64(sent)
        queue.backlog.removeFirst(sent)
      case .wouldBlock, .endOfStream: return .blocked
      case .failed(let code):
        drop(&queue)
        return .failed(code)
      }
    }
    return queue.isEmpty ? .done : flush(&queue, to: descriptor)
  }

  /// As `flush(_:to:)`, for bytes that go through something else than a socket.
  ///
  /// `take` gets ranges of at least one byte in order and says as `Syscalls.send` how many of them it
  /// took. What it sends in the end is its own to count, with `countSent`.
  public mutating func flush(
    _ queue: inout SendQueue, through take: (UnsafeRawBufferPointer) -> IOOutcome
  ) -> FlushOutcome {
    while !queue.backlog.isEmpty {
      switch queue.backlog.withBytes(take) {
      case .bytes(let taken): queue.backlog.removeFirst(taken)
      case .wouldBlock, .endOfStream:
        keepSlices(of: &queue, from: 0)
        return .blocked
      case .failed(let code):
        drop(&queue)
        return .failed(code)
      }
    }
    guard queue.sliceBytes > 0 else { return .done }
    var skipped = 0
    var next = queue.overflowHead
    var slice = queue.first
    while true {
      precondition(Int(slice.end) <= used, "a slice outlived its tick")
      var offset = 0
      while offset < slice.count {
        let rest = UnsafeRawBufferPointer(
          start: base + Int(slice.start) + offset, count: slice.count - offset)
        switch take(rest) {
        case .bytes(let taken):
          offset += taken
          skipped += taken
        case .wouldBlock, .endOfStream:
          keepSlices(of: &queue, from: skipped)
          return .blocked
        case .failed(let code):
          drop(&queue)
          return .failed(code)
        }
      }
      guard next >= 0 else { break }
      slice = nodes[Int(next)].slice
      next = nodes[Int(next)].next
    }
    clearSlices(&queue)
    return .done
  }

  /// Counts bytes and calls that left by another way than the arena's own.
  public mutating func countSent(bytes: Int, calls: Int) {
    sentBytes &+= UInt64(bytes)
    sendCalls &+= UInt64(calls)
  }

  /// Moves the slices of a queue into the connection's own memory without sending.
  public mutating func keep(_ queue: inout SendQueue) {
    keepSlices(of: &queue, from: 0)
  }

  /// Forgets everything that a connection has queued.
  public mutating func drop(_ queue: inout SendQueue) {
    queue.backlog.removeAll()
    clearSlices(&queue)
  }

  /// Empties the arena; no queue may still hold a slice of it.
  public mutating func reset() {
    // One burst must not keep its memory for ever.
    if used > 4 * retainedBytes {
      madvise(base + retainedBytes, capacity - retainedBytes, Int32(MADV_DONTNEED))
    }
    used = 0
    if nodes.capacity > 65_536 { nodes = [] } else { nodes.removeAll(keepingCapacity: true) }
  }

  private mutating func flushVectors(_ queue: inout SendQueue, to descriptor: Int32)
    -> FlushOutcome
  {
    var skipped = 0
    while true {
      // Collect up to 256 ranges behind what was sent so far.
      var filled = 0
      var offset = 0
      var collected = 0
      var next = queue.overflowHead
      var slice = queue.first
      while true {
        let end = offset + slice.count
        if end > skipped, filled < vectors.count {
          precondition(Int(slice.end) <= used, "a slice outlived its tick")
          let cut = max(skipped - offset, 0)
          vectors[filled] = iovec(
            iov_base: base + Int(slice.start) + cut, iov_len: slice.count - cut)
          filled += 1
          collected += slice.count - cut
        }
        offset = end
        if next < 0 || filled == vectors.count { break }
        slice = nodes[Int(next)].slice
        next = nodes[Int(next)].next
      }
      sendCalls &+= 1
      let range = UnsafeMutableBufferPointer(rebasing: vectors[0..<filled])
      switch Syscalls.send(descriptor, vectors: range) {
      case .bytes(let sent):
        sentBytes &+= UInt64(sent)
        skipped += sent
        if skipped == Int(queue.sliceBytes) {
          clearSlices(&queue)
          return .done
        }
        if sent < collected {
          keepSlices(of: &queue, from: skipped)
          return .blocked
        }
      case .wouldBlock, .endOfStream:
        keepSlices(of: &queue, from: skipped)
        return .blocked
      case .failed(let code):
        drop(&queue)
        return .failed(code)
      }
    }
  }

  private mutating func keepSlices(of queue: inout SendQueue, from skipped: Int) {
    guard queue.sliceBytes > 0 else { return }
    var offset = 0
    var next = queue.overflowHead
    var slice = queue.first
    while true {
      precondition(Int(slice.end) <= used, "a slice outlived its tick")
      let end = offset + slice.count
      if end > skipped {
        let cut = max(skipped - offset, 0)
        queue.backlog.append(
          UnsafeRawBufferPointer(start: base + Int(slice.start) + cut, count: slice.count - cut))
      }
      offset = end
      guard next >= 0 else { break }
      slice = nodes[Int(next)].slice
      next = nodes[Int(next)].next
    }
    clearSlices(&queue)
  }

  private mutating func clearSlices(_ queue: inout SendQueue) {
    queue.sliceBytes = 0
    queue.overflowHead = -1
    queue.overflowTail = -1
  }
}
