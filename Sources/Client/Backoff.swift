// How long to wait before the next try: full jitter, so that ten thousand clients of a node that
// restarts do not come back in one second.

/// Counts failures in a row and says how long to wait.
///
/// Pure: the random number is the caller's.
struct Backoff: Equatable, Sendable {
  /// The wait before the second try is at most this.
  static let first = Duration.milliseconds(500)
  /// No wait is longer, unless the server asks for it.
  static let longest = Duration.seconds(30)
  /// What comes on top of a time that the server named.
  static let spread = Duration.seconds(1)
  /// The longest time that a server may name: a day.
  static let namedMax = Duration.seconds(86_400)

  /// No more failures are counted: the waits do not grow any more by far.
  private static let countMax = 1_000

  /// Failures in a row.
  private(set) var failures = 0

  /// Begins anew.
  mutating func reset() { failures = 0 }

  /// Behaves from now on as after so many failures at least.
  mutating func raise(to failures: Int) {
    self.failures = min(max(self.failures, failures), Self.countMax)
  }

  /// Counts a failure; the wait until the next try.
  ///
  /// - Parameters:
  ///   - retryAfter: what the server asked for.
  ///   - random: 0 up to, not including, 1.
  mutating func fail(retryAfter: Duration?, random: Double) -> Duration {
    // The seventh doubling is over the longest wait already.
    let ceiling = min(Self.longest, Self.first * (1 << min(failures, 7)))
    failures = min(failures + 1, Self.countMax)
    guard let retryAfter else { return Self.part(of: ceiling, random) }
    return Self.named(retryAfter, random: random)
  }

  /// The wait for a time that the server named.
  static func named(_ time: Duration, random: Double) -> Duration {
    min(max(time, .zero), namedMax) + part(of: spread, random)
  }

  /// A random part of a time, in whole milliseconds.
  static func part(of time: Duration, _ random: Double) -> Duration {
    let (seconds, attoseconds) = time.components
    let milliseconds = Double(seconds * 1000 + attoseconds / 1_000_000_000_000_000)
    return .milliseconds(Int64(milliseconds * min(max(random, 0), 1)))
  }
}
