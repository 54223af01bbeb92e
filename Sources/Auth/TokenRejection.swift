// Why a token was refused: for the log and the metrics only. Whoever presented it learns that it was
// not accepted, and, where it was good once, that it has expired.

/// Why a token was refused.
public struct TokenRejection: Error, Equatable, Sendable {
  /// The rule that the token breaks first; the words are labels of a metric.
  public enum Reason: String, CaseIterable, Sendable {
    /// More bytes than any token has.
    case oversize
    /// Not three parts of base64url, or not JSON inside.
    case malformed
    /// `alg` is not known, or not the one of the key that is asked for.
    case algorithm
    /// `typ` names something else than a token (RFC 8725 3.11).
    case type
    /// `crit` asks for something that this version does not do (RFC 7515 4.1.11).
    case critical
    /// A member of the header or a claim stands there twice.
    case duplicate
    /// No key has the name that the token asks for.
    case unknownKey = "unknown_key"
    /// The signature is not that of a known key.
    case signature
    /// A claim that must be there is missing, or is not of its type.
    case claim
    /// It was good until `exp`.
    case expired
    /// It will be good from `nbf` on, or was issued in the future.
    case notYetValid = "not_yet_valid"
    /// It lives longer than tokens may.
    case lifetime
    /// Another one issued it.
    case issuer
    /// It is for others.
    case audience
    /// It was good and has been revoked.
    case revoked
  }

  /// The rule that was broken.
  public let reason: Reason
  /// The name of the key that the token asked for, as its bearer wrote it; nil when unknown.
  public let keyID: String?

  /// A refusal.
  public init(_ reason: Reason, keyID: String? = nil) {
    self.reason = reason
    self.keyID = keyID
  }

  /// Whether the token was good and has expired, which is the one thing that its bearer is told.
  public var isExpired: Bool { reason == .expired }
}
