// The tables of bucket bounds. They are few and fixed, so that histograms of one kind can be added
// up over shards and nodes, and so that a dashboard knows the buckets by heart.

/// A table of bucket bounds, which a histogram chooses when it is made.
public enum HistogramBounds: CaseIterable, Sendable {
  /// Nanoseconds, 50 µs to 10 s: what a client waits for.
  case latency
  /// Nanoseconds, 5 µs to 1 s: what one turn of an event loop takes.
  case ticks
  /// Bytes, 16 B to 64 MiB: messages and queues.
  case bytes

  /// What the raw values of a table stand for.
  enum Unit: Sendable {
    /// Shown as seconds, the base unit of Prometheus.
    case nanoseconds
    /// Shown as they are.
    case plain
  }

  /// The unit of the values that a histogram of this table observes.
  var unit: Unit {
    switch self {
    case .latency, .ticks: .nanoseconds
    case .bytes: .plain
    }
  }

  /// The inclusive upper bounds in the table's raw unit, rising; the last bucket has none.
  ///
  /// At most `Histogram.cellCount - 1` of them.
  public var upperBounds: [UInt64] {
    switch self {
    case .latency: Self.latencyBounds
    case .ticks: Self.tickBounds
    case .bytes: Self.byteBounds
    }
  }

  /// Writes a raw value of this table in the unit that Prometheus shows, exactly and without rounding.
  func decimal(_ value: UInt64) -> String {
    switch unit {
    case .plain: String(value)
    case .nanoseconds: Self.seconds(fromNanoseconds: value)
    }
  }

  /// Writes a bound as the value of `le`, the same in every format: OpenMetrics asks for the point and
  /// the exponent that a real number has, and a series must not change its name with the format.
  func label(_ bound: UInt64) -> String {
    switch unit {
    case .plain: Double(bound).description
    case .nanoseconds: (Double(bound) / 1e9).description
    }
  }

  private static let latencyBounds: [UInt64] = [
    50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000,
    10_000_000, 25_000_000, 50_000_000,
    100_000_000, 250_000_000, 500_000_000,
    1_000_000_000, 2_500_000_000, 5_000_000_000, 10_000_000_000,
  ]

  private static let tickBounds: [UInt64] = [
    5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000,
    1_000_000, 2_500_000, 5_000_000,
    10_000_000, 25_000_000, 50_000_000,
    100_000_000, 250_000_000, 500_000_000, 1_000_000_000,
  ]

  private static let byteBounds: [UInt64] = [
    16, 64, 256, 1024,
    4096, 16_384, 65_536, 262_144,
    1_048_576, 4_194_304, 16_777_216, 67_108_864,
  ]

  /// Moves the decimal point nine places: `50_000` is `0.00005`.
  ///
  /// Division by a `Double` would print some sums with a tail of nines.
  private static func seconds(fromNanoseconds value: UInt64) -> String {
    let (whole, rest) = value.quotientAndRemainder(dividingBy: 1_000_000_000)
    guard rest > 0 else { return String(whole) }
    var fraction = String(rest)
    fraction = String(repeating: "0", count: 9 - fraction.count) + fraction
    while fraction.last == "0" { fraction.removeLast() }
    return "\(whole).\(fraction)"
  }
}
