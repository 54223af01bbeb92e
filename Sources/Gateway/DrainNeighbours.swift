// What a draining node knows about the others: how many will stay, what the slowest of them takes, and
// how many leave at the same time. Read from what each announces; others may write there, too.

import Backplane
import RoostEventLoop
import RoostJSON

/// The other nodes, in the figures that a drain goes by.
struct DrainNeighbours: Sendable, Equatable {
  /// Nodes that serve, are ready and have room.
  var survivors: Int
  /// The smallest number of new connections a second that one of them announces; nil when none has a
  /// limit.
  var rate: Int?
  /// Nodes that drain, this one included.
  var draining: Int
  /// When this was read.
  var readAt: MonotonicInstant
  /// Connections of the nodes that serve, are ready and have room.
  var connections = 0
  /// Survivors that have about as few connections as the one that has fewest; nil: all of them.
  ///
  /// A balancer that looks for the fewest connections sends everybody to these, so that a node which
  /// has just come back empty gets all that leave, and not its share.
  var emptiest: Int?
}

/// Listens to what the nodes announce.
struct DrainOutlook: Sendable {
  private struct Seen: Sendable {
    var number: Int64
    var since: MonotonicInstant
  }

  private var seen: [String: Seen] = [:]
  /// The last figures; nil when they could not be read.
  private(set) var neighbours: DrainNeighbours?

  /// The cluster cannot be asked.
  mutating func failed() { neighbours = nil }

  /// Takes in what all nodes announced last.
  ///
  /// A node whose announcement has not changed for three seconds is not counted on, whatever its lease
  /// says: it stands still, or cannot write.
  mutating func read(_ listings: [NodeListing], _ now: MonotonicInstant) {
    var figures = DrainNeighbours(survivors: 0, rate: nil, draining: 1, readAt: now)
    var known: [String: Seen] = [:]
    var loads: [Int64] = []
    for listing in listings where !listing.isSelf {
      let tree = try? JSONTree(parsing: listing.announcement, depthMax: 4, bytesMax: 8192)
      guard let tree else { continue }
      let number = tree["number"]?.integer ?? 0
      var record = seen[listing.incarnation] ?? Seen(number: number, since: now)
      if record.number != number { record = Seen(number: number, since: now) }
      known[listing.incarnation] = record
      guard now.since(record.since) <= Drain.figuresLife else { continue }
      switch tree["phase"]?.string {
      case "draining": figures.draining += 1
      case "serving":
        // One that is cut off sends newcomers away itself.
        guard tree["not_ready"] == nil else { continue }
        let used = tree["connections"]?.integer ?? 0
        guard used < tree["connections_max"]?.integer ?? .max else { continue }
        figures.survivors += 1
        loads.append(max(used, 0))
        let (sum, overflow) = figures.connections.addingReportingOverflow(Int(clamping: used))
        figures.connections = overflow ? .max : sum
        guard let rate = tree["handshakes_per_second"]?.integer, rate > 0 else { continue }
        figures.rate = min(figures.rate ?? .max, Int(clamping: rate))
      default: break
      }
    }
    if let least = loads.min(), let rate = figures.rate {
      // Those that are a quarter of a second from the emptiest take turns with it at once.
      figures.emptiest = loads.count { $0 - least <= Int64(rate / 4) }
    }
    seen = known
    neighbours = figures
  }
}
