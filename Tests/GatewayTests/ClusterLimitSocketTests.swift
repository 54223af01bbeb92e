// Limits over all nodes of a cluster, over real sockets: who is one too many is closed, or the oldest
// one is, wherever it is; who ends makes room; and what is used on one node is charged on the others.

import Backplane
import Gateway
import RoostEventLoop
import RoostRooms
import Telemetry
import TestSupport
import Testing

extension SocketTests {
  @Suite(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
  struct ClusterLimitSocketTests {
    private static let ping = #"{"type":"ping","id":1}"#
    private static let pong = #"{"type":"pong","id":1}"#
    private static let overLimit: [TestEvent] = [.close(4007, "too many connections"), .end]
    private static let patience = Duration.seconds(60)

    /// Two nodes that know of each other.
    private func withCluster(
      shards: Int, _ change: (inout Configuration) -> Void,
      _ body: ([Node], RedisServer) async throws -> Void
    ) async throws {
      let redis = try RedisServer()
      var configuration = Configuration.forTests(shards: shards) {
        $0.redis.urls = [redis.url]
        change(&$0)
      }
      try await withNode(configuration) { first in
        configuration.nodeID = "other"
        try await withNode(configuration) { second in
          let nodes = [first, second]
          for node in nodes { try await node.isReady(within: Self.patience) }
          try await wait("both know each other") {
            nodes.allSatisfy { $0.redisStatus?.nodes.value == 2 }
          }
          try await body(nodes, redis)
        }
      }
    }

    private func wait(_ what: String, until isSo: () throws -> Bool) async throws {
      let deadline = MonotonicInstant.now().advanced(by: Self.patience)
      while try !isSo() {
        guard MonotonicInstant.now() < deadline else { throw TestFailure("not so: \(what)") }
        await Task.yield()
      }
    }

    /// Connections that Redis has counted, all keys together.
    private func counted(_ redis: RedisServer) throws -> Int {
      let script = """
        local sum = 0
        for _, key in ipairs(redis.call('KEYS', '*:counts')) do
          for _, value in ipairs(redis.call('HVALS', key)) do
            sum = sum + tonumber(string.match(value, '^%d+'))
          end
        end
        return sum
        """
      let text = try redis.cli("EVAL", script, "0")
      return Int(text.filter(\.isNumber)) ?? -1
    }

    private func metric(_ name: String, of node: Node) -> UInt64 {
      var text = PrometheusText()
      node.appendMetrics(to: &text)
      return String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
        .first { $0.hasPrefix(name + " ") }
        .flatMap { UInt64($0.dropFirst(name.utf8.count + 1)) } ?? 0
    }

    /// A connection of a user; its user's own room is the first that it hears of.
    private func open(_ node: Node, user: String = "ada") throws -> TestClient {
      let client = try TestClient.open(node.address, user: user)
      #expect(try client.text() == #"{"type":"added","room":"user:\#(user)"}"#)
      return client
    }

    /// Opens a connection when the door lets it in: it remembers for a second that all places were
    /// taken.
    ///
    /// One too many may hear of that before it hears of its user's room.
    private func insist(_ node: Node, user: String) async throws -> TestClient {
      let deadline = MonotonicInstant.now().advanced(by: Self.patience)
      while MonotonicInstant.now() < deadline {
        if let client = try? TestClient.open(node.address, user: user) { return client }
        await Task.yield()
      }
      throw TestFailure("the door stayed closed")
    }

    @Test(arguments: [1, 2])
    func `a user's connection too many in the cluster is closed 4007`(shards: Int) async throws {
      try await withCluster(shards: shards, { $0.limits.connectionsPerUser = 4 }) { nodes, redis in
        var clients = try (0..<4).map { try open(nodes[$0 % 2]) }
        try await wait("four are counted") { try counted(redis) == 4 }
        for node in nodes {
          let surplus = try await insist(node, user: "ada")
          #expect(try surplus.eventsToEnd().suffix(2) == Self.overLimit[...])
          try await wait("it is counted no more") { try counted(redis) == 4 }
          let name = #"roost_admission_refusals_total{reason="user_connections"}"#
          #expect(metric(name, of: node) > 0)
        }
        let bystander = try open(nodes[1], user: "bob")
        for client in clients + [bystander] { #expect(try client.ask(Self.ping) == Self.pong) }
        try clients.removeFirst().close()
        try await wait("one has gone") { try counted(redis) == 4 }
        clients.append(try await insist(nodes[1], user: "ada"))
        #expect(try clients.last?.text() == #"{"type":"added","room":"user:ada"}"#)
        try await wait("another has come") { try counted(redis) == 5 }
        for client in clients { #expect(try client.ask(Self.ping) == Self.pong) }
        for client in clients + [bystander] { client.abort() }
        try await wait("nobody is counted") {
          try redis.cli("EVAL", "return #redis.call('KEYS', '*:counts')", "0").contains("0")
        }
      }
    }

    @Test(arguments: [1, 2])
    func `the cluster's oldest connection makes room where that is configured`(shards: Int)
      async throws
    {
      let change = { (configuration: inout Configuration) in
        configuration.limits.connectionsPerUser = 3
        configuration.limits.userOverflow = .evict
      }
      try await withCluster(shards: shards, change) { nodes, redis in
        var clients: [TestClient] = []
        func openLater(_ number: Int) async throws {
          // Ages are compared in milliseconds.
          let next = MonotonicInstant.now().advanced(by: .milliseconds(5))
          try await wait("time passes") { MonotonicInstant.now() > next }
          clients.append(try open(nodes[number % 2]))
        }
        for number in 0..<3 { try await openLater(number) }
        try await wait("three are counted") { try counted(redis) == 3 }
        // Those of the first node are one too many there, too, before the others make room.
        for number in [1, 0, 0, 0, 0, 1] {
          try await openLater(number)
          let oldest = clients.removeFirst()
          #expect(try oldest.eventsToEnd().suffix(2) == Self.overLimit[...])
          try await wait("three are left") { try counted(redis) == 3 }
        }
        for client in clients { #expect(try client.ask(Self.ping) == Self.pong) }
      }
    }

    @Test func `an address has one limit in the cluster, event streams included`() async throws {
      let change = { (configuration: inout Configuration) in
        configuration.limits.connectionsPerAddress = 3
        configuration.auth.anonymous = true
      }
      try await withCluster(shards: 1, change) { nodes, redis in
        let clients = try [0, 1, 1].map { try TestClient.open(nodes[$0].address) }
        try await wait("three are counted") { try counted(redis) == 3 }
        let stream = try BlockingSocket(to: nodes[0].address)
        try stream.write(Array("GET /v1/rooms/r/events HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        let text = String(decoding: try stream.readToEnd().bytes, as: UTF8.self)
        // It depends on whether its room had answered.
        #expect(text.hasPrefix("HTTP/1.1 429 ") || text.hasPrefix("HTTP/1.1 200 "))
        try await wait("it is counted no more") { try counted(redis) == 3 }
        let surplus = try TestClient.open(nodes[1].address)
        #expect(try surplus.eventsToEnd().suffix(2) == Self.overLimit[...])
        for client in clients { #expect(try client.ask(Self.ping) == Self.pong) }
        for client in clients { client.abort() }
        try await wait("nobody is counted") { try counted(redis) == 0 }
      }
    }

    @Test func `a dry run closes nobody and counts`() async throws {
      let change = { (configuration: inout Configuration) in
        configuration.limits.connectionsPerUser = 1
        configuration.limits.dryRun = true
      }
      try await withCluster(shards: 1, change) { nodes, redis in
        let clients = try (0..<2).map { try open(nodes[$0]) }
        try await wait("both are counted") { try counted(redis) == 2 }
        let name = #"roost_overlooked_total{limit="user_connections"}"#
        try await wait("it is noted") { nodes.contains { metric(name, of: $0) > 0 } }
        for client in clients { #expect(try client.ask(Self.ping) == Self.pong) }
      }
    }

    @Test(arguments: [1, 2])
    func `while Redis is away each node keeps its own limit, and all are counted afterwards`(
      shards: Int
    ) async throws {
      try await withCluster(shards: shards, { $0.limits.connectionsPerUser = 2 }) { nodes, redis in
        var clients = [try open(nodes[0])]
        try await wait("one is counted") { try counted(redis) == 1 }
        try redis.kill()
        try await wait("nobody has Redis") {
          nodes.allSatisfy { $0.redisStatus?.isConnected == false }
        }
        for node in [nodes[0], nodes[1], nodes[1]] {
          let client = try TestClient.open(node.address, user: "ada")
          clients.append(client)
        }
        for node in nodes { #expect((try? TestClient.open(node.address, user: "ada")) == nil) }
        try redis.restart()
        try await wait("all are counted") { try counted(redis) == 4 }
        for client in clients {
          try client.send(Self.ping)
          while try client.text() != Self.pong {}
        }
        // Two have to go before one may come.
        for client in clients.prefix(2) { client.abort() }
        try await wait("two are left") { try counted(redis) == 2 }
        let surplus = try await insist(nodes[0], user: "ada")
        #expect(try surplus.eventsToEnd().suffix(2) == Self.overLimit[...])
      }
    }

    @Test(arguments: [1, 2])
    func `what a user sends to one node is charged on the other`(shards: Int) async throws {
      let limit = 8
      let change = { (configuration: inout Configuration) in
        configuration.limits.messagesPerSecondPerUser = limit
        // Nor is anybody closed who asks as fast as this machine can.
        configuration.limits.messagesBurst = 1_000_000
      }
      try await withCluster(shards: shards, change) { nodes, _ in
        let busy = try open(nodes[0])
        let idle = try open(nodes[1])
        let other = try open(nodes[1], user: "bob")
        let name = #"roost_redis_charged_use_total{rate="user_messages"}"#
        var refusal: String?
        let deadline = MonotonicInstant.now().advanced(by: Self.patience)
        var charged: UInt64 = 0
        var idleAsked = 0
        while refusal == nil {
          guard MonotonicInstant.now() < deadline else { throw TestFailure("never refused") }
          _ = try busy.ask(Self.ping)
          // One request a second at most, of eight that are allowed: it is not this node's own use.
          let now = metric(name, of: nodes[1])
          guard now > charged else { continue }
          charged = now
          idleAsked += 1
          let answer = try idle.ask(Self.ping)
          if answer != Self.pong { refusal = answer }
        }
        #expect(refusal?.contains("limits.messages_per_second_per_user") == true)
        #expect(try other.ask(Self.ping) == Self.pong)
        let own = try #require(nodes[0].redisStatus)
        #expect(own.malformed.value == 0)
      }
    }
  }
}
