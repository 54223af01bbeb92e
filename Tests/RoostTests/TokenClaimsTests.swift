// What `roost token make` writes into a token, and what it does not take.

import Auth
import Testing

@testable import roost

struct TokenClaimsTests {
  private func claims(_ arguments: String...) throws -> TokenClaims {
    guard case .run(let invocation) = Invocation.parse(["token", "make"] + arguments) else {
      throw CommandMistake("not understood")
    }
    return try TokenMakeCommand.claims(invocation, rules: nil, now: 1_000_000)
  }

  private func text(_ claims: TokenClaims) -> String {
    String(decoding: claims.json(), as: UTF8.self)
  }

  @Test func `a user is enough`() throws {
    #expect(try text(claims("--sub", "ann")) == #"{"sub":"ann","iat":1000000,"exp":1000900}"#)
  }

  @Test func `every flag has its claim`() throws {
    let made = try claims(
      "--sub", "a\"b", "--expires", "1h", "--not-before", "1m", "--iss", "i", "--aud", "x",
      "--aud", "y", "--jti", "t1", "--info", "{ \"name\":\n\"Ann\" }", "--room",
      "chat:*=join,publish", "--room", "a=b=presence,presence")
    #expect(
      text(made)
        == #"{"sub":"a\"b","iat":1000000,"nbf":1000060,"exp":1003600,"iss":"i","aud":["x","y"],"#
        + #""jti":"t1","info":{ "name": "Ann" },"rooms":[{"pattern":"chat:*","allow":["#
        + #""join","publish"]},{"pattern":"a=b","allow":["presence"]}]}"#)
  }

  @Test func `a configuration's issuer and first audience are filled in`() throws {
    let rules = TokenRules(
      issuer: "id", audiences: ["a", "b"], leeway: 0, lifetimeMax: 1, bytesMax: 1)
    guard case .run(let plain) = Invocation.parse(["token", "make", "--sub", "x"]),
      case .run(let own) = Invocation.parse(
        ["token", "make", "--sub", "x", "--iss", "i", "--aud", "c"])
    else { throw CommandMistake("not understood") }
    let filled = try TokenMakeCommand.claims(plain, rules: rules, now: 0)
    #expect(filled.issuer == "id" && filled.audiences == ["a"])
    #expect(text(filled) == #"{"sub":"x","iat":0,"exp":900,"iss":"id","aud":"a"}"#)
    let kept = try TokenMakeCommand.claims(own, rules: rules, now: 0)
    #expect(kept.issuer == "i" && kept.audiences == ["c"])
  }

  @Test(arguments: [
    ([], "--sub is missing: a token is somebody's"),
    (["--sub", ""], "--sub is a name of 1 to 128 bytes without control characters"),
    (
      ["--sub", String(repeating: "x", count: 129)],
      "--sub is a name of 1 to 128 bytes without control characters"
    ),
    (["--sub", "x", "--expires", "0"], "--expires 0: nobody would take that token"),
    (
      ["--sub", "x", "--expires", "soon"],
      "--expires soon is no span of time such as 90s, 15m, 12h or 7d"
    ),
    (["--sub", "x", "--alg", "none"], nil),
    (
      ["--sub", "x", "--alg", "ES265"],
      "--alg ES265 is none of HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, "
        + "ES384, EdDSA; did you mean ES256?"
    ),
    (["--sub", "x", "--room", "a"], "--room a has no actions: PATTERN=ACTION,ACTION"),
    (
      ["--sub", "x", "--room", "a="],
      "--room a=: an action is one of join, publish, history, presence"
    ),
    (
      ["--sub", "x", "--room", "a=join,fly"],
      "--room a=join,fly: an action is one of join, publish, history, presence"
    ),
    (["--sub", "x", "--room", "=join"], "a pattern of --room has 1 to 255 bytes"),
    (["--sub", "x", "--info", "{"], nil),
    (["--sub", "x", "--jti", ""], "--jti has 1 to 128 bytes"),
    (
      ["--sub", "x", "--key", "a", "--secret-file", "b"],
      "--key and --secret-file: one of them signs, not both"
    ),
  ])
  func `what no node would take is refused`(arguments: [String], sentence: String?) throws {
    guard case .run(let invocation) = Invocation.parse(["token", "make"] + arguments) else {
      throw CommandMistake("not understood")
    }
    do throws(CommandMistake) {
      _ = try TokenMakeCommand.claims(invocation, rules: nil, now: 0)
      Issue.record("\(arguments) was taken")
    } catch {
      if let sentence { #expect(error.sentence == sentence) }
    }
  }

  @Test(arguments: [(1022, true), (1023, false)])
  func `info has at most 1024 bytes`(count: Int, isTaken: Bool) {
    let text = "\"" + String(repeating: "x", count: count) + "\""
    #expect((try? TokenClaims.checkedInfo(text)) != nil ? isTaken : !isTaken)
  }

  @Test(arguments: [(100, true), (101, false)])
  func `a token has at most a hundred rules`(count: Int, isTaken: Bool) {
    let rules = [String](repeating: "--room=a=join", count: count)
    guard case .run(let invocation) = Invocation.parse(["token", "make", "--sub=x"] + rules) else {
      Issue.record("not understood")
      return
    }
    let made = try? TokenMakeCommand.claims(invocation, rules: nil, now: 0)
    #expect((made != nil) == isTaken)
  }
}
