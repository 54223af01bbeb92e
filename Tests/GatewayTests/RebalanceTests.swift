import RoostEventLoop
import Testing

@testable import Gateway

/// A machine that expectations may call.
private final class Scales {
  private var rebalance = Rebalance()
  private var now = MonotonicInstant(nanoseconds: 1_000_000_000_000)

  /// The step of the next second.
  func tick(
    _ connections: Int, others: [Int], rate: Int? = nil, draining: Int = 1,
    age: Duration = .zero
  ) -> Rebalance.Step {
    now = now.advanced(by: .seconds(1))
    let read = MonotonicInstant(nanoseconds: now.nanoseconds - age.nanosecondsClamped)
    return rebalance.tick(
      now, connections: connections,
      DrainNeighbours(
        survivors: others.count, rate: rate, draining: draining, readAt: read,
        connections: others.reduce(0, +)))
  }

  func alone(_ connections: Int) -> Rebalance.Step {
    now = now.advanced(by: .seconds(1))
    return rebalance.tick(now, connections: connections, nil)
  }
}

struct RebalanceTests {
  @Test(
    arguments: [
      // Over 1.2 times the mean, and by more than 100.
      (1301, [900, 900], true), (1239, [1000, 1000], false), (1287, [1000, 1000], false),
      (1400, [1000, 1000], true), (151, [0, 0], true), (150, [0, 0], false), (200, [0], false),
      (202, [0], true), (5, [5, 5], false), (0, [0], false),
    ] as [(Int, [Int], Bool)])
  func `a node begins when it has far more than the mean`(
    connections: Int, others: [Int], begins: Bool
  ) {
    let scales = Scales()
    #expect(scales.tick(connections, others: others).hasBegun == begins)
  }

  @Test func `a hundredth of the excess goes in a second, and no more than the others take`() {
    let scales = Scales()
    // The first tick only begins.
    #expect(
      scales.tick(9000, others: [0, 0]) == Rebalance.Step(count: 0, hasBegun: true, mean: 3000))
    #expect(scales.tick(9000, others: [0, 0]).count == 60)
    #expect(scales.tick(8940, others: [60, 0]).count == 59)
    #expect(scales.tick(9000, others: [0, 0], rate: 5).count == 10)
    // Small parts add up.
    let slow = Scales()
    _ = slow.tick(450, others: [150])
    let counts = (0..<4).map { _ in slow.tick(350, others: [250]).count }
    #expect(counts == [0, 1, 0, 1])
  }

  @Test func `it goes on to the mean, never under it, and then ends`() {
    let scales = Scales()
    var (own, other, seconds) = (3000, 0, 0)
    while seconds < 10_000 {
      let step = scales.tick(own, others: [other])
      seconds += 1
      own -= step.count
      other += step.count
      #expect(own >= 1500)
      if step.hasEnded { break }
    }
    #expect(own <= 1575 && own > 1500 && seconds < 600)
    #expect(!scales.tick(own, others: [other]).hasBegun)
  }

  @Test func `it rests while a node drains, alone, and by figures that are old`() {
    for rest in [
      { $0.tick(9000, others: [0, 0], draining: 2) }, { $0.tick(9000, others: []) },
      { $0.alone(9000) }, { $0.tick(9000, others: [0, 0], age: .milliseconds(3001)) },
    ] as [(Scales) -> Rebalance.Step] {
      let scales = Scales()
      #expect(rest(scales) == Rebalance.Step())
      #expect(scales.tick(9000, others: [0, 0]).hasBegun)
      #expect(scales.tick(9000, others: [0, 0]).count > 0)
      #expect(rest(scales) == Rebalance.Step(hasEnded: true))
      #expect(rest(scales) == Rebalance.Step())
    }
  }
}
