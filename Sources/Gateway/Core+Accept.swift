// New sockets: accepted in batches, counted, given a slot. When descriptors run out the listener is
// left alone for a moment, so that the loop does not spin on a queue that it cannot take from.

import RoostEventLoop
import RoostHTTP
import Telemetry

extension Core {
  /// Starts accepting.
  mutating func watchListener() {
    guard !isListenerWatched, let number = listenerNumber else { return }
    do {
      try poller.add(number, .readable, token: Self.listenerToken)
      isListenerWatched = true
    } catch {
      // No memory in the kernel: as with descriptors, wait and try again.
      listenerResumesAt = MonotonicInstant.now().advanced(by: Bounds.shortagePause)
    }
  }

  private var listenerNumber: Int32? {
    switch listener {
    case .some(let descriptor): descriptor.number
    case .none: nil
    }
  }

  mutating func acceptAll(_ now: MonotonicInstant) {
    guard let listener = listenerNumber else { return }
    for _ in 0..<Bounds.acceptsPerTick {
      switch Syscalls.accept(listener) {
      case .accepted(let descriptor, let address): accepted(descriptor, address, now)
      case .aborted: continue
      case .wouldBlock: return
      case .shortage(let code):
        metrics.acceptShortages.add()
        shared.log.warning(
          "accept_shortage", "no descriptor or memory for a new connection: \(code)",
          [.init("pause_ms", 100)])
        poller.remove(listener)
        isListenerWatched = false
        listenerResumesAt = now.advanced(by: Bounds.shortagePause)
        return
      }
    }
  }

  private mutating func accepted(
    _ descriptor: Int32, _ address: SocketAddress, _ now: MonotonicInstant
  ) {
    metrics.accepted.add()
    let isProxy = rules.proxies.contains(address)
    guard isProxy || !rules.proxies.speaksProxyProtocol else {
      // It goes around the proxies, and a header of its own would be a lie.
      count(.proxyUntrusted, address, now)
      return Syscalls.close(descriptor)
    }
    if !isProxy, let refusal = shared.admission.accepts(address, rules.limits, now: now) {
      count(refusal, address, now)
      return Syscalls.close(descriptor)
    }
    guard isProxy || shared.admission.entered(address, rules.limits) else {
      // Far over its limit: not worth a slot and a request.
      count(.addressConnections, address, now)
      shared.admission.left(address)
      return refuseAtOnce(descriptor, 429, isSecured: door != nil)
    }
    // Descriptors are the node's, not the shard's; some are kept for what must go on.
    guard shared.beginSocket(), let token = connections.acquire() else {
      shared.endSocket()
      count(.nodeConnections, address, now)
      if !isProxy { shared.admission.left(address) }
      return refuseAtOnce(descriptor, 503, isSecured: door != nil)
    }
    let slot = token.index
    connections[slot].descriptor = descriptor
    connections[slot].token = token
    connections[slot].phase = .request
    connections[slot].address = address
    connections[slot].peer = address
    connections[slot].isAddressCounted = !isProxy
    connections[slot].awaitsProxyHeader = rules.proxies.speaksProxyProtocol
    if door != nil {
      connections[slot].tls = door?.transport()
      connections[slot].isPageSecure = true
    }
    connections[slot].openedAt = now
    connections[slot].lastActivity = now
    connections[slot].limitQueue(to: UInt32(clamping: max(rules.limits.outboundBytes, 262_144)))
    connections[slot].deadline = now.advanced(byNanoseconds: rules.timing.handshake)
    metrics.sockets.add(1)
    do {
      try poller.add(descriptor, .readable, token: token.packed)
    } catch {
      metrics.acceptShortages.add()
      return end(slot)
    }
    // Without memory for TLS nothing may be said in the clear.
    if door != nil, connections[slot].tls == nil { return end(slot) }
    arm(slot, at: connections[slot].deadline)
    beginHandshake(slot, now)
  }

  /// Answers without having read: the peer may see a reset instead, which says the same.
  ///
  /// A client that speaks TLS could not read the answer, and only sees the end.
  func refuseAtOnce(_ descriptor: Int32, _ status: Int, isSecured: Bool) {
    guard !isSecured else { return Syscalls.close(descriptor) }
    let response = ResponseWriter.response(
      status: status, fields: [("Retry-After", "10")], body: [], keepAlive: false,
      omitBody: false)
    _ = response.withUnsafeBytes { Syscalls.send(descriptor, $0) }
    Syscalls.close(descriptor)
  }
}
