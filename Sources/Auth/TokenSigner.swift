// The other side of TokenVerifier, for the commands that make tokens: a header that says what the key
// says, the claims as they are given, and the signature (RFC 7515 3.1 and 5.1). No node makes tokens.

public import RoostCrypto
import RoostJSON

/// Makes tokens with one key and its one algorithm.
///
/// Owner: the thread that made it.
public final class TokenSigner {
  private enum Key {
    case secret([UInt8])
    case pair(SigningKey, SignatureAlgorithm)
  }

  /// The name that its tokens ask for; nil when they name none.
  public let keyID: String?
  /// The algorithm of its tokens.
  public let algorithm: TokenAlgorithm
  private let key: Key

  /// Signs with a secret or, where it holds one, refuses a public key.
  public init(_ material: TokenKeyMaterial) throws(SigningProblem) {
    guard case .secret(let secret) = material.material else { throw .key(.isPublic) }
    try Self.check(material)
    keyID = material.keyID
    algorithm = material.algorithm
    key = .secret(secret)
  }

  /// Signs with a private key; without an algorithm, with the one that its kind has by itself.
  public init(
    _ material: PrivateKeyMaterial, keyID: String?, algorithm: TokenAlgorithm?
  ) throws(SigningProblem) {
    let pair: SigningKey
    do throws(PrivateKeyProblem) {
      pair = try SigningKey(material)
    } catch {
      throw .key(error)
    }
    let chosen = algorithm ?? TokenAlgorithm(for: pair.kind)
    guard let signature = chosen.signature, signature.keyKind == pair.kind else {
      throw .algorithm(chosen)
    }
    self.keyID = keyID
    self.algorithm = chosen
    key = .pair(pair, signature)
    try Self.check(verifying)
  }

  /// What verifies its tokens.
  public var verifying: TokenKeyMaterial {
    let material: TokenKeyMaterial.Material =
      switch key {
      case .secret(let secret): .secret(secret)
      case .pair(let pair, _): .publicKey(pair.publicHalf)
      }
    return TokenKeyMaterial(keyID: keyID, algorithm: algorithm, material: material)
  }

  /// A token of these claims, which have to be a JSON object.
  public func token(claims: [UInt8]) -> [UInt8] {
    var header = Array(#"{"alg":""#.utf8) + Array(algorithm.rawValue.utf8)
    header += Array(#"","typ":"JWT""#.utf8)
    if let keyID {
      header += Array(#","kid":"#.utf8)
      JSONWriter.appendString(keyID, to: &header)
    }
    header.append(UInt8(ascii: "}"))
    var token = Base64.encodeURL(header.span)
    token.append(UInt8(ascii: "."))
    token += Base64.encodeURL(claims.span)
    let signature =
      switch key {
      case .secret(let secret): algorithm.code(key: secret.span, message: token.span)
      case .pair(let pair, let algorithm): pair.sign(token.span, algorithm: algorithm) ?? []
      }
    token.append(UInt8(ascii: "."))
    return token + Base64.encodeURL(signature.span)
  }

  private static func check(_ material: TokenKeyMaterial) throws(SigningProblem) {
    do throws(KeyProblem) {
      try material.check(number: 1)
    } catch {
      throw .refused(error)
    }
  }
}

/// Why a key signs no tokens; nothing of the key is in it.
public enum SigningProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// It is no private key that could be used.
  case key(PrivateKeyProblem)
  /// It is of another kind than the algorithm needs.
  case algorithm(TokenAlgorithm)
  /// No node would take it.
  case refused(KeyProblem)

  /// A sentence part without its full stop.
  public var description: String {
    switch self {
    case .key(let problem): problem.description
    case .algorithm(let algorithm): "its kind is not the one that \(algorithm.rawValue) needs"
    case .refused(let problem): problem.description
    }
  }
}

extension TokenAlgorithm {
  /// What a key is for when nobody says anything else.
  public init(for kind: PublicKeyKind) {
    switch kind {
    case .rsa: self = .rs256
    case .ec(.p256): self = .es256
    case .ec(.p384): self = .es384
    case .ed25519: self = .eddsa
    }
  }
}
