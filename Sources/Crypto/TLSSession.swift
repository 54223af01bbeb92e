// One TLS connection between two buffers: ciphertext is fed and drained by the owner, who has the
// socket and its timeouts. What is buffered is bounded in both directions.

import RoostCOpenSSL

/// What a step of a session came to.
public enum TLSOutcome: Equatable, Sendable {
  /// The step is done: that many bytes of plaintext were moved; 0 for a handshake.
  case done(Int)
  /// Ciphertext of the peer is needed: drain, send, receive, feed, and call again.
  case needsInput
  /// Ciphertext must be drained before more can be written.
  case needsDrain
  /// The peer has ended its side in order; nothing more comes.
  case ended
  /// The session is of no use any more. Drain it still: the peer is told why.
  case failed(TLSFailure)
}

/// One TLS session of either role.
///
/// Owner: one connection, on the context's thread.
public struct TLSSession: ~Copyable {
  /// Ciphertext that is held before `feed` takes no more, in bytes; more than two whole records.
  public static let inputBytesMax = 65_536
  /// Ciphertext that is held before `write` takes no more, in bytes.
  public static let outputBytesMax = 262_144

  private let session: OpaquePointer
  // SSL_new counts its own reference to the context; this one keeps the context's Swift owner.
  private let context: TLSContext
  private var failure: TLSFailure?
  /// Whether the peer speaks plain HTTP, which ended the session before it began.
  public private(set) var hasMetHTTP = false

  /// A session that has sent nothing yet.
  ///
  /// - Parameter serverName: for clients, the name or address that the peer's certificate must
  ///   have, unless the context names another; servers pass nil.
  public init(_ context: TLSContext, serverName: String?) throws(TLSFailure) {
    session = try Self.begin(context, serverName: serverName)
    self.context = context
  }

  private static func begin(
    _ context: TLSContext, serverName: String?
  ) throws(TLSFailure) -> OpaquePointer {
    ERR_clear_error()
    let isServer = context.role == .server
    let name = context.serverName ?? serverName ?? ""
    if !isServer, name.isEmpty || name.utf8.contains(0) {
      throw .certificate("there is no name to verify")
    }
    guard
      let session = roost_tls_session(context.context, context.method, isServer ? 1 : 0)
    else {
      throw .library(TLSContext.reason())
    }
    if !isServer, roost_tls_expect(session, name) != 1 {
      SSL_free(session)
      throw .library(TLSContext.reason())
    }
    return session
  }

  deinit { SSL_free(session) }

  /// Whether plaintext can be moved.
  public var isReady: Bool { SSL_is_init_finished(session) == 1 }

  /// The version that was agreed on, such as `TLSv1.3`.
  public var version: String { String(cString: SSL_get_version(session)) }

  /// Whether the handshake went on from a session of earlier (a ticket).
  public var isResumed: Bool { SSL_session_reused(session) == 1 }

  /// Bytes of ciphertext to be drained and sent.
  public var outgoingBytes: Int { Int(roost_tls_pending_output(session)) }

  /// Bytes of ciphertext that `feed` takes now.
  public var inputRoom: Int {
    max(0, Self.inputBytesMax - Int(roost_tls_pending_input(session)))
  }

  /// Takes ciphertext of the peer in; returns how many bytes it took.
  ///
  /// Fewer than all: read plaintext first, then feed the rest.
  public mutating func feed(_ ciphertext: borrowing Span<UInt8>) -> Int {
    let count = min(ciphertext.count, inputRoom)
    guard count > 0 else { return 0 }
    let isTaken = ciphertext.withUnsafeBufferPointer {
      roost_tls_feed(session, $0.baseAddress, count)
    }
    return isTaken == 1 ? count : 0
  }

  /// Moves ciphertext behind `output`, `most` bytes at most.
  public mutating func drain(into output: inout [UInt8], most: Int) {
    let count = min(outgoingBytes, most)
    guard count > 0 else { return }
    output.append(
      contentsOf: UnsafeBufferPointer(start: roost_tls_output(session), count: count))
    roost_tls_sent(session, count)
  }

  /// Calls `body` with the ciphertext that waits; it tells how much of it was sent, which is dropped.
  ///
  /// The same as `drain` without the copy. Ask `outgoingBytes` first: there must be some.
  public mutating func send<Result>(
    _ body: (UnsafeRawBufferPointer) -> (result: Result, sent: Int)
  ) -> Result {
    let count = outgoingBytes
    precondition(count > 0, "nothing waits to be sent")
    let outcome = body(UnsafeRawBufferPointer(start: roost_tls_output(session), count: count))
    precondition((0...count).contains(outcome.sent), "\(outcome.sent) of \(count) bytes were sent")
    roost_tls_sent(session, outcome.sent)
    return outcome.result
  }

  /// Goes on with the handshake; for clients the first call writes its first message.
  public mutating func handshake() -> TLSOutcome {
    if let failure { return .failed(failure) }
    ERR_clear_error()
    let result = SSL_do_handshake(session)
    return result == 1 ? .done(0) : outcome(of: result)
  }

  /// Reads plaintext into a buffer of at least one byte.
  public mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> TLSOutcome {
    precondition(buffer.count > 0, "a read needs room")
    if let failure { return .failed(failure) }
    ERR_clear_error()
    let result = SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
    return result > 0 ? .done(Int(result)) : outcome(of: result)
  }

  /// Writes plaintext; how much was taken is in the outcome.
  public mutating func write(_ plaintext: borrowing Span<UInt8>) -> TLSOutcome {
    precondition(plaintext.count > 0, "a write needs bytes")
    if let failure { return .failed(failure) }
    var written = 0
    while written < plaintext.count {
      guard outgoingBytes < Self.outputBytesMax else { break }
      ERR_clear_error()
      // A record holds 16 KiB, and only whole records are worth their frame.
      let count = min(plaintext.count - written, 16_384)
      let result = plaintext.withUnsafeBufferPointer {
        SSL_write(session, $0.baseAddress.map { $0 + written }, Int32(count))
      }
      guard result > 0 else {
        let outcome = outcome(of: result)
        return written > 0 ? .done(written) : outcome
      }
      written += Int(result)
    }
    return written > 0 ? .done(written) : .needsDrain
  }

  /// Tells the peer that nothing more comes (close_notify); drain afterwards.
  public mutating func end() {
    guard failure == nil, isReady else { return }
    ERR_clear_error()
    _ = SSL_shutdown(session)
    ERR_clear_error()
  }

  private mutating func outcome(of result: Int32) -> TLSOutcome {
    switch SSL_get_error(session, result) {
    case SSL_ERROR_WANT_READ: return .needsInput
    case SSL_ERROR_WANT_WRITE: return .needsDrain
    case SSL_ERROR_ZERO_RETURN: return .ended
    default:
      hasMetHTTP = roost_tls_met_http() == 1
      let verified = SSL_get_verify_result(session)
      let failure: TLSFailure
      if verified != Int(X509_V_OK) {
        let reason = X509_verify_cert_error_string(verified).map { String(cString: $0) }
        failure = .certificate(reason ?? "error \(verified)")
        ERR_clear_error()
      } else {
        failure = .handshake(TLSContext.reason())
      }
      self.failure = failure
      return .failed(failure)
    }
  }
}
