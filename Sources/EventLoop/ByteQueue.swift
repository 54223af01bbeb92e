// Bytes that wait: what a socket did not take, or an HTTP head that came in pieces. An empty queue
// owns no memory, because most connections are idle most of the time.

import Glibc

/// A growing first-in-first-out buffer of bytes; the caller bounds it by looking at `count`.
public struct ByteQueue: ~Copyable {
  private var base: UnsafeMutableRawPointer?
  private var head: UInt32 = 0
  private var end: UInt32 = 0
  private var capacity: UInt32 = 0

  /// An empty queue without memory.
  public init() {}

  deinit { free(base) }

  /// Bytes waiting.
  public var count: Int { Int(end - head) }

  /// Whether nothing waits.
  public var isEmpty: Bool { head == end }

  /// Bytes of memory held.
  public var allocatedBytes: Int { Int(capacity) }

  /// Appends a copy of the bytes.
  ///
  /// The queue holds at most 2 GiB, far over every limit.
  public mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let source = bytes.baseAddress, !bytes.isEmpty else { return }
    reserve(bytes.count)
    guard let base else { return }
    memcpy(base + Int(end), source, bytes.count)
    end += UInt32(bytes.count)
  }

  /// Calls `body` with the waiting bytes.
  public borrowing func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    guard let base else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
    return body(UnsafeRawBufferPointer(start: base + Int(head), count: count))
  }

  /// Drops bytes from the front; gives the memory back when nothing is left.
  public mutating func removeFirst(_ bytes: Int) {
    precondition(bytes >= 0 && bytes <= count, "\(bytes) of \(count) bytes")
    head += UInt32(bytes)
    if head == end { removeAll() }
  }

  /// Drops everything and gives the memory back.
  public mutating func removeAll() {
    free(base)
    base = nil
    head = 0
    end = 0
    capacity = 0
  }

  private mutating func reserve(_ additional: Int) {
    precondition(additional <= Int(Int32.max) - count, "a queue of \(count) + \(additional) bytes")
    if Int(capacity - end) >= additional { return }
    let needed = count + additional
    if let base, Int(capacity) >= needed, Int(head) >= Int(capacity) / 2 {
      memmove(base, base + Int(head), count)
    } else {
      let grown = max(needed, min(Int(capacity) * 2, Int(Int32.max)), 256)
      guard let memory = malloc(grown) else { preconditionFailure("no memory for \(grown) bytes") }
      if let base { memcpy(memory, base + Int(head), count) }
      free(base)
      base = memory
      capacity = UInt32(grown)
    }
    end -= head
    head = 0
  }
}
