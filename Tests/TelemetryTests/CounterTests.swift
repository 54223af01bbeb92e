// What the metric cells promise, alone and under a reading thread.

import Telemetry
import Testing

/// Cells as a shard holds them: a class that is `Sendable` without being told so.
private final class Cells: Sendable {
  let counter = Counter()
  let shared = SharedCounter()
  let gauge = Gauge()
}

@Test func `a counter starts at zero and adds one unless told otherwise`() {
  let counter = Counter()
  #expect(counter.value == 0)
  counter.add()
  counter.add(41)
  #expect(counter.value == 42)
}

@Test func `a counter wraps at the largest number`() {
  let counter = Counter()
  counter.add(.max)
  #expect(counter.value == .max)
  counter.add()
  #expect(counter.value == 0)
}

@Test func `a gauge is set, raised and lowered below zero`() {
  let gauge = Gauge()
  gauge.set(5)
  gauge.add(2)
  #expect(gauge.value == 7)
  gauge.add(-10)
  #expect(gauge.value == -3)
}

@Test func `a reader sees a counter only grow, up to the last addition`() async {
  let cells = Cells()
  let additions: UInt64 = 100_000
  await withTaskGroup(of: Bool.self) { group in
    group.addTask {
      for _ in 0..<additions { cells.counter.add() }
      return true
    }
    group.addTask {
      var last: UInt64 = 0
      while last < additions {
        let value = cells.counter.value
        guard value >= last, value <= additions else { return false }
        last = value
        await Task.yield()
      }
      return true
    }
    for await isRight in group { #expect(isRight) }
  }
  #expect(cells.counter.value == additions)
}

@Test func `a shared counter loses no addition of several writers`() async {
  let cells = Cells()
  await withTaskGroup(of: Void.self) { group in
    for _ in 0..<4 {
      group.addTask {
        for _ in 0..<25_000 { cells.shared.add() }
      }
    }
  }
  #expect(cells.shared.value == 100_000)
}
