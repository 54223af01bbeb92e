// Nodes end without a word, or stand still and come back: the others take over, and tell the truth.

import RoostEventLoop
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct NodeFaultTests {
  @Test(arguments: [1, 2])
  func `clients of a killed node recover on another, and presence heals`(shards: Int) throws {
    let cluster = try Cluster(try RedisServer(), shards: shards)
    // A node judges others only after it has been well itself for a while.
    try cluster.swarm.run(for: .seconds(6))
    try cluster.nodes[0].kill()
    // 4 s on a machine that does nothing else; what is on its way meanwhile is judged at the end.
    try cluster.swarm.run(
      until: "presence right everywhere", within: .seconds(Scale.isFull ? 4 : 30)
    ) {
      cluster.swarm.members.allSatisfy(\.isPresent) && cluster.swarm.ghosts.isEmpty
    }
    try cluster.conclude()
    #expect(try cluster.total("roost_redis_reaped_total") >= 1)
    for node in cluster.nodes.dropFirst() { #expect(try node.metric("roost_redis_nodes") == 2) }
  }

  @Test func `a node that stood still for six seconds comes back without ghosts`() throws {
    let cluster = try Cluster(try RedisServer())
    try cluster.swarm.run(for: .seconds(6))
    cluster.nodes[0].freeze()
    try cluster.swarm.run(for: .seconds(6))
    cluster.nodes[0].thaw()
    try cluster.swarm.run(until: "the node ready again", within: .seconds(5)) {
      cluster.nodes[0].isReady
    }
    try cluster.conclude()
    #expect(try cluster.nodes[0].metric("roost_redis_leases_lost_total") ?? 0 >= 1)
  }
}
