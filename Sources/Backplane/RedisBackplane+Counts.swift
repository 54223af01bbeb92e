// Connections of users and addresses over all nodes: rule 24. Each key is a hash with a figure for each
// incarnation and the time when it was written; whoever writes gets the sum over the living. Figures
// are written anew all the time, so that those of nobody run out by themselves.

import RoostRooms
import Telemetry

extension RedisBackplane {
  /// How long a figure is believed without being written again.
  private static var figureLife: Duration { .seconds(90) }
  /// In so many seconds all figures are written again.
  private static var refreshSeconds: Int { 20 }
  /// Figures that may be on their way at a time.
  private static var figuresInFlightMax: Int { 256 }

  // MARK: Counting

  /// A connection has come.
  mutating func count(_ key: CountKey, _ connection: ConnectionID, _ shard: Int) {
    counts[key, default: ConnectionCount()].count += 1
    // What comes while Redis is away stays: a node knows its own connections only.
    if isCommandReady {
      counts[key]?.unplaced.append(UnplacedConnection(connection: connection, shard: shard))
    }
    countChanged(key)
  }

  /// A connection that had come is gone.
  mutating func uncount(_ key: CountKey, _ connection: ConnectionID) {
    guard var known = counts[key], known.count > 0 else {
      preconditionFailure("\(connection) was not counted")
    }
    known.count -= 1
    known.unplaced.removeAll { $0.connection == connection }
    known.beingPlaced.removeAll { $0.connection == connection }
    counts[key] = known
    countChanged(key)
  }

  private mutating func countChanged(_ key: CountKey) {
    guard var known = counts[key], !known.isDue else { return }
    if known.isInFlight {
      known.isStale = true
    } else {
      known.isDue = true
      dueCounts.append(key)
    }
    counts[key] = known
  }

  /// Writes every figure anew: Redis may have lost it, or it stands under another incarnation.
  mutating func recount() {
    for key in counts.keys { countChanged(key) }
  }

  /// Writes some figures anew; called once a second.
  mutating func refreshCounts() {
    guard isCommandReady, !counts.isEmpty else { return }
    if countSweep.isEmpty { countSweep = Array(counts.keys) }
    let portion = min(countSweep.count, counts.count / Self.refreshSeconds + 1)
    for key in countSweep.suffix(portion) { countChanged(key) }
    countSweep.removeLast(portion)
  }

  // MARK: Writing

  mutating func sendConnectionCounts(_ now: Duration) {
    guard isCommandReady, !dueCounts.isEmpty else { return }
    let free = max(Self.figuresInFlightMax - countsInFlight, 0)
    let batch = Array(dueCounts.prefix(free))
    dueCounts.removeFirst(batch.count)
    // Figures of this node's own under an earlier name are nobody's.
    let gone = dead + ownIncarnations
    for key in batch {
      guard var known = counts[key] else { continue }
      known.isDue = false
      // It came and went between two ticks.
      guard known.count > 0 || known.isWritten else {
        counts.removeValue(forKey: key)
        continue
      }
      let placed = known.unplaced
      known.unplaced = []
      known.beingPlaced = placed
      known.isInFlight = true
      known.isWritten = true
      counts[key] = known
      countsInFlight += 1
      pipe.call(
        .countConnections, keys: 1, arguments: 4 + gone.count, .counted(key, known.count, placed),
        at: now)
      pipe.add(names.system(key.name))
      pipe.add(incarnation)
      pipe.add(known.count)
      pipe.add(clockText)
      pipe.add(Int(milliseconds(Self.figureLife)))
      for name in gone { pipe.add(name) }
    }
  }

  /// Whether figures wait and may be written.
  var hasDueCounts: Bool { !dueCounts.isEmpty && countsInFlight < Self.figuresInFlightMax }

  /// Redis has a figure and told the sum: each connection that came is told its place.
  mutating func counted(
    _ key: CountKey, _ count: Int, _ placed: [UnplacedConnection], _ reply: RedisReply,
    _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    countsInFlight -= 1
    guard var known = counts[key] else { return }
    known.isInFlight = false
    let (isStale, left) = (known.isStale, known.beingPlaced)
    known.isStale = false
    known.beingPlaced = []
    guard reply.kind(0) == .integer else {
      let isUnknown = RedisRefusal(reply) == .unknownScript
      // Anything else is tried again when all figures are: Redis does not take it now.
      if isUnknown { known.unplaced = left + known.unplaced }
      counts[key] = known
      handleRefusal(reply, now)
      if isUnknown || isStale { countChanged(key) }
      return
    }
    if count == 0 { known.isWritten = false }
    counts[key] = known
    let sum = Int(clamping: reply.integer(0))
    for (place, one) in placed.enumerated() where left.contains(one) {
      outbox.items.append(
        .event(
          shard: one.shard,
          .counted(key.kind, one.connection, place: sum - (placed.count - 1 - place))))
    }
    if isStale { countChanged(key) }
    if counts[key]?.isUnused == true { counts.removeValue(forKey: key) }
    status.countedKeys.set(Int64(counts.count))
  }

  /// The link is gone: what was on its way may have arrived or not, and is written again.
  mutating func countsLost() {
    countsInFlight = 0
    dueCounts = []
    for key in counts.keys {
      counts[key]?.isInFlight = false
      counts[key]?.isStale = false
      counts[key]?.isDue = false
      counts[key]?.unplaced = []
      counts[key]?.beingPlaced = []
    }
    recount()
  }
}
