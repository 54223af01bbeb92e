// A connection's bytes where there is TLS: the doors through which everything goes in and out. Plain
// connections pass the same doors, with one look whether there is TLS.

import RoostEventLoop
import RoostWebSocket
import Telemetry

extension Core {
  // MARK: Bytes in

  /// Reads what a socket has, once, and handles what it decrypts to, all of it: epoll does not know
  /// of plaintext that is left.
  mutating func receiveSecured(_ slot: Int32, _ now: MonotonicInstant) {
    var input: [UInt8] = []
    swap(&input, &ciphertext)
    if input.isEmpty { input = [UInt8](repeating: 0, count: TLSTransport.inputBytesMax) }
    let descriptor = connections[slot].descriptor
    let outcome = input.withUnsafeMutableBytes { Syscalls.receive(descriptor, into: $0) }
    switch outcome {
    case .bytes(var count):
      metrics.bytesReceived.add(UInt64(count))
      let (bytesRead, framesBefore) = (count, connections[slot].reader.framesRead)
      connections[slot].lastActivity = now
      // A PROXY header comes ahead of TLS, in the clear.
      if connections[slot].awaitsProxyHeader { count = takeProxyHeader(slot, &input, count, now) }
      if count > 0 { decrypt(slot, input.span.extracting(0..<count), now) }
      chargeInput(
        slot, bytes: bytesRead, frames: connections[slot].reader.framesRead &- framesBefore, now)
    case .wouldBlock: break
    case .endOfStream: peerEnded(slot, now)
    case .failed: transportFailed(slot)
    }
    swap(&input, &ciphertext)
  }

  private mutating func decrypt(
    _ slot: Int32, _ ciphertext: Span<UInt8>, _ now: MonotonicInstant
  ) {
    guard let tls = connections[slot].tls, !isDeaf(slot) else { return }
    tls.feed(ciphertext)
    var plaintext: [UInt8] = []
    swap(&plaintext, &readBuffer)
    defer { swap(&plaintext, &readBuffer) }
    while !isDeaf(slot) {
      let reading = plaintext.withUnsafeMutableBytes { tls.read(into: $0) }
      if let result = reading.handshake { metrics.count(result) }
      if reading.count > 0 { take(slot, &plaintext, reading.count, now) }
      switch reading.state {
      case .more: continue
      case .waiting: break
      case .ended: if !isDeaf(slot) { peerEnded(slot, now) }
      case .failed(let reason): fail(slot, tls, reason, now)
      case .plainHTTP: refusePlain(slot, now)
      }
      break
    }
    // Its own part of the handshake, or an alert.
    if tls.hasOutput { markDirty(slot) }
  }

  /// Whether nothing that comes in is of interest any more.
  private func isDeaf(_ slot: Int32) -> Bool {
    switch connections[slot].phase {
    case .lingering, .ended, .vacant: true
    case .request, .open, .echo, .stream, .closing: false
    }
  }

  /// The peer broke TLS, or the two ends have nothing in common.
  private mutating func fail(
    _ slot: Int32, _ tls: TLSTransport, _ reason: String, _ now: MonotonicInstant
  ) {
    shared.log.debug(
      "tls_failed", "\(reason)", [.init("address", connections[slot].address.hostText)])
    guard connections[slot].phase == .request, tls.hasOutput else { return transportFailed(slot) }
    // The alert tells the peer why; a reset might take it away.
    linger(slot, now)
  }

  /// Plain HTTP on a port for TLS: said so in the clear, as there is nobody who could read more.
  private mutating func refusePlain(_ slot: Int32, _ now: MonotonicInstant) {
    connections[slot].tls = nil
    respond(slot, 400, "This port speaks TLS: use https or wss.", keepAlive: false, now)
  }

  // MARK: Bytes out

  /// Sends what a connection has queued: the one door for bytes out.
  @inline(__always)
  mutating func sendQueued(_ slot: Int32) -> FlushOutcome {
    guard connections[slot].tls == nil else { return sendSecured(slot) }
    return arena.flush(&connections[slot].queue, to: connections[slot].descriptor)
  }

  @inline(never)
  private mutating func sendSecured(_ slot: Int32) -> FlushOutcome {
    guard let tls = connections[slot].tls else { return .done }
    let descriptor = connections[slot].descriptor
    return tls.flush(&connections[slot].queue, of: &arena, to: descriptor)
  }

  /// Whether anything waits for the socket.
  func hasOutput(_ slot: Int32) -> Bool {
    if !connections[slot].queue.isEmpty { return true }
    return connections[slot].tls?.hasOutput ?? false
  }

  /// Tells the peer that nothing more comes.
  func endSending(_ slot: Int32) {
    if let tls = connections[slot].tls { tls.end(on: connections[slot].descriptor) }
    Socket.shutdownSending(connections[slot].descriptor)
  }

  /// The descriptor is about to be closed.
  mutating func endTLS(_ slot: Int32) {
    guard let tls = connections[slot].tls else { return }
    if tls.handshakeResult == nil { metrics.count(TLSHandshakeResult.abandoned) }
    tls.end(on: connections[slot].descriptor)
  }
}
