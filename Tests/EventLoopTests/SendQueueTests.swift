import RoostEventLoop
import TestRandom
import Testing

/// Many queues that share an arena, against what was queued for each.
struct SendQueueTests {
  private struct Member: ~Copyable {
    var queue = SendQueue()
  }

  private static let memberCount = 12

  @Test func `an empty queue is small and owns nothing`() {
    let queue = SendQueue()
    let (count, isEmpty, isBlocked) = (queue.count, queue.isEmpty, queue.isBlocked)
    #expect(count == 0)
    #expect(isEmpty)
    #expect(!isBlocked)
    #expect(MemoryLayout<SendQueue>.size <= 48)
  }

  @Test func `each connection receives exactly what was queued for it`() throws {
    var random = SeededGenerator.make()
    let story = Comment(rawValue: random.description)
    var arena = SendArena(capacity: 1 << 20)
    var members = Slab<Member>(capacity: Self.memberCount) { Member() }
    let pairs = try (0..<Self.memberCount).map { try SocketPair(sendBytes: $0 % 3 == 0 ? 1 : nil) }
    var expected = [[UInt8]](repeating: [], count: Self.memberCount)
    var received = expected
    for _ in pairs { _ = members.acquire() }
    var next: UInt8 = 0

    for _ in 0..<400 {
      // Some ticks have hundreds of frames, so that queues exceed one call's ranges.
      let most = Int.random(in: 0..<10, using: &random) == 0 ? 900 : 12
      for _ in 0..<Int.random(in: 0...most, using: &random) {
        let mark = arena.mark()
        for _ in 0..<Int.random(in: 0...200, using: &random) {
          arena.append(next)
          next &+= 1
        }
        let slice = arena.slice(from: mark)
        let bytes = arena.withBytes(of: slice) { span in span.indices.map { span[$0] } }
        let share = Int.random(in: 1...3, using: &random)
        for slot in 0..<Self.memberCount where Int.random(in: 0...share, using: &random) > 0 {
          arena.enqueue(slice, on: &members[Int32(slot)].queue)
          expected[slot] += bytes
        }
      }
      for slot in 0..<Self.memberCount {
        let number = pairs[slot].near.number
        switch Int.random(in: 0..<40, using: &random) {
        case 0: arena.keep(&members[Int32(slot)].queue)
        case 1:
          let waiting = members[Int32(slot)].queue.count
          arena.drop(&members[Int32(slot)].queue)
          expected[slot].removeLast(waiting)
        case 2..<8:
          let outcome = arena.flushBacklog(&members[Int32(slot)].queue, to: number)
          let isEmpty = members[Int32(slot)].queue.isEmpty
          #expect((outcome == .done) == isEmpty, story)
        default: break
        }
        let outcome = arena.flush(&members[Int32(slot)].queue, to: number)
        let (isEmpty, isBlocked) = (
          members[Int32(slot)].queue.isEmpty, members[Int32(slot)].queue.isBlocked
        )
        #expect(outcome == (isBlocked ? .blocked : .done), story)
        #expect(isEmpty == !isBlocked, story)
        if Bool.random(using: &random) {
          let most = Int.random(in: 1...20_000, using: &random)
          received[slot] += pairs[slot].takeAtFarEnd(most)
        }
      }
      arena.reset()
    }

    var waiting = 0
    for slot in 0..<Self.memberCount { waiting += members[Int32(slot)].queue.count }
    #expect(Int(arena.sentBytes) + waiting == expected.reduce(0) { $0 + $1.count }, story)
    for slot in 0..<Self.memberCount {
      received[slot] += pairs[slot].takeAtFarEnd()
      while !members[Int32(slot)].queue.isEmpty {
        let before = received[slot].count
        _ = arena.flushBacklog(&members[Int32(slot)].queue, to: pairs[slot].near.number)
        received[slot] += pairs[slot].takeAtFarEnd()
        try #require(received[slot].count > before, story)
      }
      let isAlike = received[slot] == expected[slot]
      #expect(isAlike, "member \(slot); \(random)")
    }
  }
}
