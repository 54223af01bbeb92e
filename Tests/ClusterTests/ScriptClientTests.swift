// roost.js under Node, against real nodes behind HAProxy: nodes are killed, tokens run out and are taken
// back, and the application notices as little as possible.

import Glibc
import RoostEventLoop
import TestSupport
import Testing

@Suite(
  .serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"),
  .enabled(if: Environment.besidePython("node") != nil, "no Node beside ROOST_TEST_PYTHON"),
  .enabled(if: Environment["ROOST_TEST_HAPROXY"] != nil, "HAProxy is not installed"))
struct ScriptClientTests {
  private static let root = #filePath.split(separator: "/").dropLast(3)
    .reduce(into: "") { $0 += "/\($1)" }

  /// A cluster, the balancer in front of it, and the module as a node serves it.
  private final class Stage {
    let cluster: Cluster
    private let balancer: Subprocess
    private let address: SocketAddress
    private let module: TemporaryFile

    init(change: (String) -> String = { $0 }) throws {
      cluster = try Cluster(try RedisServer(), populated: false, change: change)
      let address = try freeAddress()
      self.address = address
      var environment = ["ROOST_PUBLIC": "\(address)"]
      for (place, node) in cluster.nodes.enumerated() {
        environment["ROOST_NODE\(place + 1)"] = "\(node.address)"
      }
      balancer = try Subprocess(
        try #require(Environment["ROOST_TEST_HAPROXY"]),
        ["-db", "-f", "\(ScriptClientTests.root)/deploy/haproxy/haproxy.cfg"],
        environment: environment)
      let script = try cluster.nodes[0].served("/roost.js")
      module = try TemporaryFile(script, named: "roost.mjs")
      try cluster.swarm.run(until: "HAProxy listens", within: .seconds(30)) {
        (try? BlockingSocket(to: address)) != nil
      }
    }

    func play(_ story: String, _ more: [String] = []) throws -> Subprocess {
      try Subprocess(
        try #require(Environment.besidePython("node")),
        [
          "\(ScriptClientTests.root)/Tests/Interop/client.mjs", story, module.path,
          "ws://\(address)",
        ] + more)
    }

    /// Uses the console; screenshots go where those of the other browser tests do.
    func browse() throws -> Subprocess {
      var environment = ["PYTHONUNBUFFERED": "1", "PATH": "/usr/bin:/bin"]
      for name in ["PATH", "HOME", "LANG"] { environment[name] = Environment[name] }
      return try Subprocess(
        try #require(Environment["ROOST_TEST_PYTHON"]),
        [
          "\(ScriptClientTests.root)/Tests/Interop/browser.py", "--recovery", "--chromium",
          try #require(Environment["ROOST_TEST_CHROMIUM"]), "--output",
          "\(Environment["ROOST_OUTPUT"] ?? "/tmp")/console", "\(address)",
        ], environment: environment)
    }

    /// Ends the node that a line of the form "kill NAME" asks for.
    func kill(_ line: String) throws {
      try #require(line.hasPrefix("kill "), "\(line)")
      try #require(cluster.nodes.first { $0.name == line.dropFirst(5) }).kill()
    }
  }

  @Test func `killed nodes cost an application nothing but time`() throws {
    let stage = try Stage()
    let story = try stage.play("recover")
    for _ in 0..<2 { try stage.kill(try story.line(within: .seconds(90))) }
    #expect(try story.line(within: .seconds(90)) == "done")
    #expect(try story.wait(within: .seconds(60)) == .exited(0), "\(story.outputs)")
  }

  @Test func `a node that drains costs an application nothing`() throws {
    let stage = try Stage { _ in
      ClusterNode.configuration(drain: #"{ "lb_grace": 0.2, "window": 4, "hard_stop": 60 }"#)
    }
    let story = try stage.play("move")
    let line = try story.line(within: .seconds(90))
    let node = try #require(stage.cluster.nodes.first { line == "drain \($0.name)" })
    node.signal(SIGTERM)
    #expect(try story.line(within: .seconds(90)) == "done", "\(story.outputs)")
    #expect(try node.wait() == .exited(0))
    #expect(try story.wait(within: .seconds(60)) == .exited(0), "\(story.outputs)")
  }

  @Test(.enabled(if: Environment["ROOST_TEST_CHROMIUM"] != nil, "no Chromium is installed"))
  func `the console comes back from a killed node with nothing missing`() throws {
    let stage = try Stage()
    let story = try stage.browse()
    try stage.kill(try story.line(within: .seconds(90)))
    #expect(try story.wait(within: .seconds(120)) == .exited(0), "\(story.outputs)")
  }

  @Test func `tokens are replaced in place and after a revocation, and a kick is final`() throws {
    let stage = try Stage()
    let story = try stage.play("tokens", [ClusterNode.tokenSecret])
    #expect(try story.line(within: .seconds(90)) == "revoke")
    let admin = stage.cluster.nodes[1].admin
    let body = #"{"user":"ann"}"#
    let revoked = try request(
      "POST /v1/revocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)", to: admin)
    #expect(revoked.status == 200, "\(revoked.text)")
    #expect(try story.line(within: .seconds(90)) == "kick")
    let kicked = try request(
      "DELETE /v1/users/ann/connections HTTP/1.1\r\nHost: a\r\n\r\n", to: admin)
    #expect(kicked.status == 200, "\(kicked.text)")
    #expect(try story.line(within: .seconds(90)) == "done")
    #expect(try story.wait(within: .seconds(60)) == .exited(0), "\(story.outputs)")
  }
}

extension ClusterNode {
  /// The text of a file that the public port serves.
  fileprivate func served(_ path: String) throws -> String {
    try request("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", to: address).text
  }
}
