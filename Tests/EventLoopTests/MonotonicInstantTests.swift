import RoostEventLoop
import Testing

struct MonotonicInstantTests {
  @Test func `the clock does not go back`() {
    let first = MonotonicInstant.now()
    let second = MonotonicInstant.now()
    #expect(first <= second)
    #expect(first > .zero)
    #expect(second < .distantFuture)
  }

  private static let steps: [(UInt64, Duration, UInt64)] = [
    (UInt64(5), Duration.nanoseconds(7), UInt64(12)),
    (5, .zero, 5),
    (5, .nanoseconds(-3), 5),
    (.max - 1, .nanoseconds(1), .max),
    (.max - 1, .nanoseconds(2), .max),
    (.max, .seconds(1), .max),
    (0, .seconds(Int64.max), .max),
    (1_000, .seconds(-Int64.max), 1_000),
  ]

  @Test(arguments: steps)
  func `a later point stays within the clock`(
    start: UInt64, step: Duration, expected: UInt64
  ) {
    #expect(MonotonicInstant(nanoseconds: start).advanced(by: step).nanoseconds == expected)
  }

  private static let countedSteps: [(UInt64, UInt64, UInt64)] = [
    (5, 7, 12), (5, 0, 5), (.max - 1, 1, .max), (.max - 1, 2, .max), (0, .max, .max),
    (.max, .max, .max),
  ]

  @Test(arguments: countedSteps)
  func `a point counted in nanoseconds stays within the clock, too`(
    start: UInt64, step: UInt64, expected: UInt64
  ) {
    let later = MonotonicInstant(nanoseconds: start).advanced(byNanoseconds: step)
    #expect(later.nanoseconds == expected)
  }

  private static let pairs: [(UInt64, UInt64, Duration)] = [
    (UInt64(12), UInt64(5), Duration.nanoseconds(7)),
    (5, 5, .zero),
    (5, 12, .zero),
    (.max, 0, .nanoseconds(Int64.max)),
    (UInt64(Int64.max), 0, .nanoseconds(Int64.max)),
    (UInt64(Int64.max) + 1, 1, .nanoseconds(Int64.max)),
  ]

  @Test(arguments: pairs)
  func `the time between two points is never negative`(
    late: UInt64, early: UInt64, expected: Duration
  ) {
    let since = MonotonicInstant(nanoseconds: late).since(MonotonicInstant(nanoseconds: early))
    #expect(since == expected)
  }

  private static let durations: [(Duration, UInt64, Int64)] = [
    (Duration.zero, UInt64(0), Int64(0)),
    (.nanoseconds(1), 1, 0),
    (.nanoseconds(999_999), 999_999, 0),
    (.nanoseconds(1_000_000), 1_000_000, 1),
    (.milliseconds(1_500), 1_500_000_000, 1_500),
    (.nanoseconds(-1), 0, 0),
    (.milliseconds(-1_500), 0, 0),
    (.seconds(18_446_744_073), 18_446_744_073_000_000_000, 18_446_744_073_000),
    (.seconds(18_446_744_074), .max, 18_446_744_073_709),
    (.seconds(18_446_744_073) + .nanoseconds(709_551_615), .max, 18_446_744_073_709),
    (.seconds(18_446_744_073) + .nanoseconds(709_551_616), .max, 18_446_744_073_709),
    (.seconds(Int64.max), .max, 18_446_744_073_709),
    (.seconds(-Int64.max), 0, 0),
  ]

  @Test(arguments: durations)
  func `a duration is clamped to what the clock can count`(
    duration: Duration, nanoseconds: UInt64, milliseconds: Int64
  ) {
    #expect(duration.nanosecondsClamped == nanoseconds)
    #expect(duration.millisecondsClamped == milliseconds)
  }
}
