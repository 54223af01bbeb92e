// The end of a connection, RFC 6455 section 7, as a state machine without a socket or a clock: who
// sends a close frame when, and when the transport may be closed. Both ends use it. The server closes
// the transport first and the client waits for that, so that the server's port does not linger.
// The caller owns the deadline of the whole, which begins when the state ceases to be `open`.

/// How a connection ended, for logs and counters.
public struct ConnectionEnding: Equatable, Sendable {
  /// Which side began to close.
  public enum Side: Sendable {
    /// This one.
    case local
    /// The peer.
    case remote
  }

  /// The code of the side that began, 1005 if its frame had none, 1006 if there was no frame.
  public let code: UInt16
  /// Who began.
  public let side: Side
  /// Whether both close frames were exchanged.
  public let isClean: Bool

  /// Puts an ending together.
  public init(code: UInt16, side: Side, isClean: Bool) {
    self.code = code
    self.side = side
    self.isClean = isClean
  }
}

/// The close handshake of one connection.
///
/// Lives in its connection's thread. Each input returns the one thing to do next.
public struct CloseHandshake: Equatable, Sendable {
  /// How far the handshake is, and what is known then.
  public enum State: Equatable, Sendable {
    /// Neither side has sent a close frame.
    case open
    /// This side has, the peer has not; `isFlushed` when the frame has gone to the kernel.
    case sentClose(code: UInt16, isFlushed: Bool)
    /// Both have, though this side's frame may still be queued.
    case receivedClose(ConnectionEnding)
    /// The peer broke the protocol: its close frame is not waited for, only this side's flush.
    case failing(ConnectionEnding)
    /// The transport is closed or to be closed.
    case closed(ConnectionEnding)
  }

  /// What the caller is to do.
  public enum Action: Equatable, Sendable {
    /// Nothing.
    case none
    /// Queue a close frame with this code, or an empty one, as the last frame of this side.
    case sendClose(code: UInt16?)
    /// Close the transport.
    case closeTransport
  }

  /// How far the handshake is.
  public private(set) var state = State.open
  private let role: Role

  /// Begins in the state `open`.
  public init(role: Role) {
    self.role = role
  }

  /// Whether messages may still be queued; nothing may follow this side's close frame.
  public var maySend: Bool { state == .open }

  /// Whether messages that come in still mean anything: until the peer's close frame.
  public var mayReceive: Bool {
    switch state {
    case .open, .sentClose: true
    case .receivedClose, .failing, .closed: false
    }
  }

  /// How the connection ended, once it has.
  public var ending: ConnectionEnding? {
    guard case .closed(let ending) = state else { return nil }
    return ending
  }

  /// This side wants to close; without effect when the connection is already on its way down.
  ///
  /// § 7.1.2. The code must be one that may stand on the wire.
  public mutating func close(code: UInt16) -> Action {
    precondition(CloseCode.isValidOnWire(code), "close with code \(code)")
    guard state == .open else { return .none }
    state = .sentClose(code: code, isFlushed: false)
    return .sendClose(code: code)
  }

  /// The peer broke the protocol.
  ///
  /// § 7.1.7: a close frame says why, and the transport is closed behind it without waiting for an
  /// answer from a peer that cannot be trusted to give one.
  public mutating func fail(_ violation: WebSocketViolation) -> Action {
    switch state {
    case .open:
      let code = violation.closeCode
      state = .failing(ConnectionEnding(code: code, side: .local, isClean: false))
      return .sendClose(code: code)
    case .sentClose(let code, let isFlushed):
      let ending = ConnectionEnding(code: code, side: .local, isClean: false)
      return isFlushed ? finish(ending) : wait(.failing(ending))
    case .receivedClose, .failing, .closed:
      preconditionFailure("\(violation) read behind the end, in \(state)")
    }
  }

  /// The peer's close frame has come.
  ///
  /// § 5.5.1: it is answered with the same code, unless it is itself the answer.
  public mutating func received(code: UInt16?) -> Action {
    switch state {
    case .open:
      state = .receivedClose(
        ConnectionEnding(code: code ?? CloseCode.noCode, side: .remote, isClean: true))
      return .sendClose(code: code)
    case .sentClose(let sentCode, let isFlushed):
      let ending = ConnectionEnding(code: sentCode, side: .local, isClean: true)
      return isFlushed && role == .server ? finish(ending) : wait(.receivedClose(ending))
    case .receivedClose, .failing, .closed:
      preconditionFailure("close frame \(code ?? 0) read behind the end, in \(state)")
    }
  }

  /// Everything that was queued has gone to the kernel.
  ///
  /// May be called at any time.
  public mutating func flushed() -> Action {
    switch state {
    case .open, .closed: return .none
    case .sentClose(let code, _): return wait(.sentClose(code: code, isFlushed: true))
    // § 7.1.1: the server closes first; a client leaves the transport open until it has.
    case .receivedClose(let ending): return role == .server ? finish(ending) : .none
    case .failing(let ending): return finish(ending)
    }
  }

  /// The peer has ended the transport, or it has failed.
  ///
  /// May be called at any time.
  public mutating func transportEnded() -> Action {
    switch state {
    case .open:
      // § 7.1.5: no close frame at all counts as 1006.
      return finish(ConnectionEnding(code: CloseCode.abnormal, side: .remote, isClean: false))
    case .sentClose(let code, _):
      return finish(ConnectionEnding(code: code, side: .local, isClean: false))
    case .receivedClose(let ending), .failing(let ending): return finish(ending)
    case .closed: return .none
    }
  }

  /// The time for the handshake is over.
  ///
  /// Without effect on a connection that is open or closed.
  public mutating func deadlinePassed() -> Action {
    switch state {
    case .open, .closed: return .none
    case .sentClose(let code, _):
      return finish(ConnectionEnding(code: code, side: .local, isClean: false))
    case .receivedClose(let ending), .failing(let ending): return finish(ending)
    }
  }

  private mutating func finish(_ ending: ConnectionEnding) -> Action {
    state = .closed(ending)
    return .closeTransport
  }

  private mutating func wait(_ state: State) -> Action {
    self.state = state
    return .none
  }
}
