// Bytes of a connection: in through TLS, where there is any, to heads and frames, and out again.

import RoostCrypto
import RoostDeflate
import RoostEventLoop
import RoostWebSocket

extension ClientTransport {
  private enum ReadOutcome {
    case bytes(Int)
    case nothing
    case ended(String)
  }

  // MARK: In

  /// Reads what there is.
  func read(_ now: MonotonicInstant) {
    for _ in 0..<Self.readsMax {
      switch stage {
      case .ended, .looking, .connecting: return
      case .securing:
        guard receiveInHandshake(now) else { return }
        continue
      case .proxying, .upgrading, .open, .closing: break
      }
      switch readSome() {
      case .bytes(let count):
        let bytes = UnsafeMutableRawBufferPointer(rebasing: gear.plaintext[..<count])
        receive(bytes.assumingMemoryBound(to: UInt8.self), now)
      case .nothing: return
      case .ended(let reason): return peerEnded(reason, now)
      }
    }
    // What TLS holds already is not reported by the poller again.
    gear.hungry.append(token)
  }

  private func receive(
    _ bytes: UnsafeMutableBufferPointer<UInt8>, _ now: MonotonicInstant
  ) {
    switch stage {
    case .proxying, .upgrading: receiveHead(Span(_unsafeElements: bytes), now)
    case .open, .closing:
      var span = MutableSpan(_unsafeElements: bytes)
      receiveFrames(&span, now)
    case .looking, .connecting, .securing, .ended: break
    }
  }

  /// Plaintext into the loop's buffer.
  private func readSome() -> ReadOutcome {
    guard session != nil, stage != .proxying else { return receiveInto(gear.plaintext) }
    while true {
      switch session?.read(into: gear.plaintext) ?? .ended {
      case .done(let count): return .bytes(count)
      case .ended: return .ended("the server ended TLS")
      case .failed(let failure):
        markDirty()
        return .ended(failure.description)
      case .needsInput, .needsDrain: break
      }
      // A key update may have an answer.
      if (session?.outgoingBytes ?? 0) > 0 { markDirty() }
      let room = min(session?.inputRoom ?? 0, gear.ciphertext.count)
      guard room > 0 else { return .ended("TLS takes no more bytes") }
      let outcome = receiveInto(UnsafeMutableRawBufferPointer(rebasing: gear.ciphertext[..<room]))
      guard case .bytes(let count) = outcome else { return outcome }
      feed(count)
    }
  }

  private func feed(_ count: Int) {
    let bytes = UnsafeRawBufferPointer(rebasing: gear.ciphertext[..<count])
    let taken = session?.feed(Span(_unsafeBytes: bytes)) ?? 0
    precondition(taken == count, "TLS took \(taken) of \(count) bytes")
  }

  private func receiveInto(_ buffer: UnsafeMutableRawBufferPointer) -> ReadOutcome {
    guard let number = number else { return .nothing }
    switch Syscalls.receive(number, into: buffer) {
    case .bytes(let count): return .bytes(count)
    case .wouldBlock: return .nothing
    case .endOfStream: return .ended("the server ended the connection")
    case .failed(let error): return .ended("\(error)")
    }
  }

  /// False when nothing more is there, or the connection is over.
  private func receiveInHandshake(_ now: MonotonicInstant) -> Bool {
    let room = min(session?.inputRoom ?? 0, gear.ciphertext.count)
    guard room > 0 else { return false }
    switch receiveInto(UnsafeMutableRawBufferPointer(rebasing: gear.ciphertext[..<room])) {
    case .bytes(let count):
      feed(count)
      continueHandshake(now)
      return true
    case .nothing: return false
    case .ended(let reason):
      peerEnded(reason, now)
      return false
    }
  }

  private func peerEnded(_ reason: String, _ now: MonotonicInstant) {
    _ = closing.transportEnded()
    // What was told before is not told again.
    if driver == nil { end() } else { fail(reason, now) }
  }

  // MARK: Frames

  func receiveFrames(_ input: inout MutableSpan<UInt8>, _ now: MonotonicInstant) {
    var offset = 0
    while stage == .open || stage == .closing {
      do throws(WebSocketViolation) {
        let step = try reader.next(&input, at: &offset, inflater: &gear.inflater)
        if step == .needMore { return }
        take(step, input.span, now)
      } catch {
        return violated(error, now)
      }
    }
  }

  private func take(
    _ step: ReadStep, _ input: borrowing Span<UInt8>, _ now: MonotonicInstant
  ) {
    switch step {
    case .needMore: break
    case .message(let kind, .inInput(let range)):
      driver?.received(link, kind, input.extracting(range), now)
    case .message(let kind, .assembled):
      let bytes = reader.takeAssembled()
      driver?.received(link, kind, bytes.span, now)
    case .ping(let payload):
      driver?.heard(link, now)
      if closing.maySend { sendFrame(.pong, content(of: payload, input).span) }
    case .pong: driver?.heard(link, now)
    case .close(let code, let reason):
      let text = String(decoding: content(of: reason, input), as: UTF8.self)
      receivedClose(code, text, now)
    }
  }

