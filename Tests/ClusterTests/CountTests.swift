// Limits of users over a cluster of processes: a node that ends without a word takes its connections
// out of the count, and one that stood still comes back with them.

import RoostEventLoop
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct CountTests {
  private static func cluster(_ redis: RedisServer) throws -> Cluster {
    let cluster = try Cluster(redis, populated: false) {
      $0.replacing("\"connections_per_user\": 0", with: "\"connections_per_user\": 4")
    }
    try cluster.swarm.run(until: "all know each other", within: .seconds(30)) {
      try cluster.nodes.allSatisfy { try $0.metric("roost_redis_nodes") == 3 }
    }
    return cluster
  }

  private static func open(_ node: ClusterNode) throws -> TestClient {
    let client = try TestClient.open(node.address, user: "ada")
    _ = try client.next("added")
    return client
  }

  /// The figures in Redis, one a node that has connections.
  private static func figures(_ redis: RedisServer) throws -> [Int] {
    let key = try redis.cli("KEYS", "*:counts").filter { !$0.isNewline }
    return try redis.cli("HVALS", key).split(whereSeparator: \.isNewline)
      .compactMap { $0.split(separator: " ").first.flatMap { Int($0) } }.sorted()
  }

  private static func await(
    _ expected: [Int], _ redis: RedisServer, _ cluster: Cluster
  ) throws {
    try cluster.swarm.run(until: "the figures \(expected)", within: .seconds(30)) {
      try figures(redis) == expected
    }
  }

  private static func expectSurplus(on node: ClusterNode, _ cluster: Cluster) throws {
    var surplus: TestClient?
    // For a second the door itself says that there are enough.
    try cluster.swarm.run(until: "an open door", within: .seconds(30)) {
      surplus = try? TestClient.open(node.address, user: "ada")
      return surplus != nil
    }
    #expect(
      try surplus?.eventsToEnd().suffix(2) == [.close(4007, "too many connections"), .end])
  }

  @Test func `a killed node takes its connections out of the count`() throws {
    let redis = try RedisServer()
    let cluster = try Self.cluster(redis)
    let lost = try (0..<2).map { _ in try Self.open(cluster.nodes[0]) }
    let kept = try (0..<2).map { _ in try Self.open(cluster.nodes[1]) }
    try Self.await([2, 2], redis, cluster)
    try Self.expectSurplus(on: cluster.nodes[2], cluster)
    try Self.await([2, 2], redis, cluster)
    try cluster.nodes[0].kill()
    try cluster.swarm.run(until: "it is known to be dead", within: .seconds(30)) {
      try cluster.nodes[2].metric("roost_redis_nodes") == 2
    }
    var fresh: [TestClient] = []
    try cluster.swarm.run(until: "two have come", within: .seconds(30)) {
      if let client = try? Self.open(cluster.nodes[2]) { fresh.append(client) }
      return fresh.count == 2
    }
    try Self.await([2, 2], redis, cluster)
    try Self.expectSurplus(on: cluster.nodes[1], cluster)
    for client in kept + fresh {
      try client.send(#"{"type":"ping","id":1}"#)
      #expect(try client.next("pong") == #"{"type":"pong","id":1}"#)
    }
    for client in lost { client.abort() }
  }

  @Test func `a node that stood still is counted again when it comes back`() throws {
    let redis = try RedisServer()
    let cluster = try Self.cluster(redis)
    let clients = try (0..<3).map { _ in try Self.open(cluster.nodes[0]) }
    try Self.await([3], redis, cluster)
    cluster.nodes[0].freeze()
    try cluster.swarm.run(until: "it is known to be dead", within: .seconds(30)) {
      try cluster.nodes[1].metric("roost_redis_nodes") == 2
    }
    let other = try Self.open(cluster.nodes[1])
    try Self.await([1], redis, cluster)
    cluster.nodes[0].thaw()
    try Self.await([1, 3], redis, cluster)
    try Self.expectSurplus(on: cluster.nodes[2], cluster)
    for client in clients + [other] {
      try client.send(#"{"type":"ping","id":1}"#)
      #expect(try client.next("pong") == #"{"type":"pong","id":1}"#)
    }
  }
}
