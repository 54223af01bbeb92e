// The sockets of a shard that have not finished their handshake, the oldest first. An honest client
// needs a round trip or two; who holds sockets open on purpose holds them for long. So where there are
// too many of them the oldest one goes and the new one may try: refusing new ones would shut out
// everybody until the attacker lets go.

import RoostEventLoop
import Telemetry

/// The ends of a list that is threaded through the connections.
struct HandshakeList {
  /// The slot that has waited longest; -1 when nobody waits.
  fileprivate(set) var oldest: Int32 = -1
  fileprivate(set) var newest: Int32 = -1
  /// Sockets in the list.
  fileprivate(set) var count = 0
}

/// A connection's place in the list.
struct HandshakePlace {
  fileprivate(set) var isListed = false
  fileprivate var before: Int32 = -1
  fileprivate var after: Int32 = -1
}

extension Core {
  /// A socket was accepted: it stands last, and whoever is too many goes.
  mutating func beginHandshake(_ slot: Int32, _ now: MonotonicInstant) {
    append(slot)
    while handshakes.count > shared.handshakesMax {
      guard shared.admission.holds(.admission(.handshakesAtOnce), rules.limits) else { return }
      let oldest = handshakes.oldest
      count(.handshakesAtOnce, connections[oldest].address, now)
      end(oldest)
    }
  }

  /// A request was answered and another one may come: the connection is as good as a new one.
  mutating func renewHandshake(_ slot: Int32) {
    guard connections[slot].handshake.isListed else { return }
    endHandshake(slot)
    append(slot)
  }

  /// The handshake is done, or its socket is gone.
  mutating func endHandshake(_ slot: Int32) {
    let place = connections[slot].handshake
    guard place.isListed else { return }
    if place.before >= 0 {
      connections[place.before].handshake.after = place.after
    } else {
      handshakes.oldest = place.after
    }
    if place.after >= 0 {
      connections[place.after].handshake.before = place.before
    } else {
      handshakes.newest = place.before
    }
    connections[slot].handshake = HandshakePlace()
    handshakes.count -= 1
  }

  private mutating func append(_ slot: Int32) {
    precondition(!connections[slot].handshake.isListed, "slot \(slot) stands in the list already")
    let last = handshakes.newest
    connections[slot].handshake.isListed = true
    connections[slot].handshake.before = last
    if last >= 0 { connections[last].handshake.after = slot } else { handshakes.oldest = slot }
    handshakes.newest = slot
    handshakes.count += 1
  }
}
