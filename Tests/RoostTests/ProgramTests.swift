// The executable from outside: what goes to which stream, and the exit status.

import Gateway
import Glibc
import Testing

@testable import roost

struct ProgramTests {
  @Test func `version and help go to the standard output`() throws {
    let version = try SpawnedProgram.run(["version"])
    #expect(version == SpawnedProgram(status: 0, output: BuildInformation.line + "\n", errors: ""))
    let help = try SpawnedProgram.run(["help", "serve"])
    let text = HelpText.text(of: .named(.serve))
    #expect(help == SpawnedProgram(status: 0, output: text, errors: ""))
  }

  @Test func `a wrong command line is told on the error output and exits 2`() throws {
    #expect(
      try SpawnedProgram.run(["serve", "--lisen", "x"])
        == SpawnedProgram(
          status: 2, output: "",
          errors: "roost: serve has no flag --lisen; did you mean --listen?\n"))
  }

  @Test func `serving without authentication exits 1 with one sentence`() throws {
    let refusal = try #require(Configuration().refusalToServe)
    #expect(
      try SpawnedProgram.run(["serve"])
        == SpawnedProgram(status: 1, output: "", errors: "roost serve: \(refusal)\n"))
  }

  @Test func `serve tells the problems of all sources`() throws {
    #expect(
      try SpawnedProgram.run(
        ["serve", "--dev", "--redis", "http://h", "--shards=65"], environment: ["ROOST_PORT=80"])
        == SpawnedProgram(
          status: 1, output: "",
          errors: """
            ROOST_PORT: unknown variable
            --redis: a Redis URL begins with redis://, rediss:// or redis+unix://, not with \
            another scheme
            --shards: 65 is not in 1...64, nor 0 (one per core)

            """))
  }

  @Test func `the printed defaults are a configuration file without a change`() throws {
    let defaults = try SpawnedProgram.run(["check-config", "--defaults"])
    #expect(defaults == SpawnedProgram(status: 0, output: Configuration().json(), errors: ""))
    try withFile(defaults.output) { path in
      let check = try SpawnedProgram.run(["check-config", path])
      let refusal = try #require(Configuration().refusalToServe)
      #expect(check == SpawnedProgram(status: 0, output: "ok\nnote: \(refusal)\n", errors: ""))
    }
  }

  @Test func `check-config reads the file that the environment names, and the environment`() throws
  {
    try withFile(#"{"auth": {"anonymous": true}, "shards": 3}"#) { path in
      let check = try SpawnedProgram.run(
        ["check-config"], environment: ["ROOST_CONFIG=\(path)", "ROOST_SHARDS=4"])
      #expect(
        check
          == SpawnedProgram(
            status: 0,
            output: "ok\nshards: 4  (ROOST_SHARDS)\nauth.anonymous: true  (\(path):1:24)\n",
            errors: ""))
    }
  }

  @Test func `check-config tells every problem and exits 1`() throws {
    try withFile("{\"shards\": 65,\n \"limts\": {}}") { path in
      let check = try SpawnedProgram.run(["check-config", path])
      #expect(
        check
          == SpawnedProgram(
            status: 1, output: "",
            errors: """
              \(path):1:12: shards: 65 is not in 1...64, nor 0 (one per core)
              \(path):2:11: limts: unknown key; did you mean limits?

              """))
    }
  }

  @Test(arguments: [
    ("/nonexistent/file", "No such file or directory (errno 2)"),
    ("/", "Is a directory (errno 21)"),
  ])
  func `a file that cannot be read is a problem`(path: String, reason: String) throws {
    #expect(
      try SpawnedProgram.run(["check-config", path])
        == SpawnedProgram(status: 1, output: "", errors: "\(path) cannot be read: \(reason)\n"))
  }

  @Test func `health without a node exits 1`() throws {
    // Port 1 of this address is nobody's.
    let health = try SpawnedProgram.run(["health", "--admin", "127.255.255.254:1"])
    #expect(
      health
        == SpawnedProgram(
          status: 1, output: "",
          errors: "roost health: 127.255.255.254:1: Connection refused (errno 111)\n"))
  }

  private func withFile(_ content: String, _ body: (String) throws -> Void) throws {
    var template = Array("/tmp/roost-test-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    try #require(descriptor >= 0)
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { unlink(path) }
    let bytes = Array(content.utf8)
    let count = write(descriptor, bytes, bytes.count)
    close(descriptor)
    try #require(count == bytes.count)
    try body(path)
  }
}
