// Reloads of a node with clients: what changes at once, what is refused as a whole, what a running
// node keeps, and that nobody loses a connection or a message by it.

import Gateway
import RoostEventLoop
import RoostRooms
import TestSupport
import Testing

extension SocketTests {
  struct ReloadSocketTests {
    private static func isReloaded(_ outcome: ReloadOutcome) -> Bool {
      if case .reloaded = outcome { true } else { false }
    }

    @Test(arguments: [1, 2])
    func `keys change without a connection lost, and old tokens open nothing more`(shards: Int)
      async throws
    {
      let configuration = Configuration.withTokens(shards: shards)
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address, token: TokenMint.token("ann"))
        var next = configuration
        let secret = String(repeating: "n", count: 32)
        next.auth.tokens.keys = [TokenMint.setting(secret, kid: "new")]
        #expect(node.reload(next) == .reloaded(kept: []))
        let new = try TestClient.open(
          node.address, token: TokenMint.token("bo", secret: secret, kid: "new"))
        let old = TokenMint.token("ann")
        let response = try request(
          "GET /ws?token=\(old) HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
            + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", to: node.address)
        #expect(response.status == 401)
        let answer = try client.ask(#"{"type":"auth","token":"\#(old)","id":1}"#)
        #expect(JSONText.value("code", of: answer) == "unauthorized")
        for who in [client, new] { #expect(try who.nothingCame()) }
      }
    }

    @Test func `who may no longer join is taken out of the room`() async throws {
      let configuration = Configuration.forTests(dev: false, shards: 2) {
        $0.namespaces["a"] = RoomPolicy()
        $0.namespaces["b"] = RoomPolicy()
        $0.namespaces["gone"] = RoomPolicy()
      }
      try await withNode(configuration) { node in
        let clients = try (0..<6).map { _ in try TestClient.open(node.address) }
        for client in clients {
          for room in ["a:1", "b:1", "gone:1"] {
            try client.ask(#"{"type":"join","room":"\#(room)","id":1}"#)
          }
        }
        var next = configuration
        next.namespaces["a"]?.join = .authenticated
        next.namespaces["gone"] = nil
        next.namespaces["new"] = RoomPolicy()
        #expect(node.reload(next) == .reloaded(kept: []))
        for client in clients {
          let removed = Set(try client.texts(2))
          #expect(
            removed == [
              #"{"type":"removed","room":"a:1","code":4001}"#,
              #"{"type":"removed","room":"gone:1","code":4001}"#,
            ])
          let kept = try client.ask(#"{"type":"join","room":"b:1","id":2}"#)
          #expect(JSONText.value("code", of: kept) == "bad_request")
          let gone = try client.ask(#"{"type":"join","room":"gone:1","id":3}"#)
          #expect(JSONText.value("code", of: gone) == "forbidden")
          let new = try client.ask(#"{"type":"join","room":"new:1","id":4}"#)
          #expect(JSONText.value("type", of: new) == "ok")
        }
        // And back: the number of a namespace that was away is the same one.
        #expect(node.reload(configuration) == .reloaded(kept: []))
        for client in clients {
          #expect(try client.text() == #"{"type":"removed","room":"new:1","code":4001}"#)
          let again = try client.ask(#"{"type":"join","room":"gone:1","id":5}"#)
          #expect(JSONText.value("type", of: again) == "ok")
        }
      }
    }

    @Test func `a configuration with a problem changes nothing at all`() async throws {
      let configuration = Configuration.withTokens()
      try await withNode(configuration) { node in
        var next = configuration
        next.limits.messageBytes = 1000
        next.auth.tokens.keys = [TokenMint.setting("too short")]
        guard case .refused(let first) = node.reload(next) else {
          Issue.record("a weak secret was taken")
          return
        }
        #expect(
          Set(first.map(\.description)) == [
            "auth.tokens.keys: key 1: a secret for HS256 has at least 32 bytes"
          ])
        #expect(node.configuration == configuration)
        next = configuration
        next.auth.tokens.jwksFile = "/nonexistent/keys.json"
        guard case .refused(let problems) = node.reload(next) else {
          Issue.record("a file that is not there was taken")
          return
        }
        #expect(problems.map(\.path) == ["auth.tokens.jwks_file"])
        let client = try TestClient.open(node.address, token: TokenMint.token("ann"))
        #expect(try client.nothingCame())
      }
    }

    @Test func `what a running node is built of is kept and named`() async throws {
      let configuration = Configuration.forTests(dev: false) {
        $0.namespaces["a"] = RoomPolicy()
        $0.namespaces["a"]?.history.messages = 5
        $0.namespaces["a"]?.history.lifetime = .seconds(60)
      }
      try await withNode(configuration) { node in
        var next = configuration
        next.shards = 7
        next.nodeID = "other"
        next.limits.historyBytes *= 2
        next.limits.messageBytes = 1000
        next.namespaces["a"]?.presence = true
        next.namespaces["a"]?.history.messages = 6
        next.namespaces[""]?.history.messages = 9
        next.namespaces[""]?.history.lifetime = .seconds(9)
        guard case .reloaded(let kept) = node.reload(next) else {
          Issue.record("it was refused")
          return
        }
        #expect(
          Set(kept) == [
            "shards", "node_id", "limits.history_bytes", "namespaces.a.presence",
            "namespaces.\"\".history.messages", "namespaces.\"\".history.seconds",
          ])
        #expect(node.configuration.shards == configuration.shards)
        #expect(node.configuration.limits.messageBytes == 1000)
        #expect(node.configuration.namespaces["a"]?.history.messages == 6)
        let client = TestClient(try BlockingSocket(to: node.address))
        try client.upgrade()
        #expect(JSONText.value("max_message_bytes", of: try client.welcomed()) == "1000")
      }
    }

    @Test func `a node that asks nobody begins to with a restart only`() async throws {
      let configuration = Configuration.forTests(dev: false)
      try await withNode(configuration) { node in
        var next = configuration
        next.hooks.url = "http://127.0.0.1:1/"
        next.hooks.secret = "a-secret-of-thirty-two-characters"
        next.hooks.decides = ["connect"]
        next.webhooks.url = "http://127.0.0.1:1/"
        next.webhooks.secret = "a-secret-of-thirty-two-characters"
        next.webhooks.events = ["connected"]
        guard case .reloaded(let kept) = node.reload(next) else {
          Issue.record("it was refused")
          return
        }
        #expect(Set(kept).isSuperset(of: ["hooks.url", "hooks.decides", "webhooks.url"]))
        _ = try TestClient.open(node.address)
      }
    }

    @Test func `twenty reloads under traffic lose no connection and no message`() async throws {
      try await reloadUnderTraffic(shards: 2) { _ in }
    }

    @Test(
      .enabled(if: RedisServer.isAvailable, "redis-server is not installed"), arguments: [1, 2])
    func `reloads lose nothing through Redis either`(shards: Int) async throws {
      let redis = try RedisServer()
      try await reloadUnderTraffic(shards: shards) {
        $0.redis.urls = [redis.url]
      }
    }

    private func reloadUnderTraffic(
      shards: Int, _ change: (inout Configuration) -> Void
    ) async throws {
      var configuration = Configuration.forTests(dev: false, shards: shards) {
        $0.namespaces["a"] = RoomPolicy()
        $0.namespaces["a"]?.history.messages = 10_000
        $0.namespaces["a"]?.history.lifetime = .seconds(600)
        change(&$0)
      }
      try await withNode(configuration) { node in
        try await node.isReady(within: .seconds(60))
        let members = try (0..<10).map { _ in try TestClient.open(node.address) }
        for member in members { try member.ask(#"{"type":"join","room":"a:x","id":1}"#) }
        let publisher = try TestClient.open(node.address)
        try publisher.ask(#"{"type":"join","room":"a:x","id":1}"#)
        let rounds = 20
        let perRound = 50
        for round in 0..<rounds {
          for number in 0..<perRound {
            try publisher.send(
              #"{"type":"publish","room":"a:x","data":\#(round * perRound + number)}"#)
          }
          configuration.namespaces["n\(round)"] = RoomPolicy()
          configuration.namespaces["a"]?.showsTime = false
          configuration.limits.messagesBurst = 1000 + round
          #expect(Self.isReloaded(node.reload(configuration)))
          // A room whose policy is as young as can be, on whichever shard is its home.
          let room = "n\(round):\(round)"
          try members[round % 10].send(#"{"type":"join","room":"\#(room)"}"#)
        }
        let expected = (0..<rounds * perRound).map(String.init)
        for member in members + [publisher] {
          var received: [String] = []
          while received.count < expected.count {
            let text = try member.text()
            guard JSONText.value("type", of: text) == "message" else { continue }
            received.append(try #require(JSONText.value("data", of: text)))
          }
          #expect(received == expected)
        }
        #expect(node.connectionCount == 11)
      }
    }
  }
}
