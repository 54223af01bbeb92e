// A point on the monotonic clock in eight bytes. Duration is sixteen and slow to compare; slots hold
// several of these, and every tick reads the clock once.

import Glibc

/// A point in time on `CLOCK_MONOTONIC`, in nanoseconds since an arbitrary start.
public struct MonotonicInstant: Comparable, Hashable, Sendable {
  /// Nanoseconds since the clock's start.
  public var nanoseconds: UInt64

  /// A point that many nanoseconds after the clock's start.
  public init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  /// Before every other point.
  public static let zero = MonotonicInstant(nanoseconds: 0)

  /// After every other point: "never" for a deadline.
  public static let distantFuture = MonotonicInstant(nanoseconds: .max)

  /// Reads the clock.
  ///
  /// Any thread.
  public static func now() -> MonotonicInstant {
    var time = timespec()
    let result = clock_gettime(CLOCK_MONOTONIC, &time)
    precondition(result == 0, "CLOCK_MONOTONIC is not readable: \(Errno.current)")
    return MonotonicInstant(
      nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
  }

  /// The earlier of two points.
  public static func < (left: MonotonicInstant, right: MonotonicInstant) -> Bool {
    left.nanoseconds < right.nanoseconds
  }

  /// The point `duration` later; stays at `distantFuture` instead of overflowing.
  public func advanced(by duration: Duration) -> MonotonicInstant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(duration.nanosecondsClamped)
    return MonotonicInstant(nanoseconds: overflow ? .max : sum)
  }

  /// The point so many nanoseconds later; stays at `distantFuture` instead of overflowing.
  public func advanced(byNanoseconds count: UInt64) -> MonotonicInstant {
    let (sum, overflow) = nanoseconds.addingReportingOverflow(count)
    return MonotonicInstant(nanoseconds: overflow ? .max : sum)
  }

  /// Time from `earlier` to this point; zero when `earlier` is later.
  public func since(_ earlier: MonotonicInstant) -> Duration {
    guard nanoseconds > earlier.nanoseconds else { return .zero }
    return .nanoseconds(Int64(clamping: nanoseconds - earlier.nanoseconds))
  }
}

extension Duration {
  /// Whole nanoseconds, clamped to 0...UInt64.max.
  public var nanosecondsClamped: UInt64 {
    let (seconds, attoseconds) = components
    guard seconds >= 0, attoseconds >= 0 else { return 0 }
    let (whole, overflow) = UInt64(seconds).multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return .max }
    let (sum, carry) = whole.addingReportingOverflow(UInt64(attoseconds) / 1_000_000_000)
    return carry ? .max : sum
  }

  /// Whole milliseconds, rounded down, clamped to 0...Int64.max.
  public var millisecondsClamped: Int64 { Int64(clamping: nanosecondsClamped / 1_000_000) }
}
