// What the tests of tokens share: keys of every algorithm, made once, and a verifier that knows them.

import Auth
import RoostCrypto
import TestKeys
import Testing

/// Now, for all tests of tokens.
let tokenNow: Int64 = 1_800_000_000

/// Keys and rules of one test; made of material that is shared, because RSA keys take a while.
struct TokenFixture {
  /// The keys by the names `hs256` to `eddsa`.
  let keys: [TokenAlgorithm: TestKey]
  var rules = TokenRules(
    issuer: nil, audiences: [], leeway: 30, lifetimeMax: 604_800, bytesMax: 8192)

  /// Keys for some algorithms, each named like its algorithm in lower case.
  init(_ algorithms: [TokenAlgorithm]) {
    var keys: [TokenAlgorithm: TestKey] = [:]
    for algorithm in algorithms { keys[algorithm] = TestKey(for: algorithm) }
    self.keys = keys
  }

  static func name(_ algorithm: TokenAlgorithm) -> String { algorithm.rawValue.lowercased() }

  var keySet: KeySet {
    get throws {
      try KeySet(
        keys.sorted { $0.key.rawValue < $1.key.rawValue }
          .map { $1.material(keyID: Self.name($0), algorithm: $0) })
    }
  }

  func verifier() throws -> TokenVerifier { try TokenVerifier(keys: keySet, rules: rules) }

  func key(_ algorithm: TokenAlgorithm) throws -> TestKey { try #require(keys[algorithm]) }

  /// A token that is good for an hour.
  func token(
    _ algorithm: TokenAlgorithm, user: String = "ann", more: String = "", hasName: Bool = true
  ) throws -> String {
    TestToken.make(
      user: user, key: try key(algorithm), algorithm: algorithm,
      keyID: hasName ? Self.name(algorithm) : nil, expiresAt: tokenNow + 3600,
      issuedAt: tokenNow - 60, more: more)
  }

  /// A token of HS256 with these claims.
  func token(claims: String, header: String = #"{"alg":"HS256","kid":"hs256"}"#) throws -> String {
    TestToken.make(header: header, claims: claims, key: try key(.hs256), algorithm: .hs256)
  }
}

extension TokenVerifier {
  /// What a token grants, or why it is refused.
  func judge(_ token: String, at now: Int64 = tokenNow) -> Result<Grant, TokenRejection> {
    judge(Array(token.utf8), at: now)
  }

  /// What a token grants, or why it is refused.
  func judge(_ token: [UInt8], at now: Int64 = tokenNow) -> Result<Grant, TokenRejection> {
    do throws(TokenRejection) {
      return .success(try verify(token.span, wallSeconds: now))
    } catch {
      return .failure(error)
    }
  }

  /// Why a token is refused; nil when it is not.
  func reason(_ token: String, at now: Int64 = tokenNow) -> TokenRejection.Reason? {
    if case .failure(let rejection) = judge(token, at: now) { rejection.reason } else { nil }
  }
}
