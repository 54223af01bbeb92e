// nginx as Debian has it, with the file that is shipped, in front of real nodes.

import Gateway
import Glibc
import RoostEventLoop
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: Tool.nginx != nil, Tool.isMissing)) struct NginxTests {
  /// nginx with the shipped file, whose addresses were put in as its first lines say.
  private static func start(_ nodes: [SocketAddress], in folder: TemporaryFolder) throws
    -> (Subprocess, SocketAddress)
  {
    let address = try freeAddress()
    var environment = Tool.environment
    environment["ROOST_PUBLIC"] = "\(address)"
    for (place, node) in nodes.enumerated() {
      environment["ROOST_NODE\(place + 1)"] = "\(node)"
    }
    let names = "$ROOST_PUBLIC $ROOST_NODE1 $ROOST_NODE2 $ROOST_NODE3"
    let rendering = try Subprocess(
      "/bin/sh", ["-c", "envsubst '\(names)' <'\(Checkout.root)/deploy/nginx/roost.conf'"],
      environment: environment)
    #expect(try rendering.wait() == .exited(0), "\(rendering.errors)")
    _ = try folder.write("roost.conf", rendering.output)
    let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
      .map { "\($0)_temp_path \(folder.path)/\($0);\n" }.joined()
    let main = try folder.write(
      "nginx.conf",
      """
      daemon off;
      worker_processes 1;
      pid \(folder.path)/pid;
      error_log stderr warn;
      events { worker_connections 256; }
      http {
      access_log off;
      \(paths)include roost.conf;
      }
      """)
    let process = try Subprocess(
      try #require(Tool.nginx), ["-p", folder.path, "-e", "stderr", "-c", main])
    try Balanced.awaitListening(address, process)
    return (process, address)
  }

  private static func balanced(in folder: TemporaryFolder) throws -> Balanced {
    let nodes = try (1...3).map { try ServedNode("node\($0)") }
    let (process, address) = try start(nodes.map(\.address), in: folder)
    return Balanced(nodes: nodes, address: address, balancer: process)
  }

  private static func stop(_ process: Subprocess) throws {
    process.kill(SIGTERM)
    #expect(try process.wait() == .exited(0), "\(process.outputs)")
  }

  @Test func `a WebSocket goes through, and every node gets as many`() throws {
    let folder = try TemporaryFolder()
    let balanced = try Self.balanced(in: folder)
    var clients: [TestClient] = []
    #expect(
      try balanced.nodesOf(6, keeping: &clients)
        == ["node1", "node1", "node2", "node2", "node3", "node3"])
    for client in clients { #expect(try client.nothingCame()) }
    try Self.stop(balanced.balancer)
  }

  @Test func `no client is refused because one node drains`() throws {
    let folder = try TemporaryFolder()
    let balanced = try Self.balanced(in: folder)
    let held = try balanced.nodes[0].drain()
    var clients: [TestClient] = []
    #expect(
      try balanced.nodesOf(6, keeping: &clients)
        == ["node2", "node2", "node2", "node3", "node3", "node3"])
    held.abort()
    #expect(try balanced.nodes[0].process.wait() == .exited(0))
    // Gone altogether makes no difference.
    #expect(try balanced.nodesOf(2, keeping: &clients) == ["node2", "node3"])
    try Self.stop(balanced.balancer)
  }

  @Test func `fields arrive as they must, and what a client claims of its address does not`() throws
  {
    let folder = try TemporaryFolder()
    let catcher = try HeadCatcher()
    let (process, address) = try Self.start(
      [catcher.address, catcher.address, catcher.address], in: folder)
    let client = try BlockingSocket(to: address)
    try client.write(Array(ForgedRequest.text.utf8))
    let head = try catcher.head(of: "/ws")
    let fields = [
      ("Host", ["app.example.com"]), ("Origin", ["https://app.example.com"]),
      ("Upgrade", ["websocket"]), ("Connection", ["upgrade"]),
      ("Sec-WebSocket-Key", ["AAAAAAAAAAAAAAAAAAAAAA=="]), ("X-Forwarded-For", ["127.0.0.1"]),
      ("X-Forwarded-Proto", ["http"]), ("Forwarded", []),
    ]
    for (name, values) in fields {
      #expect(ForgedRequest.values(of: name, in: head) == values, "\(name) in \(head)")
    }
    try Self.stop(process)
  }

  @Test func `silence is allowed for more than twice the time between two pings`() throws {
    let text = try Checkout.text("deploy/nginx/roost.conf")
    let seconds = try #require(
      text.firstRange(of: "proxy_read_timeout ").flatMap {
        Int64(text[$0.upperBound...].prefix { $0.isNumber })
      })
    #expect(.seconds(seconds) > Limits().pingInterval * 2)
    #expect(text.contains("proxy_buffering off;"))
  }
}
