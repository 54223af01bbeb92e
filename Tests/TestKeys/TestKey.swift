// Pairs of keys that live for one test, and what only a private key can do: sign. It shares nothing
// with the signer of `roost token make`, so that each of the two checks the other.

public import Auth
import CTestKeys
import RoostCrypto

/// A key that can sign tokens, and its half that verifies them.
///
/// Owner: the thread that made it.
public final class TestKey {
  /// What a key is.
  public enum Kind: Sendable, Equatable {
    /// RSA with so many bits and an exponent.
    case rsa(bits: Int, exponent: UInt)
    /// A curve by OpenSSL's name, such as `P-256`.
    case ec(String)
    /// Edwards curve 25519.
    case ed25519
    /// So many bytes of a secret.
    case secret(bytes: Int)
  }

  /// What the key is.
  public let kind: Kind
  /// The secret, where it is one.
  public let secret: [UInt8]
  private let pair: OpaquePointer?

  /// Makes a key.
  public init(_ kind: Kind) {
    self.kind = kind
    var secret: [UInt8] = []
    switch kind {
    case .rsa(let bits, let exponent): pair = roost_test_rsa(Int32(bits), exponent)
    case .ec(let curve): pair = roost_test_ec(curve)
    case .ed25519: pair = roost_test_ed25519()
    case .secret(let bytes):
      pair = nil
      secret = [UInt8](repeating: 0, count: bytes)
      RandomBytes.fill(&secret)
    }
    self.secret = secret
    if case .secret = kind { return }
    precondition(pair != nil, "OpenSSL made no key of the kind \(kind)")
  }

  /// An RSA pair of 2,048 bits, which all tests share: to find one takes a good part of a second.
  private static let sharedRSA = TestKey(.rsa(bits: 2048, exponent: 65_537)).pem(isPrivate: true)

  private init(sharedPair text: [UInt8]) {
    kind = .rsa(bits: 2048, exponent: 65_537)
    secret = []
    pair = roost_test_read(text, text.count)
    precondition(pair != nil, "OpenSSL did not read its own key")
  }

  /// A secret that is known already.
  public init(secret: [UInt8]) {
    kind = .secret(bytes: secret.count)
    self.secret = secret
    pair = nil
  }

  /// A key of the kind that an algorithm needs; for RSA it is always the same one.
  public convenience init(for algorithm: TokenAlgorithm) {
    switch algorithm.signature?.keyKind {
    case .rsa: self.init(sharedPair: Self.sharedRSA)
    case .ec(let curve): self.init(.ec(curve.rawValue))
    case .ed25519: self.init(.ed25519)
    case nil: self.init(.secret(bytes: algorithm.secretBytesMin ?? 32))
    }
  }

  deinit { roost_test_free(pair) }

  /// The public half as PEM; with `isPrivate` the private one.
  public func pem(isPrivate: Bool = false) -> [UInt8] {
    var text = [UInt8](repeating: 0, count: 16_384)
    let count = roost_test_pem(pair, isPrivate ? 1 : 0, &text, text.count)
    precondition(count > 0, "no PEM text of \(kind)")
    return Array(text.prefix(Int(count)))
  }

  /// A number of the key as OpenSSL calls it (`n`, `e`, `qx`, `qy`), big-endian, at least so long.
  public func number(_ name: String, bytes: Int = 0) -> [UInt8] {
    var text = [UInt8](repeating: 0, count: 4096)
    let count = Int(roost_test_number(pair, name, &text, text.count))
    precondition(count > 0, "\(kind) has no \(name)")
    let number = Array(text.prefix(count))
    return [UInt8](repeating: 0, count: max(0, bytes - count)) + number
  }

  /// The 32 bytes of an Ed25519 key.
  public var rawPublic: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 32)
    precondition(roost_test_raw(pair, &bytes) == 1, "\(kind) has no raw form")
    return bytes
  }

  /// What verifies this key's tokens.
  public func material(keyID: String?, algorithm: TokenAlgorithm) -> TokenKeyMaterial {
    let material: TokenKeyMaterial.Material =
      switch kind {
      case .secret: .secret(secret)
      default: .publicKey(.pem(pem()))
      }
    return TokenKeyMaterial(keyID: keyID, algorithm: algorithm, material: material)
  }

  /// The key as a JWK, its public half but for secrets.
  public func jwk(keyID: String, algorithm: TokenAlgorithm?, extra: String = "") -> String {
    func text(_ bytes: [UInt8]) -> String {
      String(decoding: Base64.encodeURL(bytes.span), as: UTF8.self)
    }
    let numbers: String
    switch kind {
    case .rsa: numbers = #""kty":"RSA","n":"\#(text(number("n")))","e":"\#(text(number("e")))""#
    case .ec(let curve):
      let bytes = curve == "P-256" ? 32 : 48
      numbers =
        #""kty":"EC","crv":"\#(curve)","x":"\#(text(number("qx", bytes: bytes)))","#
        + #""y":"\#(text(number("qy", bytes: bytes)))""#
    case .ed25519: numbers = #""kty":"OKP","crv":"Ed25519","x":"\#(text(rawPublic))""#
    case .secret: numbers = #""kty":"oct","k":"\#(text(secret))""#
    }
    let name = algorithm.map { #","alg":"\#($0.rawValue)""# } ?? ""
    return "{\(numbers),\"kid\":\"\(keyID)\"\(name)\(extra)}"
  }

  /// The signature of a message as tokens carry it (RFC 7518 3).
  public func sign(_ message: [UInt8], _ algorithm: TokenAlgorithm) -> [UInt8] {
    let secret = secret
    switch algorithm {
    case .hs256: return HMAC.sha256(key: secret.span, message: message.span)
    case .hs384: return HMAC.sha384(key: secret.span, message: message.span)
    case .hs512: return HMAC.sha512(key: secret.span, message: message.span)
    default: break
    }
    let bits: Int32 =
      switch algorithm {
      case .rs384, .ps384, .es384: 384
      case .rs512, .ps512: 512
      case .eddsa: 0
      default: 256
      }
    let isPSS = [TokenAlgorithm.ps256, .ps384, .ps512].contains(algorithm)
    var signature = [UInt8](repeating: 0, count: 2048)
    let count = Int(
      roost_test_sign(
        pair, bits, isPSS ? 1 : 0, message, message.count, &signature, signature.count))
    precondition(count > 0, "\(kind) did not sign with \(algorithm)")
    signature.removeLast(signature.count - count)
    guard case .ec(let curve) = kind else { return signature }
    var pair = [UInt8](repeating: 0, count: curve == "P-384" ? 96 : 64)
    precondition(roost_test_pair(signature, count, &pair, pair.count) == 1, "no pair of numbers")
    return pair
  }
}
