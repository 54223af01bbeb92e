// A Redis that comes back with less than it had: members are told `reset`, never nothing, and nobody
// is told that all was recovered when it was not.

import RoostEventLoop
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct DataLossTests {
  /// Every member of a room with history, on which something was lost, was told so.
  private func expectResets(_ cluster: Cluster) throws {
    for member in cluster.swarm.members where member.keepsHistory {
      #expect(
        member.seen.contains {
          switch $0 {
          case .reset, .joined(_, _, recovered: .some(false)): true
          default: false
          }
        }, "\(member.name) in \(member.room) \(cluster.seed)")
    }
    #expect(try cluster.total("roost_redis_resets_total") > 0)
  }

  @Test(arguments: [1, 2])
  func `a Redis that starts again empty resets every room with history`(shards: Int) throws {
    let cluster = try Cluster(try RedisServer(), shards: shards)
    try cluster.swarm.run(for: .seconds(2))
    try cluster.redis.kill()
    try cluster.redis.restart(keepingFiles: false)
    try cluster.swarm.run(for: .seconds(2))
    try cluster.conclude(Allowance(resets: true, losses: true))
    try expectResets(cluster)
    #expect(try cluster.total("roost_redis_data_losses_total") >= 1)
    #expect(try cluster.total("roost_redis_era_changes_total") >= 3)
  }

  @Test func `a Redis that starts again from an old snapshot resets who had seen more`() throws {
    let cluster = try Cluster(try RedisServer())
    try cluster.swarm.run(for: .seconds(1))
    try cluster.redis.cli("SAVE")
    try cluster.swarm.run(for: .seconds(2))
    try cluster.redis.kill()
    try cluster.redis.restart()
    try cluster.swarm.run(for: .seconds(2))
    try cluster.conclude(Allowance(resets: true, losses: true))
    try expectResets(cluster)
  }

  @Test func `a promoted replica without the last messages resets who had seen them`() throws {
    let primary = try RedisServer(["repl-diskless-sync-delay 0"])
    let replica = try RedisServer(["replicaof 127.0.0.1 \(primary.port)"])
    let proxy = try ClusterProxy(to: primary.port)
    let cluster = try Cluster(primary, urls: Array(repeating: proxy.url, count: 3))
    try cluster.swarm.run(for: .seconds(1))
    try cluster.swarm.run(until: "replicated") {
      try replica.cli("INFO", "replication").contains("master_link_status:up")
    }
    try cluster.swarm.run(for: .seconds(1))
    // From here on the old primary accepts what the new one will not have.
    try replica.cli("REPLICAOF", "NO", "ONE")
    try cluster.swarm.run(for: .seconds(2))
    proxy.lead(to: replica.port)
    try cluster.swarm.run(for: .seconds(2))
    try cluster.conclude(Allowance(resets: true, losses: true))
    try expectResets(cluster)
    #expect(try cluster.total("roost_redis_era_changes_total") >= 3)
  }

  @Test func `a replica that was sent everything takes over without a reset`() throws {
    let primary = try RedisServer(["repl-diskless-sync-delay 0"])
    let replica = try RedisServer(["replicaof 127.0.0.1 \(primary.port)"])
    let proxy = try ClusterProxy(to: primary.port)
    let cluster = try Cluster(primary, urls: Array(repeating: proxy.url, count: 3))
    try cluster.swarm.run(until: "replicated") {
      try replica.cli("INFO", "replication").contains("master_link_status:up")
    }
    try cluster.swarm.run(for: .seconds(1))
    // Nothing is on its way when the roles change.
    cluster.swarm.pace = nil
    try cluster.swarm.run(until: "all answered") {
      cluster.swarm.members.allSatisfy { $0.outstanding.isEmpty }
    }
    try cluster.swarm.run(for: .milliseconds(500))
    try replica.cli("REPLICAOF", "NO", "ONE")
    proxy.lead(to: replica.port)
    cluster.swarm.pace = Scale.pace
    try cluster.swarm.run(for: .seconds(2))
    try cluster.conclude()
  }

  @Test func `FLUSHALL is found out within a moment, and told`() throws {
    let cluster = try Cluster(try RedisServer())
    try cluster.swarm.run(for: .seconds(2))
    try cluster.redis.cli("FLUSHALL")
    try cluster.swarm.run(until: "the loss found by all nodes", within: .seconds(3)) {
      try cluster.nodes.allSatisfy {
        try $0.metric("roost_redis_data_losses_total") ?? 0 >= 1
          || $0.metric("roost_redis_leases_lost_total") ?? 0 >= 1
      }
    }
    try cluster.swarm.run(for: .seconds(2))
    try cluster.conclude(Allowance(resets: true, losses: true))
    try expectResets(cluster)
  }
}
