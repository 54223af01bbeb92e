// What any node tells of all: their figures, and which rooms and connections have the most.

import RoostEventLoop
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct FiguresTests {
  /// The word that each listed node has at a key of its `redis`.
  private func links(_ text: String, _ key: String, of count: Int) -> Bool {
    text.components(of: "\"\(key)\":true") == count
  }

  @Test func `each node tells the figures of all, and without Redis its own`() throws {
    let redis = try RedisServer()
    let cluster = try Cluster(redis, nodes: 3, populated: false)
    let client = try TestClient.open(cluster.nodes[0].address, user: "ada")
    try client.join("plain")
    for node in cluster.nodes {
      try cluster.swarm.run(until: "\(node.name) has heard what all have") {
        let text = try node.get("/v1/nodes").text
        return JSONText.nodes(text, "node") == ["n1", "n2", "n3"]
          && JSONText.nodes(text, "connections") == ["1", "0", "0"]
          && JSONText.nodes(text, "rooms") == ["2", "0", "0"]
          && JSONText.nodes(text, "resident_bytes").count == 3
          && text.components(of: "\"rates\":{\"messages_in\":") == 3
          && links(text, "commands", of: 3) && links(text, "subscriptions", of: 3)
      }
      let text = try node.get("/v1/nodes").text
      let ages = JSONText.nodes(text, "figures_age_ms").compactMap(Int.init)
      // An announcement is gone after ten seconds.
      #expect(ages.count == 3 && ages.allSatisfy { (0...10_000).contains($0) }, "\(text)")
    }
    try redis.stop()
    try cluster.swarm.run(until: "the asked node alone, with its links down") {
      let text = try cluster.nodes[0].get("/v1/nodes").text
      return JSONText.nodes(text, "node") == ["n1"]
        && text.contains("\"commands\":false") && text.contains(#""missing":["n2","n3"]"#)
    }
    try redis.restart()
    try cluster.swarm.run(until: "all of them again") {
      try cluster.nodes.allSatisfy {
        let text = try $0.get("/v1/nodes").text
        return JSONText.nodes(text, "node").count == 3 && links(text, "subscriptions", of: 3)
      }
    }
  }

  @Test func `the top is that of all nodes, or of the one that is named`() throws {
    let cluster = try Cluster(try RedisServer(), nodes: 2, populated: false)
    var clients: [TestClient] = []
    for (node, count) in [(0, 2), (1, 3)] {
      for number in 0..<count {
        let client = try TestClient.open(cluster.nodes[node].address, user: "u\(node)\(number)")
        try client.join("plain")
        clients.append(client)
      }
    }
    func members(_ query: String) throws -> [String] {
      let text = try cluster.nodes[0].get("/v1/top?limit=1\(query)").text
      return text.firstMatch(of: /"room":"plain","members":(\d+)/).map { [String($0.output.1)] }
        ?? []
    }
    try cluster.swarm.run(until: "five members") { try members("") == ["5"] }
    #expect(try members("&node=n1") == ["2"])
    #expect(try members("&node=n2") == ["3"])
    #expect(try cluster.nodes[0].get("/v1/top?node=n3").status == 404)
    try cluster.nodes[1].kill()
    // Its lease stands for a moment; until it is missed, it is waited for.
    try cluster.swarm.run(until: "the rest") {
      try cluster.nodes[0].get("/v1/top?node=n2").status == 404 && members("") == ["2"]
    }
  }
}

extension String {
  /// How often a text stands in it.
  fileprivate func components(of text: String) -> Int {
    split(separator: text, omittingEmptySubsequences: false).count - 1
  }
}
