import RoostRooms
import Testing

@testable import Backplane

struct KeyWindowTests {
  static let position = Position(epoch: Epoch(high: 1, low: 2), offset: 3)

  @Test func `rows of parts that are the same text in one piece differ`() {
    let rows: [[[UInt8]]] = [
      [[1, 2], [3]], [[1], [2, 3]], [[1, 2, 3]], [[], [1, 2, 3]], [[1, 2, 3], []], [[1], [2], [3]],
    ]
    for (first, left) in rows.enumerated() {
      for (second, right) in rows.enumerated() {
        #expect((Fingerprint(left) == Fingerprint(right)) == (first == second))
      }
    }
  }

  @Test func `a key is unused, then repeated or in conflict, then unused again`() {
    var window = KeyWindow(window: .seconds(10), keysMax: 2)
    let key = Fingerprint([[1]])
    let data = Fingerprint([[2]])
    let other = Fingerprint([[3]])
    #expect(window.outcome(of: key, data: data, now: .zero) == .unused)
    window.remember(key, data: data, position: Self.position, now: .zero)
    #expect(window.outcome(of: key, data: data, now: .zero) == .repeated(Self.position))
    #expect(window.outcome(of: key, data: other, now: .zero) == .conflict)
    let end = Duration.seconds(10)
    let before = end - .nanoseconds(1)
    #expect(window.outcome(of: key, data: data, now: before) == .repeated(Self.position))
    #expect(window.outcome(of: key, data: data, now: end) == .unused)
    #expect(window.outcome(of: key, data: other, now: end) == .unused)
  }

  @Test func `keys go in the order of coming, each at its own time`() {
    var window = KeyWindow(window: .seconds(10), keysMax: 5000)
    let data = Fingerprint([[0]])
    for number in 0..<5000 {
      let key = Fingerprint([[UInt8(number >> 8), UInt8(number & 255)]])
      window.remember(key, data: data, position: nil, now: .milliseconds(number))
    }
    #expect(window.count == 5000)
    #expect(!window.hasRoom)
    for (time, count) in [(9_999, 5000), (10_000, 4999), (12_499, 2500), (14_998, 1), (14_999, 0)] {
      window.expire(now: .milliseconds(time))
      #expect(window.count == count)
    }
    #expect(window.hasRoom)
  }

  @Test(arguments: [(0, false), (1, true), (2, true)])
  func `a window has room for as many keys as it was made for`(keysMax: Int, hasRoom: Bool) {
    var window = KeyWindow(window: .seconds(1), keysMax: keysMax)
    #expect(window.hasRoom == hasRoom)
    let data = Fingerprint([[0]])
    for number in 0..<keysMax {
      #expect(window.hasRoom)
      window.remember(Fingerprint([[UInt8(number)]]), data: data, position: nil, now: .zero)
    }
    #expect(!window.hasRoom)
  }
}
