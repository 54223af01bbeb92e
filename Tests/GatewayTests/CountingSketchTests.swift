// Counts and rates by key: exact for few keys, and the same whoever asks at the same time.

import RoostEventLoop
import Testing

@testable import Gateway

@Suite struct CountingSketchTests {
  private func time(_ milliseconds: UInt64) -> MonotonicInstant {
    MonotonicInstant(nanoseconds: 1_000_000_000_000 + milliseconds * 1_000_000)
  }

  @Test func `what entered and left is not counted any more`() {
    let sketch = CountingSketch()
    #expect((1...5).map { _ in sketch.enter(7) } == [1, 2, 3, 4, 5])
    #expect(sketch.enter(8) == 1)
    for _ in 0..<5 { sketch.leave(7) }
    #expect(sketch.enter(7) == 1)
    #expect(sketch.enter(8) == 2)
  }

  @Test func `a burst may be taken at once and then the rate`() {
    let sketch = CountingSketch()
    for _ in 0..<10 {
      #expect(sketch.take(1, 1, ratePerSecond: 10, burst: 10, now: time(0)) == nil)
    }
    #expect(sketch.take(1, 1, ratePerSecond: 10, burst: 10, now: time(0)) == .milliseconds(100))
    #expect(sketch.take(1, 1, ratePerSecond: 10, burst: 10, now: time(99)) == .milliseconds(1))
    #expect(sketch.take(1, 1, ratePerSecond: 10, burst: 10, now: time(100)) == nil)
    #expect(sketch.take(1, 1, ratePerSecond: 10, burst: 10, now: time(100)) == .milliseconds(100))
    // Nobody else has used anything.
    #expect(sketch.take(2, 1, ratePerSecond: 10, burst: 10, now: time(100)) == nil)
  }

  @Test func `more than the burst is granted once to who has used nothing`() {
    let sketch = CountingSketch()
    #expect(sketch.take(1, 500, ratePerSecond: 100, burst: 100, now: time(0)) == nil)
    #expect(sketch.take(1, 1, ratePerSecond: 100, burst: 100, now: time(0)) == .milliseconds(4010))
    #expect(sketch.take(1, 1, ratePerSecond: 100, burst: 100, now: time(4010)) == nil)
  }

  @Test func `numbers of any size are no reason to trap`() {
    let sketch = CountingSketch()
    #expect(sketch.take(1, .max, ratePerSecond: 1, burst: .max, now: time(0)) == nil)
    #expect(sketch.take(1, .max, ratePerSecond: 1, burst: 1, now: time(0)) != nil)
    #expect(sketch.take(2, 0, ratePerSecond: 0, burst: 0, now: time(0)) == nil)
  }

  @Test func `a charge is always taken and says how far it is over`() {
    let sketch = CountingSketch()
    #expect(sketch.charge(1, 100, ratePerSecond: 100, debtMax: 1_000_000_000, now: time(0)) == 0)
    #expect(
      sketch.charge(1, 50, ratePerSecond: 100, debtMax: 1_000_000_000, now: time(0)) == 500_000_000)
    #expect(
      sketch.charge(1, 50, ratePerSecond: 100, debtMax: 1_000_000_000, now: time(500))
        == 500_000_000)
    // A debt of more than a second is forgiven.
    #expect(
      sketch.charge(1, 100_000, ratePerSecond: 100, debtMax: 1_000_000_000, now: time(500))
        == 1_000_000_000)
    #expect(sketch.charge(1, 0, ratePerSecond: 100, debtMax: 1_000_000_000, now: time(2_500)) == 0)
    #expect(
      sketch.charge(2, .max, ratePerSecond: 1, debtMax: 1_000_000_000, now: time(0))
        == 1_000_000_000)
  }

  @Test func `threads that take at the same time get at most twice the burst`() async {
    let sketch = CountingSketch()
    let taken = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<4 {
        group.addTask {
          (0..<5_000).count { _ in
            sketch.take(3, 1, ratePerSecond: 1000, burst: 1000, now: self.time(0)) == nil
          }
        }
      }
      return await group.reduce(0, +)
    }
    // Two that meet between the two cells of a key may both pass, but each cell can be moved past a
    // figure only once.
    #expect((1000...2000).contains(taken))
  }
}