  private func content(of payload: Payload, _ input: borrowing Span<UInt8>) -> [UInt8] {
    switch payload {
    case .assembled: reader.assembled
    case .inInput(let range): input.extracting(range).withUnsafeBufferPointer { Array($0) }
    }
  }

  private func receivedClose(_ code: UInt16?, _ reason: String, _ now: MonotonicInstant) {
    guard closing.mayReceive else { return }
    if case .sendClose(let answer) = closing.received(code: code) { sendClose(answer) }
    linger(now)
    let driver = driver
    self.driver = nil
    driver?.ended(link, code: code ?? CloseCode.noCode, reason: reason, now)
  }

  private func violated(_ violation: WebSocketViolation, _ now: MonotonicInstant) {
    if case .sendClose(let code) = closing.fail(violation) { sendClose(code) }
    linger(now)
    let driver = driver
    self.driver = nil
    driver?.ended(link, code: CloseCode.abnormal, reason: violation.reason, now)
  }

  // MARK: Closing

  /// The client wants no more: a close frame with the code, or the end at once.
  func hangUp(code: UInt16?, _ now: MonotonicInstant) {
    driver = nil
    guard stage == .open, let code, case .sendClose(let sent) = closing.close(code: code) else {
      return end()
    }
    sendClose(sent)
    linger(now)
  }

  private func sendClose(_ code: UInt16?) {
    let payload = code.map { FrameEncoder.closePayload(code: $0, reason: "") } ?? []
    sendFrame(.close, payload.span)
  }

  /// Waits for the other side, but not for ever.
  private func linger(_ now: MonotonicInstant) {
    stage = .closing
    deadline = now.advanced(by: Self.closeTimeout)
    gear.schedule(token, at: deadline)
    markDirty()
  }

  // MARK: Out

  /// Queues a message.
  func send(_ kind: MessageKind, _ payload: borrowing Span<UInt8>) {
    guard stage == .open, closing.maySend else { return }
    // Below that the frame grows rather than shrinks.
    let isWorth = payload.count >= 128 && agreement?.deflaterWindowBits(for: .client) == 15
    if isWorth, let compressed = gear.compressed(payload), compressed.count < payload.count {
      return sendFrame(kind.opcode, compressed.span, isCompressed: true)
    }
    sendFrame(kind.opcode, payload)
  }

  private func sendFrame(
    _ opcode: Opcode, _ payload: borrowing Span<UInt8>, isCompressed: Bool = false
  ) {
    send(
      FrameEncoder.frame(
        opcode: opcode, payload: payload, isCompressed: isCompressed, maskingKey: gear.makeMask()))
  }

  /// Queues bytes.
  func send(_ bytes: [UInt8]) {
    guard output.count + bytes.count <= Self.outputBytesMax else {
      // A server that sends pings and does not read the answers.
      return gear.drop(self, "the server does not read")
    }
    bytes.withUnsafeBytes { output.append($0) }
    markDirty()
  }

  func markDirty() {
    guard !isDirty, number != nil else { return }
    isDirty = true
    gear.dirty.append(self)
  }

  /// Sends what is queued, as far as the socket takes it.
  func flush(_ now: MonotonicInstant) {
    isDirty = false
    switch stage {
    case .ended, .looking, .connecting: return
    case .proxying, .securing, .upgrading, .open, .closing: break
    }
    switch session == nil ? flushPlain() : flushSecured() {
    case .bytes, .endOfStream:
      watch(forWriting: false)
      if closing.flushed() == .closeTransport { end() }
    case .wouldBlock: watch(forWriting: true)
    case .failed(let error): peerEnded("\(error)", now)
    }
  }

  private func flushPlain() -> IOOutcome {
    guard let number else { return .bytes(0) }
    while !output.isEmpty {
      switch output.withBytes({ Syscalls.send(number, $0) }) {
      case .bytes(let count): output.removeFirst(count)
      case let outcome: return outcome
      }
    }
    return .bytes(0)
  }

  private func flushSecured() -> IOOutcome {
    guard let number else { return .bytes(0) }
    while true {
      while (session?.outgoingBytes ?? 0) > 0 {
        let outcome = session?.send { bytes in
          let outcome = Syscalls.send(number, bytes)
          guard case .bytes(let count) = outcome else { return (outcome, 0) }
          return (outcome, count)
        }
        guard case .bytes? = outcome else { return outcome ?? .bytes(0) }
      }
      guard !output.isEmpty, session?.isReady == true else { return .bytes(0) }
      let outcome = output.withBytes { bytes in
        session?.write(Span(_unsafeBytes: bytes)) ?? .ended
      }
      guard case .done(let count) = outcome else { return .bytes(0) }
      output.removeFirst(count)
    }
  }

  // MARK: The descriptor

  /// The socket's number; nil without one.
  var number: Int32? {
    switch socket {
    case .some(let descriptor): descriptor.number
    case .none: nil
    }
  }

  func watch(forWriting: Bool) {
    guard let number else { return }
    guard forWriting != isWatchedForWriting || stage == .connecting else { return }
    isWatchedForWriting = forWriting
    gear.poller.modify(number, forWriting ? [.readable, .writable] : .readable, token: token)
  }
}
