// A user with as many connections as it may have opens another one. Where configuration says so the
// oldest one makes room: a person with a forgotten tab is not shut out. The oldest of the node is
// looked for by a letter that goes once round the shards.

import Backplane
import RoostEventLoop
import RoostRooms
import RoostWire
import Telemetry

/// A search for a user's oldest connection.
struct EvictionLetter: Sendable {
  let user: String
  /// Shards that have not been asked.
  var shardsLeft: Int
  /// The oldest connection so far, and when it was opened.
  var oldest: ConnectionID?
  var openedAt: MonotonicInstant
}

extension Core {
  /// As below, for one that may take the place of another connection of the same client.
  mutating func admitUser(
    _ user: String, resuming resumption: Resumption?, _ now: MonotonicInstant
  ) -> Bool {
    guard let resumption, resumption.countsLater else { return admitUser(user, now) }
    shared.admission.enteredInPlace(user: user)
    return true
  }

  /// Counts a connection of a user, at the cost of its oldest one where that is configured; false
  /// when the user has enough.
  ///
  /// The new connection must not be in `users` yet.
  mutating func admitUser(_ user: String, _ now: MonotonicInstant) -> Bool {
    if shared.admission.entered(user: user, rules.limits, now: now) { return true }
    guard rules.limits.userOverflow == .evict else { return false }
    shared.admission.enteredInPlace(user: user)
    // In a cluster the oldest one may be elsewhere: it is looked for when all are counted.
    guard shared.redis?.status.isConnected != true else { return true }
    evict(
      EvictionLetter(
        user: user, shardsLeft: shared.shardCount, oldest: nil, openedAt: .distantFuture), now)
    return true
  }

  /// Looks among this shard's connections, then asks the next shard, or closes what was found.
  mutating func evict(_ letter: EvictionLetter, _ now: MonotonicInstant) {
    var letter = letter
    for slot in users[letter.user] ?? [] where connections[slot].isLive {
      guard connections[slot].openedAt < letter.openedAt else { continue }
      letter.openedAt = connections[slot].openedAt
      letter.oldest = connectionID(of: slot)
    }
    letter.shardsLeft -= 1
    guard letter.shardsLeft <= 0 else {
      return post(.evict(letter), to: (index + 1) % shared.shardCount)
    }
    guard let oldest = letter.oldest else { return }
    guard Int(oldest.shard) == index else {
      return post(.closeOldest(oldest), to: Int(oldest.shard))
    }
    closeOldest(oldest, now)
  }

  /// Closes the connection that makes room, if it is still there.
  mutating func closeOldest(_ connection: ConnectionID, _ now: MonotonicInstant) {
    let token = SlotToken(
      index: Int32(truncatingIfNeeded: connection.slot), generation: connection.generation)
    guard connections.isCurrent(token), connections[token.index].isLive else { return }
    close(token.index, .connectionLimit, now)
  }
}
