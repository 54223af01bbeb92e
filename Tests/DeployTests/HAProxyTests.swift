// HAProxy as Debian has it, with the file that is shipped, in front of real nodes.

import Glibc
import RoostEventLoop
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: Tool.haproxy != nil, Tool.isMissing)) struct HAProxyTests {
  private static func start(_ nodes: [SocketAddress], _ settings: [String: String] = [:]) throws
    -> (Subprocess, SocketAddress)
  {
    let address = try freeAddress()
    var environment = settings
    environment["ROOST_PUBLIC"] = "\(address)"
    for (place, node) in nodes.enumerated() {
      environment["ROOST_NODE\(place + 1)"] = "\(node)"
    }
    let process = try Subprocess(
      try #require(Tool.haproxy),
      ["-db", "-f", "\(Checkout.root)/deploy/haproxy/haproxy.cfg"], environment: environment)
    try Balanced.awaitListening(address, process)
    return (process, address)
  }

  private static func balanced() throws -> Balanced {
    let nodes = try (1...3).map { try ServedNode("node\($0)") }
    let (process, address) = try start(nodes.map(\.address))
    return Balanced(nodes: nodes, address: address, balancer: process)
  }

  @Test func `a WebSocket goes through, and every node gets as many`() throws {
    let balanced = try Self.balanced()
    var clients: [TestClient] = []
    #expect(
      try balanced.nodesOf(6, keeping: &clients)
        == ["node1", "node1", "node2", "node2", "node3", "node3"])
    for client in clients { #expect(try client.nothingCame()) }
    try clients[0].close()
    // What became free is taken first.
    let node = try balanced.nodesOf(1, keeping: &clients)
    #expect(try balanced.nodesOf(2, keeping: &clients).count == 2)
    #expect(node.count == 1)
    balanced.balancer.kill(SIGTERM)
    _ = try balanced.balancer.wait()
  }

  @Test func `a node that drains gets no new connection, before and after it is found out`() throws
  {
    let balanced = try Self.balanced()
    let held = try balanced.nodes[0].drain()
    var clients: [TestClient] = []
    // It has the fewest connections and says 503 now: the retry goes to another node.
    let early = try balanced.nodesOf(4, keeping: &clients)
    #expect(early == ["node2", "node2", "node3", "node3"])
    var line = ""
    repeat { line = try balanced.balancer.line() } while !line.contains("nodes/node1 is DOWN")
    let late = try balanced.nodesOf(4, keeping: &clients)
    #expect(late == ["node2", "node2", "node3", "node3"])
    for client in clients { #expect(try client.nothingCame()) }
    held.abort()
    #expect(try balanced.nodes[0].process.wait() == .exited(0))
  }

  @Test func `a node that was killed is not waited for`() throws {
    let balanced = try Self.balanced()
    balanced.nodes[2].process.kill(SIGKILL)
    #expect(try balanced.nodes[2].process.wait() == .signalled(SIGKILL))
    var clients: [TestClient] = []
    #expect(
      try balanced.nodesOf(4, keeping: &clients) == ["node1", "node1", "node2", "node2"])
  }

  @Test func `fields arrive as they must, and what a client claims of its address does not`() throws
  {
    let catcher = try HeadCatcher()
    let (process, address) = try Self.start([catcher.address])
    let client = try BlockingSocket(to: address)
    try client.write(Array(ForgedRequest.text.utf8))
    let head = try catcher.head(of: "/ws")
    let fields = [
      ("Host", ["app.example.com"]), ("Origin", ["https://app.example.com"]),
      ("Upgrade", ["websocket"]), ("Sec-WebSocket-Key", ["AAAAAAAAAAAAAAAAAAAAAA=="]),
      ("X-Forwarded-For", ["127.0.0.1"]), ("X-Forwarded-Proto", ["http"]), ("Forwarded", []),
    ]
    for (name, values) in fields {
      #expect(ForgedRequest.values(of: name, in: head) == values, "\(name) in \(head)")
    }
    let connection = ForgedRequest.values(of: "Connection", in: head)
    #expect(connection.contains { $0.lowercased().contains("upgrade") }, "\(head)")
    process.kill(SIGTERM)
  }

  @Test func `the statistics are there only when an address is given for them`() throws {
    let node = try ServedNode("node1")
    let statistics = try freeAddress()
    let (process, _) = try Self.start([node.address], ["ROOST_STATS": "\(statistics)"])
    let socket = try BlockingSocket(to: statistics)
    try socket.write(Array("GET /metrics HTTP/1.0\r\n\r\n".utf8))
    let text = String(decoding: try socket.readToEnd().bytes, as: UTF8.self)
    #expect(text.contains("haproxy_server_status{proxy=\"nodes\",server=\"node1\""))
    process.kill(SIGTERM)
    let (second, _) = try Self.start([node.address])
    #expect(throws: TestFailure.self) { try BlockingSocket(to: statistics) }
    second.kill(SIGTERM)
  }

  @Test(arguments: [
    "timeout tunnel 1h", "timeout http-request 10s", "timeout connect 5s", "balance leastconn",
    "http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host roost",
  ])
  func `the file says it`(line: String) throws {
    let lines = try Checkout.text("deploy/haproxy/haproxy.cfg").split(separator: "\n")
    #expect(lines.contains { $0.drop { $0 == " " } == line })
  }
}
