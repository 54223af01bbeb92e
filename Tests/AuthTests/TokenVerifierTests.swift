// Tokens that are good, what they grant, and the borders of every rule. Those that somebody has
// tampered with are in HostileTokenTests.

import Auth
import RoostCrypto
import RoostRooms
import TestKeys
import Testing

struct TokenVerifierTests {
  @Test(arguments: TokenAlgorithm.allCases, [false, true])
  func `a token of every algorithm is accepted, with and without the key's name`(
    algorithm: TokenAlgorithm, hasName: Bool
  ) throws {
    let fixture = TokenFixture([algorithm])
    let grant = try fixture.verifier().judge(fixture.token(algorithm, hasName: hasName)).get()
    #expect(
      grant
        == Grant(
          user: "ann", info: nil, rights: .none, tokenID: nil, issuedAt: tokenNow - 60,
          expiresAt: tokenNow + 3600))
  }

  @Test func `RFC 9864's name of Ed25519 is accepted`() throws {
    let fixture = TokenFixture([.eddsa])
    let token = TestToken.make(
      header: #"{"alg":"Ed25519"}"#, claims: #"{"sub":"ann","exp":1800003600}"#,
      key: try fixture.key(.eddsa), algorithm: .eddsa)
    #expect(try fixture.verifier().reason(token) == nil)
  }

  @Test func `the example of RFC 7515 verifies, and is refused for what it says`() throws {
    // Appendix A.1; its time was 2011, and it has no subject.
    let secret =
      "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
    let key = TokenKeyMaterial(
      keyID: nil, algorithm: .hs256,
      material: .secret(Base64.decodeURL(secret.utf8.span) ?? []))
    let verifier = try TokenVerifier(keys: KeySet([key]), rules: TokenFixture([]).rules)
    let token =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQog"
      + "Imh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    #expect(verifier.reason(token) == .expired)
    #expect(verifier.reason(token, at: 1_300_819_379) == .claim)
  }

  @Test func `a token says who, what about them, and what they may`() throws {
    let fixture = TokenFixture([.hs256])
    let token = try fixture.token(
      claims: #"""
        {"sub": "ann", "exp": 1800000100.75, "iat": 1800000000.5, "nbf": 1, "jti": "t-1",
         "info": {"name": "Ann",
                  "\u0041": [1, 2]}, "scope": "ignored",
         "rooms": [{"pattern": "chat:*", "allow": ["join", "publish"]},
                   {"allow": ["history", "presence"], "pattern": "chat:lobby"},
                   {"pattern": "news:*", "allow": []}]}
        """#)
    let grant = try fixture.verifier().judge(token).get()
    #expect(grant.user == "ann")
    #expect(grant.tokenID == "t-1")
    #expect(grant.issuedAt == 1_800_000_000)
    #expect(grant.expiresAt == 1_800_000_100)
    let info = try #require(grant.info)
    #expect(!info.contains(UInt8(ascii: "\n")))
    #expect(
      String(decoding: info, as: UTF8.self).filter { $0 != " " }
        == #"{"name":"Ann","\u0041":[1,2]}"#)
    let lobby = try RoomName(Array("chat:lobby".utf8))
    let other = try RoomName(Array("chat:other".utf8))
    let news = try RoomName(Array("news:today".utf8))
    #expect(
      RoomAction.allCases.filter { grant.rights.allows($0, in: lobby) } == RoomAction.allCases)
    #expect(RoomAction.allCases.filter { grant.rights.allows($0, in: other) } == [.join, .publish])
    #expect(RoomAction.allCases.filter { grant.rights.allows($0, in: news) } == [])
    #expect(grant.identity == Identity(user: "ann", info: grant.info, rights: grant.rights))
  }

  @Test(
    arguments: [
      // exp: 30 s of leeway, on the second itself it is over.
      (#""exp":1800000000"#, nil), (#""exp":1799999971"#, nil),
      (#""exp":1799999970"#, .expired), (#""exp":1799999970.9"#, .expired), (#""exp":0"#, .expired),
      // nbf and iat: 30 s of leeway.
      (#""exp":1800003600,"nbf":1800000030"#, nil),
      (#""exp":1800003600,"nbf":1800000030.5"#, .notYetValid),
      (#""exp":1800003600,"nbf":1800000031"#, .notYetValid),
      (#""exp":1800003600,"iat":1800000030"#, nil),
      (#""exp":1800003600,"iat":1800000031"#, .notYetValid),
      // A week from the issue, or from now.
      (#""exp":1800604800"#, nil), (#""exp":1800604801"#, .lifetime),
      (#""exp":1800604700,"iat":1799999900"#, nil),
      (#""exp":1800604701,"iat":1799999900"#, .lifetime),
      (#""exp":1800000100,"iat":1"#, .lifetime),
    ] as [(String, TokenRejection.Reason?)])
  func `times are held to the second and the leeway`(
    claims: String, reason: TokenRejection.Reason?
  ) throws {
    let fixture = TokenFixture([.hs256])
    let token = try fixture.token(claims: "{\"sub\":\"ann\",\(claims)}")
    #expect(try fixture.verifier().reason(token) == reason)
  }

  @Test(
    arguments: [
      ("", .issuer), (#","iss":"https://b.example""#, .issuer),
      (#","iss":"https://A.example""#, .issuer),
      (#","iss":"""#, .issuer), (#","iss":["https://a.example"]"#, .claim),
      (#","iss":"https://a.example""#, nil), (#","iss":"https:\/\/a.example""#, nil),
    ] as [(String, TokenRejection.Reason?)])
  func `the issuer is the one that was configured, byte for byte`(
    more: String, reason: TokenRejection.Reason?
  ) throws {
    var fixture = TokenFixture([.hs256])
    fixture.rules.issuer = "https://a.example"
    #expect(try fixture.verifier().reason(fixture.token(.hs256, more: more)) == reason)
  }

  @Test(
    arguments: [
      ("", .audience), (#","aud":"c""#, .audience), (#","aud":[]"#, .audience),
      (#","aud":["c","d"]"#, .audience), (#","aud":["c",1]"#, .claim), (#","aud":1"#, .claim),
      (#","aud":null"#, .claim), (#","aud":{"a":1}"#, .claim), (#","aud":"A""#, .audience),
      (#","aud":"a""#, nil), (#","aud":"b""#, nil), (#","aud":["c","b"]"#, nil),
    ] as [(String, TokenRejection.Reason?)])
  func `the audience holds one that was configured`(
    more: String, reason: TokenRejection.Reason?
  ) throws {
    var fixture = TokenFixture([.hs256])
    fixture.rules.audiences = ["a", "b"]
    #expect(try fixture.verifier().reason(fixture.token(.hs256, more: more)) == reason)
  }

  // RFC 7519 4.1.3: whoever does not know itself in the audience must refuse.
  @Test func `a token for somebody is refused where no audience is configured`() throws {
    let fixture = TokenFixture([.hs256])
    #expect(
      try fixture.verifier().reason(fixture.token(.hs256, more: #","aud":"a""#)) == .audience)
  }

  @Test(
    arguments: [(8191, nil), (8192, nil), (8193, .oversize)] as [(Int, TokenRejection.Reason?)])
  func `a token has at most 8192 bytes`(count: Int, reason: TokenRejection.Reason?) throws {
    let fixture = TokenFixture([.hs256])
    // The header takes what the claims leave; base64url has three lengths of four.
    for spaces in 0..<4 {
      let header = #"{"alg":"HS256","kid":"hs256""# + String(repeating: " ", count: spaces) + "}"
      let short = try fixture.token(
        claims: #"{"sub":"ann","exp":1800000100,"x":""}"#, header: header)
      for filler in (count - short.utf8.count) * 3 / 4 - 3..<(count - short.utf8.count) * 3 / 4 + 3
      {
        let claims =
          #"{"sub":"ann","exp":1800000100,"x":""# + String(repeating: "a", count: filler) + "\"}"
        let token = try fixture.token(claims: claims, header: header)
        if token.utf8.count == count {
          #expect(try fixture.verifier().reason(token) == reason)
          return
        }
      }
    }
    Issue.record("no token of \(count) bytes was made")
  }

  @Test(
    arguments: [
      (1024, nil), (1025, .claim),
    ] as [(Int, TokenRejection.Reason?)])
  func `what a token says about its user has at most 1 KiB`(
    count: Int, reason: TokenRejection.Reason?
  ) throws {
    let fixture = TokenFixture([.hs256])
    let info = String(repeating: "a", count: count - 2)
    #expect(
      try fixture.verifier().reason(fixture.token(.hs256, more: #","info":"\#(info)""#)) == reason)
  }

  @Test func `one of eight keys is found without a name, and a ninth is not tried`() throws {
    let keys = (0..<9).map { _ in TestKey(.secret(bytes: 32)) }
    let set = try KeySet(
      keys.enumerated().map { $1.material(keyID: "k\($0)", algorithm: .hs256) })
    let verifier = try TokenVerifier(keys: set, rules: TokenFixture([]).rules)
    for (place, key) in keys.enumerated() {
      let unnamed = TestToken.make(
        user: "ann", key: key, algorithm: .hs256, expiresAt: tokenNow + 60)
      #expect(verifier.reason(unnamed) == (place < 8 ? nil : .signature))
      let named = TestToken.make(
        user: "ann", key: key, algorithm: .hs256, keyID: "k\(place)", expiresAt: tokenNow + 60)
      #expect(verifier.reason(named) == nil)
    }
  }

  @Test func `two keys of one name are both tried`() throws {
    let keys = [TestKey(.secret(bytes: 32)), TestKey(.secret(bytes: 32))]
    let texts = keys.map { $0.jwk(keyID: "same", algorithm: .hs256) }
    let set = try KeySet.parse(
      jwks: Array(#"{"keys":[\#(texts.joined(separator: ","))]}"#.utf8), allowsSecrets: true)
    let verifier = try TokenVerifier(keys: set, rules: TokenFixture([]).rules)
    for key in keys {
      let token = TestToken.make(
        user: "ann", key: key, algorithm: .hs256, keyID: "same", expiresAt: tokenNow + 60)
      #expect(verifier.reason(token) == nil)
    }
  }

  @Test func `without keys every token is unknown`() throws {
    let verifier = try TokenVerifier(keys: .empty, rules: TokenFixture([]).rules)
    #expect(verifier.isEmpty)
    let fixture = TokenFixture([.hs256])
    #expect(try verifier.reason(fixture.token(.hs256)) == .unknownKey)
    #expect(try verifier.reason(fixture.token(.hs256, hasName: false)) == .algorithm)
  }

  @Test func `the refusal names the key that was asked for`() throws {
    let fixture = TokenFixture([.hs256])
    let token = try fixture.token(
      claims: #"{"sub":"ann","exp":1}"#, header: #"{"alg":"HS256","kid":"hs256"}"#)
    guard case .failure(let rejection) = try fixture.verifier().judge(token) else {
      Issue.record("it was accepted")
      return
    }
    #expect(rejection == TokenRejection(.expired, keyID: "hs256"))
    #expect(rejection.isExpired)
  }
}
