// Tokens over real sockets: where they may stand, what they let their bearers do, how they are
// refreshed and how they end.

import Auth
import Gateway
import Glibc
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWebSocket
import TestKeys
import TestSupport
import Testing

/// A node's only key in these tests, and tokens made with it.
struct TokenMint: Sendable {
  static let secret = "0123456789abcdef0123456789abcdef"

  /// The key as a configuration has it.
  static func setting(_ secret: String = Self.secret, kid: String = "k") -> SettingObject {
    SettingObject(
      ["kid": kid, "alg": "HS256", "secret": secret],
      fields: Configuration.Auth.Tokens.keyFields)
  }

  static var now: Int64 { Int64(time(nil)) }

  /// A token, good for an hour unless said otherwise.
  static func token(
    _ user: String, seconds: Int64 = 3600, more: String = "", secret: String = Self.secret,
    kid: String = "k"
  ) -> String {
    TestToken.make(
      user: user, key: TestKey(secret: Array(secret.utf8)), algorithm: .hs256, keyID: kid,
      expiresAt: now + seconds, issuedAt: now - 1, more: more)
  }

  /// Claims of rooms.
  static func rooms(_ pattern: String, _ actions: String...) -> String {
    let words = actions.map { "\"\($0)\"" }.joined(separator: ",")
    return #","rooms":[{"pattern":"\#(pattern)","allow":[\#(words)]}]"#
  }
}

extension Configuration {
  /// A node that wants tokens.
  static func withTokens(
    shards: Int = 1, _ change: (inout Configuration) -> Void = { _ in }
  ) -> Configuration {
    .forTests(dev: false, shards: shards) {
      $0.auth.anonymous = false
      $0.auth.tokens.keys = [TokenMint.setting()]
      change(&$0)
    }
  }
}

extension TestClient {
  /// Connects with a token in `Authorization`, and reads `welcome` and the user's room.
  static func open(_ address: SocketAddress, token: String) throws -> TestClient {
    let client = TestClient(try BlockingSocket(to: address))
    try client.upgrade(fields: [("Authorization", "Bearer \(token)")])
    try client.welcomed()
    let added = try client.text()
    guard added.contains("\"added\"") else { throw TestFailure("instead of added came \(added)") }
    return client
  }
}

extension SocketTests {
  struct TokenSocketTests {
    private static let upgrade =
      "Host: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    /// The status of the response to an upgrade with further lines.
    private static func status(
      _ node: Node, path: String = "/ws", _ lines: [String]
    ) throws -> Int {
      try response(node, path: path, lines).status
    }

    /// The response to an upgrade with further lines.
    private static func response(
      _ node: Node, path: String = "/ws", _ lines: [String]
    ) throws -> TestResponse {
      let fields = lines.map { $0 + "\r\n" }.joined()
      return try request("GET \(path) HTTP/1.1\r\n\(upgrade)\(fields)\r\n", to: node.address)
    }

    // MARK: Where it stands

    @Test(arguments: ["field", "query", "cookie", "subprotocol", "everywhere"])
    func `a token is taken from each place, and its user is welcomed`(place: String) async throws {
      let configuration = Configuration.withTokens { $0.auth.tokens.cookie = "session" }
      try await withNode(configuration) { node in
        let token = TokenMint.token("ann")
        let client = TestClient(try BlockingSocket(to: node.address))
        var fields: [(String, String)] = []
        var path = "/ws"
        var subprotocols = ["roost.v1.json"]
        if place == "field" || place == "everywhere" {
          fields.append(("Authorization", "bearer \(token)"))
        }
        if place == "query" || place == "everywhere" { path = "/ws?x=1&token=\(token)" }
        if place == "cookie" || place == "everywhere" {
          fields.append(("Cookie", "a=b; session=\(token); c=\"d\""))
        }
        if place == "subprotocol" || place == "everywhere" {
          subprotocols.append("bearer.\(token)")
        }
        try client.upgrade(path: path, subprotocols: subprotocols, fields: fields)
        #expect(client.subprotocol == "roost.v1.json")
        #expect(JSONText.value("user", of: try client.welcomed()) == "ann")
        #expect(try client.text() == #"{"type":"added","room":"user:ann"}"#)
        try client.close()
        try await node.empties()
      }
    }

