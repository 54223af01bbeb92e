// Where values fall, how snapshots add up, and what a reader sees meanwhile.

import Testing

@testable import Telemetry

private final class Cells: Sendable {
  let latency = Histogram(.latency)
}

@Test(arguments: HistogramBounds.allCases)
func `a value falls below a bound up to the bound itself`(bounds: HistogramBounds) {
  for (position, bound) in bounds.upperBounds.enumerated() {
    for (value, isInside) in [(bound - 1, true), (bound, true), (bound + 1, false)] {
      let histogram = Histogram(bounds)
      histogram.observe(value)
      let counts = histogram.snapshot().cumulativeCounts
      #expect((counts[position] == 1) == isInside, "\(value) at bound \(bound)")
      #expect(counts[position + 1] == 1, "\(value) at bound \(bound)")
      if position > 0 { #expect(counts[position - 1] == 0, "\(value) at bound \(bound)") }
    }
  }
}

@Test(arguments: HistogramBounds.allCases)
func `each length of a value in bits is counted as a search through the table would`(
  bounds: HistogramBounds
) {
  for shift in 0..<64 {
    let value = UInt64.max >> shift
    for probe in [value, value / 2 + 1, value / 3] {
      let histogram = Histogram(bounds)
      histogram.observe(probe)
      let expected: [UInt64] = bounds.upperBounds.map { $0 >= probe ? 1 : 0 } + [1]
      #expect(histogram.snapshot().cumulativeCounts == expected, "\(probe)")
    }
  }
}

@Test func `a snapshot counts cumulatively and sums the values`() {
  let histogram = Histogram(.bytes)
  for value: UInt64 in [0, 16, 17, 100, 1_000_000_000] { histogram.observe(value) }
  let snapshot = histogram.snapshot()
  #expect(snapshot.cumulativeCounts == [2, 3, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 5])
  #expect(snapshot.sum == 1_000_000_133)
  #expect(snapshot.count == 5)
}

@Test(arguments: [
  (Duration.nanoseconds(50_000), UInt64(50_000)),
  (.seconds(3), 3_000_000_000),
  (.nanoseconds(-1), 0),
  (.seconds(Int64.min), 0),
  (.seconds(Int64.max), .max),
])
func `a duration is observed in nanoseconds and clamped`(duration: Duration, expected: UInt64) {
  let histogram = Histogram(.latency)
  histogram.observe(duration)
  #expect(histogram.snapshot().sum == expected)
}

@Test func `a duration in a table of bytes is a bug`() async {
  await #expect(processExitsWith: .failure) {
    Histogram(.bytes).observe(Duration.seconds(1))
  }
}

@Test func `snapshots of shards add up`() {
  let first = Histogram(.ticks)
  let second = Histogram(.ticks)
  first.observe(5_000)
  second.observe(5_001)
  second.observe(2_000_000_000)
  var total = HistogramSnapshot(.ticks)
  total.merge(first.snapshot())
  total.merge(second.snapshot())
  #expect(total.cumulativeCounts == [1] + Array(repeating: 2, count: 16) + [3])
  #expect(total.sum == 2_000_010_001)
}

@Test func `merging snapshots of different tables is a bug`() async {
  await #expect(processExitsWith: .failure) {
    var total = HistogramSnapshot(.ticks)
    total.merge(HistogramSnapshot(.latency))
  }
}

@Test func `a reader's snapshots agree with themselves while the writer counts`() async {
  let cells = Cells()
  let observations: UInt64 = 50_000
  await withTaskGroup(of: Bool.self) { group in
    group.addTask {
      for number in 0..<observations { cells.latency.observe(number &* 1_000) }
      return true
    }
    group.addTask {
      var last: UInt64 = 0
      while last < observations {
        let counts = cells.latency.snapshot().cumulativeCounts
        guard counts == counts.sorted(), let count = counts.last, count >= last else {
          return false
        }
        last = count
        await Task.yield()
      }
      return true
    }
    for await isRight in group { #expect(isRight) }
  }
  #expect(cells.latency.snapshot().count == observations)
}
