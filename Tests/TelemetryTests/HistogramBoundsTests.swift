// The tables themselves, and how their values are shown.

import Testing

@testable import Telemetry

@Test(arguments: HistogramBounds.allCases)
func `the bounds of a table rise and leave a cell for what exceeds them`(bounds: HistogramBounds) {
  let table = bounds.upperBounds
  #expect(table == Array(Set(table)).sorted())
  #expect(table.count < Histogram.cellCount)
}

@Test func `latency reaches from 50 microseconds to 10 seconds`() {
  #expect(
    HistogramBounds.latency.upperBounds.map(HistogramBounds.latency.decimal) == [
      "0.00005", "0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
      "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10",
    ])
}

@Test(arguments: [
  (HistogramBounds.latency, UInt64(0), "0"),
  (.latency, 1, "0.000000001"),
  (.latency, 999_999_999, "0.999999999"),
  (.latency, 1_000_000_000, "1"),
  (.ticks, 1_000_000_010, "1.00000001"),
  (.latency, .max, "18446744073.709551615"),
  (.bytes, 0, "0"),
  (.bytes, .max, "18446744073709551615"),
])
func `nanoseconds are shown as seconds without rounding, bytes as they are`(
  bounds: HistogramBounds, value: UInt64, expected: String
) {
  #expect(bounds.decimal(value) == expected)
}
