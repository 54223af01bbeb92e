// The true address of a connection. A trusted proxy's own address says nothing about the client, and
// all clients share it, so nothing is counted by it until a PROXY header or a request has told whose
// the bytes are. Then the count moves to that address, and rates and logs use it.

import RoostEventLoop
import RoostHTTP
import Telemetry

extension Core {
  /// Takes the PROXY header from the front of what was read; returns how many bytes are left, which
  /// then stand at the front.
  mutating func takeProxyHeader(
    _ slot: Int32, _ buffer: inout [UInt8], _ count: Int, _ now: MonotonicInstant
  ) -> Int {
    let waiting = connections[slot].input.count
    var header: [UInt8] = []
    connections[slot].input.withBytes { header.append(contentsOf: $0) }
    header.append(contentsOf: buffer[0..<min(count, ProxyHeader.headerBytesMax)])
    let scan: ProxyScan
    do throws(ProxyViolation) {
      scan = try ProxyHeader.scan(header.span)
    } catch {
      // Whoever sends this speaks another protocol, and would not understand an answer.
      refuseSilently(slot, .proxyHeader, now)
      return 0
    }
    switch scan {
    case .needMore:
      // All that came is part of the header, or it would be complete or too long.
      buffer.withUnsafeBytes {
        connections[slot].input.append(UnsafeRawBufferPointer(rebasing: $0[0..<count]))
      }
      return 0
    case .complete(let headerBytes, let source):
      connections[slot].input.removeAll()
      connections[slot].awaitsProxyHeader = false
      let used = headerBytes - waiting
      buffer.withUnsafeMutableBytes { bytes in
        for place in used..<count { bytes[place - used] = bytes[place] }
      }
      if case .client(let address, let port) = source {
        let client = SocketAddress(address, port: port)
        connections[slot].peer = client
        connections[slot].address = client
        if !rules.proxies.contains(client), !countAddress(slot, client) {
          refuseSilently(slot, .addressConnections, now)
          return 0
        }
      }
      return count - used
    }
  }

  /// Finds out for whom a request is, when its peer is trusted; false when it was refused.
  mutating func settleAddress(
    _ slot: Int32, _ head: RequestHead, _ now: MonotonicInstant
  ) -> Bool {
    let peer = connections[slot].peer
    guard rules.proxies.contains(peer) else { return true }
    let client = ForwardedClient(
      peer: peer.network, fields: head.fields, believing: rules.proxies.field,
      from: rules.proxies.trusted)
    if client.finding == .malformed { metrics.forwardedMalformed.add() }
    connections[slot].isPageSecure =
      client.isSecure ?? (connections[slot].tls == nil ? nil : true)
    // Where nobody is named it is the proxy itself, and what it brings is counted as its own.
    let isPeer = client.address == peer.network
    if countAddress(slot, isPeer ? peer : SocketAddress(client.address, port: 0)) { return true }
    refuse(slot, .addressConnections, .seconds(5), now)
    return false
  }

  /// Takes a connection's second and further requests from the rate of sockets of their address.
  ///
  /// A connection that is used again must not be a way around that rate. False when it was refused.
  mutating func admitsRequest(_ slot: Int32, _ now: MonotonicInstant) -> Bool {
    guard connections[slot].hasRequested else {
      connections[slot].hasRequested = true
      return true
    }
    guard
      let refusal = shared.admission.accepts(
        connections[slot].address, rules.limits, now: now)
    else {
      return true
    }
    refuse(slot, refusal, .seconds(1), now)
    return false
  }

  /// Counts a connection by an address, and no longer by the one before; false when that address has
  /// far more than it may have.
  private mutating func countAddress(_ slot: Int32, _ address: SocketAddress) -> Bool {
    let counted = connections[slot].isAddressCounted ? connections[slot].address : nil
    connections[slot].address = address
    if let counted {
      guard counted.network != address.network else { return true }
      shared.admission.left(counted)
    }
    connections[slot].isAddressCounted = true
    return shared.admission.entered(address, rules.limits)
  }

  /// Ends a connection that is not let in and gets no answer.
  mutating func refuseSilently(
    _ slot: Int32, _ refusal: AdmissionRefusal, _ now: MonotonicInstant
  ) {
    count(refusal, connections[slot].address, now)
    end(slot)
  }
}
