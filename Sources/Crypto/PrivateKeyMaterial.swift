// What a private key is made of, before OpenSSL has seen it: a text in PEM, or the numbers of a JWK
// (RFC 7518 6, RFC 8037 2).

/// What a private key is made of.
///
/// Any thread; a value without a description, so that none of it ends up in a log by itself.
public enum PrivateKeyMaterial: Sendable, Equatable {
  /// A PEM text without a password: PKCS #8, or the older forms of OpenSSL.
  case pem([UInt8])
  /// The numbers of an RSA pair, big-endian (RFC 7518 6.3.2): modulus, exponent, private exponent.
  ///
  /// `factors` are p, q, dp, dq and qi; empty when only the three are known, which signs more slowly.
  case rsa(modulus: [UInt8], exponent: [UInt8], secret: [UInt8], factors: [[UInt8]])
  /// A point and the number that it is made of, each as long as the curve's coordinates.
  case ec(PublicKeyCurve, x: [UInt8], y: [UInt8], secret: [UInt8])
  /// The 32 bytes of an Ed25519 key's private half, and those of its public one where they are known.
  case ed25519([UInt8], publicHalf: [UInt8]?)
}

/// Why a private key cannot be used; nothing of the key is in it.
public enum PrivateKeyProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// The bytes are no private key that OpenSSL can read.
  case malformed
  /// The key lies under a password.
  case encrypted
  /// There is only the public half, which signs nothing.
  case isPublic
  /// The halves do not belong together.
  case mismatch
  /// Nobody would accept its signatures: why its public half is refused.
  case publicHalf(PublicKeyProblem)

  /// A sentence part without its full stop.
  public var description: String {
    switch self {
    case .malformed: "it is no private key"
    case .encrypted: "it lies under a password; take that away first, as with openssl pkey"
    case .isPublic: "it is a public key, which verifies and cannot sign"
    case .mismatch: "its private and its public half do not belong together"
    case .publicHalf(let problem): problem.description
    }
  }
}
