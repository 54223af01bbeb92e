// Rebalancing on the first shard, once a second where it is wanted: it asks what the others have,
// and has the shards tell some of their connections to go elsewhere, by the means of a drain.

import Backplane
import RoostEventLoop
import Telemetry

/// The first shard's notes about rebalancing.
struct RebalanceDesk: Sendable {
  var outlook = DrainOutlook()
  var rebalance = Rebalance()
}

extension Core {
  /// How long before its turn a connection is told, over which the turns of a second are spread,
  /// and how long behind it a connection may stay.
  private static let lead = Duration.milliseconds(200)
  private static let spread = Duration.seconds(1)
  private static let patience = Duration.seconds(5)

  /// Asks what the other nodes have.
  mutating func lookAround(_ now: MonotonicInstant) {
    guard rules.configuration.drain.rebalance, shared.redis != nil, shared.phase == .serving
    else { return balance(nil, now) }
    submit(
      .nodes(
        ReplyTicket(
          shard: index, slot: 0, id: nil, askedAt: now.nanoseconds,
          server: ServerDesk.rebalanceNumber)), now)
  }

  /// The nodes, or that they cannot be asked.
  mutating func surroundingsAnswered(_ event: BackplaneEvent, _ now: MonotonicInstant) {
    switch event {
    case .nodes(_, let listings, _): rebalanceDesk.outlook.read(listings, now)
    default: rebalanceDesk.outlook.failed()
    }
    let isStill = rules.configuration.drain.rebalance && shared.phase == .serving
    balance(isStill ? rebalanceDesk.outlook.neighbours : nil, now)
  }

  private mutating func balance(_ neighbours: DrainNeighbours?, _ now: MonotonicInstant) {
    guard neighbours != nil || rebalanceDesk.rebalance.isShedding else { return }
    // Only those can move who speak WebSocket and were not told to already.
    let open = shared.metrics.map { max(0, Int($0.connections.value &- $0.leaving.value)) }
    let count = open.reduce(0, +)
    let step = rebalanceDesk.rebalance.tick(now, connections: count, neighbours)
    if step.hasBegun {
      shared.log.info(
        "rebalance_started", "the other nodes have far fewer connections: some are sent there",
        [.init("connections", count), .init("mean", step.mean)])
    }
    if step.hasEnded {
      shared.log.info(
        "rebalance_ended", "no more connections are sent to other nodes",
        [.init("connections", count)])
    }
    guard step.count > 0 else { return }
    for (shard, share) in Drain.shares(of: step.count, among: open).enumerated() where share > 0 {
      let order = DrainOrder(
        count: share, lead: Self.lead, spread: Self.spread, patience: Self.patience, tells: true,
        isRebalance: true)
      if shard == index { sendAway(order, now) } else { post(.sendAway(order), to: shard) }
    }
  }
}
