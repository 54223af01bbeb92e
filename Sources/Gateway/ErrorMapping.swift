// From every failure of a lower layer to the word, code or status that a client sees. This is the
// only file that knows both sides.

import Backplane
import RoostHTTP
import RoostWebSocket
import RoostWire

/// The protocol's close codes; the name without a module means these everywhere in this target.
typealias CloseCode = RoostWire.CloseCode

/// What an `error` reply says.
struct ErrorReply: Sendable, Equatable {
  let code: ErrorCode
  let message: String
  let retryAfter: Duration?

  init(_ code: ErrorCode, _ message: String, retryAfter: Duration? = nil) {
    self.code = code
    self.message = message
    self.retryAfter = retryAfter
  }

  init(_ rejection: RequestRejection) {
    self.init(rejection.code, rejection.message)
  }

  init(_ failure: BackplaneFailure) {
    switch failure {
    case .unavailable(let retryAfter):
      self.init(.unavailable, "not done: try again", retryAfter: retryAfter)
    case .unknown:
      self.init(.unknown, "no answer came: it may have been done; repeat it with the same key")
    case .keyConflict:
      self.init(.badRequest, "`key` was used for other data within the idempotency window")
    case .keysExhausted:
      self.init(
        .limitExceeded, "the node remembers no more keys: limits.idempotency_keys is reached",
        retryAfter: .seconds(5))
    case .roomIsFull:
      self.init(.limitExceeded, "the room has as many members as its namespace allows")
    case .historyIsOff:
      self.init(.forbidden, "the room's namespace keeps no history")
    }
  }

  init(_ violation: BinaryMessageViolation) {
    self.init(.badRequest, violation.reason)
  }
}

extension AdmissionRefusal {
  /// The HTTP status that answers the upgrade.
  var status: Int {
    switch self {
    case .nodeConnections, .nodeRate, .draining: 503
    case .addressConnections, .userConnections, .addressRate: 429
    case .origin: 403
    case .unauthenticated: 401
    }
  }

  /// The sentence in the response's body.
  var message: String {
    switch self {
    case .nodeConnections: "This node has as many connections as it may have (limits.connections)."
    case .nodeRate: "Too many new connections on this node (limits.handshakes_per_second)."
    case .draining: "This node is going away; connect to another one."
    case .addressConnections:
      "Too many connections from this address (limits.connections_per_address)."
    case .userConnections: "Too many connections of this user (limits.connections_per_user)."
    case .addressRate:
      "Too many new connections from this address (limits.handshakes_per_second_per_address)."
    case .origin: "Pages of this origin may not connect (origins)."
    case .unauthenticated: "A credential is needed: anonymous connections are not allowed here."
    }
  }
}
