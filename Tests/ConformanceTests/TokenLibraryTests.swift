// Tokens of the libraries that issuers use, in every algorithm, and tokens for those libraries.

import Auth
import TestSupport
import Testing

extension ConformanceTests {
  @Suite(.enabled(if: InteropDriver.python != nil, InteropDriver.pythonIsMissing))
  struct TokenLibraryTests {
    @Test func `tokens of PyJWT and joserfc are accepted in every algorithm`() throws {
      let now: Int64 = 1_800_000_000
      let program = try InteropDriver.start("tokens.py", [String(now)])
      #expect(try program.wait(within: .seconds(60)) == .exited(0), "\(program.errors)")
      let lines = program.output.split(separator: "\n")
      let set = try KeySet.parse(jwks: Array(try #require(lines.first).utf8), allowsSecrets: true)
      #expect(set.keys.map(\.algorithm) == TokenAlgorithm.allCases)
      #expect(set.skipped == [])
      let rules = TokenRules(
        issuer: "https://id.example", audiences: ["roost"], leeway: 0, lifetimeMax: 600,
        bytesMax: 8192)
      let verifier = try TokenVerifier(keys: set, rules: rules)
      var accepted: [String: [String]] = [:]
      for line in lines.dropFirst() {
        let words = line.split(separator: " ").map(String.init)
        try #require(words.count == 3)
        let token = Array(words[2].utf8)
        let grant = try verifier.verify(token.span, wallSeconds: now)
        #expect(grant.user == "ann" && grant.expiresAt == now + 600, "\(words[0]) \(words[1])")
        accepted[words[0], default: []].append(words[1])
      }
      let names = TokenAlgorithm.allCases.map(\.rawValue)
      #expect(accepted == ["PyJWT": names, "joserfc": names + ["Ed25519"]])
    }

    @Test(.enabled(if: Environment["ROOST_TEST_ROOST"] != nil, "ROOST_TEST_ROOST is not set"))
    func `what roost token make signs is good for PyJWT and joserfc, and theirs is read`() throws {
      let roost = try #require(Environment["ROOST_TEST_ROOST"])
      let program = try InteropDriver.start("made_tokens.py", [roost])
      #expect(try program.wait(within: .seconds(120)) == .exited(0), "\(program.errors)")
      let lines = program.output.split(separator: "\n").map(String.init)
      #expect(lines == TokenAlgorithm.allCases.map(\.rawValue))
    }
  }
}
