// Keys of one's own as files hold them: a PEM text, a JWK, or a JWK set with private keys in it
// (RFC 7517 4 and 5, RFC 7518 6, RFC 8037 2). Unlike KeySet.parse this is for whoever owns the keys:
// what cannot be used is named, and nothing is left out in silence.

public import RoostCrypto
import RoostJSON

/// One key of a file, which signs or only verifies.
public struct OwnedKey: Sendable, Equatable {
  /// What it is made of.
  public enum Material: Sendable, Equatable {
    /// Both halves.
    case pair(PrivateKeyMaterial)
    /// What verifies only.
    case publicKey(PublicKeyMaterial)
    /// What does both.
    case secret([UInt8])
  }

  /// Its name; nil when the file gives it none.
  public let keyID: String?
  /// The algorithm that the file names for it; nil when it names none.
  public let algorithm: TokenAlgorithm?
  /// What it is made of.
  public let material: Material

  /// Puts a key together.
  public init(keyID: String?, algorithm: TokenAlgorithm?, material: Material) {
    self.keyID = keyID
    self.algorithm = algorithm
    self.material = material
  }
}

/// Why a file has no keys that could be read; numbers count keys from 1.
public enum KeyFileProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// It is neither PEM nor JSON: why it is no JSON, at which byte.
  case unreadable(String, offset: Int)
  /// It is JSON, and neither a key nor a set.
  case notAKey
  /// A key of it cannot be used: why.
  case key(number: Int, String)

  /// A sentence part without its full stop.
  public var description: String {
    switch self {
    case .unreadable(let reason, let offset):
      "it holds neither PEM nor a JWK: as JSON, \(reason) at byte \(offset)"
    case .notAKey: "it is JSON, but no JWK (an object with kty) and no JWK set (one with keys)"
    case .key(let number, let reason): "key \(number): \(reason)"
    }
  }
}

/// Reads the keys of a file.
public enum SigningKeySet {
  /// All keys of a PEM text, a JWK or a JWK set of at most 256 KiB.
  public static func parse(_ text: [UInt8]) throws(KeyFileProblem) -> [OwnedKey] {
    let shown = String(decoding: text, as: UTF8.self)
    if shown.contains("-----BEGIN ") {
      let isPublic =
        !shown.contains("PRIVATE KEY-----")
        && (shown.contains("PUBLIC KEY-----") || shown.contains("-----BEGIN CERTIFICATE"))
      return [
        OwnedKey(
          keyID: nil, algorithm: nil,
          material: isPublic ? .publicKey(.pem(text)) : .pair(.pem(text)))
      ]
    }
    let tree: JSONTree
    do throws(JSONViolation) {
      tree = try JSONTree(parsing: text, depthMax: 16, bytesMax: KeySet.bytesMax)
    } catch {
      throw .unreadable(error.reason, offset: error.offset)
    }
    let elements: [JSONTree]
    if let listed = tree["keys"]?.elements {
      guard listed.count <= KeySet.keysMax else {
        throw .key(number: listed.count, "a set has at most \(KeySet.keysMax) keys")
      }
      elements = listed
    } else {
      guard tree["kty"] != nil else { throw .notAKey }
      elements = [tree]
    }
    var keys: [OwnedKey] = []
    for (place, element) in elements.enumerated() {
      keys.append(try key(element, number: place + 1))
    }
    return keys
  }

  private static func key(
    _ key: JSONTree, number: Int
  ) throws(KeyFileProblem) -> OwnedKey {
    guard let kind = key["kty"]?.string else { throw .key(number: number, "it has no kty") }
    var algorithm: TokenAlgorithm?
    if let name = key["alg"] {
      algorithm = name.string.flatMap(TokenAlgorithm.init(name:))
      guard algorithm != nil else { throw .key(number: number, "its alg is not known here") }
    }
    let keyID = key["kid"]?.string
    guard (key["kid"] == nil) == (keyID == nil) else {
      throw .key(number: number, "its kid is no string")
    }
    let material: OwnedKey.Material
    switch kind {
    case "RSA": material = try rsa(key, number: number)
    case "EC":
      guard let curve = key["crv"]?.string.flatMap(PublicKeyCurve.init(rawValue:)) else {
        throw .key(number: number, "its crv is none of P-256 and P-384")
      }
      let (x, y) = (try bytes("x", key, number), try bytes("y", key, number))
      material =
        key["d"] == nil
        ? .publicKey(.ec(curve, x: x, y: y))
        : .pair(.ec(curve, x: x, y: y, secret: try bytes("d", key, number)))
    case "OKP":
      guard key["crv"]?.string == "Ed25519" else {
        throw .key(number: number, "its crv is not Ed25519")
      }
      material =
        key["d"] == nil
        ? .publicKey(.ed25519(try bytes("x", key, number)))
        : .pair(
          .ed25519(
            try bytes("d", key, number),
            publicHalf: key["x"] == nil ? nil : try bytes("x", key, number)))
    case "oct": material = .secret(try bytes("k", key, number))
    default: throw .key(number: number, "its kty is none of RSA, EC, OKP and oct")
    }
    return OwnedKey(keyID: keyID, algorithm: algorithm, material: material)
  }

  private static func rsa(
    _ key: JSONTree, number: Int
  ) throws(KeyFileProblem) -> OwnedKey.Material {
    let (modulus, exponent) = (try bytes("n", key, number), try bytes("e", key, number))
    guard key["d"] != nil else { return .publicKey(.rsa(modulus: modulus, exponent: exponent)) }
    guard key["oth"] == nil else {
      throw .key(number: number, "it has more than two factors, which is not supported")
    }
    var factors: [[UInt8]] = []
    // § RFC 7518 6.3.2: who gives one of them gives all.
    if key["p"] != nil {
      for name in ["p", "q", "dp", "dq", "qi"] { factors.append(try bytes(name, key, number)) }
    }
    return .pair(
      .rsa(
        modulus: modulus, exponent: exponent, secret: try bytes("d", key, number),
        factors: factors))
  }

  private static func bytes(
    _ member: String, _ key: JSONTree, _ number: Int
  ) throws(KeyFileProblem) -> [UInt8] {
    guard let bytes = key[member]?.string.flatMap({ Base64.decodeURL($0.utf8.span) }),
      !bytes.isEmpty
    else { throw .key(number: number, "its \(member) is not there or not base64url") }
    return bytes
  }
}
