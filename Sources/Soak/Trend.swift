// Whether a figure grows: the middle one of the slopes between all pairs of its samples (Theil and Sen),
// and how sure that is. A step, as a pool that had to be larger once leaves it, is no growth.

/// The slope of samples over time.
public struct Trend: Equatable, Sendable {
  /// More samples than these are thinned out evenly: pairs grow with their square.
  static let samplesMax = 300

  /// Growth a second.
  public let slope: Double
  /// How far the true slope may lie below, 19 times of 20.
  public let uncertainty: Double

  /// The trend of samples of (seconds, value) in their order; nil for fewer than ten, or without any
  /// time between them.
  public init?(_ samples: [(seconds: Double, value: Double)]) {
    guard samples.count >= 10 else { return nil }
    let stride = (samples.count - 1) / Self.samplesMax + 1
    let kept = samples.indices.filter { ($0 - samples.count + 1) % stride == 0 }.map { samples[$0] }
    var slopes: [Double] = []
    slopes.reserveCapacity(kept.count * kept.count / 2)
    for (place, later) in kept.enumerated() {
      for earlier in kept[..<place] where later.seconds > earlier.seconds {
        slopes.append((later.value - earlier.value) / (later.seconds - earlier.seconds))
      }
    }
    guard !slopes.isEmpty else { return nil }
    slopes.sort()
    slope = slopes[slopes.count / 2]
    // Kendall's variance of the number of rising pairs tells how many slopes lie below the true one.
    let count = Double(kept.count)
    let width = 1.96 * (count * (count - 1) * (2 * count + 5) / 18).squareRoot()
    let lowest = Int((Double(slopes.count) - width) / 2)
    uncertainty = slope - slopes[max(lowest, 0)]
  }

  /// Whether it surely grows by more than `bound` a second.
  public func grows(by bound: Double) -> Bool { slope - uncertainty > bound }
}
