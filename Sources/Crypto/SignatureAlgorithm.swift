// The public-key signatures of RFC 7518 3.1 and RFC 8037 that are accepted, with what each demands of
// its key.

/// How a message is signed with a private key.
public enum SignatureAlgorithm: CaseIterable, Sendable {
  /// RSASSA-PKCS1-v1_5 with SHA-256.
  case rs256
  /// RSASSA-PKCS1-v1_5 with SHA-384.
  case rs384
  /// RSASSA-PKCS1-v1_5 with SHA-512.
  case rs512
  /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
  case ps256
  /// RSASSA-PSS with SHA-384 and a salt of 48 bytes.
  case ps384
  /// RSASSA-PSS with SHA-512 and a salt of 64 bytes.
  case ps512
  /// ECDSA on P-256 with SHA-256; 64 bytes.
  case es256
  /// ECDSA on P-384 with SHA-384; 96 bytes.
  case es384
  /// Ed25519; 64 bytes.
  case ed25519

  /// The kind of key that signs so.
  public var keyKind: PublicKeyKind {
    switch self {
    case .rs256, .rs384, .rs512, .ps256, .ps384, .ps512: .rsa
    case .es256: .ec(.p256)
    case .es384: .ec(.p384)
    case .ed25519: .ed25519
    }
  }

  var sha2Bits: Int32 {
    switch self {
    case .rs256, .ps256, .es256: 256
    case .rs384, .ps384, .es384: 384
    case .rs512, .ps512: 512
    case .ed25519: 0
    }
  }

  var isProbabilistic: Bool {
    switch self {
    case .ps256, .ps384, .ps512: true
    default: false
    }
  }
}

/// The kinds of public keys.
public enum PublicKeyKind: Sendable, Equatable {
  /// RSA of 2,048 to 8,192 bits.
  case rsa
  /// A point of a curve.
  case ec(PublicKeyCurve)
  /// Edwards curve 25519.
  case ed25519
}
