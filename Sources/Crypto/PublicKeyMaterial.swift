// What a public key is made of, before OpenSSL has seen it: a value that can be sent between threads,
// compared and kept, while the key that is made of it belongs to one thread.

/// The curves of ECDSA that tokens may be signed on (RFC 7518 6.2.1.1).
public enum PublicKeyCurve: String, CaseIterable, Sendable {
  /// NIST's curve of 256 bits.
  case p256 = "P-256"
  /// NIST's curve of 384 bits.
  case p384 = "P-384"

  /// Bytes of one coordinate, and of half a signature.
  public var coordinateBytes: Int { self == .p256 ? 32 : 48 }
}

/// What a public key is made of.
public enum PublicKeyMaterial: Sendable, Equatable {
  /// A PEM text: a SubjectPublicKeyInfo (`BEGIN PUBLIC KEY`) or a certificate.
  case pem([UInt8])
  /// Modulus and exponent of an RSA key, big-endian (RFC 7518 6.3.1).
  case rsa(modulus: [UInt8], exponent: [UInt8])
  /// Both coordinates of a point, big-endian, each as long as the curve's (RFC 7518 6.2.1).
  case ec(PublicKeyCurve, x: [UInt8], y: [UInt8])
  /// The 32 bytes of an Ed25519 key (RFC 8037 2).
  case ed25519([UInt8])
}

/// Why a public key cannot be used; nothing of the key is in it.
public enum PublicKeyProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// The bytes are no public key, or one that OpenSSL cannot read.
  case malformed
  /// A private key stands where a public one belongs.
  case isPrivate
  /// A kind of key or a curve that is not for signatures here.
  case unsupported
  /// An RSA key of fewer than 2,048 bits.
  case tooShort(bits: Int)
  /// An RSA key of more than 8,192 bits, which would take too long to verify.
  case tooLong(bits: Int)
  /// An RSA key with an even modulus, or an exponent that is even, 1, or longer than 64 bits.
  case badExponent
  /// A point that is not on its curve, or one with which anybody could sign.
  case badPoint

  /// A sentence part without its full stop.
  public var description: String {
    switch self {
    case .malformed: "it is no public key"
    case .isPrivate: "it is a private key, which does not belong here; give the public one"
    case .unsupported: "its kind is none of RSA, P-256, P-384 and Ed25519"
    case .tooShort(let bits): "an RSA key of \(bits) bits is too weak; it needs 2048"
    case .tooLong(let bits): "an RSA key of \(bits) bits takes too long; it may have 8192"
    case .badExponent: "its modulus or exponent is none of an RSA key"
    case .badPoint: "its point is not on the curve, or of a small order"
    }
  }
}
