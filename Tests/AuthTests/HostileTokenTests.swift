// Tokens that somebody has tampered with: each is right in all but the thing that its name says. All
// of them are refused; the reason is for the log, and nobody outside learns more than "refused".

import Auth
import RoostCrypto
import TestKeys
import Testing

struct HostileTokenTests {
  struct Hostile: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let reason: TokenRejection.Reason
    let make: @Sendable (TokenFixture) throws -> String

    init(
      _ name: String, _ reason: TokenRejection.Reason,
      _ make: @escaping @Sendable (TokenFixture) throws -> String
    ) {
      testDescription = name
      self.reason = reason
      self.make = make
    }

    /// Only the claims are hostile.
    static func claims(
      _ name: String, _ claims: String, _ reason: TokenRejection.Reason = .claim
    ) -> Hostile {
      Hostile(name, reason) { try $0.token(claims: claims) }
    }

    /// Only the header is hostile.
    static func header(
      _ name: String, _ header: String, _ reason: TokenRejection.Reason
    ) -> Hostile {
      Hostile(name, reason) { try $0.token(claims: goodClaims, header: header) }
    }
  }

  static let goodClaims = #"{"sub":"ann","exp":1800003600}"#
  private static let good = #""sub":"ann","exp":1800003600"#

  /// A token's parts, changed.
  private static func parts(
    _ fixture: TokenFixture, _ algorithm: TokenAlgorithm = .hs256,
    _ change: (inout [String]) -> Void
  ) throws -> String {
    var parts = try fixture.token(algorithm).split(separator: ".").map(String.init)
    change(&parts)
    return parts.joined(separator: ".")
  }

  static let shape: [Hostile] = [
    Hostile("no bytes", .malformed) { _ in "" },
    Hostile("one word", .malformed) { _ in "token" },
    Hostile("two dots and nothing else", .malformed) { _ in ".." },
    Hostile("two parts", .malformed) { try parts($0) { $0.removeLast() } },
    Hostile("an empty header", .malformed) { try parts($0) { $0[0] = "" } },
    Hostile("empty claims", .malformed) { try parts($0) { $0[1] = "" } },
    Hostile("an empty signature", .malformed) { try parts($0) { $0[2] = "" } },
    Hostile("four parts", .malformed) { try parts($0) { $0.append("AAAA") } },
    Hostile("five parts, as encrypted ones have", .malformed) {
      try parts($0) { $0 += ["AAAA", "AAAA"] }
    },
    Hostile("a dot at the end", .malformed) { try $0.token(.hs256) + "." },
    Hostile("a dot in front", .malformed) { try "." + $0.token(.hs256) },
    Hostile("a space behind", .malformed) { try $0.token(.hs256) + " " },
    Hostile("a space in front", .malformed) { try " " + $0.token(.hs256) },
    Hostile("a line break behind", .malformed) { try $0.token(.hs256) + "\n" },
    Hostile("padding behind the header", .malformed) { try parts($0) { $0[0] += "=" } },
    Hostile("padding behind the signature", .malformed) { try parts($0) { $0[2] += "=" } },
    Hostile("stray bits in the signature", .malformed) {
      try parts($0) { parts in
        // 32 bytes leave four bits of the last digit but two.
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let last = digits.firstIndex(of: parts[2].removeLast()) ?? 0
        parts[2].append(digits[last | 1])
      }
    },
    Hostile("the other alphabet", .malformed) { try parts($0) { $0[2] = "++//" } },
    Hostile("a header that is not base64", .malformed) { try parts($0) { $0[0] = "{alg}" } },
    Hostile("claims that are not base64", .signature) { try parts($0) { $0[1] = "{sub}" } },
    Hostile("more bytes than a token has", .oversize) {
      try $0.token(claims: "{\(good),\"x\":\"\(String(repeating: "a", count: 8000))\"}")
    },
    Hostile("a megabyte of letters", .oversize) { _ in String(repeating: "A", count: 1 << 20) },
    Hostile("a megabyte of dots", .oversize) { _ in String(repeating: ".", count: 1 << 20) },
    Hostile("eight thousand dots", .malformed) { _ in String(repeating: ".", count: 8000) },
    .header("a header that is a list", #"["HS256"]"#, .malformed),
    .header("a header that is a string", #""HS256""#, .malformed),
    .header("a header that is cut off", #"{"alg":"HS256""#, .malformed),
    .header("something behind the header", #"{"alg":"HS256"}{}"#, .malformed),
    .header(
      "a header with a byte that is not UTF-8", "{\"alg\":\"HS256\",\"x\":\"\u{0}\"}", .malformed),
    .header(
      "a header that nests deeply",
      #"{"alg":"HS256","x":\#(String(repeating: "[", count: 50))\#(String(repeating: "]", count: 50))}"#,
      .malformed),
  ]

  static let algorithm: [Hostile] = [
    .header("alg none", #"{"alg":"none"}"#, .algorithm),
    .header("alg None", #"{"alg":"None"}"#, .algorithm),
    .header("alg nOnE", #"{"alg":"nOnE"}"#, .algorithm),
    .header("alg NONE with the key's name", #"{"alg":"NONE","kid":"hs256"}"#, .algorithm),
    Hostile("alg none and no signature", .malformed) { _ in
      TestToken.part(#"{"alg":"none"}"#) + "." + TestToken.part(goodClaims) + "."
    },
    Hostile("alg none and any signature", .algorithm) { _ in
      TestToken.part(#"{"alg":"none"}"#) + "." + TestToken.part(goodClaims) + ".AAAA"
    },
    .header("no alg", #"{"typ":"JWT"}"#, .algorithm),
    .header("an empty alg", #"{"alg":""}"#, .algorithm),
    .header("alg null", #"{"alg":null}"#, .algorithm),
    .header("a number for alg", #"{"alg":256}"#, .algorithm),
    .header("a list for alg", #"{"alg":["HS256"]}"#, .algorithm),
    .header("alg in lower case", #"{"alg":"hs256"}"#, .algorithm),
    .header("alg with a space", #"{"alg":"HS256 "}"#, .algorithm),
    .header("alg with a zero byte", #"{"alg":"HS256\u0000"}"#, .algorithm),
    .header("an alg that is not supported", #"{"alg":"ES512"}"#, .algorithm),
    .header("ECDSA on Bitcoin's curve", #"{"alg":"ES256K"}"#, .algorithm),
    .header("an algorithm of encryption", #"{"alg":"RSA-OAEP"}"#, .algorithm),
    .header("another secret's algorithm", #"{"alg":"HS384","kid":"hs256"}"#, .algorithm),
    .header(
      "a public key's algorithm under a secret's name", #"{"alg":"RS256","kid":"hs256"}"#,
      .algorithm),
    Hostile("a secret's algorithm under a public key's name", .algorithm) { fixture in
      try fixture.token(claims: goodClaims, header: #"{"alg":"HS256","kid":"rs256"}"#)
    },
    Hostile("the public key's PEM as the secret, by name", .algorithm) { fixture in
      try forged(fixture, secret: fixture.key(.rs256).pem(), kid: #","kid":"rs256""#)
    },
    Hostile("the public key's PEM as the secret", .signature) { fixture in
      try forged(fixture, secret: fixture.key(.rs256).pem(), kid: "")
    },
    Hostile("the modulus as the secret", .signature) { fixture in
      try forged(fixture, secret: fixture.key(.rs256).number("n"), kid: "")
    },
    Hostile("the curve's point as the secret", .signature) { fixture in
      let key = try fixture.key(.es256)
      return try forged(
        fixture, secret: [4] + key.number("qx", bytes: 32) + key.number("qy", bytes: 32), kid: "")
    },
    Hostile("an empty secret", .signature) { try forged($0, secret: [], kid: "") },
    Hostile("PS256 under RS256's name", .algorithm) { fixture in
      TestToken.make(
        header: #"{"alg":"PS256","kid":"rs256"}"#, claims: goodClaims, key: try fixture.key(.rs256),
        algorithm: .ps256)
    },
    Hostile("a PS256 signature said to be RS256", .signature) { fixture in
      TestToken.make(
        header: #"{"alg":"RS256"}"#, claims: goodClaims, key: try fixture.key(.rs256),
        algorithm: .ps256)
    },
    Hostile("RS512 of the key for RS256", .algorithm) { fixture in
      TestToken.make(
        header: #"{"alg":"RS512","kid":"rs256"}"#, claims: goodClaims, key: try fixture.key(.rs256),
        algorithm: .rs512)
    },
    Hostile("another one's pair", .signature) { fixture in
      TestToken.make(
        header: #"{"alg":"ES256","kid":"es256"}"#, claims: goodClaims, key: TestKey(.ec("P-256")),
        algorithm: .es256)
    },
    Hostile("another one's pair with its public half in the header", .signature) { fixture in
      let mine = TestKey(.ec("P-256"))
      let jwk = mine.jwk(keyID: "es256", algorithm: .es256)
      return TestToken.make(
        header: #"{"alg":"ES256","kid":"es256","jwk":\#(jwk)}"#, claims: goodClaims, key: mine,
        algorithm: .es256)
    },
    Hostile("another one's secret", .signature) { fixture in
      TestToken.make(
        header: #"{"alg":"HS256","kid":"hs256"}"#, claims: goodClaims,
        key: TestKey(.secret(bytes: 32)), algorithm: .hs256)
    },
  ]

  private static func forged(
    _ fixture: TokenFixture, secret: [UInt8], kid: String
  ) throws -> String {
    let signed = TestToken.part(#"{"alg":"HS256"\#(kid)}"#) + "." + TestToken.part(goodClaims)
    let code = HMAC.sha256(key: secret.span, message: signed.utf8.span)
    return signed + "." + TestToken.part(code)
  }

  static let header: [Hostile] = [
    .header("a kid that nobody knows", #"{"alg":"HS256","kid":"other"}"#, .unknownKey),
    .header("a kid in upper case", #"{"alg":"HS256","kid":"HS256"}"#, .unknownKey),
    .header("an empty kid", #"{"alg":"HS256","kid":""}"#, .malformed),
    .header("a number for kid", #"{"alg":"HS256","kid":256}"#, .malformed),
    .header("kid null", #"{"alg":"HS256","kid":null}"#, .malformed),
    .header("a kid that leads elsewhere", #"{"alg":"HS256","kid":"../../dev/null"}"#, .unknownKey),
    .header(
      "a kid that is a question to a database", #"{"alg":"HS256","kid":"' or 1=1 --"}"#, .unknownKey
    ),
    .header(
      "a kid of 300 bytes", #"{"alg":"HS256","kid":"\#(String(repeating: "k", count: 300))"}"#,
      .malformed),
    .header(
      "an address of keys", #"{"alg":"HS256","kid":"x","jku":"https://evil.example"}"#, .unknownKey),
    .header("crit", #"{"alg":"HS256","crit":["exp"]}"#, .critical),
    .header("an empty crit", #"{"alg":"HS256","crit":[]}"#, .critical),
    .header("crit null", #"{"alg":"HS256","crit":null}"#, .critical),
    .header("b64 false", #"{"alg":"HS256","b64":false,"crit":["b64"]}"#, .critical),
    .header("b64 without crit", #"{"alg":"HS256","b64":false}"#, .critical),
    .header("another type", #"{"alg":"HS256","typ":"logout+jwt"}"#, .type),
    .header("a type that is a number", #"{"alg":"HS256","typ":1}"#, .type),
    .header("an empty type", #"{"alg":"HS256","typ":""}"#, .type),
    .header("alg twice", #"{"alg":"none","alg":"HS256"}"#, .duplicate),
    .header("alg twice, once escaped", #"{"alg":"HS256","\u0061lg":"none"}"#, .duplicate),
    .header("kid twice", #"{"alg":"HS256","kid":"hs256","kid":"hs256"}"#, .duplicate),
    .header("typ twice", #"{"alg":"HS256","typ":"JWT","typ":"JWT"}"#, .duplicate),
    .header(
      "a header of 200 members",
      "{\"alg\":\"HS256\"" + (0..<200).map { ",\"\($0)\":0" }.joined() + "}", .claim),
  ]

  static let signature: [Hostile] = [
    Hostile("the claims of another token", .signature) {
      try parts($0) { $0[1] = TestToken.part(#"{"sub":"root","exp":1800003600}"#) }
    },
    Hostile("half a code", .signature) {
      try parts($0) { $0[2] = String($0[2].prefix(22)).dropLast() + "A" }
    },
    Hostile("one byte of a code", .signature) { try parts($0) { $0[2] = "AA" } },
    Hostile("a code of zeros", .signature) {
      try parts($0) { $0[2] = TestToken.part([UInt8](repeating: 0, count: 32)) }
    },
    Hostile("a code with a byte behind", .signature) {
      try parts($0) { $0[2] = TestToken.part((Base64.decodeURL($0[2].utf8.span) ?? []) + [0]) }
    },
    Hostile("an ECDSA signature of zeros", .signature) {
      try parts($0, .es256) { $0[2] = TestToken.part([UInt8](repeating: 0, count: 64)) }
    },
    Hostile("an ECDSA signature of ones", .signature) {
      try parts($0, .es256) { $0[2] = TestToken.part([UInt8](repeating: 0xFF, count: 64)) }
    },
    Hostile("an ECDSA signature whose s is zero", .signature) {
      try parts($0, .es256) { parts in
        let half = (Base64.decodeURL(parts[2].utf8.span) ?? []).prefix(32)
        parts[2] = TestToken.part(half + [UInt8](repeating: 0, count: 32))
      }
    },
    Hostile("an ECDSA signature in DER", .signature) {
      try parts($0, .es256) { parts in
        let pair = Base64.decodeURL(parts[2].utf8.span) ?? []
        parts[2] = TestToken.part([0x30, 68, 2, 32] + pair.prefix(32) + [2, 32] + pair.suffix(32))
      }
    },
    Hostile("an ECDSA signature of the other curve's length", .signature) {
      try parts($0, .es256) { parts in
        let pair = Base64.decodeURL(parts[2].utf8.span) ?? []
        let zeros = [UInt8](repeating: 0, count: 16)
        parts[2] = TestToken.part(zeros + pair.prefix(32) + zeros + pair.suffix(32))
      }
    },
    Hostile("an RSA signature with a zero in front", .signature) {
      try parts($0, .rs256) { parts in
        parts[2] = TestToken.part([0] + (Base64.decodeURL(parts[2].utf8.span) ?? []))
      }
    },
    Hostile("an RSA signature of one", .signature) {
      try parts($0, .rs256) { $0[2] = TestToken.part([UInt8](repeating: 0, count: 255) + [1]) }
    },
    Hostile("an EdDSA signature of zeros", .signature) {
      try parts($0, .eddsa) { $0[2] = TestToken.part([UInt8](repeating: 0, count: 64)) }
    },
    Hostile("an EdDSA signature whose s is moved by the group's order", .signature) {
      try parts($0, .eddsa) { parts in
        var bytes = Base64.decodeURL(parts[2].utf8.span) ?? []
        let order: [UInt8] = [
          0xED, 0xD3, 0xF5, 0x5C, 0x1A, 0x63, 0x12, 0x58, 0xD6, 0x9C, 0xF7, 0xA2, 0xDE, 0xF9, 0xDE,
          0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ]
        var carry = 0
        for place in order.indices where bytes.count == 64 {
          let sum = Int(bytes[32 + place]) + Int(order[place]) + carry
          bytes[32 + place] = UInt8(sum & 0xFF)
          carry = sum >> 8
        }
        parts[2] = TestToken.part(bytes)
      }
    },
  ]

  static let claims: [Hostile] = [
    .claims("claims that are a list", #"[{"sub":"ann","exp":1800003600}]"#, .malformed),
    .claims("claims that are a string", #""ann""#, .malformed),
    .claims("claims that are a token", "eyJ0eXAiOiJKV1Qi", .malformed),
    .claims("claims that are cut off", #"{"sub":"ann","exp":1800003600"#, .malformed),
    .claims("something behind the claims", goodClaims + "x", .malformed),
    .claims("two objects of claims", goodClaims + goodClaims, .malformed),
    .claims("no exp", #"{"sub":"ann"}"#),
    .claims("exp null", #"{"sub":"ann","exp":null}"#),
    .claims("exp as a text", #"{"sub":"ann","exp":"1800003600"}"#),
    .claims("exp in milliseconds", #"{"sub":"ann","exp":1800003600000}"#),
    .claims("a negative exp", #"{"sub":"ann","exp":-1}"#),
    .claims("an endless exp", #"{"sub":"ann","exp":1e999}"#),
    .claims("an exp beyond every clock", #"{"sub":"ann","exp":1e18}"#),
    .claims(
      "an exp with a thousand digits",
      "{\"sub\":\"ann\",\"exp\":1\(String(repeating: "0", count: 1000))}"),
    .claims("exp true", #"{"sub":"ann","exp":true}"#),
    .claims("exp twice", #"{"sub":"ann","exp":1,"exp":1800003600}"#, .duplicate),
    .claims("exp twice, once escaped", #"{"sub":"ann","exp":1800003600,"\u0065xp":1}"#, .duplicate),
    .claims("sub twice", #"{"sub":"ann","sub":"root","exp":1800003600}"#, .duplicate),
    .claims("an unknown claim twice", "{\(good),\"x\":1,\"x\":1}", .duplicate),
    .claims("expired", #"{"sub":"ann","exp":1799999000}"#, .expired),
    .claims("not yet valid", "{\(good),\"nbf\":1800003000}", .notYetValid),
    .claims("issued in the future", "{\(good),\"iat\":1800003000}", .notYetValid),
    .claims("an nbf that is a text", "{\(good),\"nbf\":\"1\"}"),
    .claims("an iat that is a list", "{\(good),\"iat\":[1]}"),
    .claims("a token for ten years", #"{"sub":"ann","exp":2115360000}"#, .lifetime),
    .claims("for somebody else", "{\(good),\"aud\":\"other\"}", .audience),
    .claims("for several others", "{\(good),\"aud\":[\"other\",\"another\"]}", .audience),
    .claims(
      "for 101 others", "{\(good),\"aud\":[\(String(repeating: "\"x\",", count: 100))\"x\"]}"),
    .claims("no sub", #"{"exp":1800003600}"#),
    .claims("an empty sub", #"{"sub":"","exp":1800003600}"#),
    .claims("a sub that is a number", #"{"sub":1,"exp":1800003600}"#),
    .claims("a sub that is null", #"{"sub":null,"exp":1800003600}"#),
    .claims("a sub with a line break", #"{"sub":"a\nb","exp":1800003600}"#),
    .claims("a sub with a zero byte", #"{"sub":"a\u0000","exp":1800003600}"#),
    .claims(
      "a sub of 129 bytes", #"{"sub":"\#(String(repeating: "a", count: 129))","exp":1800003600}"#),
    .claims("a jti that is a number", "{\(good),\"jti\":1}"),
    .claims("a jti of 129 bytes", "{\(good),\"jti\":\"\(String(repeating: "a", count: 129))\"}"),
    .claims("an info of 2 KiB", "{\(good),\"info\":\"\(String(repeating: "a", count: 2000))\"}"),
    .claims("rooms that are an object", "{\(good),\"rooms\":{}}"),
    .claims("rooms that are a text", "{\(good),\"rooms\":\"chat:*\"}"),
    .claims("a room that is a text", "{\(good),\"rooms\":[\"chat:*\"]}"),
    .claims("a room without a pattern", "{\(good),\"rooms\":[{\"allow\":[\"join\"]}]}"),
    .claims("a room without allow", "{\(good),\"rooms\":[{\"pattern\":\"*\"}]}"),
    .claims(
      "an empty pattern", #"{"sub":"ann","exp":1800003600,"rooms":[{"pattern":"","allow":[]}]}"#),
    .claims(
      "a pattern of 256 bytes",
      "{\(good),\"rooms\":[{\"pattern\":\"\(String(repeating: "*", count: 256))\",\"allow\":[]}]}"),
    .claims(
      "a right that nobody knows",
      #"{"sub":"ann","exp":1800003600,"rooms":[{"pattern":"*","allow":["admin"]}]}"#),
    .claims(
      "a right that is a number",
      #"{"sub":"ann","exp":1800003600,"rooms":[{"pattern":"*","allow":[1]}]}"#),
    .claims(
      "an allow that is a text",
      #"{"sub":"ann","exp":1800003600,"rooms":[{"pattern":"*","allow":"join"}]}"#),
    .claims(
      "a room with deny",
      #"{"sub":"ann","exp":1800003600,"rooms":[{"pattern":"*","allow":["join"],"deny":["x"]}]}"#),
    .claims(
      "a room with two patterns",
      #"{"sub":"ann","exp":1800003600,"rooms":[{"pattern":"a","pattern":"*","allow":["join"]}]}"#,
      .duplicate),
    .claims(
      "101 rooms",
      "{\(good),\"rooms\":[\((0...100).map { _ in "{\"pattern\":\"*\",\"allow\":[]}" }.joined(separator: ","))]}"
    ),
    .claims(
      "a claim that nests deeply",
      "{\(good),\"x\":\(String(repeating: "[", count: 50))\(String(repeating: "]", count: 50))}",
      .malformed),
    .claims("101 claims", "{\(good)" + (0..<100).map { ",\"\($0)\":0" }.joined() + "}"),
  ]

  static let all = shape + algorithm + header + signature + claims

  /// The keys of all hostile tokens.
  static let algorithms: [TokenAlgorithm] = [.hs256, .rs256, .es256, .eddsa]

  @Test func `every hostile token is refused, for its own reason, and its twin is accepted`() throws
  {
    #expect(Self.all.count >= 80)
    #expect(Set(Self.all.map(\.testDescription)).count == Self.all.count)
    let fixture = TokenFixture(Self.algorithms)
    let verifier = try fixture.verifier()
    for hostile in Self.all {
      let token = try hostile.make(fixture)
      #expect(verifier.reason(token) == hostile.reason, "\(hostile.testDescription)")
    }
    for algorithm in Self.algorithms {
      #expect(try verifier.reason(fixture.token(algorithm)) == nil)
    }
    #expect(try verifier.reason(fixture.token(claims: Self.goodClaims)) == nil)
  }

  @Test(arguments: algorithms)
  func `a token that is cut off at any byte is refused`(algorithm: TokenAlgorithm) throws {
    let fixture = TokenFixture([algorithm])
    let verifier = try fixture.verifier()
    let token = Array(try fixture.token(algorithm).utf8)
    #expect(throws: Never.self) { try verifier.judge(token).get() }
    for count in token.indices {
      #expect(throws: TokenRejection.self, "\(count) bytes") {
        try verifier.judge(Array(token[..<count])).get()
      }
    }
  }

  @Test(arguments: [TokenAlgorithm.hs256, .es256, .eddsa])
  func `a token with any byte changed is refused`(algorithm: TokenAlgorithm) throws {
    let fixture = TokenFixture([algorithm])
    let verifier = try fixture.verifier()
    let token = Array(try fixture.token(algorithm).utf8)
    for place in token.indices {
      for other in [token[place] ^ 1, token[place] ^ 0x20, UInt8(ascii: "."), 0, 0xFF]
      where other != token[place] {
        var broken = token
        broken[place] = other
        #expect(throws: TokenRejection.self, "byte \(place) as \(other)") {
          try verifier.judge(broken).get()
        }
      }
    }
  }
}