    @Test func `the subprotocol that holds a token is never the answer`() async throws {
      try await withNode(.withTokens()) { node in
        let client = TestClient(try BlockingSocket(to: node.address))
        try client.upgrade(subprotocols: ["bearer.\(TokenMint.token("ann"))"])
        #expect(client.subprotocol == nil)
        #expect(JSONText.value("user", of: try client.welcomed()) == "ann")
      }
    }

    @Test func `two tokens that differ are refused with 400`() async throws {
      try await withNode(.withTokens()) { node async throws in
        let (ann, bo) = (TokenMint.token("ann"), TokenMint.token("bo"))
        for lines in [
          ["Authorization: Bearer \(ann)", "Sec-WebSocket-Protocol: bearer.\(bo)"],
          ["Authorization: Bearer \(ann)", "Authorization: Bearer \(bo)"],
          ["Sec-WebSocket-Protocol: bearer.\(ann), bearer.\(bo)"],
        ] {
          #expect(try Self.status(node, lines) == 400)
        }
        #expect(try Self.status(node, path: "/ws?token=\(ann)&token=\(bo)", []) == 400)
        #expect(
          try Self.status(node, path: "/ws?token=\(ann)", ["Authorization: Bearer \(ann)"])
            == 101)
      }
    }

    @Test func `the query and cookies count only where they are configured`() async throws {
      let configuration = Configuration.withTokens { $0.auth.tokens.query = false }
      try await withNode(configuration) { node async throws in
        let token = TokenMint.token("ann")
        #expect(try Self.status(node, path: "/ws?token=\(token)", []) == 401)
        #expect(try Self.status(node, ["Cookie: session=\(token)"]) == 401)
        #expect(try Self.status(node, ["Authorization: Basic \(token)"]) == 401)
      }
    }

    // MARK: Refusals

