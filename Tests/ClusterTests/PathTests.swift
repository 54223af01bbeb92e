// The path between one node and Redis: cut without a word, slow, in drops, mute.

import RoostEventLoop
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct PathTests {
  @Test func `a path that goes dead is noticed, and nothing is lost when it is back`() throws {
    let redis = try RedisServer()
    let proxy = try ClusterProxy(to: redis.port)
    let cluster = try Cluster(redis, urls: [proxy.url])
    try cluster.swarm.run(for: .seconds(1))
    proxy.make(.still)
    try cluster.swarm.run(until: "the node not ready", within: .seconds(6)) {
      !cluster.nodes[0].isReady
    }
    #expect(cluster.nodes[1].isReady && cluster.nodes[2].isReady)
    try cluster.swarm.run(for: .seconds(1))
    proxy.make(.open)
    try cluster.swarm.run(until: "the node ready again", within: .seconds(6)) {
      cluster.nodes[0].isReady
    }
    try cluster.swarm.run(for: .seconds(1))
    try cluster.conclude()
    let losses = try cluster.nodes[0].metric(
      #"roost_redis_link_losses_total{link="subscriptions"}"#)
    #expect(losses ?? 0 >= 1)
  }

  @Test(arguments: [ClusterProxy.Path.slow(.milliseconds(150)), .trickling])
  func `a slow path delays and loses nothing`(path: ClusterProxy.Path) throws {
    let redis = try RedisServer()
    let proxy = try ClusterProxy(to: redis.port)
    let cluster = try Cluster(redis, urls: [proxy.url])
    cluster.swarm.pace = .milliseconds(400)
    try cluster.swarm.run(for: .seconds(1))
    proxy.make(path)
    try cluster.swarm.run(for: Scale.load)
    proxy.make(.open)
    try cluster.conclude()
  }

  @Test func `a keyed publish whose reply is lost is delivered once, wherever it is repeated`()
    throws
  {
    let redis = try RedisServer()
    let proxy = try ClusterProxy(to: redis.port)
    let cluster = try Cluster(redis, urls: [proxy.url], populated: false)
    let listener = try TestClient.open(cluster.nodes[2].address)
    try listener.join("log:keys")
    let first = try TestClient.open(cluster.nodes[0].address, user: "ada")
    try first.join("log:keys")
    let publish = #"{"type":"publish","id":2,"room":"log:keys","data":"once","key":"k1"}"#
    proxy.make(.mute)
    try first.send(publish)
    // The message is out, the reply is not.
    let delivered = try listener.text()
    #expect(JSONText.value("data", of: delivered) == "once")
    let second = try TestClient.open(cluster.nodes[1].address, user: "ada")
    try second.join("log:keys")
    try second.send(publish)
    let answer = try second.next("ok")
    #expect(JSONText.value("offset", of: answer) == "1", "\(answer)")
    proxy.make(.open)
    // The node says it again on its next link and hands on the first result; and the message itself.
    var late: [String] = []
    while late.count < 2 {
      let text = try first.text()
      if ["ok", "message", "error"].contains(JSONText.value("type", of: text)) {
        late.append(text)
      }
    }
    #expect(late.contains { $0.contains(#""type":"ok","id":2"#) && $0.contains(#""offset":1"#) })
    #expect(late.contains { JSONText.value("data", of: $0) == "once" }, "\(late)")
    try second.send(#"{"type":"publish","room":"log:keys","data":"after"}"#)
    #expect(JSONText.value("data", of: try listener.text()) == "after")
  }
}
