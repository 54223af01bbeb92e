// Tokens that are taken back in a cluster: every node closes at once, none lets the token in again, and
// that holds for nodes that were away or come later, and for a Redis that forgets.

import Auth
import Glibc
import RoostEventLoop
import TestKeys
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct RevocationTests {
  private static func token(_ user: String) -> String {
    let now = Int64(time(nil))
    return TestToken.make(
      user: user, key: TestKey(secret: Array(ClusterNode.tokenSecret.utf8)), algorithm: .hs256,
      expiresAt: now + 3600, issuedAt: now - 5)
  }

  private static func open(_ node: ClusterNode, _ token: String) throws -> TestClient {
    let client = TestClient(try BlockingSocket(to: node.address))
    try client.upgrade(path: "/ws?token=\(token)")
    try client.welcomed()
    return client
  }

  private static func status(_ token: String, at node: ClusterNode) throws -> Int {
    try request(
      "GET /ws?token=\(token) HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
        + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", to: node.address
    ).status
  }

  private static func revoke(_ body: String, at node: ClusterNode) throws -> TestResponse {
    try request(
      "POST /v1/revocations HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)", to: node.admin)
  }

  private static func expectRevoked(_ client: TestClient) throws {
    #expect(
      try client.eventsToEnd().suffix(2) == [.close(4001, "the token was revoked"), .end])
  }

  @Test func `a user is gone from every node and cannot come back, nor to a node of later`()
    throws
  {
    let cluster = try Cluster(try RedisServer(), populated: false)
    let token = Self.token("ada")
    let clients = try cluster.nodes.map { try Self.open($0, token) }
    let other = try Self.open(cluster.nodes[0], Self.token("grace"))
    let answer = try Self.revoke(#"{"user":"ada"}"#, at: cluster.nodes[1])
    #expect(answer.status == 200, "\(answer.text)")
    #expect(JSONText.value("connections", of: answer.text) == "3", "\(answer.text)")
    for client in clients { try Self.expectRevoked(client) }
    let late = try cluster.addNode("n4")
    try cluster.swarm.run(until: "the fourth node ready") { late.isReady }
    for node in cluster.nodes { #expect(try Self.status(token, at: node) == 401, "\(node.name)") }
    let pong = try other.ask(#"{"type":"ping","id":1}"#)
    #expect(pong.contains("pong") || pong.contains("added"))
    for node in cluster.nodes { #expect(!node.logged.contains(token), "\(node.name)") }
  }

  @Test func `a node that was cut off closes when it is back`() throws {
    let redis = try RedisServer()
    let proxy = try ClusterProxy(to: redis.port)
    let cluster = try Cluster(redis, urls: [proxy.url], populated: false)
    let client = try Self.open(cluster.nodes[0], Self.token("ada"))
    proxy.make(.still)
    let answer = try Self.revoke(#"{"user":"ada"}"#, at: cluster.nodes[1])
    #expect(answer.status == 202 && answer.text.contains("n1"), "\(answer.text)")
    proxy.make(.open)
    try Self.expectRevoked(client)
  }

  @Test func `a Redis that lost its data is told again what was taken back`() throws {
    let redis = try RedisServer()
    let cluster = try Cluster(redis, populated: false)
    let token = Self.token("ada")
    #expect(try Self.revoke(#"{"user":"ada"}"#, at: cluster.nodes[0]).status == 200)
    try redis.cli("FLUSHALL")
    try cluster.swarm.run(until: "it told again", within: .seconds(10)) {
      try redis.cli("EXISTS", "roost:sys:{control}:revoked").contains("1")
    }
    let late = try cluster.addNode("n4")
    try cluster.swarm.run(until: "the fourth node ready") { late.isReady }
    #expect(try Self.status(token, at: late) == 401)
  }

  @Test func `without Redis nothing is taken back, and the answer says so`() throws {
    let redis = try RedisServer()
    let cluster = try Cluster(redis, nodes: 1, populated: false)
    try redis.kill()
    try cluster.swarm.run(until: "not ready", within: .seconds(10)) { !cluster.nodes[0].isReady }
    #expect(try Self.revoke(#"{"user":"ada"}"#, at: cluster.nodes[0]).status == 503)
  }

  // Nobody could say whether its token was taken back.
  @Test func `a node that has never reached Redis takes no token`() throws {
    let redis = try RedisServer()
    let cluster = try Cluster(redis, nodes: 1, populated: false)
    let node = try cluster.addNode("n2", redis: "redis://127.0.0.1:1")
    #expect(try Self.status(Self.token("ada"), at: node) == 503)
    #expect(try Self.status(Self.token("ada"), at: cluster.nodes[0]) == 101)
  }
}
