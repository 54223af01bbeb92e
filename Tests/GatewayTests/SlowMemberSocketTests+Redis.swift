// The policy `recover` where the log is in Redis: what was missed comes once and in order, also when
// Redis is away just when it is wanted.

import Gateway
import RoostEventLoop
import RoostRooms
import TestSupport
import Testing

extension SocketTests.SlowMemberSocketTests {
  /// Asks until it is answered with `ok`: at first, and after a loss, Redis is not there yet.
  private static func insist(_ request: String, to node: Node) throws {
    let client = try TestClient.open(node.address)
    let deadline = MonotonicInstant.now().advanced(by: .seconds(20))
    var answer = ""
    while MonotonicInstant.now() < deadline {
      try client.send(request)
      repeat { answer = try client.text() } while !answer.contains(#""id":"insist""#)
      if answer.hasPrefix(#"{"type":"ok""#) { return try client.close() }
    }
    throw TestFailure("still \(answer)")
  }

  private static func withRedis(
    shards: Int, _ body: (Node, RedisServer) async throws -> Void
  ) async throws {
    let redis = try RedisServer(appendOnly: true)
    let configuration = configuration(shards: shards) {
      $0.redis.urls = [redis.url]
      $0.limits.handshakeTimeout = .milliseconds(500)
    }
    try await withNode(configuration) { node in
      try insist(#"{"type":"join","room":"recover:first","id":"insist"}"#, to: node)
      try await body(node, redis)
    }
  }

  @Test(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"), arguments: [1, 2])
  func `what was missed is read from the log in Redis`(shards: Int) async throws {
    try await Self.withRedis(shards: shards) { node, _ in
      var scene = try Scene(node, "recover:r")
      for _ in 0..<2 {
        let before = scene.published
        try scene.fill("recover", and: 100)
        #expect(try scene.readAll() == (before..<scene.published).map(String.init))
        #expect(try scene.slow.nothingCame())
        #expect(await node.settledMetric("roost_slow_consumer_members") == 0)
      }
    }
  }

  // A page that came back empty, because Redis was away, was asked for again at once, on one shard
  // in a loop without an end.
  @Test(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"), arguments: [1, 2])
  func `while Redis is away the log is waited for, and nothing is lost`(shards: Int) async throws {
    try await Self.withRedis(shards: shards) { node, redis in
      var scene = try Scene(node, "recover:r")
      try scene.fill("recover", and: 100)
      let missing = scene.published
      try redis.kill()
      try scene.slow.send(#"{"type":"ping","id":1}"#)
      var words = try scene.read { $0.hasPrefix(#"{"type":"pong""#) }
      #expect(words.removeLast() == "pong")
      #expect(words.count < missing)
      // A peer that sends nothing is a clock: its connection ends when the handshake's time is up.
      let start = node.metric(#"roost_tick_seconds_count{shard="0"}"#)
      #expect(try BlockingSocket(to: node.address).readToEnd().bytes == [])
      #expect(node.metric(#"roost_tick_seconds_count{shard="0"}"#) - start < 200)
      try redis.restart()
      try Self.insist(
        #"{"type":"publish","room":"recover:r","data":[\#(missing),"the last"],"id":"insist"}"#,
        to: node)
      var epochs = 0
      words += try scene.read {
        if JSONText.value("epoch", of: $0) != nil { epochs += 1 }
        return $0.contains("the last")
      }
      #expect(words == (0...missing).map(String.init))
      // Another run of Redis is another epoch, which is told once, with the first message from it.
      #expect(epochs == 1)
      #expect(try scene.slow.nothingCame())
    }
  }
}
