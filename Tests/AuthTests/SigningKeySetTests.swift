// Files of keys of one's own: PEM, a JWK, a JWK set, and what is none of them.

import Auth
import RoostCrypto
import TestKeys
import Testing

struct SigningKeySetTests {
  private func encoded(_ bytes: [UInt8]) -> String { TestToken.part(bytes) }

  /// A JWK with its private half.
  private func jwk(_ key: TestKey, _ algorithm: TokenAlgorithm) -> String {
    switch key.kind {
    case .secret: return key.jwk(keyID: "k", algorithm: algorithm)
    case .ed25519: return key.jwk(keyID: "k", algorithm: algorithm)
    case .ec(let curve):
      let bytes = curve == "P-256" ? 32 : 48
      let secret = encoded(key.number("priv", bytes: bytes))
      return key.jwk(keyID: "k", algorithm: algorithm, extra: #","d":"\#(secret)""#)
    case .rsa:
      let names = [
        ("d", "d"), ("p", "rsa-factor1"), ("q", "rsa-factor2"), ("dp", "rsa-exponent1"),
        ("dq", "rsa-exponent2"), ("qi", "rsa-coefficient1"),
      ]
      let extra = names.map { #","\#($0.0)":"\#(encoded(key.number($0.1)))""# }.joined()
      return key.jwk(keyID: "k", algorithm: algorithm, extra: extra)
    }
  }

  private func problem(_ text: String) -> KeyFileProblem? {
    do throws(KeyFileProblem) {
      _ = try SigningKeySet.parse(Array(text.utf8))
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [TokenAlgorithm.rs384, .ps256, .es256, .es384])
  func `a private JWK signs for its public half`(algorithm: TokenAlgorithm) throws {
    let key = TestKey(for: algorithm)
    for text in [jwk(key, algorithm), #"{"keys":[\#(jwk(key, algorithm))]}"#] {
      let read = try #require(try SigningKeySet.parse(Array(text.utf8)).first)
      #expect(read.keyID == "k" && read.algorithm == algorithm)
      guard case .pair(let material) = read.material else {
        Issue.record("no pair in \(text)")
        continue
      }
      let signer = try TokenSigner(material, keyID: read.keyID, algorithm: read.algorithm)
      let message = Array("message".utf8)
      let signing = try SigningKey(material)
      let verifying = try VerificationKey(.pem(key.pem()))
      let signature = try #require(algorithm.signature)
      let signed = try #require(signing.signature(of: message, signature))
      let isGood = verifying.verify(signed.span, of: message.span, algorithm: signature)
      #expect(isGood)
      #expect(signer.algorithm == algorithm)
    }
  }

  @Test func `the key of RFC 8037 signs what the RFC says`() throws {
    // Appendix A.1 and A.4.
    let text = """
      {"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
       "x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
      """
    let read = try #require(try SigningKeySet.parse(Array(text.utf8)).first)
    guard case .pair(let material) = read.material else {
      Issue.record("no pair")
      return
    }
    let message = Array("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".utf8)
    let signed = try #require(try SigningKey(material).signature(of: message, .ed25519))
    #expect(
      encoded(signed)
        == "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
  }

  @Test func `PEM is told from JSON, and private from public`() throws {
    let key = TestKey(for: .es256)
    #expect(
      try SigningKeySet.parse(key.pem())
        == [OwnedKey(keyID: nil, algorithm: nil, material: .publicKey(.pem(key.pem())))])
    let text = key.pem(isPrivate: true)
    #expect(
      try SigningKeySet.parse(text)
        == [OwnedKey(keyID: nil, algorithm: nil, material: .pair(.pem(text)))])
  }

  @Test func `public halves and secrets are read for what they are`() throws {
    let key = TestKey(for: .eddsa)
    let secret = TestKey(secret: Array(0..<32))
    let text = """
      {"keys":[\(key.jwk(keyID: "a", algorithm: nil)),\(secret.jwk(keyID: "b", algorithm: .hs256))]}
      """
    #expect(
      try SigningKeySet.parse(Array(text.utf8)) == [
        OwnedKey(keyID: "a", algorithm: nil, material: .publicKey(.ed25519(key.rawPublic))),
        OwnedKey(keyID: "b", algorithm: .hs256, material: .secret(Array(0..<32))),
      ])
  }

  @Test(arguments: [
    ("", KeyFileProblem.unreadable("unexpected end of the text", offset: 0)),
    ("[]", .notAKey), ("{}", .notAKey), (#"{"keys":{}}"#, .notAKey),
    (#"{"keys":[{}]}"#, .key(number: 1, "it has no kty")),
    (#"{"kty":"x"}"#, .key(number: 1, "its kty is none of RSA, EC, OKP and oct")),
    (#"{"kty":"oct","k":"AA","alg":"none"}"#, .key(number: 1, "its alg is not known here")),
    (#"{"kty":"oct","k":"AA","kid":1}"#, .key(number: 1, "its kid is no string")),
    (#"{"kty":"oct","k":"?"}"#, .key(number: 1, "its k is not there or not base64url")),
    (#"{"kty":"OKP","crv":"X25519"}"#, .key(number: 1, "its crv is not Ed25519")),
    (#"{"kty":"EC","crv":"P-521"}"#, .key(number: 1, "its crv is none of P-256 and P-384")),
    (
      #"{"keys":[{"kty":"oct","k":"AA"},{"kty":"RSA","n":"AA"}]}"#,
      .key(number: 2, "its e is not there or not base64url")
    ),
    (
      #"{"kty":"RSA","n":"AA","e":"AQAB","d":"AA","p":"AA"}"#,
      .key(number: 1, "its q is not there or not base64url")
    ),
    (
      #"{"kty":"RSA","n":"AA","e":"AQAB","d":"AA","oth":[]}"#,
      .key(number: 1, "it has more than two factors, which is not supported")
    ),
  ])
  func `what is no key is refused with its reason`(text: String, expected: KeyFileProblem) {
    switch (problem(text), expected) {
    case (.unreadable, .unreadable): break
    case (let found, let expected): #expect(found == expected)
    }
  }
}

extension SigningKey {
  fileprivate func signature(of message: [UInt8], _ algorithm: SignatureAlgorithm) -> [UInt8]? {
    sign(message.span, algorithm: algorithm)
  }
}
