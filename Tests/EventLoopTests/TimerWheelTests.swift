import RoostEventLoop
import TestRandom
import Testing

struct TimerWheelTests {
  private static let resolution: UInt64 = 16_000_000
  private static let turn = 4_096 * resolution

  private static func at(_ nanoseconds: UInt64) -> MonotonicInstant {
    MonotonicInstant(nanoseconds: nanoseconds)
  }

  /// What comes out of a wheel at that time.
  private static func expired(_ wheel: inout TimerWheel, at nanoseconds: UInt64) -> [UInt64] {
    var tokens: [UInt64] = []
    wheel.expire(until: at(nanoseconds), into: &tokens)
    return tokens
  }

  @Test func `the resolution is sixteen milliseconds`() {
    #expect(TimerWheel.resolution == .milliseconds(16))
  }

  @Test(
    arguments: [
      UInt64(0), 5, resolution - 1, 63 * resolution, 4_095 * resolution, 987_654_321_987,
    ],
    [
      UInt64(1), 999_999, resolution - 1, resolution, resolution + 1, 47 * resolution,
      64 * resolution,
      4_000 * resolution + 3, turn - 2 * resolution,
    ])
  func `a timer is never early and at most one resolution late`(start: UInt64, delay: UInt64) {
    var wheel = TimerWheel(now: Self.at(start))
    let deadline = start + delay
    wheel.schedule(42, at: Self.at(deadline))
    let count = wheel.count
    #expect(count == 1)
    #expect(Self.expired(&wheel, at: deadline - 1) == [])
    #expect(Self.expired(&wheel, at: deadline + Self.resolution) == [42])
    let (left, next) = (wheel.count, wheel.nextDeadline())
    #expect(left == 0)
    #expect(next == nil)
    #expect(Self.expired(&wheel, at: deadline + 2 * Self.turn) == [])
  }

  @Test(arguments: [UInt64(0), 1, 1_000 * resolution])
  func `a deadline in the past comes within one resolution from now`(deadline: UInt64) {
    let now = 1_000 * Self.resolution
    var wheel = TimerWheel(now: Self.at(now))
    wheel.schedule(1, at: Self.at(deadline))
    #expect(Self.expired(&wheel, at: now) == [])
    #expect(Self.expired(&wheel, at: now + Self.resolution) == [1])
  }

  @Test func `earlier positions come first and neighbours in the order of scheduling`() {
    var wheel = TimerWheel(now: .zero)
    wheel.schedule(3, at: Self.at(90 * Self.resolution))
    wheel.schedule(1, at: Self.at(20 * Self.resolution))
    wheel.schedule(2, at: Self.at(20 * Self.resolution + 5))
    wheel.schedule(4, at: Self.at(4_090 * Self.resolution))
    #expect(Self.expired(&wheel, at: 5_000 * Self.resolution) == [1, 2, 3, 4])
  }

  @Test(arguments: [turn, turn + 1, 3 * turn + 12_345, 10 * turn, UInt64.max])
  func `a deadline beyond the horizon is looked at once a turn`(delay: UInt64) throws {
    let start = 77 * Self.resolution + 9
    let deadline = Self.at(start).advanced(by: .nanoseconds(Int64(clamping: delay)))
    var wheel = TimerWheel(now: Self.at(start))
    wheel.schedule(5, at: deadline)
    var looks = 0
    var last = start
    while looks < 12 {
      let nextDeadline = wheel.nextDeadline()
      let next = try #require(nextDeadline)
      #expect(next.nanoseconds - last <= Self.turn)
      last = next.nanoseconds
      #expect(Self.expired(&wheel, at: last) == [5])
      looks += 1
      if next >= deadline { break }
      wheel.schedule(5, at: deadline)
    }
    if delay == .max {
      #expect(looks == 12)
    } else {
      #expect(looks == Int(delay / Self.turn) + 1)
      #expect(last <= deadline.nanoseconds + Self.resolution)
    }
  }

