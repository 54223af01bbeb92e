// `roost connect` and `roost publish` against real nodes: in a pipe, on a terminal, through the API.

import Auth
import Gateway
import Glibc
import RoostEventLoop
import TestKeys
import TestSupport
import Testing

@testable import roost

struct ConnectCommandTests {
  private func lines(_ program: SpawnedProgram) -> [String] {
    program.output.split(separator: "\n").map(String.init)
  }

  @Test func `in a pipe the protocol goes in and objects come out, a line each`() async throws {
    try await withNode(Configuration.forTests()) { node in
      let program = try SpawnedProgram.run(
        ["connect", "ws://\(node.address)", "--user", "ann b"],
        input: """
          {"type":"join","room":"a","id":1}

          {"type":"publish","room":"a","data":{"x":1},"id":"p"}
          {"type":"nonsense","id":3}
          """)
      #expect(program.status == 0 && program.errors == "")
      let lines = lines(program)
      let types = lines.map { JSONText.value("type", of: $0) }
      #expect(types.first == "welcome")
      #expect(JSONText.value("user", of: lines.first ?? "") == "ann b")
      #expect(types.filter { $0 == "ok" }.count == 2)
      #expect(types.contains("error"))
    }
  }

  @Test func `rooms of the command line are joined, and the end of the input is the end`()
    async throws
  {
    try await withNode(Configuration.forTests()) { node in
      let program = try SpawnedProgram.run(
        ["connect", "ws://\(node.address)/ws", "--room", "a", "--room", "b"])
      #expect(program.status == 0, "\(program.errors)")
      #expect(lines(program).compactMap { JSONText.value("room", of: $0) }.sorted() == ["a", "b"])
    }
  }

