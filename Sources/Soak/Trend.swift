// Whether a figure grows: a line through its samples by least squares, and how sure that is.

/// The slope of samples over time.
public struct Trend: Equatable, Sendable {
  /// Growth a second.
  public let slope: Double
  /// Half the width of the interval that holds the true slope 19 times of 20.
  public let uncertainty: Double

  /// The line through samples of (seconds, value); nil for fewer than ten, or without any time
  /// between them.
  public init?(_ samples: [(seconds: Double, value: Double)]) {
    guard samples.count >= 10 else { return nil }
    let count = Double(samples.count)
    let middle = samples.reduce(0) { $0 + $1.seconds } / count
    let mean = samples.reduce(0) { $0 + $1.value } / count
    var squares = 0.0
    var products = 0.0
    for sample in samples {
      squares += (sample.seconds - middle) * (sample.seconds - middle)
      products += (sample.seconds - middle) * (sample.value - mean)
    }
    guard squares > 0 else { return nil }
    slope = products / squares
    var rest = 0.0
    for sample in samples {
      let expected = mean + slope * (sample.seconds - middle)
      rest += (sample.value - expected) * (sample.value - expected)
    }
    // Twice the standard error; samples that follow each other closely make it too small, not too
    // large.
    uncertainty = 2 * (rest / (count - 2) / squares).squareRoot()
  }

  /// Whether it surely grows by more than `bound` a second.
  public func grows(by bound: Double) -> Bool { slope - uncertainty > bound }
}
