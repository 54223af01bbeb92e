// From the text of a token (RFC 7519 in the compact form of RFC 7515 3.1) to what it grants. The key
// decides the algorithm and the token may only repeat it, so that a public key can never be taken for
// a secret; what a header says about keys (`jwk`, `jku`, `x5u`, `x5c`) is not looked at.

import RoostCrypto
import RoostJSON

/// Verifies tokens with a set of keys.
///
/// Owner: the thread that made it; when keys or rules change, another one takes its place.
public final class TokenVerifier {
  /// Keys that are tried for a token that names none.
  private static let triesMax = 8

  private enum WorkingKey {
    case secret([UInt8])
    case publicKey(VerificationKey, SignatureAlgorithm)
  }

  private struct Entry {
    let keyID: [UInt8]?
    let algorithm: TokenAlgorithm
    let key: WorkingKey
  }

  private let entries: [Entry]
  private let claims: ClaimsReader

  /// Makes the working keys of a set.
  ///
  /// - Throws: only when OpenSSL cannot read a key again that was checked before, for want of memory.
  public init(keys: KeySet, rules: TokenRules) throws(KeyProblem) {
    var entries: [Entry] = []
    for (place, key) in keys.keys.enumerated() {
      let working: WorkingKey
      switch key.material {
      case .secret(let bytes):
        working = .secret(bytes)
      case .publicKey(let material):
        guard let signature = key.algorithm.signature else {
          throw .wrongKind(number: place + 1, key.algorithm)
        }
        do throws(PublicKeyProblem) {
          working = .publicKey(try VerificationKey(material), signature)
        } catch {
          throw .publicKey(number: place + 1, error)
        }
      }
      entries.append(
        Entry(
          keyID: key.keyID.map { Array($0.utf8) }, algorithm: key.algorithm, key: working))
    }
    self.entries = entries
    claims = ClaimsReader(rules: rules)
  }

  /// Whether there is no key, so that no token can be good.
  public var isEmpty: Bool { entries.isEmpty }

  /// Verifies a token and says what it grants.
  ///
  /// Its own thread. Costs what the signature does, at most eight of them where the token names no
  /// key, and memory in proportion to the token, whose length is checked first.
  ///
  /// - Parameter wallSeconds: now, in seconds since 1970.
  public func verify(
    _ token: borrowing Span<UInt8>, wallSeconds: Int64
  ) throws(TokenRejection) -> Grant {
    guard token.count <= claims.rules.bytesMax else { throw TokenRejection(.oversize) }
    let (first, second) = try Self.dots(in: token)
    guard let header = Base64.decodeURL(token.extracting(0..<first)),
      let signature = Base64.decodeURL(token.extracting(second + 1..<token.count))
    else { throw TokenRejection(.malformed) }
    let (algorithm, keyID) = try Self.header(header.span)
    let shownID = keyID.map { String(decoding: $0, as: UTF8.self) }
    let candidates = try candidates(algorithm, keyID, shownID)
    // § RFC 7515 5.2: the signature first; what the claims say counts only when it is right.
    let signed = token.extracting(0..<second)
    guard candidates.contains(where: { Self.fits(signature, signed, $0) }) else {
      throw TokenRejection(.signature, keyID: shownID)
    }
    guard let payload = Base64.decodeURL(token.extracting(first + 1..<second)) else {
      throw TokenRejection(.malformed, keyID: shownID)
    }
    do throws(TokenRejection) {
      return try claims.grant(of: payload.span, wallSeconds: wallSeconds)
    } catch {
      throw TokenRejection(error.reason, keyID: shownID)
    }
  }

  /// Where the two dots stand that part a token; each of its parts has a byte at least.
  private static func dots(
    in token: borrowing Span<UInt8>
  ) throws(TokenRejection) -> (first: Int, second: Int) {
    var dots: [Int] = []
    for place in 0..<token.count where token[place] == UInt8(ascii: ".") {
      guard dots.count < 2 else { throw TokenRejection(.malformed) }
      dots.append(place)
    }
    guard dots.count == 2, dots[0] > 0, dots[1] > dots[0] + 1, dots[1] < token.count - 1 else {
      throw TokenRejection(.malformed)
    }
    return (dots[0], dots[1])
  }

  /// Algorithm and key's name that a header tells.
  private static func header(
    _ text: borrowing Span<UInt8>
  ) throws(TokenRejection) -> (TokenAlgorithm, keyID: [UInt8]?) {
    let members = try UniqueMembers(of: text, at: 0, isDocument: true)
    let scanner = UniqueMembers.scanner
    // § RFC 7515 4.1.11: whatever is critical has to be understood, and nothing is.
    guard members["crit"] == nil, members["b64"] == nil else { throw TokenRejection(.critical) }
    guard let name = members["alg"], name.kind == .string, name.count <= 32 else {
      throw TokenRejection(.algorithm)
    }
    let algorithmText = String(decoding: scanner.unescaped(name, in: text), as: UTF8.self)
    guard let algorithm = TokenAlgorithm(name: algorithmText) else {
      throw TokenRejection(.algorithm)
    }
    if let type = members["typ"] {
      guard type.kind == .string, type.count <= 64 else { throw TokenRejection(.type) }
      // § RFC 7515 4.1.9: media types know no case, and "application/" may be left out.
      var text = String(decoding: scanner.unescaped(type, in: text), as: UTF8.self).lowercased()
      if text.hasPrefix("application/") { text.removeFirst("application/".count) }
      guard text == "jwt" || text == "at+jwt" else { throw TokenRejection(.type) }
    }
    guard let kid = members["kid"] else { return (algorithm, nil) }
    // An escape is at most six times as long as what it stands for.
    guard kid.kind == .string, kid.count <= 6 * TokenKeyMaterial.keyIDBytesMax else {
      throw TokenRejection(.malformed)
    }
    let keyID = scanner.unescaped(kid, in: text)
    guard (1...TokenKeyMaterial.keyIDBytesMax).contains(keyID.count) else {
      throw TokenRejection(.malformed)
    }
    return (algorithm, keyID)
  }

  /// The keys that may have signed a token: those of the name, or all of the algorithm.
  private func candidates(
    _ algorithm: TokenAlgorithm, _ keyID: [UInt8]?, _ shownID: String?
  ) throws(TokenRejection) -> [Entry] {
    var named = entries
    if let keyID {
      named = entries.filter { $0.keyID == keyID }
      guard !named.isEmpty else { throw TokenRejection(.unknownKey, keyID: shownID) }
    }
    let candidates = named.filter { $0.algorithm == algorithm }.prefix(Self.triesMax)
    guard !candidates.isEmpty else { throw TokenRejection(.algorithm, keyID: shownID) }
    return Array(candidates)
  }

  private static func fits(
    _ signature: [UInt8], _ signed: borrowing Span<UInt8>, _ entry: Entry
  ) -> Bool {
    switch entry.key {
    case .secret(let secret):
      let code = entry.algorithm.code(key: secret.span, message: signed)
      return constantTimeEquals(code.span, signature.span)
    case .publicKey(let key, let algorithm):
      return key.verify(signature.span, of: signed, algorithm: algorithm)
    }
  }
}
