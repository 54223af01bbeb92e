// When a JWK set is fetched from its URL: at start, at intervals, sooner when a token names a key that
// nobody knows, later when the service does not answer. Keys that are known stay until new ones came.

import RoostEventLoop

/// The clock of a JWK set's URL.
///
/// Pure.
struct KeySetRefresher: Sendable {
  /// Between two fetches for unknown keys: whoever invents names must not make the node ask.
  static let unknownPause = Duration.seconds(30)
  /// What `max-age` may bring the interval down to.
  static let intervalMin = Duration.seconds(30)
  /// Pauses after failures: the first, and the longest.
  static let pauses = Duration.seconds(1)...Duration.seconds(60)

  private let interval: Duration
  private var nextAt: MonotonicInstant
  private var startedAt: MonotonicInstant?
  private var isUnderWay = false
  private var failures = 0
  private var jitter: Jitter

  /// What the service called the set that is known; sent back, so that it need not send it again.
  private(set) var entityTag: String?

  /// When the set was fetched or confirmed last; nil before the first time.
  private(set) var confirmedAt: MonotonicInstant?

  /// - Parameter interval: the longest time between two fetches that succeed.
  init(interval: Duration, now: MonotonicInstant, seed: UInt64) {
    self.interval = interval
    nextAt = now
    jitter = Jitter(seed: seed)
  }

  /// Whether a fetch is to be started now; then it counts as started.
  mutating func begins(_ now: MonotonicInstant) -> Bool {
    guard !isUnderWay, nextAt <= now else { return false }
    isUnderWay = true
    startedAt = now
    return true
  }

  /// When `begins` is worth asking; nil while a fetch is under way.
  func nextDeadline() -> MonotonicInstant? { isUnderWay ? nil : nextAt }

  /// A token names a key that is not known.
  mutating func keyIsUnknown(_ now: MonotonicInstant) {
    // After a failure the pause stands: the service is in trouble already.
    guard !isUnderWay, failures == 0 else { return }
    let soonest = startedAt.map { $0.advanced(by: Self.unknownPause) } ?? now
    nextAt = min(nextAt, max(soonest, now))
  }

  /// The set came, or the service said that it has not changed.
  ///
  /// - Parameters:
  ///   - tag: its `ETag`, where it has one.
  ///   - cacheControl: the response's `Cache-Control`.
  mutating func succeeded(tag: String?, cacheControl: String?, _ now: MonotonicInstant) {
    isUnderWay = false
    failures = 0
    confirmedAt = now
    entityTag = tag.flatMap { $0.utf8.count <= 256 ? $0 : nil }
    var time = interval
    if let age = cacheControl.flatMap(Self.maxAge) { time = min(time, max(age, Self.intervalMin)) }
    nextAt = now.advanced(by: spread(time))
  }

  /// There was no answer, or none that could be used.
  mutating func failed(_ now: MonotonicInstant) {
    isUnderWay = false
    failures += 1
    let pause = min(Self.pauses.lowerBound * (1 << min(failures - 1, 10)), Self.pauses.upperBound)
    nextAt = now.advanced(by: min(spread(pause), interval))
  }

  /// Between nine tenths and all of a time, so that nodes that started together do not ask together.
  private mutating func spread(_ time: Duration) -> Duration {
    time * Int(jitter.next(in: 900...1000)) / 1000
  }

  /// The seconds of `max-age` (RFC 9111 § 5.2.2.1); `no-cache` and `no-store` count as 0.
  static func maxAge(_ cacheControl: String) -> Duration? {
    for directive in cacheControl.split(separator: ",") {
      let word = directive.drop { $0 == " " }.prefix { $0 != " " }.lowercased()
      if word == "no-cache" || word == "no-store" { return .zero }
      guard word.hasPrefix("max-age=") else { continue }
      let digits = word.dropFirst("max-age=".count)
      guard (1...9).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
        let seconds = Int(digits)
      else { return nil }
      return .seconds(seconds)
    }
    return nil
  }
}
