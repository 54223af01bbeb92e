// Tokens as tests need them: right in all parts but the one that the test is about.

public import Auth
import RoostCrypto

/// Makes tokens.
public enum TestToken {
  /// Header and claims, signed: every text as it is given, so that each may be wrong.
  public static func make(
    header: String, claims: String, key: TestKey, algorithm: TokenAlgorithm
  ) -> String {
    let signed = part(header) + "." + part(claims)
    return signed + "." + part(key.sign(Array(signed.utf8), algorithm))
  }

  /// A token of a user that says what the header of its algorithm says.
  public static func make(
    user: String, key: TestKey, algorithm: TokenAlgorithm, keyID: String? = nil, expiresAt: Int64,
    issuedAt: Int64? = nil, more: String = ""
  ) -> String {
    let kid = keyID.map { #","kid":"\#($0)""# } ?? ""
    let issued = issuedAt.map { #","iat":\#($0)"# } ?? ""
    return make(
      header: #"{"alg":"\#(algorithm.rawValue)","typ":"JWT"\#(kid)}"#,
      claims: #"{"sub":"\#(user)","exp":\#(expiresAt)\#(issued)\#(more)}"#, key: key,
      algorithm: algorithm)
  }

  /// A text as one part of a token.
  public static func part(_ text: String) -> String { part(Array(text.utf8)) }

  /// Bytes as one part of a token.
  public static func part(_ bytes: [UInt8]) -> String {
    String(decoding: Base64.encodeURL(bytes.span), as: UTF8.self)
  }
}
