// The commands about tokens from outside: keys in files, tokens through a pipe, exit statuses.

import Auth
import TestKeys
import TestSupport
import Testing

@testable import roost

struct TokenCommandTests {
  private static let secret = "0123456789abcdef0123456789abcdef"

  private func inspect(
    _ token: String, _ arguments: String...
  ) throws -> Inspection {
    Inspection(program: try SpawnedProgram.run(["token", "inspect"] + arguments, input: token))
  }

  /// A run of `token inspect`.
  private struct Inspection {
    let program: SpawnedProgram

    func value(_ names: String...) -> String? {
      switch names.count {
      case 1: JSONText.value(names[0], of: program.output)
      default: JSONText.value(names[0], names[1], of: program.output)
      }
    }
  }

  private func make(_ arguments: String...) throws -> String {
    let program = try SpawnedProgram.run(["token", "make"] + arguments)
    #expect(program.status == 0 && program.errors == "", "\(program.errors)")
    return program.output
  }

  @Test(arguments: [TokenAlgorithm.rs256, .ps384, .es256, .es384, .eddsa])
  func `what a private key makes is accepted with its public half`(
    algorithm: TokenAlgorithm
  ) throws {
    let key = TestKey(for: algorithm)
    let folder = try TemporaryFolder()
    let own = try folder.file("own.pem", key.pem(isPrivate: true))
    let open = try folder.file("open.pem", key.pem())
    let token = try make("--key", own, "--sub", "ann", "--alg", algorithm.rawValue)
    #expect(token.hasSuffix("\n") && token.split(separator: ".").count == 3)
    for path in [own, open] {
      let inspection = try inspect("Bearer \(token)\n", "--key", path)
      #expect(inspection.program.status == 0 && inspection.program.errors == "")
      #expect(inspection.value("accepted") == "true")
      #expect(inspection.value("user") == "ann")
      #expect(inspection.value("header", "alg") == algorithm.rawValue)
    }
    let other = TestKey(for: algorithm == .es256 ? .es384 : .es256)
    let stranger = try inspect(token, "--key", try folder.file("stranger.pem", other.pem()))
    #expect(stranger.program.status == 1 && stranger.value("accepted") == "false")
  }

  @Test func `a secret's file may end with a line feed`() throws {
    let folder = try TemporaryFolder()
    let plain = try folder.file("plain", Array(Self.secret.utf8))
    let ended = try folder.file("ended", Array((Self.secret + "\r\n").utf8))
    let token = try make("--secret-file", ended, "--sub", "ann")
    #expect(try inspect(token, "--secret-file", plain).program.status == 0)
    #expect(try inspect(token, "--secret-file", plain, "--alg", "HS512").program.status == 1)
  }

