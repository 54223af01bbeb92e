// Ends: who closes with which code, what is waited for, and what is left behind: nothing. Closing a
// descriptor is always put off to the end of the tick.

import Auth
import Backplane
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

extension Core {
  /// Begins the close handshake from this side, with the code's reason or another one.
  mutating func close(
    _ slot: Int32, _ code: CloseCode, reason: String? = nil, _ now: MonotonicInstant
  ) {
    if connections[slot].phase == .stream { return endStream(slot, now) }
    guard case .sendClose = connections[slot].closing.close(code: code.rawValue) else { return }
    let text = reason ?? code.reason.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }
    beginClosing(slot, FrameEncoder.closePayload(code: code.rawValue, reason: text), now)
  }

  /// The peer broke the protocol.
  mutating func fail(_ slot: Int32, _ violation: WebSocketViolation, _ now: MonotonicInstant) {
    shared.log.debug(
      "protocol_violation", violation.reason,
      [.init("connection", connectionID(of: slot).description)])
    switch connections[slot].closing.fail(violation) {
    case .none: break
    case .closeTransport: closeTransport(slot, now)
    case .sendClose(let code):
      let payload = FrameEncoder.closePayload(
        code: code ?? violation.closeCode, reason: violation.reason)
      beginClosing(slot, payload, now)
    }
  }

  /// The peer's close frame has come.
  mutating func receiveClose(_ slot: Int32, _ code: UInt16?, _ now: MonotonicInstant) {
    switch connections[slot].closing.received(code: code) {
    case .none: break
    case .closeTransport: closeTransport(slot, now)
    case .sendClose(let answer):
      // § 5.5.1: the answer carries the peer's code; a frame without one is answered by one.
      let payload = answer.map { FrameEncoder.closePayload(code: $0, reason: "") } ?? []
      beginClosing(slot, payload, now)
    }
  }

  private mutating func beginClosing(
    _ slot: Int32, _ payload: [UInt8], _ now: MonotonicInstant
  ) {
    leaveAllRooms(slot, now)
    enqueueControl(.close, payload.span, slot)
    connections[slot].phase = .closing
    connections[slot].deadline = now.advanced(byNanoseconds: rules.timing.close)
    arm(slot, at: connections[slot].deadline)
  }

  /// The close handshake wants the transport closed.
  mutating func closeTransport(_ slot: Int32, _ now: MonotonicInstant) {
    guard let ending = connections[slot].closing.ending, !ending.isClean, ending.side == .local,
      connections[slot].phase == .closing
    else { return end(slot) }
    // The peer did not answer our close frame. Closing now, with bytes of its unread, would reset
    // the connection and might take the frame away from it.
    linger(slot, now)
  }

  /// Sends no more, and throws input away until the peer ends.
  mutating func linger(_ slot: Int32, _ now: MonotonicInstant) {
    connections[slot].phase = .lingering
    connections[slot].deadline = now.advanced(byNanoseconds: rules.timing.close)
    arm(slot, at: connections[slot].deadline)
    if !hasOutput(slot) {
      endSending(slot)
    } else {
      markDirty(slot)
    }
  }

  /// The peer will send nothing more.
  mutating func peerEnded(_ slot: Int32, _ now: MonotonicInstant) {
    switch connections[slot].phase {
    case .open, .echo, .closing:
      // The peer may have ended only its sending side, right behind its last frame: what answers it
      // was queued in this very tick and leaves before the end.
      let outcome = sendQueued(slot)
      if outcome == .done { _ = connections[slot].closing.flushed() }
      _ = connections[slot].closing.transportEnded()
      end(slot)
    case .request:
      // An answer may still be on its way to a peer that only closed its sending side.
      if hasOutput(slot) { linger(slot, now) } else { end(slot) }
    case .lingering:
      // Its last words and its end may have come before the answer was sent, which is held back a
      // little when the loop is busy.
      _ = sendQueued(slot)
      end(slot)
    case .stream, .ended, .vacant: end(slot)
    }
  }

  /// The transport failed under a read or a write.
  mutating func transportFailed(_ slot: Int32) {
    _ = connections[slot].closing.transportEnded()
    end(slot)
  }

  /// Ends a connection: its rooms at once, its descriptor at the end of the tick.
  mutating func end(_ slot: Int32) {
    guard connections[slot].phase != .ended, connections[slot].phase != .vacant else { return }
    connections[slot].phase = .ended
    endHandshake(slot)
    ended.append(connections[slot].token)
    leaveAllRooms(slot, MonotonicInstant.now())
  }

  mutating func closeScheduled(now: MonotonicInstant) {
    while let token = ended.popLast() {
      let slot = token.index
      precondition(connections.isCurrent(token), "slot \(slot) ended twice")
      forget(slot)
      arena.drop(&connections[slot].queue)
      if connections[slot].tls != nil { endTLS(slot) }
      connections.release(token)
      metrics.sockets.add(-1)
      shared.endSocket()
    }
    if shared.isFlushing { stopWhenEmpty() }
  }

  /// The last connection of the node is gone and every answer is sent: nothing is left to wait for.
  private mutating func stopWhenEmpty() {
    guard !isStopped, admittedCount == 0, desk.requests.isEmpty else { return }
    // The first shard sees to it that the others end in time.
    guard index != 0 || shared.othersHaveStopped else { return }
    for slot in 0..<connections.slotsUsed where connections.token(at: slot) != nil {
      guard !hasOutput(slot) else { return }
    }
    for slot in 0..<connections.slotsUsed where connections.token(at: slot) != nil { end(slot) }
    isStopped = true
    if redis != nil {
      // The last word to the cluster: whoever was here has left, and the lease goes.
      let now = MonotonicInstant.now()
      let moment = moment(now)
      redis?.driver.withdraw(at: now, moment)
    }
    // Until here it was open, so that late connections got their 503.
    listener = nil
    closeScheduled(now: .zero)
    if index != 0 { shared.shardStopped() }
  }

  /// Takes a connection out of every registry.
  private mutating func forget(_ slot: Int32) {
    if connections[slot].isAddressCounted { shared.admission.left(connections[slot].address) }
    uncountInCluster(slot, MonotonicInstant.now())
    forgetHeld(slot)
    if let user = connections[slot].session.identity.user {
      if connections[slot].session.isUserCounted { shared.admission.left(user: user) }
      removeUser(user, slot)
    }
    if let compression = connections[slot].compression {
      shared.releaseCompression(compression.budgetBytes)
    }
    guard connections[slot].isAdmitted else { return }
    shared.admission.ended()
    admittedCount -= 1
    if connections[slot].departure != .staying { metrics.leaving.add(-1) }
    guard connections[slot].variant != .events else { return metrics.streams.add(-1) }
    metrics.connections.add(-1)
    let ending =
      connections[slot].closing.ending
      ?? ConnectionEnding(code: 1006, side: .remote, isClean: false)
    metrics.countClose(ending.code, ending.side == .local ? .server : .client)
    let user = connections[slot].session.identity.user
    // Whoever goes on over another connection is not gone.
    if !connections[slot].isSuperseded {
      tell(.disconnected(memberID(of: slot), user: user, code: ending.code), .disconnected)
    }
    forgetMove(slot)
    shared.log.debug(
      "connection_closed", "a connection has ended",
      [
        .init("connection", connectionID(of: slot).description),
        .init("code", Int(ending.code)),
        .init("side", ending.side == .local ? "server" : "client"),
        .init("clean", ending.isClean),
      ])
  }

  private mutating func removeUser(_ user: String, _ slot: Int32) {
    guard var slots = users.removeValue(forKey: user) else { return }
    slots.removeAll { $0 == slot }
    if !slots.isEmpty { users[user] = slots }
  }

  // MARK: The node's end

  /// Follows the node's phase: it drains, or everything ends at once.
  mutating func followPhase(_ now: MonotonicInstant) {
    guard !isStopped else { return }
    if shared.stopsAtOnce {
      isDraining = true
      for slot in 0..<connections.slotsUsed where connections.token(at: slot) != nil { end(slot) }
      listener = nil
      isStopped = true
      abandonServerRequests()
      return
    }
    if index == 0 { driveDrain(now) }
    isDraining = shared.refusesUpgrades
    settleDepartures(now)
  }
}
