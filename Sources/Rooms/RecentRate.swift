// How often something happened lately: what an operator asks about single rooms and connections, for
// which a metric with a label each would have no end. Three words each, and no clock of its own.

/// Events a second, over the last few seconds.
///
/// Pure. Seconds are any number that grows by one a second; it may wrap.
public struct RecentRate: Sendable, Equatable {
  /// The second that is being counted.
  private var second: UInt32 = 0
  private var count: UInt32 = 0
  /// Of the seconds before it: each weighs half as much as the one that followed it.
  private var average: Float = 0

  /// Nothing has happened.
  public init() {}

  /// Counts an event.
  public mutating func add(at second: UInt32) {
    if self.second != second { close(at: second) }
    let (sum, overflow) = count.addingReportingOverflow(1)
    count = overflow ? .max : sum
  }

  /// Events a second; those of the second that is under way count at once.
  public func perSecond(at second: UInt32) -> Double {
    var rate = self
    if rate.second != second { rate.close(at: second) }
    return Double(max(rate.average, Float(rate.count)))
  }

  private mutating func close(at next: UInt32) {
    // The first second of a burst stands for itself: there is nothing to smooth it with.
    average = average == 0 ? Float(count) : (average + Float(count)) / 2
    let silent = min(next &- second &- 1, 64)
    for _ in 0..<silent { average /= 2 }
    // Less than one in two minutes is nothing.
    if average < 0.01 { average = 0 }
    second = next
    count = 0
  }
}
