// A node as the balancers see one: a process of its own.

import Glibc
import RoostEventLoop
import TestSupport
import Testing

/// A node that was started with `--dev`, and may be kept in its drain.
final class ServedNode {
  let name: String
  let process: Subprocess
  let address: SocketAddress
  let adminAddress: SocketAddress

  /// - Parameter settings: further variables, without their `ROOST_`.
  init(_ name: String, flags: [String] = [], settings: [String: String] = [:]) throws {
    self.name = name
    process = try Subprocess(
      try Checkout.program(),
      ["serve", "--dev", "--node-id", name, "--shards", "1"]
        + ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-format", "json"] + flags,
      environment: Self.environment(settings))
    var line = ""
    repeat { line = try process.line(fromErrors: true) } while !line.contains("\"ready\"")
    address = try #require(
      JSONText.value("listen", of: line).flatMap { SocketAddress(text: $0) }, "\(line)")
    adminAddress = try #require(
      JSONText.value("admin", of: line).flatMap { SocketAddress(text: $0) }, "\(line)")
  }

  private static func environment(_ settings: [String: String]) -> [String: String] {
    // A client that does not answer the close frame holds the drain for as long.
    var environment = ["ROOST_LIMITS__CLOSE_TIMEOUT": "50"]
    for (name, value) in settings { environment["ROOST_\(name)"] = value }
    return environment
  }

  /// The text of `/metrics`.
  func metrics() throws -> String {
    try request("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", to: adminAddress).text
  }

  /// Tells it to drain, and holds it there: it refuses upgrades as long as the result lives.
  func drain() throws -> TestClient {
    let client = try TestClient.open(address)
    process.kill(SIGTERM)
    guard case .close = try client.next() else { throw TestFailure("no drain began") }
    return client
  }
}

/// Three nodes and the balancer in front of them.
struct Balanced {
  let nodes: [ServedNode]
  /// Where clients connect.
  let address: SocketAddress
  let balancer: Subprocess

  /// Connects through the balancer; the client and the name of the node that took it.
  func connect() throws -> (client: TestClient, node: String) {
    let client = TestClient(try BlockingSocket(to: address))
    try client.upgrade()
    let welcome = try client.welcomed()
    return (client, try #require(JSONText.value("node", of: welcome)))
  }

  /// Connects so often; the names of the nodes, each as often as it took a client, sorted.
  func nodesOf(_ count: Int, keeping clients: inout [TestClient]) throws -> [String] {
    var names: [String] = []
    for _ in 0..<count {
      let (client, node) = try connect()
      clients.append(client)
      names.append(node)
    }
    return names.sorted()
  }

  /// Waits until the balancer takes connections.
  static func awaitListening(_ address: SocketAddress, _ balancer: Subprocess) throws {
    guard eventually({ (try? BlockingSocket(to: address)) != nil }) else {
      throw TestFailure("nothing listens on \(address): \(balancer.outputs)")
    }
  }
}
