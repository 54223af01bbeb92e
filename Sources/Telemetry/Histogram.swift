// A histogram whose buckets live inside it: no allocation, no reference to follow, one writer. The
// scraping thread takes snapshots, which are plain values and can be added up over shards.

import Synchronization

/// Counts of observed values by bucket, written by one thread and read by any.
///
/// Lives as a `let` field of the object that holds a shard's metrics; about 400 bytes.
public struct Histogram: ~Copyable, Sendable {
  /// The cells that each histogram has, used or not: one a bound, and one for what exceeds all bounds.
  static let cellCount = 20

  /// The table this histogram was made with.
  public let bounds: HistogramBounds

  // The table's bounds, copied in so that an observation touches nothing else; unused entries hold
  // the largest number, which no value exceeds.
  private let upperBounds: InlineArray<20, UInt64>
  // For each length of a value in bits, how many bounds are shorter: where the search begins.
  private let shorterBounds: InlineArray<65, UInt8>
  private let cells: InlineArray<20, Atomic<UInt64>>
  private let sum = Atomic<UInt64>(0)

  /// Makes an empty histogram over one of the tables.
  public init(_ bounds: HistogramBounds) {
    let table = bounds.upperBounds
    precondition(table.count < Self.cellCount, "\(bounds) has \(table.count) bounds")
    for (lower, upper) in zip(table, table.dropFirst()) {
      precondition(Self.bitLength(lower) < Self.bitLength(upper), "\(lower) and \(upper) too near")
    }
    self.bounds = bounds
    upperBounds = InlineArray { index in index < table.count ? table[index] : .max }
    shorterBounds = InlineArray { length in
      UInt8(table.count { Self.bitLength($0) < length })
    }
    cells = InlineArray { _ in Atomic<UInt64>(0) }
  }

  /// Counts one value in the table's raw unit: nanoseconds or bytes.
  ///
  /// The one writing thread only. Constant time, no branch that depends on the value. The sum wraps at 2^64, that is after 584
  /// years of observed time, which a scraper reads as a restart.
  public func observe(_ value: UInt64) {
    // A bound includes its own value, so the bucket's number is how many bounds are smaller: all that
    // are shorter, and perhaps the one that is as long.
    var index = Int(shorterBounds[Self.bitLength(value)])
    index &+= upperBounds[index] < value ? 1 : 0
    cells[index].store(cells[index].load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    sum.store(sum.load(ordering: .relaxed) &+ value, ordering: .relaxed)
  }

  /// Counts one span of time, in a table of nanoseconds.
  ///
  /// The one writing thread only.
  ///
  /// Below zero counts as zero (a clock went back), beyond 584 years as that. Costs a 128-bit
  /// division: where the nanoseconds are at hand, pass them.
  public func observe(_ duration: Duration) {
    precondition(bounds.unit == .nanoseconds, "a duration observed in a table of \(bounds)")
    observe(UInt64(clamping: duration.attoseconds / 1_000_000_000))
  }

  private static func bitLength(_ value: UInt64) -> Int {
    UInt64.bitWidth - value.leadingZeroBitCount
  }

  /// The counts at this moment.
  ///
  /// Any thread.
  ///
  /// The counts agree with one another, as the total is their sum. While the writer is at work the
  /// sum of values may be a few observations ahead or behind.
  public func snapshot() -> HistogramSnapshot {
    var cumulative: [UInt64] = []
    let bucketCount = bounds.upperBounds.count + 1
    cumulative.reserveCapacity(bucketCount)
    var total: UInt64 = 0
    for index in 0..<bucketCount {
      total &+= cells[index].load(ordering: .relaxed)
      cumulative.append(total)
    }
    return HistogramSnapshot(
      bounds: bounds, cumulativeCounts: cumulative, sum: sum.load(ordering: .relaxed))
  }
}

/// What a histogram had counted at one moment, or several histograms added up.
public struct HistogramSnapshot: Equatable, Sendable {
  /// The table that the counts belong to.
  public let bounds: HistogramBounds
  /// For each bound the number of values at or below it, and last the number of all values.
  public private(set) var cumulativeCounts: [UInt64]
  /// The sum of all values, in the table's raw unit; wraps at 2^64.
  public private(set) var sum: UInt64

  /// The number of all values.
  public var count: UInt64 { cumulativeCounts.last ?? 0 }

  /// Makes a snapshot of nothing, to merge others into.
  public init(_ bounds: HistogramBounds) {
    self.bounds = bounds
    cumulativeCounts = Array(repeating: 0, count: bounds.upperBounds.count + 1)
    sum = 0
  }

  init(bounds: HistogramBounds, cumulativeCounts: [UInt64], sum: UInt64) {
    self.bounds = bounds
    self.cumulativeCounts = cumulativeCounts
    self.sum = sum
  }

  /// Adds another snapshot of the same table, as a shard's to those of its siblings.
  public mutating func merge(_ other: HistogramSnapshot) {
    precondition(bounds == other.bounds, "merged \(other.bounds) into \(bounds)")
    for index in cumulativeCounts.indices {
      cumulativeCounts[index] &+= other.cumulativeCounts[index]
    }
    sum &+= other.sum
  }
}
