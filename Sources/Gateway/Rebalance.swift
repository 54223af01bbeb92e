// How a node that has far more connections than the others, because they are new, gives some of
// them away: slowly, never under the mean, never while a node drains. Pure: the time comes in.

import RoostEventLoop

/// The trickle of connections from a full node to emptier ones.
struct Rebalance: Sendable {
  /// Times the mean that a node has to have before it begins.
  static let partToBegin = 1.2
  /// Connections over the mean that it has to have, too: a handful is not worth a move.
  static let excessToBegin = 100.0
  /// Under so many times the mean it ends, so that it does not begin again at once.
  static let partToEnd = 1.05
  /// Of what is over the mean, in a second.
  static let partPerSecond = 0.01

  /// What is to be done.
  struct Step: Sendable, Equatable {
    /// Connections that are told to go elsewhere.
    var count = 0
    /// Whether this is the first step, or the one behind the last.
    var hasBegun = false
    var hasEnded = false
    /// Connections that each node would have.
    var mean = 0
  }

  private(set) var isShedding = false
  private var credit = 0.0
  private var tickedAt: MonotonicInstant?

  /// What is to be done now.
  ///
  /// - Parameter connections: the node's own, without those that were told to go.
  mutating func tick(
    _ now: MonotonicInstant, connections: Int, _ neighbours: DrainNeighbours?
  ) -> Step {
    let elapsed = tickedAt.map { Double(now.since($0).nanosecondsClamped) / 1e9 } ?? 0
    tickedAt = now
    guard let neighbours, neighbours.survivors > 0, neighbours.draining <= 1,
      now.since(neighbours.readAt) <= Drain.figuresLife
    else { return end() }
    let all = Double(connections) + Double(neighbours.connections)
    let mean = all / Double(neighbours.survivors + 1)
    let excess = Double(connections) - mean
    var step = Step(mean: Int(mean))
    if !isShedding {
      guard Double(connections) > Self.partToBegin * mean, excess > Self.excessToBegin else {
        return Step()
      }
      isShedding = true
      step.hasBegun = true
    } else if Double(connections) <= Self.partToEnd * mean {
      return end()
    }
    let taken = neighbours.rate.map { Double(neighbours.survivors) * Double($0) } ?? .infinity
    // A tick that came late does not send away what it has missed, all in one go.
    credit += min(excess * Self.partPerSecond, taken) * min(elapsed, 1)
    step.count = min(Int(credit), Int(excess))
    credit -= Double(step.count)
    return step
  }

  private mutating func end() -> Step {
    defer {
      isShedding = false
      credit = 0
    }
    return Step(hasEnded: isShedding)
  }
}