  @Test(arguments: [UInt64(0), 1, 62, 63, 64, 65, 4_094, 4_095, 4_096, 4_097, 1_000_003])
  func `the next deadline is exact wherever the wheel stands`(position: UInt64) throws {
    for distance in UInt64(1)...4_094 {
      var wheel = TimerWheel(now: Self.at(position * Self.resolution))
      wheel.schedule(distance, at: Self.at((position + distance) * Self.resolution))
      let nextDeadline = wheel.nextDeadline()
      let next = try #require(nextDeadline)
      guard next.nanoseconds == (position + distance + 1) * Self.resolution else {
        Issue.record("\(position) + \(distance): \(next)")
        continue
      }
      if distance % 173 == 1 {
        #expect(Self.expired(&wheel, at: next.nanoseconds - 1) == [])
        #expect(Self.expired(&wheel, at: next.nanoseconds) == [distance])
      }
    }
  }

  @Test func `a clock that jumps far ahead empties the wheel once`() {
    var wheel = TimerWheel(now: .zero)
    for token in UInt64(1)...100 { wheel.schedule(token, at: Self.at(token * Self.resolution)) }
    let all = Self.expired(&wheel, at: 1_000 * Self.turn)
    #expect(all == Array(1...100))
    let (count, next) = (wheel.count, wheel.nextDeadline())
    #expect(count == 0)
    #expect(next == nil)
  }

  @Test func `a clock that does not move or goes back gives nothing`() {
    let now = 500 * Self.resolution
    var wheel = TimerWheel(now: Self.at(now))
    wheel.schedule(1, at: .zero)
    #expect(Self.expired(&wheel, at: now) == [])
    #expect(Self.expired(&wheel, at: 0) == [])
    #expect(Self.expired(&wheel, at: now + Self.resolution) == [1])
  }

  @Test func `a position that held thousands of timers works on`() {
    var wheel = TimerWheel(now: .zero)
    for round in UInt64(0)..<3 {
      let deadline = Self.at((10 + round * 4_096) * Self.resolution)
      for token in UInt64(0)..<3_000 { wheel.schedule(token, at: deadline) }
      let all = Self.expired(&wheel, at: deadline.nanoseconds + Self.resolution)
      #expect(all == Array(0..<3_000))
    }
  }

  @Test func `any mix of deadlines and steps keeps every promise`() throws {
    var random = SeededGenerator.make()
    let story = Comment(rawValue: random.description)
    var now = UInt64.random(in: 0...(1 << 50), using: &random)
    var wheel = TimerWheel(now: Self.at(now))
    var pending: [UInt64: (deadline: UInt64, scheduled: UInt64)] = [:]
    var token: UInt64 = 0
    for _ in 0..<5_000 {
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        let reach = [Self.resolution, 300 * Self.resolution, 3 * Self.turn]
        let delay = UInt64.random(
          in: 0...(reach.randomElement(using: &random) ?? 0), using: &random)
        let early = UInt64.random(in: 0...1, using: &random) * 1_000
        let deadline = now + delay - min(early, now)
        wheel.schedule(token, at: Self.at(deadline))
        pending[token] = (deadline, now)
        token += 1
      }
      let next = wheel.nextDeadline()
      #expect((next == nil) == pending.isEmpty, story)
      let steps = [1_000, Self.resolution, 40 * Self.resolution, Self.turn + 5]
      var step = UInt64.random(in: 0...(steps.randomElement(using: &random) ?? 0), using: &random)
      if let next, Bool.random(using: &random), next.nanoseconds > now {
        step = next.nanoseconds - now - UInt64.random(in: 0...1, using: &random)
      }
      now += step
      let out = Self.expired(&wheel, at: now)
      #expect(out.isEmpty == (next.map { $0.nanoseconds > now } ?? true), story)
      for token in out {
        let held = pending.removeValue(forKey: token)
        let entry = try #require(held, story)
        let isDue = entry.deadline <= now
        let isLook = now - entry.scheduled >= Self.turn - 2 * Self.resolution
        #expect(isDue || isLook, story)
      }
      for entry in pending.values {
        let latest = max(entry.deadline, entry.scheduled) + Self.resolution
        guard latest > now else {
          Issue.record("\(entry) is overdue at \(now); \(random)")
          return
        }
      }
      let count = wheel.count
      #expect(count == pending.count, story)
    }
  }
}