  @Test func `a token is shown, and a refusal is told with its status`() async throws {
    let key = TestKey(secret: Array(0..<32))
    var configuration = Configuration.forTests(dev: false)
    configuration.auth.anonymous = false
    configuration.auth.apiKeys = ["0123456789abcdef"]
    let folder = try TemporaryFolder()
    let secret = try folder.file("secret", key.secret)
    let set = try folder.file(
      "set.json", Array("{\"keys\":[\(key.jwk(keyID: "k", algorithm: .hs256))]}".utf8))
    configuration.auth.tokens.jwksFile = set
    let made = try SpawnedProgram.run([
      "token", "make", "--secret-file", secret, "--kid", "k", "--sub", "ann",
    ])
    let token = try folder.file("token", Array(made.output.utf8))
    try await withNode(configuration) { node in
      let url = "ws://\(node.address)/ws"
      let good = try SpawnedProgram.run(["connect", url, "--token-file", token])
      #expect(good.status == 0 && good.output.contains(#""user":"ann""#), "\(good.output)")
      #expect(
        try SpawnedProgram.run(["connect", url])
          == SpawnedProgram(
            status: 1, output: "", errors: "roost connect: the handshake was answered 401\n"))
    }
  }

  @Test(arguments: [
    (["connect"], "roost connect: a URL is missing: roost connect ws://127.0.0.1:8080/ws\n"),
    (
      ["connect", "http://a"],
      "roost connect: http://a is no URL like ws://host:port/ws or wss://host/ws\n"
    ),
    (
      ["connect", "ws://a", "--for", "x"],
      "roost connect: --for x is no span of time such as 90s, 15m, 12h or 7d\n"
    ),
    (["publish"], "roost publish: a room is missing: roost publish ROOM DATA\n"),
    (
      ["publish", "a", "b", "--url", "ws://a", "--key-file", "x"],
      "roost publish: --key-file is for the server API, --url for a member\n"
    ),
    (
      ["publish", "a", "b", "c"], "roost: publish does not take the argument c\n"
    ),
  ])
  func `a wrong command line exits 2`(arguments: [String], errors: String) throws {
    #expect(
      try SpawnedProgram.run(arguments) == SpawnedProgram(status: 2, output: "", errors: errors))
  }

  // MARK: Publishing

  @Test func `a member publishes what is JSON, and a string otherwise`() async throws {
    try await withNode(Configuration.forTests()) { node in
      let listener = try TestClient.open(node.address)
      try listener.send(#"{"type":"join","room":"a","id":1}"#)
      _ = try listener.next()
      for (arguments, input, data) in [
        ([#"{"x": [1]}"#], "", #"{"x": [1]}"#), (["hello \"you\""], "", #""hello \"you\"""#),
        ([], "from a pipe\n", #""from a pipe""#), (["-"], "7\n", "7"),
      ] {
        let program = try SpawnedProgram.run(
          ["publish", "a"] + arguments + ["--url", "ws://\(node.address)", "--user", "bob"],
          input: input)
        #expect(program.status == 0, "\(program.errors)")
        #expect(JSONText.value("type", of: program.output) == "ok")
        var event = try listener.next()
        while case .text(let text) = event, !text.contains(#""type":"message""#) {
          event = try listener.next()
        }
        guard case .text(let text) = event else {
          Issue.record("\(event)")
          return
        }
        #expect(text.contains("\"data\":\(data)"), "\(text)")
      }
      // Rooms that belong to others say no, and so does the command.
      let refused = try SpawnedProgram.run([
        "publish", "user:ann", "1", "--url", "ws://\(node.address)",
      ])
      #expect(refused.status == 1 && JSONText.value("code", of: refused.errors) == "forbidden")
    }
  }

  @Test func `the server API publishes with a key`() throws {
    let key = "0123456789abcdefghij"
    let served = try ServeProcessTests.Served(
      ServeProcessTests.ports,
      environment: ["ROOST_AUTH__ANONYMOUS": "true", "ROOST_AUTH__API_KEYS": key])
    let folder = try TemporaryFolder()
    let file = try folder.file("key", Array((key + "\n").utf8))
    func publish(_ arguments: String...) throws -> SpawnedProgram {
      try SpawnedProgram.run(
        ["publish", "chat:a b", "7", "--admin", "\(served.admin)"] + arguments)
    }
    #expect(try publish().status == 1)
    let plain = try SpawnedProgram.run([
      "publish", "chat", "7", "--admin", "\(served.admin)", "--key-file", file,
    ])
    #expect(plain.status == 0, "\(plain.errors)")
    let wrong = try publish("--key-file", "/nonexistent")
    #expect(wrong.errors.contains("cannot be read"))
    // A room's name with a space is none, which the node says.
    #expect(try publish("--key-file", file).errors.contains("answered 400"))
    served.process.kill(SIGTERM)
    _ = try served.process.wait()
  }

  // MARK: Over TLS

  @Test func `both speak TLS, and only with whom the certificate stands for`() async throws {
    let authority = try TestCertificates()
    let issued = try authority.issue(names: "DNS:localhost")
    var configuration = Configuration.forTests()
    configuration.tls.certificates = TestCertificates.settings([issued])
    try await withNode(configuration) { node in
      let url = "wss://localhost:\(node.address.port)/ws"
      let trusted = ["--ca-file", authority.caFile]
      let listener = try SpawnedProgram.run(["connect", url, "--room", "a"] + trusted)
      #expect(listener.status == 0, "\(listener.errors)")
      #expect(lines(listener).map { JSONText.value("type", of: $0) } == ["welcome", "ok"])
      let published = try SpawnedProgram.run(["publish", "a", "7", "--url", url] + trusted)
      #expect(published.status == 0, "\(published.errors)")
      #expect(JSONText.value("type", of: published.output) == "ok")
      // The authority is not the system's, and the address is none of the certificate's names.
      let byAddress = "wss://127.0.0.1:\(node.address.port)/ws"
      for (url, flags) in [(url, []), (byAddress, trusted)] {
        for command in [["connect", url], ["publish", "a", "7", "--url", url]] {
          let refused = try SpawnedProgram.run(command + flags)
          #expect(refused.status == 1 && refused.output.isEmpty)
          #expect(refused.errors.contains("certificate"), "\(refused.errors)")
        }
      }
    }
  }

  // MARK: On a terminal

  @Test func `on a terminal lines are edited, sent and shown`() async throws {
    try await withNode(Configuration.forTests()) { node in
      let terminal = try Terminal([
        "connect", "ws://\(node.address)/ws", "--user", "ann", "--room", "chat",
      ])
      try terminal.awaits("\"id\":\"room-1\"")
      terminal.types("helo\u{1B}[Dl\r")
      try terminal.awaits("[chat] ann: hello")
      // The line before comes back and is sent again.
      terminal.types("\u{1B}[A!\r")
      try terminal.awaits("[chat] ann: hello!")
      terminal.types("/hepl\r")
      try terminal.awaits("/hepl is unknown; did you mean help?")
      terminal.types("/presence\r")
      try terminal.awaits("\"members\":[")
      // Nothing that comes from others gives orders to the terminal.
      terminal.types("{\"type\":\"publish\",\"room\":\"chat\",\"data\":\"\\u001b]0;x\"}\r")
      try terminal.awaits("[chat] ann: ?]0;x")
      terminal.types("/quit\r")
      #expect(try terminal.end() == 0)
      #expect(terminal.echoes)
    }
  }

  @Test func `Ctrl-C ends it, and the terminal is as it was`() async throws {
    try await withNode(Configuration.forTests()) { node in
      let terminal = try Terminal(["connect", "ws://\(node.address)/ws"])
      try terminal.awaits("\"welcome\"")
      terminal.types("half a line\u{03}")
      #expect(try terminal.end() == 0)
      #expect(terminal.echoes)
    }
  }

  @Test func `the node's goodbye is told on a terminal, too`() async throws {
    let configuration = Configuration.forTests { $0.limits.idleTimeout = .milliseconds(500) }
    try await withNode(configuration) { node in
      let terminal = try Terminal(["connect", "ws://\(node.address)/ws"])
      try terminal.awaits("closed 4006")
      #expect(try terminal.end() == 1)
      #expect(terminal.echoes)
    }
  }
}
