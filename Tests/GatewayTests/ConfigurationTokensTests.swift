// Settings of tokens: keys as a person writes them, what is said about those that are wrong, and that
// nothing ever shows one.

import Auth
import Gateway
import RoostCrypto
import TestKeys
import TestSupport
import Testing

struct ConfigurationTokensTests {
  private static let secret = "0123456789abcdef0123456789abcdef"

  private func load(_ tokens: String, rest: String = "") -> ConfigurationOutcome {
    var sources = ConfigurationSources()
    sources.file = Array("{\"auth\": {\"tokens\": \(tokens)}\(rest)}".utf8)
    return ConfigurationLoader.load(sources)
  }

  private func problems(_ tokens: String) -> [String] {
    guard case .refused(let problems) = load(tokens) else { return [] }
    return problems.map { "\($0.path): \($0.reason)" }
  }

  @Test func `keys of every kind are read`() throws {
    let pair = TestKey(.ec("P-256"))
    let pem = String(decoding: pair.pem(), as: UTF8.self).replacing("\n", with: "\\n")
    let base64 = String(decoding: Base64.encode(Self.secret.utf8.span), as: UTF8.self)
    let outcome = load(
      """
      {"keys": [{"kid": "a", "alg": "HS256", "secret": "\(Self.secret)"},
                {"kid": "b", "alg": "HS256", "secret_base64": "\(base64)"},
                {"alg": "ES256", "public_key": "\(pem)"}]}
      """)
    guard case .loaded(let configuration, _) = outcome else {
      Issue.record("\(outcome)")
      return
    }
    let keys = try configuration.tokenKeys()
    #expect(keys.keys.map(\.description) == ["HS256 a", "HS256 b", "ES256 without a name"])
    let first = TokenKeyMaterial(
      keyID: "a", algorithm: .hs256, material: .secret(Array(Self.secret.utf8)))
    #expect(keys.keys.first == first)
    #expect(configuration.refusalToServe == nil)
    for text in [configuration.json(), "\(configuration.changes())"] {
      #expect(!text.contains(Self.secret) && !text.contains(base64))
    }
  }

  @Test(arguments: [
    (#"[{"alg": "HS256", "secret": "short"}]"#, "key 1: a secret for HS256 has at least 32 bytes"),
    (
      #"[{"alg": "HS256"}]"#,
      "key 1 needs exactly one of secret, secret_base64, public_key, public_key_file"
    ),
    (
      #"[{"alg": "HS256", "secret": "a", "secret_base64": "b"}]"#,
      "key 1 needs exactly one of secret, secret_base64, public_key, public_key_file"
    ),
    (#"[{"alg": "HS256", "secret_base64": "*"}]"#, "key 1 has a secret_base64 that is not base64"),
    (#"[{"alg": "RS256", "public_key": "x"}]"#, "key 1: it is no public key"),
    (
      #"[{"alg": "RS256", "secret": "0123456789abcdef0123456789abcdef"}]"#,
      "key 1 is not of the kind that RS256 needs"
    ),
    (
      #"[{"alg": "none", "secret": "x"}]"#,
      "number 1 has a `alg` that is not one of HS256, HS384, HS512, RS256, RS384, RS512, PS256, "
        + "PS384, PS512, ES256, ES384, EdDSA"
    ),
    (#"[{"secret": "x"}]"#, "number 1 has no `alg`"),
  ])
  func `a key that is wrong is refused without being shown`(keys: String, reason: String) {
    #expect(problems("{\"keys\": \(keys)}") == ["auth.tokens.keys: \(reason)"])
  }

  @Test(arguments: ["a b", "a;b", "a=b", "é"])
  func `the name of a cookie is one of HTTP's tokens`(name: String) {
    #expect(problems(#"{"cookie": "\#(name)"}"#).count == 1)
    #expect(problems(#"{"cookie": "__Host-session"}"#) == [])
  }

  @Test func `in_band needs keys`() {
    var configuration = Configuration()
    configuration.auth.inBand = true
    #expect(configuration.problems().map(\.path) == ["auth.in_band"])
    configuration.auth.tokens.keys = [TokenMint.setting()]
    #expect(configuration.problems() == [])
  }

  @Test func `files of keys are read, and named when they cannot be`() throws {
    var configuration = Configuration()
    configuration.auth.tokens.jwksFile = "/nonexistent/keys.json"
    #expect(configuration.problems() == [])
    #expect(throws: ConfigurationProblem.self) { try configuration.tokenKeys() }
    let files = try TestCertificates()
    let issued = try files.issue(names: "DNS:localhost")
    configuration.auth.tokens.jwksFile = ""
    configuration.auth.tokens.keys = [
      SettingObject(
        ["alg": "ES256", "public_key_file": issued.certificateFile],
        fields: Configuration.Auth.Tokens.keyFields)
    ]
    #expect(try configuration.tokenKeys().keys.map(\.algorithm) == [.es256])
    configuration.auth.tokens.keys = [
      SettingObject(
        ["alg": "ES256", "public_key_file": issued.keyFile],
        fields: Configuration.Auth.Tokens.keyFields)
    ]
    #expect(throws: ConfigurationProblem.self) { try configuration.tokenKeys() }
  }

  @Test func `a list of keys may stand in a variable`() throws {
    var sources = ConfigurationSources()
    sources.environment = [
      "ROOST_AUTH__TOKENS__KEYS": #"[{"alg": "HS256", "secret": "\#(Self.secret)"}]"#,
      "ROOST_AUTH__TOKENS__AUDIENCE": "a,b",
    ]
    guard case .loaded(let configuration, _) = ConfigurationLoader.load(sources) else {
      Issue.record("\(ConfigurationLoader.load(sources))")
      return
    }
    #expect(try configuration.tokenKeys().keys.count == 1)
    #expect(configuration.auth.tokens.audience == ["a", "b"])
  }
}
