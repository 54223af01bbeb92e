import Glibc
import Testing

@testable import RoostEventLoop

struct SendArenaTests {
  /// Bytes that tell their place.
  private static func numbered(_ count: Int, from start: Int = 0) -> [UInt8] {
    (start..<start + count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 251) }
  }

  /// Fills the arena and returns the slice.
  private static func fill(_ arena: inout SendArena, _ bytes: [UInt8]) -> ArenaSlice {
    let mark = arena.mark()
    arena.append(bytes.span)
    return arena.slice(from: mark)
  }

  private static func contents(of slice: ArenaSlice, in arena: borrowing SendArena) -> [UInt8] {
    arena.withBytes(of: slice) { span in span.indices.map { span[$0] } }
  }

  /// Lets the far end read until everything has left the queue.
  private static func takeAll(
    _ arena: inout SendArena, _ queue: inout SendQueue, _ pair: SocketPair
  ) -> [UInt8] {
    var all = pair.takeAtFarEnd()
    while !queue.isEmpty {
      let outcome = arena.flushBacklog(&queue, to: pair.near.number)
      if case .failed = outcome { return all }
      let more = pair.takeAtFarEnd()
      if more.isEmpty { return all }
      all += more
    }
    return all
  }

  // MARK: Filling

  @Test func `what is filled is read back slice by slice`() {
    var arena = SendArena(capacity: 65_536)
    let first = arena.mark()
    arena.append(0x81)
    arena.append("abc")
    let slice = arena.slice(from: first)
    let second = Self.fill(&arena, [9, 8, 7])
    let empty = arena.slice(from: arena.mark())
    #expect(slice == ArenaSlice(start: 0, end: 4))
    #expect(second == ArenaSlice(start: 4, end: 7))
    #expect(empty.count == 0)
    #expect(Self.contents(of: slice, in: arena) == [0x81, 0x61, 0x62, 0x63])
    #expect(Self.contents(of: second, in: arena) == [9, 8, 7])
    #expect(Self.contents(of: empty, in: arena) == [])
    let used = arena.used
    #expect(used == 7)
  }

  @Test func `an arena can be filled to its last byte`() {
    var arena = SendArena(capacity: 65_536)
    let all = Self.fill(&arena, Self.numbered(65_535))
    let room = arena.room
    #expect(room == 1)
    arena.append(5)
    let (left, used) = (arena.room, arena.used)
    #expect(left == 0)
    #expect(used == 65_536)
    arena.append("")
    arena.append([UInt8]().span)
    #expect(Self.contents(of: all, in: arena) == Self.numbered(65_535))
    arena.reset()
    let again = arena.room
    #expect(again == 65_536)
  }

  @Test func `a reset after a burst leaves an arena that works`() throws {
    var arena = SendArena(capacity: 16 << 20)
    let pair = try SocketPair()
    let megabyte = Self.numbered(1 << 20)
    for _ in 0..<5 { _ = Self.fill(&arena, megabyte) }
    arena.reset()
    let used = arena.used
    #expect(used == 0)
    var queue = SendQueue()
    for start in [0, 3 << 20] {
      // Both kept and returned pages take new bytes.
      while arena.used < start { _ = Self.fill(&arena, megabyte) }
      arena.enqueue(Self.fill(&arena, [1, 2, 3]), on: &queue)
      let outcome = arena.flush(&queue, to: pair.near.number)
      #expect(outcome == .done)
      #expect(pair.takeAtFarEnd() == [1, 2, 3])
    }
  }

  // MARK: Queueing and flushing

  @Test func `an empty queue is flushed without a call`() throws {
    var arena = SendArena(capacity: 65_536)
    var queue = SendQueue()
    let pair = try SocketPair()
    let outcome = arena.flush(&queue, to: pair.near.number)
    let (calls, count, isBlocked) = (arena.sendCalls, queue.count, queue.isBlocked)
    #expect(outcome == .done)
    #expect(calls == 0)
    #expect(count == 0)
    #expect(!isBlocked)
  }

  @Test func `an empty slice changes nothing`() throws {
    var arena = SendArena(capacity: 65_536)
    var queue = SendQueue()
    let pair = try SocketPair()
    let empty = arena.slice(from: arena.mark())
    arena.enqueue(empty, on: &queue)
    let isEmpty = queue.isEmpty
    #expect(isEmpty)
    _ = Self.fill(&arena, [0])
    let slice = Self.fill(&arena, [1, 2])
    for part in [empty, slice, empty, slice, empty] { arena.enqueue(part, on: &queue) }
    let outcome = arena.flush(&queue, to: pair.near.number)
    #expect(outcome == .done)
    #expect(pair.takeAtFarEnd() == [1, 2, 1, 2])
  }

  @Test func `neighbours merge and leave in one call`() throws {
    var arena = SendArena(capacity: 65_536)
    var queue = SendQueue()
    let pair = try SocketPair()
    for number in 0..<1_000 {
      arena.enqueue(Self.fill(&arena, Self.numbered(3, from: 3 * number)), on: &queue)
    }
    let count = queue.count
    #expect(count == 3_000)
    let outcome = arena.flush(&queue, to: pair.near.number)
    let (calls, bytes, isEmpty) = (arena.sendCalls, arena.sentBytes, queue.isEmpty)
    #expect(outcome == .done)
    #expect(calls == 1)
    #expect(bytes == 3_000)
    #expect(isEmpty)
    #expect(pair.takeAtFarEnd() == Self.numbered(3_000))
  }

  private static let sliceCounts: [(count: Int, calls: UInt64)] = [
    (1, 1), (2, 1), (3, 1), (255, 1), (256, 1), (257, 2), (512, 2), (513, 3), (1_300, 6),
  ]

  @Test(arguments: sliceCounts)
  func `slices apart leave 256 in a call`(count: Int, calls: UInt64) throws {
    var arena = SendArena(capacity: 65_536)
    var queue = SendQueue()
    let pair = try SocketPair()
    var expected: [UInt8] = []
    for number in 0..<count {
      let bytes = Self.numbered(1 + number % 5, from: number)
      arena.enqueue(Self.fill(&arena, bytes), on: &queue)
      arena.append(0xFF)
      expected += bytes
    }
    let outcome = arena.flush(&queue, to: pair.near.number)
    let made = arena.sendCalls
    #expect(outcome == .done)
    #expect(made == calls)
    #expect(pair.takeAtFarEnd() == expected)
  }

  @Test func `one slice serves many queues, and one queue several times`() throws {
    var arena = SendArena(capacity: 65_536)
    let slice = Self.fill(&arena, [1, 2, 3])
    for _ in 0..<5 {
      var queue = SendQueue()
      let pair = try SocketPair()
      arena.enqueue(slice, on: &queue)
      arena.enqueue(slice, on: &queue)
      let outcome = arena.flush(&queue, to: pair.near.number)
      #expect(outcome == .done)
      #expect(pair.takeAtFarEnd() == [1, 2, 3, 1, 2, 3])
    }
  }

  /// The kernel's cut is moved over the borders of small slices one byte at a time.
  @Test(arguments: [1, 3, 30, 100, 300])
  func `a partial send may cut anywhere and no byte is lost or doubled`(sliceBytes: Int) throws {
    var cuts: Set<Int> = []
    for shift in 0...sliceBytes {
      var arena = SendArena(capacity: 1 << 20)
      var queue = SendQueue()
      let pair = try SocketPair(sendBytes: 1)
      var expected = Self.numbered(shift)
      arena.enqueue(Self.fill(&arena, expected), on: &queue)
      while expected.count < 20_000 {
        arena.append(0xFF)
        let bytes = Self.numbered(sliceBytes, from: expected.count)
        arena.enqueue(Self.fill(&arena, bytes), on: &queue)
        expected += bytes
      }
      let outcome = arena.flush(&queue, to: pair.near.number)
      arena.reset()
      let (sent, waiting) = (Int(arena.sentBytes), queue.count)
      let isBlocked = queue.isBlocked
      #expect(outcome == .blocked)
      #expect(isBlocked)
      #expect(sent > 0)
      #expect(sent + waiting == expected.count)
      cuts.insert((sent - shift) % sliceBytes)
      let received = Self.takeAll(&arena, &queue, pair)
      #expect(received == expected)
    }
    // Of smaller slices one call's 256 ranges fit the socket: the cut is between two calls.
    #expect(cuts == (sliceBytes < 30 ? [0] : Set(0..<sliceBytes)))
  }

  @Test func `a full socket keeps everything and order holds with what comes later`() throws {
    var arena = SendArena(capacity: 1 << 20)
    var queue = SendQueue()
    let pair = try SocketPair(sendBytes: 1)
    var expected: [UInt8] = []
    for tick in 0..<20 {
      for part in 0..<3 {
        let bytes = Self.numbered(700, from: 10_000 * tick + 1_000 * part)
        arena.enqueue(Self.fill(&arena, bytes), on: &queue)
        arena.append(0)
        expected += bytes
      }
      let outcome = arena.flush(&queue, to: pair.near.number)
      arena.reset()
      #expect(outcome == (queue.isBlocked ? .blocked : .done))
    }
    let isBlocked = queue.isBlocked
    #expect(isBlocked)
    let again = arena.flushBacklog(&queue, to: pair.near.number)
    #expect(again == .blocked)
    let received = Self.takeAll(&arena, &queue, pair)
    #expect(received == expected)
  }

  /// Once `done` came while slices of the same tick waited, and a connection that was closing was
  /// ended before its close frame had left.
  @Test func `done means that nothing waits, also when a backlog had slices behind it`() throws {
    var arena = SendArena(capacity: 65_536)
    var queue = SendQueue()
    let pair = try SocketPair()
    arena.enqueue(Self.fill(&arena, [1, 2]), on: &queue)
    arena.keep(&queue)
    _ = Self.fill(&arena, [0])
    arena.enqueue(Self.fill(&arena, [3]), on: &queue)
    _ = Self.fill(&arena, [0])
    arena.enqueue(Self.fill(&arena, [4]), on: &queue)
    let outcome = arena.flushBacklog(&queue, to: pair.near.number)
    let isEmpty = queue.isEmpty
    #expect(outcome == .done)
    #expect(isEmpty)
    #expect(pair.takeAtFarEnd() == [1, 2, 3, 4])
  }

  @Test func `what is kept outlives the arena's contents`() throws {
    var arena = SendArena(capacity: 65_536)
    var queue = SendQueue()
    let pair = try SocketPair()
    arena.enqueue(Self.fill(&arena, [1, 2]), on: &queue)
    _ = Self.fill(&arena, [0])
    arena.enqueue(Self.fill(&arena, [3, 4]), on: &queue)
    arena.keep(&queue)
    arena.reset()
    _ = Self.fill(&arena, [9, 9, 9, 9, 9])
    let (count, isBlocked) = (queue.count, queue.isBlocked)
    #expect(count == 4)
    #expect(isBlocked)
    let outcome = arena.flush(&queue, to: pair.near.number)
    #expect(outcome == .done)
    #expect(pair.takeAtFarEnd() == [1, 2, 3, 4])
  }

  @Test func `what is dropped is never sent`() throws {
    var arena = SendArena(capacity: 65_536)
    var queue = SendQueue()
    let pair = try SocketPair()
    arena.enqueue(Self.fill(&arena, [1, 2]), on: &queue)
    arena.keep(&queue)
    arena.enqueue(Self.fill(&arena, [3]), on: &queue)
    _ = Self.fill(&arena, [0])
    arena.enqueue(Self.fill(&arena, [4]), on: &queue)
    arena.drop(&queue)
    let isEmpty = queue.isEmpty
    #expect(isEmpty)
    arena.enqueue(Self.fill(&arena, [5]), on: &queue)
    let outcome = arena.flush(&queue, to: pair.near.number)
    #expect(outcome == .done)
    #expect(pair.takeAtFarEnd() == [5])
  }

  @Test(arguments: [1, 2, 300], [false, true])
  func `a connection that is gone fails and its queue is empty`(slices: Int, keeps: Bool) throws {
    var arena = SendArena(capacity: 65_536)
    var queue = SendQueue()
    let pair = try SocketPair()
    shutdown(pair.far.number, Int32(SHUT_RDWR))
    for _ in 0..<slices {
      arena.enqueue(Self.fill(&arena, [1]), on: &queue)
      arena.append(0)
    }
    if keeps { arena.keep(&queue) }
    let outcome = arena.flush(&queue, to: pair.near.number)
    let isEmpty = queue.isEmpty
    #expect(outcome == .failed(Errno(code: EPIPE)))
    #expect(isEmpty)
    let again = arena.flush(&queue, to: pair.near.number)
    #expect(again == .done)
  }

  // MARK: Bugs trap

  @Test func `a slice that outlives its tick traps`() async {
    await #expect(processExitsWith: .failure) {
      var arena = SendArena(capacity: 65_536)
      var queue = SendQueue()
      let pair = try SocketPair()
      arena.enqueue(Self.fill(&arena, [1, 2, 3]), on: &queue)
      arena.reset()
      _ = arena.flush(&queue, to: pair.near.number)
    }
  }

  @Test func `reading a slice of a former tick traps`() async {
    await #expect(processExitsWith: .failure) {
      var arena = SendArena(capacity: 65_536)
      let slice = Self.fill(&arena, [1, 2, 3])
      arena.reset()
      arena.withBytes(of: slice) { _ in }
    }
  }

  @Test func `one byte more than fits traps`() async {
    await #expect(processExitsWith: .failure) {
      var arena = SendArena(capacity: 65_536)
      _ = Self.fill(&arena, Self.numbered(65_536))
      arena.append(1)
    }
    await #expect(processExitsWith: .failure) {
      var arena = SendArena(capacity: 65_536)
      _ = Self.fill(&arena, Self.numbered(65_537))
    }
    await #expect(processExitsWith: .failure) {
      var arena = SendArena(capacity: 65_536)
      _ = Self.fill(&arena, Self.numbered(65_535))
      arena.append("ab")
    }
  }

  @Test func `a capacity outside its bounds traps`() async {
    await #expect(processExitsWith: .failure) { _ = SendArena(capacity: 65_535) }
    await #expect(processExitsWith: .failure) { _ = SendArena(capacity: (1 << 30) + 1) }
  }
}