  @Test func `a configuration gives the key, issuer and audience, and judges`() throws {
    let folder = try TemporaryFolder()
    let config = try folder.file(
      "roost.json",
      Array(
        """
        {"auth": {"tokens": {"issuer": "id", "audience": ["roost"], "lifetime_max": 3600,
          "keys": [{"kid": "k1", "alg": "HS256", "secret": "\(Self.secret)"}]}}}
        """.utf8))
    let token = try make("--config", config, "--sub", "ann", "--room", "chat:*=join")
    let inspection = try inspect(token, "--config", config)
    #expect(inspection.program.status == 0, "\(inspection.program.output)")
    #expect(inspection.value("header", "kid") == "k1")
    #expect(inspection.value("claims", "iss") == "id")
    #expect(inspection.value("claims", "aud") == "roost")
    // A note says so when a token is made that this very configuration refuses.
    let long = try SpawnedProgram.run(
      ["token", "make", "--config", config, "--sub", "ann", "--expires", "2h"])
    #expect(long.status == 0)
    #expect(
      long.errors
        == "note: a node of this configuration refuses it: it lives longer than tokens may, which is "
        + "1 hour (auth.tokens.lifetime_max)\n")
    let refused = try inspect(long.output, "--config", config)
    #expect(refused.program.status == 1 && refused.value("reason") == "lifetime")
  }

  @Test func `of a set the key is chosen by name or algorithm`() throws {
    let folder = try TemporaryFolder()
    let first = TestKey(secret: Array(0..<64))
    let second = TestKey(secret: Array(64..<128))
    let set = try folder.file(
      "set.json",
      Array(
        """
        {"keys": [\(TestKey(for: .eddsa).jwk(keyID: "public", algorithm: .eddsa)),
         \(first.jwk(keyID: "a", algorithm: .hs256)), \(second.jwk(keyID: "b", algorithm: .hs512))]}
        """.utf8))
    func header(_ arguments: String...) throws -> String? {
      let program = try SpawnedProgram.run(
        ["token", "make", "--key", set, "--sub", "ann"] + arguments)
      guard program.status == 0 else { return program.errors }
      let inspection = try inspect(program.output, "--key", set)
      #expect(inspection.program.status == 0)
      return inspection.value("header", "kid")
    }
    #expect(try header() == "a")
    #expect(try header("--kid", "b") == "b")
    #expect(try header("--alg", "HS512") == "b")
    for wrong in [["--kid", "c"], ["--kid", "public"], ["--kid", "a", "--alg", "HS512"]] {
      let program = try SpawnedProgram.run(
        ["token", "make", "--key", set, "--sub", "ann"] + wrong)
      #expect(
        program
          == SpawnedProgram(
            status: 1, output: "",
            errors: "roost token make: \(set) has no key that signs with this --kid and --alg\n"))
    }
  }

  @Test func `a token is read without any key`() throws {
    let token = TestToken.make(
      header: #"{"alg":"none"}"#, claims: "hello \u{1B}[2J", key: TestKey(for: .hs256),
      algorithm: .hs256)
    #expect(
      try inspect(token).program
        == SpawnedProgram(
          status: 0,
          output: """
            {
              "header": {
                "alg": "none"
              },
              "claims": "hello \\u001b[2J",
              "times": {},
              "signature": "not checked: give --config, --key or --secret-file"
            }

            """, errors: ""))
  }

  @Test(arguments: ["", "a.b", "not a token", "a.b.c.d"])
  func `what is no token is told and exits 1`(text: String) throws {
    #expect(
      try inspect(text).program
        == SpawnedProgram(
          status: 1, output: "",
          errors: "roost token inspect: this is no token: three parts of base64url with dots\n"))
  }

  @Test func `a token as an argument is refused`() throws {
    let token = TestToken.make(
      user: "ann", key: TestKey(for: .hs256), algorithm: .hs256, expiresAt: 1)
    let program = try SpawnedProgram.run(["token", "inspect", token])
    #expect(
      program
        == SpawnedProgram(
          status: 1, output: "",
          errors: "roost token inspect: give the token on the standard input or in a file: "
            + "arguments are seen by everybody\n"))
  }

  @Test func `keys that cannot be used are told and exit 1`() throws {
    let folder = try TemporaryFolder()
    let short = try folder.file("short", Array("secret".utf8))
    let open = try folder.file("open.pem", TestKey(for: .eddsa).pem())
    let cases = [
      (["--secret-file", short], "\(short): key 1: a secret for HS256 has at least 32 bytes"),
      (["--key", open], "\(open): it is a public key, which verifies and cannot sign"),
      (
        ["--key", "/nonexistent"],
        "/nonexistent cannot be read: No such file or directory (errno 2)"
      ),
      ([], "a key is missing: give --key, --secret-file or --config"),
    ]
    for (arguments, sentence) in cases {
      let program = try SpawnedProgram.run(["token", "make", "--sub", "ann"] + arguments)
      #expect(
        program
          == SpawnedProgram(
            status: 1, output: "", errors: "roost token make: \(sentence)\n"))
    }
  }
}
