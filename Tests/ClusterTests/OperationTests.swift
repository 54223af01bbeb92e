// What operators do to a Redis that is in use, and what they get wrong.

import RoostEventLoop
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct OperationTests {
  @Test func `SCRIPT FLUSH in the middle of publishes keeps their order and loses none`() throws {
    let cluster = try Cluster(try RedisServer())
    cluster.swarm.outstandingMax = 8
    cluster.swarm.pace = .milliseconds(100)
    for _ in 0..<15 {
      try cluster.swarm.run(for: .milliseconds(200))
      try cluster.redis.cli("SCRIPT", "FLUSH")
    }
    try cluster.conclude(Allowance(gaps: false))
    let ends = cluster.swarm.members.flatMap(\.ends.values)
    #expect(ends.allSatisfy { if case .accepted = $0 { true } else { false } })
  }

  @Test func `CLIENT PAUSE delays and loses nothing`() throws {
    let cluster = try Cluster(try RedisServer())
    for _ in 0..<3 {
      try cluster.swarm.run(for: .milliseconds(500))
      try cluster.redis.cli("CLIENT", "PAUSE", "700", "ALL")
      try cluster.swarm.run(for: .milliseconds(500))
    }
    try cluster.conclude(Allowance(gaps: false))
    #expect(cluster.swarm.members.flatMap(\.ends.values).allSatisfy { $0 != .unknown })
  }

  @Test func `a full Redis refuses clearly, and all goes on when it has room again`() throws {
    let cluster = try Cluster(try RedisServer())
    try cluster.swarm.run(for: .seconds(1))
    try cluster.redis.cli("CONFIG", "SET", "maxmemory", "1mb")
    try cluster.swarm.run(until: "not ready, and the reason told", within: .seconds(8)) {
      try cluster.nodes.allSatisfy { try $0.get("/readyz").text.contains("OOM") }
    }
    let codes = cluster.swarm.members.reduce(into: Set<String>()) { $0.formUnion($1.errors.keys) }
    #expect(codes == ["unavailable"])
    try cluster.redis.cli("CONFIG", "SET", "maxmemory", "0")
    try cluster.swarm.run(until: "all nodes ready again", within: .seconds(5)) {
      cluster.nodes.allSatisfy(\.isReady)
    }
    try cluster.conclude()
  }

  @Test func `a user who may not reach the keys is named by readiness and the log`() throws {
    let redis = try RedisServer([
      "user roost on >secret ~other:* &other:* +@all", "user default on nopass ~* &* +@all",
    ])
    let cluster = try Cluster(redis, nodes: 1, populated: false)
    let node = try cluster.addNode("n2", redis: "redis://roost:secret@127.0.0.1:\(redis.port)")
    try cluster.swarm.run(until: "the reason told") {
      let answer = try node.get("/readyz")
      return answer.status == 503 && answer.text.contains("~roost:*")
    }
    #expect(node.logged.contains("~roost:*"))
    #expect(!node.logged.contains("secret"))
  }

  @Test func `a wrong password is named by readiness and the log`() throws {
    let redis = try RedisServer()
    let cluster = try Cluster(redis, nodes: 1, populated: false)
    let node = try cluster.addNode("n2", redis: "redis://roost:wrong@127.0.0.1:\(redis.port)")
    try cluster.swarm.run(until: "the reason told") {
      let answer = try node.get("/readyz")
      return answer.status == 503 && answer.text.contains("WRONGPASS")
    }
    #expect(node.logged.contains("WRONGPASS"))
    #expect(!node.logged.contains("roost:wrong"))
  }

  // Its name stays with the living one; a crashed one's is free when its lease has run out.
  @Test func `a second node with the id of a living one ends and says why`() throws {
    let cluster = try Cluster(try RedisServer(), nodes: 2, populated: false)
    let second = try cluster.addNode("n1")
    #expect(try second.wait() == .exited(1))
    #expect(
      second.logged.contains(
        "another living node has the id n1: give each its own with --node-id"))
    #expect(cluster.nodes[0].isReady && cluster.nodes[1].isReady)
    try cluster.nodes[0].kill()
    let third = try cluster.addNode("n1")
    try cluster.swarm.run(until: "the third one serving") { third.isReady }
  }

  @Test func `rooms and users with hostile names never meet`() throws {
    let cluster = try Cluster(try RedisServer(), nodes: 2, populated: false)
    let long = String(repeating: "é", count: 125) + "xyz:w"
    let names = [
      "log:}x", "log:control", "log:sys:nodes", "log:a}:log", "log:a", "log:%7Dx", "log:{x}",
      "log:*", "control", "sys:nodes", "{control}", "}x", "%7Dx", "a}:live", "a}:log", "*", long,
      "log:\\x00", "here:}", "here:%7D",
    ]
    let sender = try TestClient.open(cluster.nodes[0].address, user: "a%20b%20%7D")
    let clients = try names.map { name in
      let client = try TestClient.open(cluster.nodes[1].address, user: "a%20b%20%7D")
      let answer = try client.join(name)
      #expect(JSONText.value("members", of: answer) == "1", "\(name): \(answer)")
      return client
    }
    for name in names {
      let text = name.replacing("\\", with: "\\\\")
      try sender.join(name)
      try sender.send(#"{"type":"publish","room":"\#(text)","data":"to \#(text)"}"#)
      let own = try sender.next("message")
      #expect(JSONText.value("data", of: own) == "to \(name)")
    }
    for (name, client) in zip(names, clients) {
      let got = try client.next("message")
      #expect(JSONText.value("data", of: got) == "to \(name)")
      #expect(JSONText.value("room", of: got) == name)
      #expect(try client.nothingCame(), "\(name)")
    }
  }
}
