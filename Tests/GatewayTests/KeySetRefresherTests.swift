import RoostEventLoop
import Testing

@testable import Gateway

struct KeySetRefresherTests {
  private static func at(_ seconds: Double) -> MonotonicInstant {
    MonotonicInstant(nanoseconds: 1_000_000_000_000 + UInt64(seconds * 1e9))
  }

  private static func refresher(_ interval: Duration = .seconds(300)) -> KeySetRefresher {
    KeySetRefresher(interval: interval, now: at(0), seed: 7)
  }

  /// A refresher whose first fetch succeeded at 0.
  private static func fetched(cacheControl: String? = nil) -> KeySetRefresher {
    var refresher = refresher()
    #expect(refresher.begins(at(0)) == true)
    refresher.succeeded(tag: "\"a\"", cacheControl: cacheControl, at(0))
    return refresher
  }

  /// Seconds until the next fetch.
  private static func wait(_ refresher: KeySetRefresher, from now: Double) -> Double {
    guard let next = refresher.nextDeadline() else { return -1 }
    return Double(next.since(at(now)).millisecondsClamped) / 1000
  }

  @Test func `the first fetch begins at once, and one is under way at a time`() {
    var refresher = Self.refresher()
    #expect(refresher.confirmedAt == nil)
    #expect(refresher.begins(Self.at(0)) == true)
    #expect(refresher.begins(Self.at(1)) == false)
    #expect(refresher.nextDeadline() == nil)
    refresher.succeeded(tag: "\"a\"", cacheControl: nil, Self.at(2))
    #expect(refresher.entityTag == "\"a\"")
    #expect(refresher.confirmedAt == Self.at(2))
    #expect((270...300).contains(Self.wait(refresher, from: 2)))
  }

  @Test(arguments: [
    ("max-age=100", 90.0...100.0), ("public, max-age=60", 54...60), ("max-age=30", 27...30),
    ("max-age=29", 27...30), ("max-age=0", 27...30), ("no-cache", 27...30),
    ("no-store, max-age=200", 27...30), ("max-age=86400", 270...300), ("max-age=x", 270...300),
    ("max-age=-1", 270...300), ("max-age=99999999999", 270...300), ("private", 270...300),
    ("MAX-AGE=100 ", 90...100), ("s-maxage=10", 270...300),
  ])
  func `a shorter age is obeyed, but not below half a minute`(
    cacheControl: String, seconds: ClosedRange<Double>
  ) {
    #expect(seconds.contains(Self.wait(Self.fetched(cacheControl: cacheControl), from: 0)))
  }

  @Test func `an unknown key brings the next fetch forward, once in half a minute`() {
    var refresher = Self.fetched()
    refresher.keyIsUnknown(Self.at(10))
    #expect(Self.wait(refresher, from: 10) == 20)
    #expect(refresher.begins(Self.at(29.9)) == false)
    #expect(refresher.begins(Self.at(30)) == true)
    refresher.keyIsUnknown(Self.at(30))
    refresher.succeeded(tag: nil, cacheControl: nil, Self.at(31))
    #expect(Self.wait(refresher, from: 31) >= 270)
    refresher.keyIsUnknown(Self.at(100))
    #expect(Self.wait(refresher, from: 100) == 0)
  }

  @Test func `after a failure it is tried again after longer and longer pauses`() {
    var refresher = Self.refresher()
    var now = 0.0
    for most in [1.0, 2, 4, 8, 16, 32, 60, 60] {
      #expect(refresher.begins(Self.at(now)) == true)
      refresher.failed(Self.at(now))
      let wait = Self.wait(refresher, from: now)
      #expect((0.9 * most...most).contains(wait))
      // The service is in trouble already: nobody's unknown key makes it worse.
      refresher.keyIsUnknown(Self.at(now))
      #expect(Self.wait(refresher, from: now) == wait)
      now += 61
    }
    #expect(refresher.begins(Self.at(now)) == true)
    refresher.succeeded(tag: nil, cacheControl: nil, Self.at(now))
    #expect(refresher.confirmedAt == Self.at(now))
  }

  @Test func `a failure keeps what the set was called`() {
    var refresher = Self.fetched()
    #expect(refresher.begins(Self.at(300)) == true)
    refresher.failed(Self.at(300))
    #expect(refresher.entityTag == "\"a\"")
    #expect(refresher.confirmedAt == Self.at(0))
  }
}
