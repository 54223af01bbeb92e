// TLS between a connection and its socket (RFC 8446, RFC 5246). A plain connection has none of this: a
// nil where it is looked for. What the socket refuses stays ciphertext, 64 KiB and a record at most;
// everything behind it waits as plaintext in the connection's queue, where it is counted and bounded.

import Glibc
import RoostCrypto
public import RoostEventLoop

/// What a look into received ciphertext came to.
public struct TLSReading: Sendable, Equatable {
  /// What became of the session.
  public enum State: Sendable, Equatable {
    /// It goes on when more has come.
    case waiting
    /// The buffer is full and there is more: read again.
    case more
    /// The peer has ended its side in order.
    case ended
    /// It is of no use any more; a reason for the log. What waits to be sent tells the peer.
    case failed(String)
    /// The peer speaks plain HTTP.
    case plainHTTP
  }

  /// Bytes of plaintext at the front of the buffer.
  public var count = 0
  /// What became of the session.
  public var state = State.waiting
  /// Whether the handshake was finished by this, and how.
  public var handshake: TLSHandshakeResult?
}

/// How a handshake of TLS came to its end.
public enum TLSHandshakeResult: Int, Sendable, CaseIterable {
  /// With certificates.
  case ok
  /// From a ticket.
  case resumed
  /// One side refused.
  case failed
  /// The peer went away, or took too long.
  case abandoned
}

/// One connection's TLS.
///
/// Owner: one connection, on the thread of the context.
public final class TLSTransport {
  /// Ciphertext that may wait for the socket before no more plaintext is encrypted.
  static let ciphertextBytesMax = 65_536
  /// Ciphertext that is taken in at once; its plaintext, and that of a record which began before, fit
  /// a buffer of `Bounds.readBytes`.
  public static let inputBytesMax = TLSSession.inputBytesMax

  private let context: TLSContext
  /// Made with the first bytes: who only opens a socket costs no session.
  private var session: TLSSession?
  private var result: TLSHandshakeResult?
  private var hasEnded = false

  init(_ context: TLSContext) { self.context = context }

  /// Whether ciphertext waits for the socket.
  public var hasOutput: Bool { (session?.outgoingBytes ?? 0) > 0 }

  /// How the handshake ended; nil while it goes on.
  public var handshakeResult: TLSHandshakeResult? { result }

  // MARK: Receiving

  /// Takes in ciphertext of the peer, at most `inputBytesMax`; read until nothing more comes.
  public func feed(_ ciphertext: Span<UInt8>) {
    guard result != .failed else { return }
    if session == nil {
      do {
        session = try TLSSession(context, serverName: nil)
      } catch {
        // No memory: told by the next read.
        result = .failed
        return
      }
    }
    let taken = session?.feed(ciphertext) ?? 0
    // Every whole record was read before, and the rest of one is OpenSSL's.
    precondition(taken == ciphertext.count, "TLS took \(taken) of \(ciphertext.count) bytes")
  }

  /// Goes on with the handshake, then decrypts what was fed.
  ///
  /// - Parameter buffer: at least one byte.
  public func read(into buffer: UnsafeMutableRawBufferPointer) -> TLSReading {
    var reading = TLSReading()
    guard session != nil else {
      reading.state = result == .failed ? .failed("there is no memory") : .waiting
      return reading
    }
    if result == nil {
      guard finishHandshake(&reading) else { return reading }
    }
    while reading.count < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[reading.count...])
      switch session?.read(into: rest) ?? .ended {
      case .done(let count): reading.count += count
      case .needsInput, .needsDrain: return reading
      case .ended:
        reading.state = .ended
        return reading
      case .failed(let failure):
        reading.state = .failed(failure.description)
        return reading
      }
    }
    reading.state = .more
    return reading
  }

  /// False when the handshake is not finished; the reading tells why.
  private func finishHandshake(_ reading: inout TLSReading) -> Bool {
    switch session?.handshake() ?? .ended {
    case .done:
      result = session?.isResumed == true ? .resumed : .ok
      reading.handshake = result
      return true
    case .needsInput, .needsDrain: return false
    case .ended: reading.state = .failed("the peer has ended")
    case .failed(let failure):
      let isHTTP = session?.hasMetHTTP == true
      reading.state = isHTTP ? .plainHTTP : .failed(failure.description)
    }
    result = .failed
    reading.handshake = .failed
    return false
  }

  // MARK: Sending

  /// Encrypts and sends what a connection has queued; afterwards its queue holds no slice.
  ///
  /// `done` means that nothing waits, `blocked` that the socket must become writable.
  public func flush(
    _ queue: inout SendQueue, of arena: inout SendArena, to descriptor: Int32
  ) -> FlushOutcome {
    var sent = 0
    var calls = 0
    defer { arena.countSent(bytes: sent, calls: calls) }
    var outcome = FlushOutcome.done
    if !queue.isEmpty {
      outcome = arena.flush(&queue) { encrypt($0, descriptor, &sent, &calls) }
    }
    if case .failed = outcome { return outcome }
    switch sendCiphertext(descriptor, &sent, &calls) {
    case .done: return outcome
    case .blocked: return .blocked
    case .failed(let code):
      arena.drop(&queue)
      return .failed(code)
    }
  }

  /// Tells the peer that nothing more comes (close_notify), as far as the socket takes it.
  public func end(on descriptor: Int32) {
    guard !hasEnded, result == .ok || result == .resumed else { return }
    hasEnded = true
    session?.end()
    var counts = (0, 0)
    _ = sendCiphertext(descriptor, &counts.0, &counts.1)
  }

  private func encrypt(
    _ bytes: UnsafeRawBufferPointer, _ descriptor: Int32, _ sent: inout Int, _ calls: inout Int
  ) -> IOOutcome {
    let waiting = session?.outgoingBytes ?? 0
    if waiting >= Self.ciphertextBytesMax {
      switch sendCiphertext(descriptor, &sent, &calls) {
      case .done: break
      case .blocked: return .wouldBlock
      case .failed(let code): return .failed(code)
      }
    }
    // Whole records, if need be one over the bound, rather than a short one up to it.
    let room = max(Self.ciphertextBytesMax - (session?.outgoingBytes ?? 0), 16_384)
    let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(room))
    switch session?.write(Span(_unsafeBytes: piece)) ?? .ended {
    case .done(let count): return .bytes(count)
    // Before the end of the handshake nothing is queued, and behind close_notify nothing is sent.
    case .needsInput, .needsDrain: return .wouldBlock
    case .ended, .failed: return .failed(Errno(code: EPROTO))
    }
  }

  private func sendCiphertext(
    _ descriptor: Int32, _ sent: inout Int, _ calls: inout Int
  ) -> FlushOutcome {
    while hasOutput {
      calls += 1
      let outcome = session?.send { bytes in
        let outcome = Syscalls.send(descriptor, bytes)
        guard case .bytes(let count) = outcome else { return (outcome, 0) }
        return (outcome, count)
      }
      switch outcome {
      case .bytes(let count): sent += count
      case .wouldBlock, .endOfStream, nil: return .blocked
      case .failed(let code): return .failed(code)
      }
    }
    return .done
  }
}
