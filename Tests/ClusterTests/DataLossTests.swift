// A Redis that comes back with less than it had: members are told `reset`, never nothing, and nobody
// is told that all was recovered when it was not.

import RoostEventLoop
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct DataLossTests {
  @Test func `a Redis that starts again empty resets every room with history`() throws {
    let cluster = try Cluster(try RedisServer())
    try cluster.swarm.run(for: .seconds(2))
    try cluster.redis.kill()
    try cluster.redis.restart(keepingFiles: false)
    try cluster.swarm.run(for: .seconds(2))
    try cluster.conclude(Allowance(resets: true, losses: true))
    for member in cluster.swarm.members where member.keepsHistory {
      #expect(
        member.seen.contains { if case .reset = $0 { true } else { false } },
        "\(member.name) in \(member.room) \(cluster.seed)")
    }
  }
}
