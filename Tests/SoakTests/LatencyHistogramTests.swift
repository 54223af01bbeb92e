import Testing

@testable import Soak

@Suite struct LatencyHistogramTests {
  @Test func `every value is in a bucket whose top is at most three per cent above it`() {
    var value: UInt64 = 0
    while value < 1 << 40 {
      let top = LatencyHistogram.top(of: LatencyHistogram.place(of: value))
      #expect(top >= value)
      #expect(top - value <= value / 31, "\(value) \(top)")
      value = value < 100 ? value + 1 : value * 21 / 20
    }
  }

  @Test func `percentiles are those of the values`() {
    var histogram = LatencyHistogram()
    for value in 1...1000 { histogram.add(microseconds: UInt64(value) * 1000) }
    for (part, expected) in [(0.5, 500.0), (0.99, 990), (0.999, 999), (1, 1000)] {
      let found = histogram.milliseconds(at: part)
      #expect(found >= expected && found <= expected * 1.032, "\(part) \(found)")
    }
    #expect(histogram.count == 1000)
    #expect(LatencyHistogram().milliseconds(at: 0.99) == 0)
  }

  @Test func `two histograms become one`() {
    var first = LatencyHistogram()
    first.add(.milliseconds(1))
    var second = LatencyHistogram()
    second.add(.seconds(1))
    first.add(second)
    #expect(first.count == 2)
    #expect(first.milliseconds(at: 1) == 1000)
    #expect(first.milliseconds(at: 0.5) >= 1)
  }
}

@Suite struct TrendTests {
  @Test func `a line is found, and noise is no growth`() throws {
    let line = (0..<60).map { (seconds: Double($0), value: 5 + 3 * Double($0)) }
    let trend = try #require(Trend(line))
    #expect(abs(trend.slope - 3) < 1e-9)
    #expect(trend.grows(by: 2.9))
    #expect(!trend.grows(by: 3.1))
    var numbers = SeededNumbers(seed: 3, stream: 0)
    let noise = (0..<60).map { (seconds: Double($0), value: numbers.fraction() * 100) }
    #expect(try !#require(Trend(noise)).grows(by: 0.6))
    // What a storm of connections needed once, near the end, and never again.
    let step = (0..<150).map { (seconds: Double($0), value: $0 < 100 ? 32.0 : 34.5) }
    #expect(try #require(Trend(step)).slope == 0)
    let long = (0..<5000).map { (seconds: Double($0), value: 3 * Double($0)) }
    #expect(try abs(#require(Trend(long)).slope - 3) < 1e-9)
    #expect(Trend(Array(line.prefix(9))) == nil)
    #expect(Trend(Array(repeating: (seconds: 1, value: 2), count: 20)) == nil)
  }
}
