// The true reason why a node refuses a token, for every rule.

import Auth
import TestKeys
import Testing

@testable import roost

struct TokenVerdictTests {
  private static let now: Int64 = 1_800_000_000
  private let key = TestKey(secret: Array(0..<32))
  private let rules = TokenRules(
    issuer: nil, audiences: [], leeway: 30, lifetimeMax: 86_400, bytesMax: 1000)

  private func verdict(
    header: String = #"{"alg":"HS256","kid":"k"}"#, _ claims: String, rules: TokenRules? = nil
  ) throws -> TokenVerdict {
    let token = TestToken.make(header: header, claims: claims, key: key, algorithm: .hs256)
    return TokenVerdict.of(
      Array(token.utf8), keys: try KeySet([key.material(keyID: "k", algorithm: .hs256)]),
      rules: rules ?? self.rules, now: Self.now)
  }

  @Test func `a good token is accepted`() throws {
    guard case .accepted(let grant) = try verdict(#"{"sub":"ann","exp":1800000001}"#) else {
      Issue.record("refused")
      return
    }
    #expect(grant.user == "ann")
  }

  @Test(arguments: [
    (
      #"{"sub":"ann","exp":1799996400}"#, TokenRejection.Reason.expired,
      "it expired at 2027-01-15T07:00:00Z, 1 hour ago; clocks may differ by 30 s"
    ),
    (
      #"{"sub":"ann","exp":1800000100,"nbf":1800000060}"#, .notYetValid,
      "it is good from 2027-01-15T08:01:00Z, in 1 minute; clocks may differ by 30 s"
    ),
    (
      #"{"sub":"ann","exp":1800000100,"iat":1800000060}"#, .notYetValid,
      "it was issued in the future, at 2027-01-15T08:01:00Z, in 1 minute; clocks may differ by 30 s"
    ),
    (
      #"{"sub":"ann","exp":1800086401}"#, .lifetime,
      "it lives longer than tokens may, which is 1 day (auth.tokens.lifetime_max)"
    ),
    (
      #"{"sub":"ann"}"#, .claim, "its exp is missing or no number of seconds since 1970"
    ),
    (
      #"{"sub":"ann","exp":1800000000000}"#, .claim,
      "its exp is missing or no number of seconds since 1970"
    ),
    (
      #"{"exp":1800000001}"#, .claim,
      "its sub is missing or no name of a user (1 to 128 bytes)"
    ),
    (
      #"{"sub":"ann","exp":1800000001,"rooms":{}}"#, .claim,
      "one of iss, aud, jti, info and rooms is not of the form that it has to have"
    ),
    (
      #"{"sub":"ann","exp":1800000001,"aud":["x\u001b"]}"#, .audience,
      #"its aud is ["x\u001b"], and this node has no auth.tokens.audience"#
    ),
    (
      #"{"sub":"ann","sub":"bob","exp":1800000001}"#, .duplicate, "a member stands in it twice"
    ),
    ("[]", .malformed, "it is not three parts of base64url with JSON inside"),
  ])
  func `claims are refused with what is wrong about them`(
    claims: String, reason: TokenRejection.Reason, why: String
  ) throws {
    #expect(try verdict(claims) == .refused(reason, why))
  }

  @Test(arguments: [
    (
      #"{"alg":"HS256","kid":"\u001bz"}"#, TokenRejection.Reason.unknownKey,
      #"no key has the name "\u001bz" that it asks for; the keys are HS256 k"#
    ),
    (
      #"{"alg":"none"}"#, .algorithm,
      "its alg is not known, or not that of the key that it asks for; the keys are HS256 k"
    ),
    (
      #"{"alg":"HS384","kid":"k"}"#, .algorithm,
      "its alg is not known, or not that of the key that it asks for; the keys are HS256 k"
    ),
    (
      #"{"alg":"HS256","typ":"dpop"}"#, .type,
      "its typ says that it is something else: JWT and at+jwt are taken"
    ),
    (
      #"{"alg":"HS256","crit":[]}"#, .critical,
      "its header demands (crit, b64) what is not supported"
    ),
  ])
  func `headers are refused with what is wrong about them`(
    header: String, reason: TokenRejection.Reason, why: String
  ) throws {
    #expect(
      try verdict(header: header, #"{"sub":"ann","exp":1800000001}"#) == .refused(reason, why))
  }

  @Test func `issuer and audience are named, what is asked and what is there`() throws {
    var rules = rules
    rules.issuer = "https://id.example"
    #expect(
      try verdict(#"{"sub":"ann","exp":1800000001}"#, rules: rules)
        == .refused(.issuer, #"its iss is nothing, and has to be "https://id.example""#))
    rules.issuer = nil
    rules.audiences = ["a", "b"]
    #expect(
      try verdict(#"{"sub":"ann","exp":1800000001,"aud":"c"}"#, rules: rules)
        == .refused(.audience, #"its aud is "c", and has to hold one of "a", "b""#))
  }

  @Test func `another key's signature, no key and too many bytes are told`() throws {
    let token = Array(
      TestToken.make(
        user: "ann", key: TestKey(for: .hs256), algorithm: .hs256, expiresAt: Self.now + 1
      ).utf8)
    func judge(_ token: [UInt8], _ keys: KeySet) -> TokenVerdict {
      TokenVerdict.of(token, keys: keys, rules: rules, now: Self.now)
    }
    let keys = try KeySet([key.material(keyID: "k", algorithm: .hs256)])
    #expect(
      judge(token, keys)
        == .refused(
          .signature, "its signature is not that of any of the keys that fit; the keys are HS256 k"
        ))
    #expect(
      judge(token, .empty)
        == .refused(
          .algorithm,
          "its alg is not known, or not that of the key that it asks for; there are no keys at all")
    )
    #expect(
      judge([UInt8](repeating: 65, count: 1001), keys)
        == .refused(.oversize, "it has 1001 bytes, and at most 1000 are read"))
  }
}
