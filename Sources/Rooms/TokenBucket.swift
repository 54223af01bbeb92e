// A rate with a burst. The state is one number, so a connection affords several of them.

/// A token bucket by the generic cell rate algorithm.
///
/// Pure; the clock is a parameter.
public struct TokenBucket: Sendable, Equatable {
  // The time until which what was taken is paid for, in nanoseconds of the caller's clock.
  private var paidUntil: UInt64 = 0

  /// A full bucket.
  public init() {}

  /// Takes `amount` tokens at `now`; nil when they were there, otherwise how long to wait for them.
  ///
  /// - Parameters:
  ///   - amount: tokens wanted, at least 1; more than `burst` is granted from a full bucket only.
  ///   - ratePerSecond: tokens that come in a second; 0 grants everything.
  ///   - burst: tokens that a full bucket holds, at least 1; 0 means one second's worth.
  ///   - now: nanoseconds of a clock that never goes back.
  public mutating func take(
    _ amount: Int, ratePerSecond: Int, burst: Int, now: UInt64
  ) -> Duration? {
    precondition(amount >= 1 && ratePerSecond >= 0 && burst >= 0)
    guard ratePerSecond > 0 else { return nil }
    let cost = Self.nanoseconds(for: amount, ratePerSecond)
    let depth = Self.nanoseconds(for: burst > 0 ? burst : ratePerSecond, ratePerSecond)
    let start = max(paidUntil, now)
    // An amount over the whole burst would never fit; a full bucket lets it through once.
    let allowed = now &+ max(depth, cost)
    let end = start &+ cost
    guard end <= allowed else { return .nanoseconds(Int64(clamping: end - allowed)) }
    paidUntil = end
    return nil
  }

  private static func nanoseconds(for tokens: Int, _ ratePerSecond: Int) -> UInt64 {
    let (high, low) = UInt64(tokens).multipliedFullWidth(by: 1_000_000_000)
    guard high < UInt64(ratePerSecond) else { return .max / 4 }
    return min(UInt64(ratePerSecond).dividingFullWidth((high, low)).quotient, .max / 4)
  }
}
