// What a token must say besides being signed by a known key.

/// The rules that every token has to keep.
public struct TokenRules: Sendable, Equatable {
  /// Who must have issued it (`iss`); nil: whoever has the key.
  public var issuer: String?
  /// For whom it must be (`aud`), one of these; empty: a token that names an audience is refused,
  /// as RFC 7519 4.1.3 demands of whoever is not in it.
  public var audiences: [String]
  /// By how many seconds the issuer's clock may differ from this one.
  public var leeway: Int64
  /// Seconds that a token may live from its issue, or else from now.
  public var lifetimeMax: Int64
  /// Bytes of a token.
  public var bytesMax: Int

  /// Puts rules together; all times in whole seconds, none negative.
  public init(
    issuer: String?, audiences: [String], leeway: Int64, lifetimeMax: Int64, bytesMax: Int
  ) {
    precondition(leeway >= 0 && lifetimeMax > 0, "leeway \(leeway), lifetime \(lifetimeMax)")
    self.issuer = issuer
    self.audiences = audiences
    self.leeway = leeway
    self.lifetimeMax = lifetimeMax
    self.bytesMax = bytesMax
  }
}
