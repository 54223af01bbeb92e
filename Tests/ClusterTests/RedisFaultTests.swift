// Redis cuts links, stands still, starts again with all its data: nobody may notice more than a pause.

import RoostEventLoop
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct RedisFaultTests {
  @Test(arguments: [1, 2])
  func `in quiet times every member sees one order and nobody is told of a gap`(shards: Int)
    throws
  {
    let cluster = try Cluster(try RedisServer(), shards: shards)
    try cluster.swarm.run(for: Scale.load)
    try cluster.conclude(Allowance(gaps: false))
  }

  @Test(arguments: [("pubsub", 1), ("pubsub", 2), ("normal", 1), ("normal", 2)])
  func `links that Redis cuts every second lose nothing`(kind: String, shards: Int) throws {
    let cluster = try Cluster(try RedisServer(), shards: shards)
    for _ in 0..<(Scale.isFull ? 20 : 3) {
      try cluster.swarm.run(for: .seconds(1))
      try cluster.redis.cli("CLIENT", "KILL", "TYPE", kind)
    }
    try cluster.conclude()
    let link = kind == "pubsub" ? "subscriptions" : "commands"
    #expect(try cluster.total("roost_redis_link_losses_total{link=\"\(link)\"}") >= 9)
    #expect(try cluster.total("roost_redis_resets_total") == 0)
  }

  @Test func `a Redis that stands still for five seconds loses nothing`() throws {
    let cluster = try Cluster(try RedisServer())
    try cluster.swarm.run(for: .seconds(1))
    cluster.redis.pause()
    try cluster.swarm.run(until: "all nodes not ready", within: .seconds(8)) {
      cluster.nodes.allSatisfy { !$0.isReady }
    }
    try cluster.swarm.run(for: .seconds(1))
    cluster.redis.resume()
    try cluster.swarm.run(until: "all nodes ready again", within: .seconds(5)) {
      cluster.nodes.allSatisfy(\.isReady)
    }
    try cluster.swarm.run(for: .seconds(1))
    try cluster.conclude()
  }

  @Test func `a Redis that starts again with its file loses nothing`() throws {
    let cluster = try Cluster(try RedisServer(appendOnly: true))
    try cluster.swarm.run(for: .seconds(1))
    try cluster.redis.kill()
    try cluster.swarm.run(for: .seconds(1))
    try cluster.redis.restart()
    try cluster.swarm.run(until: "all nodes ready again", within: .seconds(8)) {
      cluster.nodes.allSatisfy(\.isReady)
    }
    try cluster.swarm.run(for: .seconds(1))
    try cluster.conclude()
  }
}
