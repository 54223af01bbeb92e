// A reload, as one shard sees it: other rules take the place of those that held, between two rounds
// of the loop, and whoever was let into a room by the old ones and would not be by the new ones is
// taken out of it. Nobody is disconnected.

import Auth
import Backplane
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

extension Core {
  /// Takes up the rules that hold now, if they are others than before.
  ///
  /// Called before letters are looked at, because a shard that is ahead may have posted a command
  /// with the number of a policy that is new; in every round, because nothing else may happen; and
  /// before input is, so that what comes behind a reload is judged by it.
  mutating func followRules(_ now: MonotonicInstant) {
    guard shared.rulesNumber != rules.number else { return }
    let earlier = rules
    rules = shared.rules
    if rules.keys != earlier.keys || rules.tokenRules != earlier.tokenRules { makeVerifier() }
    local?.follow(rules.policies.policies)
    redis?.driver.follow(rules.policies.policies)
    guard !isStopped else { return }
    if rules.outbound.wishes.contains(.rooms), !earlier.outbound.wishes.contains(.rooms) {
      tellOccupiedRooms()
    }
    for slot in 0..<connections.slotsUsed where connections.token(at: slot) != nil {
      guard connections[slot].isLive else { continue }
      let identity = connections[slot].session.identity
      withdraw(slot, now) { [rules] room in
        guard let number = earlier.policies.number(for: room),
          let next = rules.policies.number(for: room)
        else { return false }
        let (before, after) = (earlier.policies[number].join, rules.policies[next].join)
        guard before != after else { return false }
        return before.allows(identity, in: room, isMember: false, action: .join)
          && !after.allows(identity, in: room, isMember: false, action: .join)
      }
    }
  }

  /// Makes the working keys of tokens anew.
  mutating func makeVerifier() {
    do throws(KeyProblem) {
      verifier = try TokenVerifier(keys: rules.keys, rules: rules.tokenRules)
    } catch {
      // Every key was good when it was read; only memory can be missing. The old keys go on.
      shared.log.error("keys_failed", "a key of tokens cannot be used: \(error)")
    }
  }

  /// Takes a connection out of the rooms for which `isLost` says so, and tells it.
  ///
  /// Its user's own room stays: that one no policy gave.
  mutating func withdraw(
    _ slot: Int32, _ now: MonotonicInstant, where isLost: (RoomName) -> Bool
  ) {
    guard !connections[slot].session.isInNoRoom else { return }
    var names = connections[slot].session.seats.map { rooms.name(of: $0.room) }
    names += connections[slot].session.pending.filter { !$0.isServerJoin }.map(\.room)
    for room in names where !room.isUserRoom && isLost(room) {
      guard leaveRoom(room, slot, now) else { continue }
      send(slot) { Push.removed(room, code: .unauthorized, to: &$0) }
      if connections[slot].phase == .stream { return endStream(slot, now) }
    }
  }
}
