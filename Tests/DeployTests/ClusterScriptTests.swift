// ops/cluster as a person runs it: what it starts, what it says, and that nothing stays behind.

import Glibc
import RoostEventLoop
import TestSupport
import Testing

@Suite(
  .serialized, .enabled(if: Tool.haproxy != nil && Tool.redis != nil, Tool.isMissing))
struct ClusterScriptTests {
  /// One line of the file of addresses.
  private struct Started {
    let name: String
    let process: pid_t
    let address: String
  }

  /// A running cluster.
  private struct Cluster {
    let folder: TemporaryFolder
    let script: Subprocess
    let started: [Started]

    init(nodes: Int) throws {
      folder = try TemporaryFolder()
      script = try ClusterScriptTests.start(
        ["--nodes", "\(nodes)", "--port", "0", "--folder", folder.path])
      var line = ""
      repeat { line = try script.line(within: .seconds(60)) } while !line.contains("Ctrl-C stops")
      let descriptor = open("\(folder.path)/addresses", O_RDONLY | O_CLOEXEC)
      defer { close(descriptor) }
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = max(0, read(descriptor, &buffer, buffer.count))
      started = try String(decoding: buffer[..<count], as: UTF8.self).split(separator: "\n").map {
        let words = $0.split(separator: " ").map(String.init)
        try #require(words.count == 4, "\(words)")
        return Started(name: words[0], process: try #require(pid_t(words[1])), address: words[2])
      }
    }

    subscript(name: String) -> Started {
      get throws { try #require(started.first { $0.name == name }, "\(started)") }
    }

    /// Whether all that was started ends in time.
    func allEnd() -> Bool { started.allSatisfy { one in eventually { kill(one.process, 0) != 0 } } }
  }

  /// Whether the program knows Redis: it names all that is wrong with its flags.
  static let takesRedis: Bool = {
    let process = try? Subprocess(
      Checkout.program(), ["serve", "--dev", "--shards", "65", "--redis", "redis://127.0.0.1:1"])
    guard let process, (try? process.wait()) == .exited(1) else { return false }
    return !process.errors.contains("no Redis backplane")
  }()

  static let hasNoRedis: Comment = "the program has no Redis backplane"

  private static func start(_ arguments: [String]) throws -> Subprocess {
    try Subprocess(
      "\(Checkout.root)/ops/cluster", ["--program", try Checkout.program()] + arguments,
      environment: Tool.environment)
  }

  @Test(.enabled(if: takesRedis, hasNoRedis))
  func `nodes talk to each other through HAProxy, and Ctrl-C leaves nothing behind`() throws {
    let cluster = try Cluster(nodes: 3)
    #expect(cluster.started.map(\.name) == ["haproxy", "node1", "node2", "node3", "redis"])
    let address = try #require(SocketAddress(text: try cluster["haproxy"].address))
    var clients: [TestClient] = []
    var nodes: Set<String> = []
    for _ in 0..<3 {
      let client = TestClient(try BlockingSocket(to: address))
      try client.upgrade()
      nodes.insert(try #require(JSONText.value("node", of: try client.welcomed())))
      #expect(try client.ask(#"{"type":"join","room":"r:1","id":1}"#).contains(#""id":1"#))
      clients.append(client)
    }
    #expect(nodes == ["node1", "node2", "node3"])
    // Who joined before hears of who joined later; a message comes after all that.
    try clients[0].send(#"{"type":"publish","room":"r:1","data":"to all"}"#)
    for client in clients {
      var text = ""
      repeat { text = try client.text() } while !text.contains("to all")
      #expect(JSONText.value("data", of: text) == "to all")
    }
    cluster.script.kill(SIGINT)
    #expect(try cluster.script.wait() == .exited(0), "\(cluster.script.outputs)")
    #expect(cluster.allEnd())
  }

  @Test(.enabled(if: takesRedis, hasNoRedis))
  func `a killed node is told and the others go on, a killed Redis ends all`() throws {
    let cluster = try Cluster(nodes: 2)
    kill(try cluster["node1"].process, SIGKILL)
    var line = ""
    repeat { line = try cluster.script.line() } while !line.contains("has ended")
    #expect(line == "== node1 has ended; 1 left")
    kill(try cluster["redis"].process, SIGKILL)
    #expect(try cluster.script.wait() == .exited(1))
    #expect(cluster.script.errors.contains("cluster: redis ended: "), "\(cluster.script.errors)")
    #expect(cluster.allEnd())
  }

  @Test(.enabled(if: takesRedis, hasNoRedis))
  func `a rollout restarts every node where it was, one after another`() throws {
    let cluster = try Cluster(nodes: 2)
    let rollout = try Subprocess(
      "\(Checkout.root)/ops/rollout", ["--folder", cluster.folder.path],
      environment: Tool.environment)
    #expect(try rollout.wait(within: .seconds(120)) == .exited(0), "\(rollout.outputs)")
    let lines = rollout.output.split(separator: "\n").map(String.init)
    #expect(lines.last == "== 2 nodes restarted")
    #expect(lines.contains { $0.hasPrefix("node1 restarted in ") }, "\(lines)")
    #expect(lines.contains { $0.hasPrefix("node2 restarted in ") }, "\(lines)")
    #expect(kill(try cluster["node1"].process, 0) != 0)
    let address = try #require(SocketAddress(text: try cluster["node1"].address))
    #expect(try TestClient.open(address).nothingCame())
    cluster.script.kill(SIGINT)
    #expect(try cluster.script.wait() == .exited(0), "\(cluster.script.outputs)")
    #expect(cluster.allEnd())
    let again = try Subprocess(
      "\(Checkout.root)/ops/rollout", ["--folder", cluster.folder.path],
      environment: Tool.environment)
    #expect(try again.wait() == .exited(1))
    #expect(again.errors.hasPrefix("rollout: no cluster runs in "), "\(again.errors)")
  }

  @Test(.enabled(if: takesRedis, hasNoRedis))
  func `the script itself may be killed, and nothing stays behind`() throws {
    let cluster = try Cluster(nodes: 1)
    cluster.script.kill(SIGKILL)
    #expect(try cluster.script.wait() == .signalled(SIGKILL))
    #expect(cluster.allEnd())
  }

  @Test func `a taken port is told in a sentence before anything is started`() throws {
    let listener = try Socket.listen(on: .loopback, sharesPort: false, backlog: 1)
    let port = try Socket.localAddress(of: listener).port
    let folder = try TemporaryFolder()
    let script = try Self.start(["--port", "\(port)", "--folder", folder.path])
    #expect(try script.wait() == .exited(1))
    #expect(
      script.errors == """
        cluster: port \(port) is taken by another program: stop it, or choose another with --port

        """)
    #expect(access("\(folder.path)/redis.log", F_OK) != 0)
  }

  @Test(arguments: [
    (["--nodes", "7"], "cluster: --nodes takes a number from 1 to 6, not 7\n"),
    (["--nodes"], "cluster: --nodes needs a value; see --help\n"),
    (["--port", "65401"], "cluster: --port takes 0 to 65400, not 65401\n"),
    (["--dev"], "cluster: unknown option --dev; flags of roost serve go after --; see --help\n"),
  ])
  func `a wrong option is told in a sentence`(arguments: [String], sentence: String) throws {
    let script = try Self.start(arguments)
    #expect(try script.wait() == .exited(1))
    #expect(script.errors == sentence)
  }

  @Test(.enabled(if: takesRedis, hasNoRedis))
  func `a node that refuses to start is quoted`() throws {
    let folder = try TemporaryFolder()
    let script = try Self.start(
      ["--nodes", "1", "--port", "0", "--folder", folder.path, "--", "--shards", "65"])
    #expect(try script.wait() == .exited(1))
    #expect(script.errors.hasPrefix("cluster: node1 ended: "), "\(script.errors)")
    #expect(script.errors.contains("--shards: 65 is not"), "\(script.errors)")
  }
}
