// Keys of the configuration and of JWK sets: what is refused, what is left out, and what never is
// taken.

import Auth
import RoostCrypto
import TestKeys
import Testing

struct KeySetTests {
  private func problem(_ keys: [TokenKeyMaterial]) -> KeyProblem? {
    do throws(KeyProblem) {
      _ = try KeySet(keys)
      return nil
    } catch {
      return error
    }
  }

  private func secret(
    _ bytes: Int, _ algorithm: TokenAlgorithm, keyID: String? = nil
  ) -> TokenKeyMaterial {
    TestKey(.secret(bytes: bytes)).material(keyID: keyID, algorithm: algorithm)
  }

  private func parse(_ keys: [String], allowsSecrets: Bool = true) throws -> KeySet {
    try KeySet.parse(
      jwks: Array("{\"keys\":[\(keys.joined(separator: ","))]}".utf8), allowsSecrets: allowsSecrets)
  }

  // MARK: Configured keys

  @Test(arguments: [(TokenAlgorithm.hs256, 32), (.hs384, 48), (.hs512, 64)])
  func `a secret is at least as long as its hash`(algorithm: TokenAlgorithm, bytes: Int) {
    #expect(
      problem([secret(bytes - 1, algorithm)])
        == .weakSecret(number: 1, algorithm, bytesMin: bytes))
    #expect(problem([secret(bytes, algorithm)]) == nil)
    #expect(problem([secret(1024, algorithm)]) == nil)
    #expect(problem([secret(1025, algorithm)]) == .longSecret(number: 1))
    #expect(
      problem([secret(0, algorithm)]) == .weakSecret(number: 1, algorithm, bytesMin: bytes))
  }

  @Test func `an RSA key under 2048 bits is refused`() {
    let weak = TestKey(.rsa(bits: 1024, exponent: 65_537))
    #expect(
      problem([weak.material(keyID: nil, algorithm: .rs256)])
        == .publicKey(number: 1, .tooShort(bits: 1024)))
  }

  @Test func `a key fits its algorithm`() {
    for algorithm in TokenAlgorithm.allCases {
      let key = TestKey(for: algorithm)
      for other in TokenAlgorithm.allCases {
        let fits =
          other.secretBytesMin == nil
          ? other.signature?.keyKind == algorithm.signature?.keyKind
          : (algorithm.secretBytesMin ?? 0) >= (other.secretBytesMin ?? 0)
        #expect(
          (problem([key.material(keyID: nil, algorithm: other)]) == nil) == fits,
          "a key of \(algorithm) for \(other)")
      }
    }
  }

  @Test func `two keys differ in name or algorithm`() {
    #expect(
      problem([secret(32, .hs256, keyID: "a"), secret(32, .hs256, keyID: "a")])
        == .duplicate(number: 2))
    #expect(problem([secret(32, .hs256), secret(32, .hs256)]) == .duplicate(number: 2))
    #expect(problem([secret(64, .hs256, keyID: "a"), secret(64, .hs512, keyID: "a")]) == nil)
    #expect(problem([secret(32, .hs256, keyID: "a"), secret(32, .hs256)]) == nil)
  }

  @Test(arguments: [(1, true), (255, true), (256, false), (0, false)])
  func `a name has 1 to 255 bytes`(bytes: Int, isAccepted: Bool) {
    let name = String(repeating: "k", count: bytes)
    #expect((problem([secret(32, .hs256, keyID: name)]) == nil) == isAccepted)
  }

  @Test(arguments: [(100, true), (101, false)])
  func `a set has at most 100 keys`(count: Int, isAccepted: Bool) {
    let keys = (0..<count).map { secret(32, .hs256, keyID: "k\($0)") }
    #expect(problem(keys) == (isAccepted ? nil : .tooMany(keysMax: 100)))
  }

  @Test func `neither a key's description nor a problem shows a secret`() {
    let key = TokenKeyMaterial(
      keyID: "a", algorithm: .hs256, material: .secret(Array("very secret".utf8)))
    #expect(key.description == "HS256 a")
    #expect("\(key)" == "HS256 a")
    let text = problem([key]).map { "\($0)" } ?? ""
    #expect(text == "key 1: a secret for HS256 has at least 32 bytes")
  }

  // MARK: JWK sets

  @Test(arguments: TokenAlgorithm.allCases)
  func `a key of every algorithm is read from a JWK set`(algorithm: TokenAlgorithm) throws {
    let key = TestKey(for: algorithm)
    let set = try parse([key.jwk(keyID: "one", algorithm: algorithm)])
    #expect(set.keys.map(\.description) == ["\(algorithm.rawValue) one"])
    #expect(set.skipped == [])
    let verifier = try TokenVerifier(keys: set, rules: TokenFixture([]).rules)
    let token = TestToken.make(
      user: "ann", key: key, algorithm: algorithm, keyID: "one", expiresAt: tokenNow + 60)
    #expect(verifier.reason(token) == nil)
  }

  @Test(arguments: [
    (TokenAlgorithm.rs256, "RS256"), (.ps512, "RS256"), (.es256, "ES256"), (.es384, "ES384"),
    (.eddsa, "EdDSA"),
  ])
  func `a key without alg has the one of its kind`(algorithm: TokenAlgorithm, taken: String) throws
  {
    let set = try parse([TestKey(for: algorithm).jwk(keyID: "one", algorithm: nil)])
    #expect(set.keys.map(\.algorithm.rawValue) == [taken])
  }

  @Test func `the set of RFC 7517 is read`() throws {
    // Appendix A.1; the curve's key there is for encryption.
    let set = try KeySet.parse(
      jwks: Array(
        #"""
        {"keys":
          [
            {"kty":"EC",
             "crv":"P-256",
             "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
             "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
             "use":"enc",
             "kid":"1"},

            {"kty":"RSA",
             "n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
             "e":"AQAB",
             "alg":"RS256",
             "kid":"2011-04-29"}
          ]
        }
        """#.utf8), allowsSecrets: false)
    #expect(set.keys.map(\.description) == ["RS256 2011-04-29"])
    #expect(set.skipped.map(\.number) == [1])
    #expect(set.skipped.map(\.keyID) == ["1"])
    #expect(set.skipped.map(\.reason) == ["its use is not sig"])
  }

  @Test(arguments: [
    (#"{"kty":"XYZ"}"#, "its kty is none of RSA, EC, OKP and oct"),
    (#"{"kid":"a"}"#, "it has no kty"), (#"{"kty":7}"#, "it has no kty"),
    (#"{"kty":"RSA","use":"enc"}"#, "its use is not sig"),
    (#"{"kty":"RSA","use":1}"#, "its use is not sig"),
    (#"{"kty":"RSA","key_ops":["encrypt"]}"#, "its key_ops have no verify"),
    (#"{"kty":"RSA","key_ops":"verify"}"#, "its key_ops have no verify"),
    (#"{"kty":"RSA","kid":1}"#, "its kid is no string of 1 to 255 bytes"),
    (#"{"kty":"RSA"}"#, "its n or e is not base64url"),
    (#"{"kty":"RSA","n":"!","e":"AQAB"}"#, "its n or e is not base64url"),
    (#"{"kty":"RSA","n":"AQ==","e":"AQAB"}"#, "its n or e is not base64url"),
    (#"{"kty":"EC","crv":"P-521"}"#, "its crv is none of P-256 and P-384"),
    (#"{"kty":"EC","crv":"P-256","x":"AA"}"#, "its x or y is not base64url"),
    (#"{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#, "key 1: it is no public key"),
    (#"{"kty":"OKP","crv":"X25519","x":"AA"}"#, "its crv is not Ed25519"),
    (#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#, "key 1: it is no public key"),
    (#"{"kty":"oct","k":"AAAA"}"#, "a secret needs an alg"),
    (#"{"kty":"oct","alg":"HS256"}"#, "its k is not base64url"),
    (#"{"kty":"oct","k":"AAAA","alg":"HS256"}"#, "key 1: a secret for HS256 has at least 32 bytes"),
    (#"{"kty":"oct","k":"AAAA","alg":"none"}"#, "its alg is not known here"),
    (#"{"kty":"oct","k":"AAAA","alg":"RS256"}"#, "key 1 is not of the kind that RS256 needs"),
    (#"{"kty":"oct","k":"AAAA","alg":"A128KW"}"#, "its alg is not known here"),
  ])
  func `a key that is of no use is left out with its reason`(json: String, reason: String) throws {
    let set = try parse([json, TestKey(.ed25519).jwk(keyID: "good", algorithm: nil)])
    #expect(set.keys.map(\.keyID) == ["good"])
    #expect(set.skipped.map(\.reason) == [reason])
  }

  @Test func `weak keys and points beside the curve are left out`() throws {
    let weak = TestKey(.rsa(bits: 1024, exponent: 65_537)).jwk(keyID: "weak", algorithm: nil)
    let moved = TestKey(.ec("P-256")).jwk(keyID: "moved", algorithm: nil)
      .replacing(/"y":"../, with: "\"y\":\"AA")
    let small =
      #"{"kty":"OKP","crv":"Ed25519","kid":"small","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}"#
    let set = try parse([weak, moved, small])
    #expect(set.isEmpty)
    #expect(
      set.skipped.map(\.reason) == [
        "key 1: an RSA key of 1024 bits is too weak; it needs 2048",
        "key 2: its point is not on the curve, or of a small order",
        "key 3: its point is not on the curve, or of a small order",
      ])
  }

  @Test(arguments: ["d", "p", "q", "dp", "dq", "qi", "oth"])
  func `a private key refuses the whole set`(member: String) throws {
    let good = TestKey(.ed25519).jwk(keyID: "good", algorithm: nil)
    let leaked = TestKey(.ec("P-256")).jwk(
      keyID: "leaked", algorithm: nil, extra: #","\#(member)":"AAAA""#)
    #expect(throws: KeyProblem.privateKey(number: 2)) { try parse([good, leaked]) }
  }

  @Test func `secrets are for files only`() throws {
    let secret = TestKey(.secret(bytes: 32)).jwk(keyID: "s", algorithm: .hs256)
    #expect(try parse([secret]).keys.count == 1)
    #expect(throws: KeyProblem.publishedSecret(number: 1)) {
      try parse([secret], allowsSecrets: false)
    }
  }

  @Test(arguments: [
    "", "null", "[]", #"{"keys":{}}"#, #"{"keys":null}"#, #"{}"#, #"{"keys":[1]}"#,
    #"{"keys":[[]]}"#, #"{"keys":[{}"#, #"{"keys":[]}x"#, #"{"keys":[],"keys":[]}"#,
    #"{"keys":[{"kty":"RSA","kty":"EC"}]}"#,
  ])
  func `what is no key set is refused`(text: String) {
    #expect(throws: KeyProblem.self) {
      try KeySet.parse(jwks: Array(text.utf8), allowsSecrets: true)
    }
  }

  @Test func `a set is bounded in bytes and keys`() throws {
    let empty = Array(#"{"keys":[]}"#.utf8)
    let full = empty + [UInt8](repeating: 0x20, count: KeySet.bytesMax - empty.count)
    #expect(try KeySet.parse(jwks: full, allowsSecrets: true).isEmpty)
    #expect(throws: KeyProblem.tooLarge(bytesMax: KeySet.bytesMax)) {
      try KeySet.parse(jwks: full + [0x20], allowsSecrets: true)
    }
    let hundred = [String](repeating: #"{"kty":"x"}"#, count: 100)
    #expect(try parse(hundred).skipped.count == 100)
    #expect(throws: KeyProblem.tooMany(keysMax: 100)) { try parse(hundred + hundred.prefix(1)) }
  }

  @Test func `sources are added, each key once`() throws {
    let first = TestKey(.ed25519).jwk(keyID: "a", algorithm: nil)
    let second = TestKey(.ed25519).jwk(keyID: "b", algorithm: nil)
    let sum = try parse([first]).adding(try parse([second, first, #"{"kty":"x"}"#]))
    #expect(sum.keys.map(\.keyID) == ["a", "b"])
    #expect(sum.skipped.count == 1)
  }
}
