// Who may use the server API: `Authorization: Bearer KEY` (RFC 6750, 2.1) with one of the configured
// keys; everybody under --dev; nobody where no key is configured.

import Auth

/// What an `Authorization` field comes to.
public enum APIAccess: Sendable, Equatable {
  /// The request may go on; its idempotency keys belong to this scope.
  case granted(scope: [UInt8])
  /// There is no credential.
  case missing
  /// The credential is not a known key.
  case wrong
  /// No key is configured.
  case closed
}

extension Node {
  /// Judges the value of a request's `Authorization` field; nil when it has none.
  ///
  /// Any thread.
  public func apiAccess(authorization: [UInt8]?) -> APIAccess {
    let key = authorization.flatMap(BearerToken.token)
    let apiKeys = shared.rules.apiKeys
    let digest = key.flatMap { apiKeys.digest(of: $0) }
    if let digest { return .granted(scope: Array("api:".utf8) + digest) }
    if shared.configuration.dev { return .granted(scope: Array("api:".utf8)) }
    if apiKeys.isEmpty { return .closed }
    return authorization == nil ? .missing : .wrong
  }

  /// The longest message that the server API publishes, in bytes.
  public var messageBytesMax: Int { shared.limits.messageBytes }

  /// The longest idempotency key, in bytes.
  public static var keyBytesMax: Int { Bounds.keyBytesMax }

  /// Whether a text may be the reason of a disconnect: 1 to 30 characters, no control characters.
  public static func isReason(_ text: String) -> Bool { ControlQuestion.isReason(text) }

  /// Whether a text may be a user: 1 to 128 bytes without control characters.
  public static func isUser(_ text: [UInt8]) -> Bool { Identity.isValidUser(text) }

  /// The most that one request lists: rooms, connections.
  public static var listMax: Int { ControlQuestion.listMax }
}
