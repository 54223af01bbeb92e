// A token taken apart without asking whether it is good, for people who look at one.

import RoostCrypto

/// The parts of a token as text; nothing of it is verified.
public struct TokenText: Sendable, Equatable {
  /// The header, decoded.
  public let header: [UInt8]
  /// The claims, decoded.
  public let claims: [UInt8]
  /// Bytes of the signature.
  public let signatureBytes: Int

  /// Takes a token apart; nil when it is not three parts of base64url.
  public init?(_ token: [UInt8]) {
    let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard parts.count == 3, let header = Base64.decodeURL(Array(parts[0]).span),
      let claims = Base64.decodeURL(Array(parts[1]).span),
      let signature = Base64.decodeURL(Array(parts[2]).span)
    else { return nil }
    self.header = header
    self.claims = claims
    signatureBytes = signature.count
  }
}
