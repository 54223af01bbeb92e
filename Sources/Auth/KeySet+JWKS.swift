// JWK sets (RFC 7517 5, RFC 7518 6, RFC 8037 2) as issuers publish them. A set holds keys for others,
// too: those that are of no use here are left out and counted. What must not be published at all, a
// private key, refuses the whole set, because somebody has to hear of it.

import RoostCrypto
import RoostJSON

extension KeySet {
  /// Reads a JWK set of at most 256 KiB and 100 keys.
  ///
  /// A key without `alg` is for RS256, ES256, ES384 or EdDSA, as its kind says: a key has one
  /// algorithm (RFC 8725 3.1). Keys that are of no use are left out, see ``skipped``.
  ///
  /// - Parameter allowsSecrets: whether symmetric keys may be in it: in a file yes, in what comes
  ///   from a public address no.
  /// - Throws: why the text is no set, and for private keys in it.
  public static func parse(
    jwks text: [UInt8], allowsSecrets: Bool
  ) throws(KeyProblem) -> KeySet {
    guard text.count <= bytesMax else { throw .tooLarge(bytesMax: bytesMax) }
    let tree: JSONTree
    do throws(JSONViolation) {
      tree = try JSONTree(parsing: text, depthMax: 16, bytesMax: bytesMax)
    } catch {
      throw .notJSON(error.reason, offset: error.offset)
    }
    guard let elements = tree["keys"]?.elements else { throw .notASet }
    guard elements.count <= keysMax else { throw .tooMany(keysMax: keysMax) }
    var keys: [TokenKeyMaterial] = []
    var skipped: [SkippedKey] = []
    for (place, element) in elements.enumerated() {
      guard element.members != nil else { throw .notASet }
      let number = place + 1
      switch try read(element, number: number, allowsSecrets: allowsSecrets) {
      case .key(let key):
        if !keys.contains(key) { keys.append(key) }
      case .useless(let reason):
        skipped.append(SkippedKey(number: number, keyID: name(of: element), reason: reason))
      }
    }
    var set = KeySet(checked: keys)
    set.skipped = skipped
    return set
  }

  private enum Reading {
    case key(TokenKeyMaterial)
    case useless(String)
  }

  private static func read(
    _ key: JSONTree, number: Int, allowsSecrets: Bool
  ) throws(KeyProblem) -> Reading {
    guard let kind = key["kty"]?.string else { return .useless("it has no kty") }
    let privateMembers = ["d", "p", "q", "dp", "dq", "qi", "oth"]
    if kind != "oct", privateMembers.contains(where: { key[$0] != nil }) {
      throw .privateKey(number: number)
    }
    if kind == "oct", !allowsSecrets { throw .publishedSecret(number: number) }
    if let use = key["use"], use.string != "sig" { return .useless("its use is not sig") }
    if let operations = key["key_ops"] {
      guard operations.elements?.contains(where: { $0.string == "verify" }) == true else {
        return .useless("its key_ops have no verify")
      }
    }
    if key["kid"] != nil, name(of: key) == nil {
      return .useless("its kid is no string of 1 to \(TokenKeyMaterial.keyIDBytesMax) bytes")
    }
    let material: TokenKeyMaterial.Material
    var algorithm: TokenAlgorithm?
    switch kind {
    case "RSA":
      guard let modulus = bytes("n", of: key), let exponent = bytes("e", of: key) else {
        return .useless("its n or e is not base64url")
      }
      material = .publicKey(.rsa(modulus: modulus, exponent: exponent))
      algorithm = .rs256
    case "EC":
      guard let curve = key["crv"]?.string.flatMap(PublicKeyCurve.init(rawValue:)) else {
        return .useless("its crv is none of P-256 and P-384")
      }
      guard let x = bytes("x", of: key), let y = bytes("y", of: key) else {
        return .useless("its x or y is not base64url")
      }
      material = .publicKey(.ec(curve, x: x, y: y))
      algorithm = curve == .p256 ? .es256 : .es384
    case "OKP":
      guard key["crv"]?.string == "Ed25519" else { return .useless("its crv is not Ed25519") }
      guard let x = bytes("x", of: key) else { return .useless("its x is not base64url") }
      material = .publicKey(.ed25519(x))
      algorithm = .eddsa
    case "oct":
      guard let secret = bytes("k", of: key) else { return .useless("its k is not base64url") }
      material = .secret(secret)
    default:
      return .useless("its kty is none of RSA, EC, OKP and oct")
    }
    if let named = key["alg"] {
      guard let known = named.string.flatMap(TokenAlgorithm.init(name:)) else {
        return .useless("its alg is not known here")
      }
      algorithm = known
    }
    guard let algorithm else { return .useless("a secret needs an alg") }
    let made = TokenKeyMaterial(keyID: name(of: key), algorithm: algorithm, material: material)
    do throws(KeyProblem) {
      try made.check(number: number)
    } catch {
      return .useless(error.description)
    }
    return .key(made)
  }

  private static func name(of key: JSONTree) -> String? {
    guard let name = key["kid"]?.string,
      (1...TokenKeyMaterial.keyIDBytesMax).contains(name.utf8.count)
    else { return nil }
    return name
  }

  private static func bytes(_ member: String, of key: JSONTree) -> [UInt8]? {
    guard let text = key[member]?.string else { return nil }
    return Base64.decodeURL(text.utf8.span)
  }
}
