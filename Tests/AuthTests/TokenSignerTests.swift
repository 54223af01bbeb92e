// Tokens that are made here are accepted here, and are what the tests' own signer makes.

import Auth
import RoostCrypto
import TestKeys
import Testing

struct TokenSignerTests {
  private let claims = Array(#"{"sub":"ann","exp":1800003600}"#.utf8)

  private func signer(
    _ key: TestKey, _ algorithm: TokenAlgorithm, keyID: String? = nil
  ) throws -> TokenSigner {
    if case .secret = key.kind {
      return try TokenSigner(key.material(keyID: keyID, algorithm: algorithm))
    }
    return try TokenSigner(.pem(key.pem(isPrivate: true)), keyID: keyID, algorithm: algorithm)
  }

  @Test(arguments: TokenAlgorithm.allCases)
  func `a token is accepted by a verifier of the other half`(algorithm: TokenAlgorithm) throws {
    let key = TestKey(for: algorithm)
    let token = try signer(key, algorithm, keyID: "k\"1").token(claims: claims)
    let rules = TokenRules(
      issuer: nil, audiences: [], leeway: 0, lifetimeMax: 3600, bytesMax: 8192)
    for keys in [
      [key.material(keyID: "k\"1", algorithm: algorithm)],
      [try signer(key, algorithm, keyID: "k\"1").verifying],
    ] {
      let verifier = try TokenVerifier(keys: try KeySet(keys), rules: rules)
      let grant = try verifier.verify(token.span, wallSeconds: tokenNow)
      #expect(grant.user == "ann")
    }
  }

  @Test func `algorithms without chance give the very token of another signer`() throws {
    for algorithm in [TokenAlgorithm.hs256, .hs384, .hs512, .rs256, .rs384, .rs512, .eddsa] {
      let key = TestKey(for: algorithm)
      let expected = TestToken.make(
        header: #"{"alg":"\#(algorithm.rawValue)","typ":"JWT","kid":"k"}"#,
        claims: #"{"sub":"ann","exp":1800003600}"#, key: key, algorithm: algorithm)
      let token = try signer(key, algorithm, keyID: "k").token(claims: claims)
      #expect(String(decoding: token, as: UTF8.self) == expected)
    }
  }

  @Test(arguments: [
    (TokenAlgorithm.rs256, TokenAlgorithm.rs256), (.es256, .es256), (.es384, .es384),
    (.eddsa, .eddsa),
  ])
  func `a kind of key has an algorithm of its own`(
    kind: TokenAlgorithm, algorithm: TokenAlgorithm
  ) throws {
    let material = PrivateKeyMaterial.pem(TestKey(for: kind).pem(isPrivate: true))
    #expect(try TokenSigner(material, keyID: nil, algorithm: nil).algorithm == algorithm)
  }

  @Test func `a key signs with no algorithm of another kind`() {
    let material = PrivateKeyMaterial.pem(TestKey(for: .es256).pem(isPrivate: true))
    for algorithm in TokenAlgorithm.allCases where algorithm != .es256 {
      #expect(throws: SigningProblem.algorithm(algorithm)) {
        _ = try TokenSigner(material, keyID: nil, algorithm: algorithm)
      }
    }
  }

  @Test func `weak secrets and public keys sign nothing`() {
    #expect(throws: SigningProblem.refused(.weakSecret(number: 1, .hs256, bytesMin: 32))) {
      _ = try TokenSigner(
        TestKey(.secret(bytes: 31)).material(keyID: nil, algorithm: .hs256))
    }
    #expect(throws: SigningProblem.key(.isPublic)) {
      _ = try TokenSigner(TestKey(for: .eddsa).material(keyID: nil, algorithm: .eddsa))
    }
    #expect(throws: SigningProblem.refused(.badName(number: 1))) {
      _ = try TokenSigner(TestKey(for: .hs256).material(keyID: "", algorithm: .hs256))
    }
  }

  @Test func `a token comes apart into what it was made of`() throws {
    let token = try signer(TestKey(for: .hs256), .hs256).token(claims: claims)
    let text = try #require(TokenText(token))
    #expect(String(decoding: text.header, as: UTF8.self) == #"{"alg":"HS256","typ":"JWT"}"#)
    #expect(text.claims == claims)
    #expect(text.signatureBytes == 32)
    for wrong in ["", "a", "a.b", "..", "e30.e30.e30.e30", "e30.e3?.e30"] {
      let parts = TokenText(Array(wrong.utf8))
      #expect(wrong == ".." ? parts != nil : parts == nil, "\(wrong)")
    }
  }
}
