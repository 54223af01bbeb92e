// The words that an `error` reply carries, and the reasons that a close frame carries. These two
// tables are the protocol: a word that is not here is never sent.

/// The `code` of an `error` reply.
public enum ErrorCode: String, CaseIterable, Sendable {
  /// The request is not what the protocol allows.
  case badRequest = "bad_request"
  /// The request's `type` is not known.
  case unknownType = "unknown_type"
  /// The connection is not authenticated for this.
  case unauthorized
  /// The token is no longer valid.
  case tokenExpired = "token_expired"
  /// A policy does not allow this.
  case forbidden
  /// The connection has not joined the room.
  case notJoined = "not_joined"
  /// A cap is reached.
  case limitExceeded = "limit_exceeded"
  /// Too much in too short a time; see `retry_after_ms`.
  case rateLimited = "rate_limited"
  /// A part of the request is too large.
  case tooLarge = "too_large"
  /// Certainly not done; try again.
  case unavailable
  /// May have been done; repeat with the same key.
  case unknown
  /// The server failed.
  case `internal`
}

/// The code of a close frame that a node sends.
public enum CloseCode: UInt16, CaseIterable, Sendable {
  /// The purpose is fulfilled.
  case normal = 1000
  /// The node is draining.
  case goingAway = 1001
  /// The peer broke RFC 6455 or RFC 7692.
  case protocolError = 1002
  /// A kind of data that is not accepted here.
  case unsupportedData = 1003
  /// Text that is not UTF-8.
  case invalidUTF8 = 1007
  /// A policy was violated.
  case policy = 1008
  /// The message is over the limit.
  case tooBig = 1009
  /// The server failed.
  case internalError = 1011
  /// The service restarts.
  case serviceRestart = 1012
  /// Overloaded for now.
  case tryAgainLater = 1013
  /// No pong in time.
  case pingTimeout = 4000
  /// Not authenticated in time or not at all.
  case unauthorized = 4001
  /// The token expired.
  case tokenExpired = 4002
  /// Removed by the server API.
  case kicked = 4003
  /// Went on over the rate limit.
  case rateLimited = 4004
  /// The outbound queue went over its limit.
  case slowConsumer = 4005
  /// Nothing came for the idle timeout.
  case idle = 4006
  /// A cap on connections was reached.
  case connectionLimit = 4007

  /// The reason that stands in the close frame, at most 123 bytes.
  public var reason: StaticString {
    switch self {
    case .normal: "closed"
    case .goingAway: "the node is going away: connect again"
    case .protocolError: "protocol error"
    case .unsupportedData: "unsupported data"
    case .invalidUTF8: "text is not UTF-8"
    case .policy: "policy violation"
    case .tooBig: "message is over the limit"
    case .internalError: "internal error"
    case .serviceRestart: "the service restarts: connect again"
    case .tryAgainLater: "overloaded: try again later"
    case .pingTimeout: "no pong in time"
    case .unauthorized: "not authenticated"
    case .tokenExpired: "token expired"
    case .kicked: "disconnected by the server"
    case .rateLimited: "rate limit exceeded repeatedly"
    case .slowConsumer: "outbound queue is full: read faster"
    case .idle: "idle for too long"
    case .connectionLimit: "too many connections"
    }
  }
}
