// The algorithms of tokens (RFC 7518 3.1, RFC 8037 3.1). `none` is not among them, and an algorithm
// belongs to a key, never to a token: a token may only repeat what its key says.

public import RoostCrypto

/// How a token is signed.
public enum TokenAlgorithm: String, CaseIterable, Sendable {
  /// HMAC with SHA-256.
  case hs256 = "HS256"
  /// HMAC with SHA-384.
  case hs384 = "HS384"
  /// HMAC with SHA-512.
  case hs512 = "HS512"
  /// RSA with PKCS #1 v1.5 and SHA-256.
  case rs256 = "RS256"
  /// RSA with PKCS #1 v1.5 and SHA-384.
  case rs384 = "RS384"
  /// RSA with PKCS #1 v1.5 and SHA-512.
  case rs512 = "RS512"
  /// RSA-PSS with SHA-256.
  case ps256 = "PS256"
  /// RSA-PSS with SHA-384.
  case ps384 = "PS384"
  /// RSA-PSS with SHA-512.
  case ps512 = "PS512"
  /// ECDSA on P-256 with SHA-256.
  case es256 = "ES256"
  /// ECDSA on P-384 with SHA-384.
  case es384 = "ES384"
  /// Ed25519.
  case eddsa = "EdDSA"

  /// The algorithm with a name of the registry; RFC 9864 calls EdDSA on this curve `Ed25519`.
  public init?(name: String) {
    if name == "Ed25519" {
      self = .eddsa
    } else {
      self.init(rawValue: name)
    }
  }

  /// Bytes that a secret has at least, those of the hash (RFC 7518 3.2); nil for public keys.
  public var secretBytesMin: Int? {
    switch self {
    case .hs256: 32
    case .hs384: 48
    case .hs512: 64
    default: nil
    }
  }

  /// The signature that a public key verifies; nil for secrets.
  public var signature: SignatureAlgorithm? {
    switch self {
    case .hs256, .hs384, .hs512: nil
    case .rs256: .rs256
    case .rs384: .rs384
    case .rs512: .rs512
    case .ps256: .ps256
    case .ps384: .ps384
    case .ps512: .ps512
    case .es256: .es256
    case .es384: .es384
    case .eddsa: .ed25519
    }
  }

  /// The code of a message under a secret; empty for algorithms with public keys.
  func code(key: borrowing Span<UInt8>, message: borrowing Span<UInt8>) -> [UInt8] {
    switch self {
    case .hs256: HMAC.sha256(key: key, message: message)
    case .hs384: HMAC.sha384(key: key, message: message)
    case .hs512: HMAC.sha512(key: key, message: message)
    default: []
    }
  }
}
