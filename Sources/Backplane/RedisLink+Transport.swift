// Bytes between the socket and the link, with TLS in between where it is wanted.

import Glibc
import RoostCrypto
public import RoostEventLoop

extension RedisLink {
  /// What reading ciphertext came to.
  enum CiphertextOutcome: Equatable {
    case bytes(Int)
    case nothing
    case lost(Loss)
  }

  /// The most that is asked of the kernel at once, in bytes.
  private static let roundBytes = 65_536

  /// The poller has reported the link's socket.
  ///
  /// Reads what the socket has, up to `tickBytesMax`; the rest stays for the next tick. An end that
  /// came behind replies is told by `expire`, after the owner has taken them.
  public mutating func ready(_ readiness: Readiness, now: MonotonicInstant) -> Event? {
    if let untold { return end(untold) }
    switch state {
    case .closed, .resolving: return nil
    case .connecting: return finishConnecting(now)
    case .securing: return secure()
    case .entering, .open: break
    }
    if readiness.isWritable, isBlocked {
      isBlocked = false
      if let loss = send() { return takeLast(loss) }
    }
    guard readiness.isReadable else { return nil }
    if state == .entering { return takeLogin() }
    return receive().flatMap { end($0) }
  }

  /// Sends what was appended to `output`, in one call; what the socket does not take waits until it
  /// is writable.
  public mutating func flush(now: MonotonicInstant) -> Event? {
    guard state == .open || state == .entering, untold == nil else { return nil }
    if !isBlocked, unsentBytes > 0, let loss = send() { return takeLast(loss) }
    // The bound counts what the owner has appended, not what TLS makes of it.
    return output.count - sentBytes <= limits.outputBytesMax ? nil : lose(.outputFull)
  }

  /// Sending has failed: what had come before is read, because it may say why.
  private mutating func takeLast(_ loss: Loss) -> Event? {
    if state == .entering { return takeLogin(after: loss) }
    _ = receive()
    return end(loss)
  }

  // MARK: Sending

  /// Sends as much as the socket takes; why the link is lost, if it is.
  mutating func send() -> Loss? {
    if session != nil { return sendEncrypted() }
    guard sentBytes < output.count else { return nil }
    let start = sentBytes
    let number = socketNumber
    let outcome = output.withUnsafeBytes {
      Syscalls.send(number, UnsafeRawBufferPointer(rebasing: $0[start...]))
    }
    switch outcome {
    case .bytes(let count):
      bytesSent &+= UInt64(count)
      sentBytes += count
      forgetSent()
    case .wouldBlock: break
    case .endOfStream: return .closedByPeer
    case .failed(let errno): return Self.loss(of: errno)
    }
    isBlocked = sentBytes < output.count
    updateInterest()
    return nil
  }

  private mutating func sendEncrypted() -> Loss? {
    var waitsForPeer = false
    while true {
      while sentBytes < output.count {
        let outcome = Self.write(output, from: sentBytes, to: &session)
        guard case .done(let count) = outcome else {
          if case .failed(let failure) = outcome { return .tls(failure.description) }
          waitsForPeer = outcome != .needsDrain
          break
        }
        sentBytes += count
      }
      forgetSent()
      session?.drain(into: &ciphertext, most: TLSSession.outputBytesMax * 2)
      if let loss = sendCiphertext() { return loss }
      guard !isBlocked, !waitsForPeer, sentBytes < output.count else { return nil }
    }
  }

  /// Sends the ciphertext that is there; sets `isBlocked`.
  mutating func sendCiphertext() -> Loss? {
    while sentCiphertext < ciphertext.count {
      let start = sentCiphertext
      let number = socketNumber
      let outcome = ciphertext.withUnsafeBytes {
        Syscalls.send(number, UnsafeRawBufferPointer(rebasing: $0[start...]))
      }
      switch outcome {
      case .bytes(let count):
        bytesSent &+= UInt64(count)
        sentCiphertext += count
      case .wouldBlock:
        isBlocked = true
        updateInterest()
        return nil
      case .endOfStream: return .closedByPeer
      case .failed(let errno): return Self.loss(of: errno)
      }
    }
    ciphertext.removeAll(keepingCapacity: ciphertext.capacity <= Self.roundBytes)
    sentCiphertext = 0
    isBlocked = false
    updateInterest()
    return nil
  }

  /// Drops what was sent from the front of `output`, when that is all or enough to be worth it.
  private mutating func forgetSent() {
    if sentBytes == output.count {
      output.removeAll(keepingCapacity: output.capacity <= Self.roundBytes * 4)
      sentBytes = 0
    } else if sentBytes >= Self.roundBytes, sentBytes >= output.count / 2 {
      output.removeFirst(sentBytes)
      sentBytes = 0
    }
  }

