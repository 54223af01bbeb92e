// A queue that is handed to something else than a socket: in order, whole, and kept where it stops.

import Glibc
import Testing

@testable import RoostEventLoop

struct SendArenaThroughTests {
  /// Takes so many bytes at a time, up to a number of them, then refuses.
  private struct Taker {
    let piece: Int
    var left: Int
    var taken: [UInt8] = []

    mutating func take(_ bytes: UnsafeRawBufferPointer) -> IOOutcome {
      let count = min(piece, left, bytes.count)
      guard count > 0 else { return .wouldBlock }
      left -= count
      taken.append(contentsOf: bytes[..<count])
      return .bytes(count)
    }
  }

  private static let pieces: [[UInt8]] = [[1, 2, 3], [4], [5, 6, 7, 8], [9, 10]]
  private static let whole: [UInt8] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]

  /// Queues the pieces so that no two of them are neighbours.
  private static func fill(_ arena: inout SendArena, _ queue: inout SendQueue) {
    for piece in pieces {
      let mark = arena.mark()
      arena.append(piece.span)
      let slice = arena.slice(from: mark)
      arena.append(0xFF)
      arena.enqueue(slice, on: &queue)
    }
  }

  @Test(arguments: [1, 3, 100], 0...10)
  func `what is taken and what is kept is the whole`(piece: Int, most: Int) {
    var arena = SendArena(capacity: 65_536)
    var queue = SendQueue()
    Self.fill(&arena, &queue)
    var taker = Taker(piece: piece, left: most)
    let first = arena.flush(&queue) { taker.take($0) }
    #expect(taker.taken == Array(Self.whole.prefix(most)))
    #expect(first == (most == 10 ? .done : .blocked))
    let (count, isBlocked) = (queue.count, queue.isBlocked)
    #expect(count == 10 - most)
    #expect(isBlocked == (most < 10))
    // The rest is the queue's own: the arena may be emptied, and more may come behind it.
    arena.reset()
    Self.fill(&arena, &queue)
    taker.left = 100
    let second = arena.flush(&queue) { taker.take($0) }
    #expect(second == .done)
    #expect(taker.taken == Self.whole + Self.whole)
    let isEmpty = queue.isEmpty
    #expect(isEmpty)
    let (calls, bytes) = (arena.sendCalls, arena.sentBytes)
    #expect(calls == 0)
    #expect(bytes == 0)
    arena.countSent(bytes: 20, calls: 2)
    let (laterCalls, laterBytes) = (arena.sendCalls, arena.sentBytes)
    #expect(laterCalls == 2)
    #expect(laterBytes == 20)
  }

  @Test func `a failure takes the queue with it`() {
    var arena = SendArena(capacity: 65_536)
    var queue = SendQueue()
    Self.fill(&arena, &queue)
    let outcome = arena.flush(&queue) { _ in .failed(Errno(code: EPROTO)) }
    #expect(outcome == .failed(Errno(code: EPROTO)))
    let isEmpty = queue.isEmpty
    #expect(isEmpty)
  }
}
