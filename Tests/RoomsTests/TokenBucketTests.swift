import RoostRooms
import TestRandom
import Testing

struct TokenBucketTests {
  static let second: UInt64 = 1_000_000_000

  /// A bucket with what one call of it needs, so that a test reads as a row of calls.
  struct Tap: Equatable {
    var bucket = TokenBucket()
    let rate: Int
    let burst: Int

    mutating func take(_ amount: Int = 1, at now: UInt64) -> Duration? {
      bucket.take(amount, ratePerSecond: rate, burst: burst, now: now)
    }
  }

  @Test func `a full bucket gives its burst at once and then makes wait for exactly one token`() {
    var tap = Tap(rate: 10, burst: 5)
    for _ in 1...5 {
      let wait = tap.take(at: 0)
      #expect(wait == nil)
    }
    let waits = [
      tap.take(at: 0), tap.take(at: 99_999_999), tap.take(at: 100_000_000),
      tap.take(at: 100_000_000),
    ]
    #expect(waits == [.milliseconds(100), .nanoseconds(1), nil, .milliseconds(100)])
  }

  @Test(arguments: [(4, 100), (5, 100), (6, 200)])
  func `a burst can be taken in one piece, and then there is nothing left`(
    amount: Int, milliseconds: Int
  ) {
    var tap = Tap(rate: 10, burst: 5)
    let first = tap.take(amount, at: 0)
    #expect(first == nil)
    // What is left of the burst is there, and not one token more.
    let left = max(0, 5 - amount)
    if left > 0 {
      let rest = tap.take(left, at: 0)
      #expect(rest == nil)
    }
    let over = tap.take(at: 0)
    #expect(over == .milliseconds(milliseconds))
  }

  @Test func `a refused take costs nothing`() {
    var tap = Tap(rate: 1, burst: 1)
    let first = tap.take(at: 0)
    #expect(first == nil)
    for _ in 1...100 {
      let refused = tap.take(at: 0)
      #expect(refused == .seconds(1))
    }
    let second = tap.take(at: Self.second)
    #expect(second == nil)
  }

  @Test func `an amount over the burst goes through a full bucket, and is paid for afterwards`() {
    var tap = Tap(rate: 10, burst: 5)
    let first = tap.take(20, at: 0)
    let early = tap.take(at: 1_499_999_999)
    let due = tap.take(at: 1_600_000_000)
    #expect(first == nil)
    #expect(early == .nanoseconds(100_000_001))
    #expect(due == nil)
    // Not full again: another such amount waits until it is.
    let again = tap.take(20, at: 1_600_000_000)
    #expect(again == .milliseconds(500))
    let full = tap.take(20, at: 2_100_000_000)
    #expect(full == nil)
  }

  @Test func `a long rest fills the bucket and not more`() {
    var tap = Tap(rate: 10, burst: 5)
    let first = tap.take(5, at: 0)
    #expect(first == nil)
    let now = 1_000_000 * Self.second
    let filled = tap.take(5, at: now)
    #expect(filled == nil)
    let over = tap.take(at: now)
    #expect(over == .milliseconds(100))
  }

  @Test func `without a burst the bucket holds one second's worth`() {
    var tap = Tap(rate: 3, burst: 0)
    let burst = tap.take(3, at: 0)
    #expect(burst == nil)
    let over = tap.take(at: 0)
    #expect(over == .nanoseconds(333_333_333))
  }

  @Test(arguments: [1, 1000, .max])
  func `a rate of zero grants everything`(amount: Int) {
    var tap = Tap(rate: 0, burst: 1)
    for _ in 1...10 {
      let wait = tap.take(amount, at: 5)
      #expect(wait == nil)
    }
  }

  @Test func `over a long time as many pass as the rate says, and the burst`() {
    var tap = Tap(rate: 100, burst: 20)
    var passed = 0
    for millisecond in 0..<10_000 as Range<UInt64> {
      for _ in 0..<3 where tap.take(at: millisecond * 1_000_000) == nil { passed += 1 }
    }
    #expect((1_018...1_020).contains(passed))
  }

  @Test func `who waits as long as told gets it then, and not a nanosecond earlier`() throws {
    var generator = SeededGenerator.make()
    let seed = generator.description
    for _ in 0..<500 {
      var tap = Tap(
        rate: Int.random(in: 1...2_000, using: &generator),
        burst: Int.random(in: 0...50, using: &generator))
      var now = UInt64.random(in: 0...(1 << 50), using: &generator)
      for _ in 0..<40 {
        let amount = Int.random(in: 1...20, using: &generator)
        var probe = tap
        guard let wait = probe.take(amount, at: now) else {
          tap = probe
          now += UInt64.random(in: 0...50_000_000, using: &generator)
          continue
        }
        #expect(probe == tap, "\(seed)")
        let (seconds, attoseconds) = wait.components
        let nanoseconds = UInt64(seconds) * Self.second + UInt64(attoseconds / 1_000_000_000)
        try #require(nanoseconds > 0, "\(seed)")
        let early = probe.take(amount, at: now + nanoseconds - 1)
        #expect(early == .nanoseconds(1), "\(seed)")
        now += nanoseconds
        let due = tap.take(amount, at: now)
        #expect(due == nil, "\(seed)")
      }
    }
  }

  @Test func `no numbers, however extreme, trap`() {
    let amounts = [1, 2, 1 << 31, .max - 1, .max]
    let rates = [0, 1, 2, 1 << 31, .max - 1, .max]
    let times: [UInt64] = [0, 1, 1 << 32, 1 << 63, .max - 1, .max]
    for amount in amounts {
      for rate in rates {
        for burst in [0] + amounts {
          var tap = Tap(rate: rate, burst: burst)
          for now in times {
            for _ in 1...3 {
              let wait = tap.take(amount, at: now)
              #expect(wait == nil || wait.map { $0 > .zero } == true)
            }
          }
        }
      }
    }
  }
}