  // MARK: Receiving

  /// Hands what the socket has to the reader; why the link is lost, if it is.
  mutating func receive() -> Loss? {
    if session != nil { return receiveEncrypted() }
    let number = socketNumber
    var left = limits.tickBytesMax
    var failure: Loss?
    while left > 0, reader.waitingBytes < limits.tickBytesMax {
      let room = min(left, Self.roundBytes)
      let outcome = reader.fill(upTo: room) { buffer in
        let outcome = Syscalls.receive(number, into: buffer)
        if case .bytes(let count) = outcome { return (outcome, count) }
        return (outcome, 0)
      }
      switch outcome {
      case .bytes(let count):
        bytesReceived &+= UInt64(count)
        left -= count
        // The kernel had no more; an end that follows is reported again.
        if count < room { return failure }
      case .wouldBlock: return failure
      case .endOfStream: return failure ?? .closedByPeer
      case .failed(let errno):
        if let failure { return failure }
        // A Unix socket tells of a reset first and gives the bytes that came ahead of it then.
        failure = Self.loss(of: errno)
      }
    }
    return failure
  }

  private mutating func receiveEncrypted() -> Loss? {
    var left = limits.tickBytesMax
    while true {
      // Plaintext that an earlier tick left in the session is not announced by the poller.
      while true {
        let outcome = Self.readPlaintext(from: &session, into: &reader)
        if case .done = outcome { continue }
        if case .failed(let failure) = outcome { return .tls(failure.description) }
        if case .ended = outcome { return .closedByPeer }
        break
      }
      guard left > 0 else { return nil }
      switch receiveCiphertext() {
      case .bytes(let count): left -= min(left, count)
      case .nothing: return nil
      case .lost(let loss): return loss
      }
    }
  }

  // These get the parts of a link that they work on one by one: a call on one part with another part
  // as its argument would count as two uses of the whole link at once.

  private static func write(
    _ plaintext: [UInt8], from start: Int, to session: inout TLSSession?
  ) -> TLSOutcome {
    session?.write(plaintext.span.extracting(start...)) ?? .ended
  }

  private static func feed(
    _ ciphertext: [UInt8], _ count: Int, to session: inout TLSSession?
  ) -> Int {
    session?.feed(ciphertext.span.extracting(..<count)) ?? 0
  }

  private static func readPlaintext(
    from session: inout TLSSession?, into reader: inout RedisReplyReader
  ) -> TLSOutcome {
    // One record holds at most 16 KiB.
    reader.fill(upTo: 16_384) { buffer in
      let outcome = session?.read(into: buffer) ?? .ended
      if case .done(let count) = outcome { return (outcome, count) }
      return (outcome, 0)
    }
  }

  /// Feeds the session with what the socket has, one round of it; `received` is what that was.
  mutating func receiveCiphertext() -> CiphertextOutcome {
    let number = socketNumber
    if received.isEmpty { received = [UInt8](repeating: 0, count: TLSSession.inputBytesMax) }
    let room = session?.inputRoom ?? 0
    // Everything whole was read before, and what is left of a record is shorter than the room.
    precondition(room > 0, "the session is full")
    let outcome = received.withUnsafeMutableBytes {
      Syscalls.receive(number, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<room]))
    }
    switch outcome {
    case .bytes(let count):
      bytesReceived &+= UInt64(count)
      let taken = Self.feed(received, count, to: &session)
      precondition(taken == count, "the session took \(taken) of \(count) bytes")
      return .bytes(count)
    case .wouldBlock: return .nothing
    case .endOfStream: return .lost(.closedByPeer)
    case .failed(let errno): return .lost(Self.loss(of: errno))
    }
  }

  // MARK: The socket

  private var socketNumber: Int32 {
    switch socket {
    case .some(let descriptor): descriptor.number
    case .none: preconditionFailure("no socket while \(state)")
    }
  }

  private mutating func updateInterest() {
    guard socket != nil else { return }
    let wanted: Interest = isBlocked ? [.readable, .writable] : .readable
    guard wanted != interest else { return }
    poller.modify(socketNumber, wanted, token: token)
    interest = wanted
  }

  /// A reset is the peer's end, however it came about.
  static func loss(of errno: Errno) -> Loss {
    errno.code == ECONNRESET || errno.code == EPIPE ? .closedByPeer : .connect(errno)
  }
}
