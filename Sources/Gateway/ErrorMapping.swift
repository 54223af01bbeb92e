// From every failure of a lower layer to the word, code or status that a client sees. This is the
// only file that knows both sides.

import Backplane
import RoostHTTP
import RoostRooms
import RoostWebSocket
public import RoostWire

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

extension ErrorCode {
  /// The HTTP status of the server API for an error of this kind.
  public var status: Int {
    switch self {
    case .badRequest, .unknownType: 400
    case .unauthorized, .tokenExpired: 401
    case .forbidden, .notJoined: 403
    case .limitExceeded, .unavailable: 503
    case .rateLimited: 429
    case .tooLarge: 413
    case .unknown: 504
    case .internal: 500
    }
  }
}

extension ServerFailure {
  init(_ failure: BackplaneFailure) {
    let reply = ErrorReply(failure)
    switch failure {
    case .keyConflict:
      self.init(
        code: reply.code, status: 409,
        message: "The key was used for other data within limits.idempotency_window.")
    case .unavailable(let retryAfter):
      self.init(
        code: .unavailable, status: 503, message: "It was not done: try again.",
        retryAfter: retryAfter)
    case .unknown:
      self.init(
        code: .unknown, status: 504,
        message: "No answer came in time: it may have been done. Repeat it with the same key.")
    case .keysExhausted:
      self.init(
        code: reply.code, status: 503,
        message: "No more keys are remembered: limits.idempotency_keys is reached.",
        retryAfter: reply.retryAfter)
    case .roomIsFull:
      self.init(
        code: reply.code, status: 503, message: "The room has as many members as it may have.")
    case .historyIsOff:
      self.init(
        code: .forbidden, status: 403, message: "The room's namespace keeps no history.")
    }
  }

  static func unconfigured(_ room: RoomName) -> ServerFailure {
    let namespace = room.namespace
    let setting = namespace.isEmpty ? "namespaces.\"\"" : "namespaces.\(namespace)"
    return ServerFailure(
      code: .forbidden, status: 403,
      message: "The namespace of \(room) is not configured; the setting \(setting) would allow it.")
  }

  static let presenceIsOff = ServerFailure(
    code: .forbidden, status: 403, message: "The room's namespace keeps no presence.")

  static let userRoom = ServerFailure(
    code: .forbidden, status: 403,
    message: "Rooms user:ID belong to the connections of one user and nobody else.")

  static let noConnection = ServerFailure(
    code: nil, status: 404, message: "There is no such connection.")

  static let noNode = ServerFailure(code: nil, status: 404, message: "There is no such node.")

  static let tooManyRequests = ServerFailure(
    code: .unavailable, status: 503, message: "Too many requests are under way on this node.",
    retryAfter: .seconds(1))

  static let stopping = ServerFailure(
    code: .unavailable, status: 503, message: "This node is going away; ask another one.",
    retryAfter: .seconds(1))

  static func unanswered(_ missing: [String]) -> ServerFailure {
    ServerFailure(
      code: .unavailable, status: 503, message: "The node that would know did not answer.",
      retryAfter: .seconds(1), missing: missing)
  }
}

extension AdmissionRefusal {
  /// The HTTP status that answers the upgrade.
  var status: Int {
    switch self {
    case .nodeConnections, .nodeRate, .handshakesAtOnce, .draining, .undecided,
      .revocationsUnknown:
      503
    case .addressConnections, .userConnections, .addressRate: 429
    case .origin, .denied: 403
    case .unauthenticated, .token: 401
    // These get no answer: whoever is there does not speak HTTP to this port.
    case .proxyUntrusted, .proxyHeader: 400
    }
  }

  /// The sentence in the response's body.
  var message: String {
    switch self {
    case .nodeConnections: "This node has as many connections as it may have (limits.connections)."
    case .nodeRate: "Too many new connections on this node (limits.handshakes_per_second)."
    case .handshakesAtOnce: "Too many handshakes at once (limits.handshakes_at_once)."
    case .draining: "This node is going away; connect to another one."
    case .addressConnections:
      "Too many connections from this address (limits.connections_per_address)."
    case .userConnections: "Too many connections of this user (limits.connections_per_user)."
    case .addressRate:
      "Too many new connections from this address (limits.handshakes_per_second_per_address)."
    case .origin: "Pages of this origin may not connect (origins)."
    case .proxyUntrusted, .proxyHeader: "This port is for trusted proxies only."
    case .token: "The token was not accepted."
    case .unauthenticated: "A credential is needed: anonymous connections are not allowed here."
    case .revocationsUnknown:
      "This node cannot say yet whether the token was taken back; try again."
    case .denied: "The application does not allow this connection."
    case .undecided: "The application did not decide about this connection; try again."
    }
  }
}