    @Test(arguments: [false, true])
    func `every token that is not accepted gets the same answer, anonymous or not`(
      anonymous: Bool
    ) async throws {
      let configuration = Configuration.withTokens { $0.auth.anonymous = anonymous }
      try await withNode(configuration) { node in
        let tokens = [
          "x", "a.b.c", TokenMint.token("ann", seconds: -100),
          TokenMint.token("ann", secret: String(repeating: "x", count: 32)),
          TokenMint.token("ann", kid: "other"), TokenMint.token("ann", more: #","aud":"x""#),
          TokenMint.token(""),
        ]
        for token in tokens {
          let response = try Self.response(node, ["Authorization: Bearer \(token)"])
          #expect(response.status == 401)
          #expect(response["WWW-Authenticate"] == "Bearer error=\"invalid_token\"")
          #expect(response.text == "The token was not accepted.\n")
        }
        let plain = try Self.response(node, [])
        #expect(plain.status == (anonymous ? 101 : 401))
        #expect(plain["WWW-Authenticate"] == (anonymous ? nil : "Bearer"))
        try await node.empties()
      }
    }

    // MARK: In band

    @Test func `in band nothing but auth and ping is answered before a token came`() async throws {
      try await withNode(.withTokens { $0.auth.inBand = true }) { node in
        let client = try TestClient.open(node.address)
        for type in ["join", "leave", "publish", "send", "presence", "history"] {
          let answer = try client.ask(
            #"{"type":"\#(type)","room":"r","to":{"user":"a"},"data":1,"id":1}"#)
          #expect(JSONText.value("code", of: answer) == "unauthorized", "\(answer)")
        }
        try client.send(.binary, [1, 1, 0x72, 0])
        #expect(JSONText.value("code", of: try client.text()) == "unauthorized")
        #expect(try client.nothingCame())
        let refused = try client.ask(#"{"type":"auth","token":"x","id":2}"#)
        #expect(JSONText.value("code", of: refused) == "unauthorized")
        let token = TokenMint.token("ann")
        let accepted = try client.ask(#"{"type":"auth","token":"\#(token)","id":3}"#)
        #expect(accepted.hasPrefix(#"{"type":"ok","id":3,"user":"ann","expires":"#))
        #expect(try client.text() == #"{"type":"added","room":"user:ann"}"#)
        #expect(
          try client.ask(#"{"type":"join","room":"r","id":4}"#)
            == #"{"type":"ok","id":4,"room":"r","members":1}"#)
        try await node.settles { $0.users == 1 }
        try client.close()
        try await node.empties()
      }
    }

    @Test func `in band a connection that brings no token is closed 4001`() async throws {
      let configuration = Configuration.withTokens {
        $0.auth.inBand = true
        $0.limits.handshakeTimeout = .milliseconds(300)
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        _ = try client.ask(#"{"type":"auth","token":"x","id":2}"#)
        #expect(try client.eventsToEnd() == [.close(4001, "not authenticated"), .end])
        try await node.empties()
      }
    }

    @Test func `an anonymous connection becomes a user's in band only, and in no room`()
      async throws
    {
      let token = TokenMint.token("ann")
      try await withNode(.withTokens { $0.auth.anonymous = true }) { node in
        let client = try TestClient.open(node.address)
        let answer = try client.ask(#"{"type":"auth","token":"\#(token)","id":1}"#)
        #expect(JSONText.value("code", of: answer) == "unauthorized")
      }
      let configuration = Configuration.withTokens {
        $0.auth.anonymous = true
        $0.auth.inBand = true
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        try client.ask(#"{"type":"join","room":"r","id":1}"#)
        let refused = try client.ask(#"{"type":"auth","token":"\#(token)","id":2}"#)
        #expect(JSONText.value("code", of: refused) == "bad_request")
        try client.ask(#"{"type":"leave","room":"r","id":3}"#)
        let accepted = try client.ask(#"{"type":"auth","token":"\#(token)","id":4}"#)
        #expect(JSONText.value("user", of: accepted) == "ann")
      }
    }

    // MARK: Refreshing

    @Test func `a refresh keeps the user and takes the rooms of lost rights away`() async throws {
      let configuration = Configuration.withTokens {
        $0.namespaces["t"] = RoomPolicy()
        $0.namespaces["t"]?.join = .token
        $0.namespaces["open"] = RoomPolicy()
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(
          node.address, token: TokenMint.token("ann", more: TokenMint.rooms("t:*", "join")))
        for room in ["t:a", "t:b", "open:c"] {
          let answer = try client.ask(#"{"type":"join","room":"\#(room)","id":1}"#)
          #expect(JSONText.value("type", of: answer) == "ok")
        }
        let other = TokenMint.token("bo")
        let refused = try client.ask(#"{"type":"auth","token":"\#(other)","id":2}"#)
        #expect(JSONText.value("code", of: refused) == "unauthorized")
        let expired = TokenMint.token("ann", seconds: -100)
        let late = try client.ask(#"{"type":"auth","token":"\#(expired)","id":3}"#)
        #expect(JSONText.value("code", of: late) == "token_expired")
        // Neither has changed anything.
        #expect(
          try client.ask(#"{"type":"publish","room":"t:b","data":1,"id":4}"#)
            == #"{"type":"ok","id":4}"#)
        _ = try client.text()
        let fresh = TokenMint.token("ann", seconds: 7200, more: TokenMint.rooms("t:a", "join"))
        let accepted = try client.ask(#"{"type":"auth","token":"\#(fresh)","id":5}"#)
        #expect(JSONText.value("type", of: accepted) == "ok")
        #expect(try client.text() == #"{"type":"removed","room":"t:b","code":4001}"#)
        let lost = try client.ask(#"{"type":"publish","room":"t:b","data":1,"id":6}"#)
        #expect(JSONText.value("code", of: lost) == "not_joined")
        for room in ["t:a", "open:c", "user:ann"] {
          let kept = try client.ask(#"{"type":"publish","room":"\#(room)","data":1,"id":7}"#)
          #expect(JSONText.value("type", of: kept) == "ok", "\(room)")
          _ = try client.text()
        }
        try client.close()
        try await node.empties()
      }
    }

    // MARK: Rights

    @Test func `where the policy says token, the claims decide each act`() async throws {
      let configuration = Configuration.withTokens {
        var policy = RoomPolicy()
        policy.join = .token
        policy.publish = .token
        policy.readHistory = .token
        policy.readPresence = .token
        policy.presence = true
        policy.history.messages = 10
        policy.history.lifetime = .seconds(60)
        $0.namespaces["t"] = policy
      }
      let requests = [
        ("join", #"{"type":"join","room":"t:a","id":1}"#),
        ("publish", #"{"type":"publish","room":"t:a","data":1,"id":1}"#),
        ("history", #"{"type":"history","room":"t:a","id":1}"#),
        ("presence", #"{"type":"presence","room":"t:a","id":1}"#),
      ]
      try await withNode(configuration) { node in
        for (allowed, _) in requests {
          let token = TokenMint.token("ann", more: TokenMint.rooms("t:*", allowed))
          let client = try TestClient.open(node.address, token: token)
          for (action, request) in requests {
            let answer = try client.ask(request)
            #expect(
              (JSONText.value("type", of: answer) == "ok") == (action == allowed),
              "\(allowed): \(answer)")
          }
          try client.close()
        }
        let elsewhere = TokenMint.token("ann", more: TokenMint.rooms("t:b", "join", "publish"))
        let client = try TestClient.open(node.address, token: elsewhere)
        for (_, request) in requests {
          #expect(JSONText.value("code", of: try client.ask(request)) == "forbidden")
        }
      }
    }

    // MARK: Expiry

    @Test func `behind its expiry a connection may only refresh, and goes on when it does`()
      async throws
    {
      let configuration = Configuration.withTokens { $0.auth.tokens.leeway = .zero }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address, token: TokenMint.token("ann", seconds: 2))
        let notice = try client.text()
        #expect(JSONText.value("type", of: notice) == "expiring")
        let left = try #require(JSONText.value("in_ms", of: notice).flatMap { Int($0) })
        #expect((0...2000).contains(left))
        var answer = ""
        repeat {
          answer = try client.ask(#"{"type":"history","room":"r","id":1}"#)
        } while JSONText.value("code", of: answer) == "forbidden"
        #expect(JSONText.value("code", of: answer) == "token_expired", "\(answer)")
        try client.send(.binary, [1, 1, 0x72, 0])
        #expect(JSONText.value("code", of: try client.text()) == "token_expired")
        #expect(try client.nothingCame())
        let fresh = TokenMint.token("ann")
        let accepted = try client.ask(#"{"type":"auth","token":"\#(fresh)","id":2}"#)
        #expect(JSONText.value("type", of: accepted) == "ok")
        let joined = try client.ask(#"{"type":"join","room":"r","id":3}"#)
        #expect(JSONText.value("type", of: joined) == "ok")
      }
    }

    @Test func `a connection that does not refresh is closed 4002 behind the grace`() async throws {
      let configuration = Configuration.withTokens {
        $0.auth.tokens.leeway = .zero
        $0.auth.expiryGrace = .milliseconds(200)
        $0.auth.expiryNotice = .milliseconds(300)
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address, token: TokenMint.token("ann", seconds: 2))
        let events = try client.eventsToEnd()
        #expect(events.count == 3)
        #expect(events.suffix(2) == [.close(4002, "token expired"), .end])
        try await node.empties()
      }
    }

    @Test func `an event stream takes a token and ends with it`() async throws {
      let configuration = Configuration.withTokens {
        $0.auth.tokens.leeway = .zero
        $0.namespaces["t"] = RoomPolicy()
        $0.namespaces["t"]?.join = .token
      }
      try await withNode(configuration) { node in
        let path = "/v1/rooms/t%3Aa/events"
        #expect(try EventReader(node.address, path).head.status == 401)
        let without = TokenMint.token("ann")
        #expect(
          try EventReader(node.address, path, fields: ["Authorization: Bearer \(without)"])
            .head.status == 403)
        let token = TokenMint.token("ann", seconds: 2, more: TokenMint.rooms("t:*", "join"))
        let stream = try EventReader(node.address, "\(path)?token=\(token)")
        #expect(stream.head.status == 200)
        #expect(try stream.event().name == "ok")
        #expect(try stream.next() == nil)
        try await node.empties()
      }
    }
  }
}
