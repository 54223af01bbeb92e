// `roost serve` as a process: what it prints, when it refuses to start, and how signals end it.

import Auth
import Glibc
import RoostEventLoop
import TestKeys
import TestSupport
import Testing

@Suite(.serialized) struct ServeProcessTests {
  /// A node in a process of its own, with the addresses of its ready line.
  struct Served {
    let process: Subprocess
    let line: String
    let listen: SocketAddress
    let admin: SocketAddress

    init(
      _ arguments: [String], descriptors: Int? = nil, environment: [String: String] = [:]
    ) throws {
      let program = try ServeProcessTests.executable()
      if let descriptors {
        // Hard and soft limit: the node raises the soft one.
        process = try Subprocess(
          "/bin/sh",
          ["-c", "ulimit -n \(descriptors); exec \"$0\" \"$@\"", program, "serve"] + arguments,
          environment: environment)
      } else {
        process = try Subprocess(program, ["serve"] + arguments, environment: environment)
      }
      var line = ""
      // Warnings may come first.
      repeat { line = try process.line(fromErrors: true) } while !line.contains("\"ready\"")
      self.line = line
      listen = try #require(
        JSONText.value("listen", of: line).flatMap { SocketAddress(text: $0) }, "\(line)")
      admin = try #require(
        JSONText.value("admin", of: line).flatMap { SocketAddress(text: $0) }, "\(line)")
    }
  }

  static let ports = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]

  /// The built program: beside the test bundle, or where the environment says.
  static func executable() throws -> String {
    if let path = Environment["ROOST_TEST_BINARY"] ?? Environment["ROOST_TEST_ROOST"] {
      return path
    }
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count)
    try #require(count > 0)
    let own = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return own[..<(own.lastIndex(of: "/") ?? own.endIndex)] + "/roost"
  }

  @Test func `with port 0 one ready line tells the addresses that were chosen`() throws {
    let served = try Served(["--dev", "--node-id", "n1", "--shards", "2"] + Self.ports)
    #expect(served.listen.port != 0 && served.admin.port != 0)
    #expect(JSONText.value("event", of: served.line) == "ready")
    #expect(JSONText.value("node", of: served.line) == "n1")
    #expect(JSONText.value("shards", of: served.line) == "2")
    #expect(JSONText.value("dev", of: served.line) == "true")
    #expect(JSONText.value("backplane", of: served.line) == "local")
    let client = try TestClient.open(served.listen)
    #expect(try client.nothingCame())
    let health = try request("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", to: served.admin)
    #expect(health.status == 200)
    served.process.kill(SIGTERM)
    try client.sendClose(1000)
    #expect(try served.process.wait() == .exited(0))
    #expect(served.process.output.isEmpty)
    #expect(served.process.errors.split(separator: "\n").count { $0.contains("\"ready\"") } == 1)
  }

  @Test(arguments: [SIGTERM, SIGINT])
  func `a signal closes every client 1001 and the exit status is 0`(signal: Int32) throws {
    let served = try Served(["--dev"] + Self.ports)
    let clients = try (0..<5).map { _ in try TestClient.open(served.listen) }
    for client in clients { try client.ask(#"{"type":"join","room":"r","id":1}"#) }
    served.process.kill(signal)
    for client in clients {
      let events = try client.eventsToEnd()
      #expect(
        events.suffix(2) == [.close(1001, "the node is going away: connect again"), .end])
    }
    #expect(try served.process.wait() == .exited(0))
    #expect(served.process.errors.contains("\"draining\""))
    #expect(served.process.errors.contains("\"node_stopped\""))
  }

  /// Writes a configuration file with one secret, whose key is called by `kid`.
  private static func write(_ path: String, kid: String, secret: String, more: String = "") throws {
    let file = try #require(fopen(path, "w"))
    fputs(
      """
      { "auth": { "api_keys": ["\(secret)-api"], "tokens": { "keys": [
        { "kid": "\(kid)", "alg": "HS256", "secret": "\(secret)" }] } }\(more) }
      """, file)
    fclose(file)
  }

  private static func status(_ token: String, at address: SocketAddress) throws -> Int {
    try request(
      "GET /ws?token=\(token) HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
        + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", to: address
    ).status
  }

  @Test func `SIGHUP takes up new keys or names every problem, and no secret is ever written`()
    throws
  {
    let folder = try TestCertificates()
    let path = "\(folder.directory)/roost.json"
    let secrets = ["first-secret-of-thirty-two-bytes", "other-secret-of-thirty-two-bytes"]
    func token(_ place: Int, user: String) -> String {
      TestToken.make(
        user: user, key: TestKey(secret: Array(secrets[place].utf8)), algorithm: .hs256,
        keyID: "k\(place)", expiresAt: Int64(time(nil)) + 600)
    }
    try Self.write(path, kid: "k0", secret: secrets[0])
    let served = try Served(["--config", path, "--log-level", "debug"] + Self.ports)
    let tokens = [token(0, user: "ann"), token(1, user: "ann")]
    #expect(try Self.status(tokens[0], at: served.listen) == 101)
    #expect(try Self.status(tokens[1], at: served.listen) == 401)

    try Self.write(path, kid: "k1", secret: secrets[1], more: #", "shards": 63"#)
    served.process.kill(SIGHUP)
    var line = ""
    repeat { line = try served.process.line(fromErrors: true) } while !line.contains("reload_kept")
    #expect(JSONText.value("setting", of: line) == "shards")
    #expect(try Self.status(tokens[0], at: served.listen) == 401)
    #expect(try Self.status(tokens[1], at: served.listen) == 101)

    try Self.write(path, kid: "k0", secret: "too-short")
    served.process.kill(SIGHUP)
    repeat {
      line = try served.process.line(fromErrors: true)
    } while !line.contains(
      "reload_refused")
    #expect(try Self.status(tokens[1], at: served.listen) == 101)
    served.process.kill(SIGTERM)
    #expect(try served.process.wait() == .exited(0))
    let everything = served.process.output + served.process.errors
    #expect(everything.contains("token_refused"))
    for secret in secrets + tokens + ["too-short"] {
      #expect(!everything.contains(secret))
      // Nor the signature alone.
      if let part = secret.split(separator: ".").last { #expect(!everything.contains(part)) }
    }
  }

  @Test func `a second signal ends at once with status 1`() throws {
    let served = try Served(["--dev"] + Self.ports)
    let client = try TestClient.open(served.listen)
    served.process.kill(SIGTERM)
    // The close frame is here and not answered: the drain has begun and cannot end.
    #expect(try client.next() == .close(1001, "the node is going away: connect again"))
    served.process.kill(SIGTERM)
    #expect(try served.process.wait() == .exited(1))
    #expect(served.process.errors.contains("\"drain_cut\""))
    #expect(try client.next() == .end)
  }

  @Test func `a second node on a taken port is refused with the sentence`() throws {
    let served = try Served(["--dev"] + Self.ports)
    let second = try Subprocess(
      try Self.executable(),
      ["serve", "--dev", "--listen", "\(served.listen)", "--admin", "127.0.0.1:0"])
    #expect(try second.wait() == .exited(1))
    let sentence =
      "\(served.listen) is in use by another process; stop it or choose another address with --listen"
    #expect(second.outputs.contains(sentence), "\(second.outputs)")
    let third = try Subprocess(
      try Self.executable(),
      ["serve", "--dev", "--listen", "127.0.0.1:0", "--admin", "\(served.admin)"])
    #expect(try third.wait() == .exited(1))
    #expect(third.outputs.contains("\(served.admin) is in use"), "\(third.outputs)")
    served.process.kill(SIGTERM)
    #expect(try served.process.wait() == .exited(0))
  }

  @Test func `changed certificates are found without a signal, and health speaks TLS`() throws {
    let (old, new) = (try TestCertificates(), try TestCertificates())
    let certificate = try old.issue(names: "DNS:localhost")
    let list =
      #"[{"certificate":"\#(certificate.certificateFile)","key":"\#(certificate.keyFile)"}]"#
    let variables = ["ROOST_TLS__CERTIFICATES": list, "ROOST_TLS__ADMIN": "true"]
    let checked = try Subprocess(
      try Self.executable(), ["check-config"], environment: variables)
    #expect(try checked.wait() == .exited(0))
    let served = try Served(["--dev"] + Self.ports, environment: variables)
    let health = try Subprocess(
      try Self.executable(), ["health", "--admin", "\(served.admin)"], environment: variables)
    #expect(try health.wait() == .exited(0), "\(health.outputs)")
    let client = try TestClient.open(served.listen, old)
    let renewed = try new.issue(names: "DNS:localhost")
    for (source, target) in [
      (renewed.certificateFile, certificate.certificateFile),
      (renewed.keyFile, certificate.keyFile),
    ] {
      #expect(try Subprocess("/bin/cp", [source, target]).wait() == .exited(0))
    }
    while try !served.process.line(fromErrors: true).contains("\"tls_reloaded\"") {}
    let other = try TestClient.open(served.listen, new)
    #expect(try client.nothingCame())
    #expect(try other.nothingCame())
    served.process.kill(SIGTERM)
    try client.sendClose(1000)
    try other.sendClose(1000)
    #expect(try served.process.wait() == .exited(0))
    #expect(try Subprocess("/bin/cp", ["/dev/null", certificate.keyFile]).wait() == .exited(0))
    let refused = try Subprocess(
      try Self.executable(), ["check-config"], environment: variables)
    #expect(try refused.wait() == .exited(1))
    let reason = "there is no private key (PEM) without a password in it"
    #expect(refused.errors == "tls: \(certificate.keyFile): \(reason)\n")
  }

  @Test(
    .enabled(
      if: Environment["ROOST_TEST_SANITIZER"] == nil, "a sanitizer's own memory would be counted"))
  func `an idle connection under TLS costs little`() throws {
    let authority = try TestCertificates()
    let certificate = try authority.issue(names: "DNS:localhost")
    let list =
      #"[{"certificate":"\#(certificate.certificateFile)","key":"\#(certificate.keyFile)"}]"#
    let count = Environment["ROOST_TEST_TLS_CONNECTIONS"].flatMap { Int($0) } ?? 200
    let served = try Served(
      ["--dev", "--shards", "1"] + Self.ports,
      environment: [
        "ROOST_TLS__CERTIFICATES": list,
        // So many clients of one thread would be late with their pongs.
        "ROOST_LIMITS__PING_INTERVAL": "0",
      ])
    // The first ones pay for what is there once.
    var clients = try (0..<20).map { _ in try TestClient.open(served.listen, authority) }
    let before = try served.process.privateBytes()
    for _ in 0..<count { clients.append(try TestClient.open(served.listen, authority)) }
    for client in clients { #expect(try client.nothingCame()) }
    let bytes = (try served.process.privateBytes() - before) / count
    print("\(bytes) private bytes a connection under TLS, of \(count)")
    #expect(bytes < 40_000)
  }

  @Test func `without a way to let anybody in it refuses to start`() throws {
    let process = try Subprocess(try Self.executable(), ["serve"] + Self.ports)
    #expect(try process.wait() == .exited(1))
    #expect(process.output.isEmpty)
    #expect(process.errors.hasPrefix("roost serve: "))
    #expect(process.errors.contains("--dev"))
  }

  @Test(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
  func `a node at its wall still answers its operator and talks to Redis`() throws {
    let redis = try RedisServer()
    // 300 descriptors: 100 for sockets of the public port, the rest for everything else.
    let served = try Served(
      [
        "--dev", "--node-id", "wall", "--shards", "1", "--redis",
        "redis://127.0.0.1:\(redis.port)",
      ] + Self.ports,
      descriptors: 300, environment: ["ROOST_DRAIN__LB_GRACE": "0", "ROOST_DRAIN__WINDOW": "0"])
    var clients: [TestClient] = []
    var refused = 0
    while refused < 20, clients.count < 200 {
      do {
        clients.append(try TestClient.open(served.listen))
      } catch {
        refused += 1
      }
    }
    #expect(clients.count == 94)
    // Sockets that never say a word take what is left.
    let silent = try (0..<40).map { _ in try BlockingSocket(to: served.listen) }
    for _ in 0..<3 {
      for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = try request("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n", to: served.admin)
        #expect(answer.status == 200, "\(path): \(answer.text.prefix(200))")
      }
      let answer = try clients[0].ask(#"{"type":"publish","room":"r","data":1,"id":1}"#)
      #expect(answer.contains("not_joined"))
    }
    let joined = try clients[0].ask(#"{"type":"join","room":"r","id":1}"#)
    #expect(joined.hasPrefix(#"{"type":"ok""#) && !joined.contains("degraded"))
    try clients[0].send(#"{"type":"publish","room":"r","data":1,"id":2}"#)
    let answers = [try clients[0].text(), try clients[0].text()]
    #expect(answers.contains { $0.contains(#""id":2"#) && $0.hasPrefix(#"{"type":"ok""#) })
    for socket in silent { socket.close() }
    served.process.kill(SIGTERM)
    served.process.kill(SIGTERM)
    _ = try served.process.wait()
    #expect(!served.process.errors.contains("accept_shortage"))
  }
}
