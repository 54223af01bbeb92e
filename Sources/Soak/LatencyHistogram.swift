// Latencies in buckets that grow with the value: 32 to each doubling, so that every percentile is
// known to three per cent, from a microsecond to hours, in a few kilobytes.

import RoostEventLoop

/// A histogram of times.
public struct LatencyHistogram: Equatable, Sendable {
  private static let bits = 5
  private var buckets: [UInt32] = []
  /// How many there are.
  public private(set) var count = 0
  /// The longest one, in microseconds.
  public private(set) var maximum: UInt64 = 0

  /// Nothing.
  public init() {}

  /// Adds a time.
  public mutating func add(_ time: Duration) { add(microseconds: time.nanosecondsClamped / 1000) }

  /// Adds a time.
  public mutating func add(microseconds: UInt64) {
    let place = Self.place(of: microseconds)
    if buckets.count <= place {
      buckets.append(contentsOf: repeatElement(0, count: place + 1 - buckets.count))
    }
    buckets[place] &+= 1
    count += 1
    maximum = max(maximum, microseconds)
  }

  /// Adds those of another one.
  public mutating func add(_ other: LatencyHistogram) {
    if buckets.count < other.buckets.count {
      buckets.append(contentsOf: repeatElement(0, count: other.buckets.count - buckets.count))
    }
    for (place, count) in other.buckets.enumerated() { buckets[place] &+= count }
    count += other.count
    maximum = max(maximum, other.maximum)
  }

  /// What so large a part is not above, in milliseconds; 0 when there is nothing.
  ///
  /// - Parameter part: 0 to 1.
  public func milliseconds(at part: Double) -> Double {
    guard count > 0 else { return 0 }
    let wanted = max(1, Int((Double(count) * part).rounded(.up)))
    var passed = 0
    for (place, count) in buckets.enumerated() {
      passed += Int(count)
      if passed >= wanted { return Double(min(Self.top(of: place), maximum)) / 1000 }
    }
    return Double(maximum) / 1000
  }

  static func place(of value: UInt64) -> Int {
    let linear: UInt64 = 1 << UInt64(bits)
    guard value >= linear else { return Int(value) }
    let exponent = 63 - value.leadingZeroBitCount
    let shift = exponent - bits
    return (shift + 1) << bits + Int(value >> UInt64(shift) & (linear - 1))
  }

  /// The highest value of a bucket.
  static func top(of place: Int) -> UInt64 {
    let linear = 1 << bits
    guard place >= linear else { return UInt64(place) }
    let shift = place >> bits - 1
    return (UInt64(linear + place & (linear - 1)) + 1) << UInt64(shift) - 1
  }
}
