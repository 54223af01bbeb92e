// Tokens that are taken back on one node: who is closed, who is not, and who may not come again.

import Auth
import Gateway
import RoostEventLoop
import TestKeys
import TestSupport
import Testing

extension SocketTests {
  struct RevocationSocketTests {
    private static let revoked = TestEvent.close(4001, "the token was revoked")

    private static func isRefused(_ token: String, by node: Node) throws -> Bool {
      let response = try request(
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
          + "Authorization: Bearer \(token)\r\n\r\n", to: node.address)
      return response.status == 401
    }

    @Test(arguments: [1, 2])
    func `a user's connections are closed 4001, and only tokens of later are good`(shards: Int)
      async throws
    {
      try await withNode(.withTokens(shards: shards)) { node in
        let old = TokenMint.token("ada")
        let clients = try (0..<4).map { _ in try TestClient.open(node.address, token: old) }
        let other = try TestClient.open(node.address, token: TokenMint.token("grace"))
        let answer = await node.answer(to: .revoke(.user("ada"), issuedBefore: nil))
        #expect(answer == .changed(4, missing: []))
        for client in clients {
          #expect(try client.eventsToEnd().suffix(2) == [Self.revoked, .end])
        }
        #expect(try Self.isRefused(old, by: node))
        #expect(try other.nothingCame())
        let later = TokenMint.later("ada")
        try TestClient.open(node.address, token: later).close()
        try other.close()
      }
    }

    @Test func `one token is taken back by its name, wherever it came from`() async throws {
      try await withNode(.withTokens()) { node in
        let bad = TokenMint.token("ada", more: #","jti":"one""#)
        let good = TokenMint.token("ada", more: #","jti":"two""#)
        let first = try TestClient.open(node.address, token: bad)
        let second = try TestClient.open(node.address, token: good)
        let answer = await node.answer(to: .revoke(.token("one"), issuedBefore: nil))
        #expect(answer == .changed(1, missing: []))
        #expect(try first.eventsToEnd().suffix(2) == [Self.revoked, .end])
        #expect(try Self.isRefused(bad, by: node))
        // In place it is refused like any bad one, and changes nothing.
        let refresh = try second.ask(#"{"type":"auth","id":1,"token":"\#(bad)"}"#)
        #expect(JSONText.value("code", of: refresh) == "unauthorized")
        #expect(
          try second.ask(#"{"type":"ping","id":2}"#) == #"{"type":"pong","id":2}"#)
        try second.close()
      }
    }

    // A connection holds the token that it showed last: the one before it has no part in it any more.
    @Test func `a refreshed connection stays when the token that it came with is taken back`()
      async throws
    {
      try await withNode(.withTokens()) { node in
        let client = try TestClient.open(
          node.address, token: TokenMint.token("ada", more: #","jti":"one""#))
        let next = TokenMint.token("ada", more: #","jti":"two""#)
        let refresh = try client.ask(#"{"type":"auth","id":1,"token":"\#(next)"}"#)
        #expect(JSONText.value("type", of: refresh) == "ok")
        #expect(
          await node.answer(to: .revoke(.token("one"), issuedBefore: nil))
            == .changed(0, missing: []))
        #expect(try client.nothingCame())
        #expect(
          await node.answer(to: .revoke(.everything, issuedBefore: nil))
            == .changed(1, missing: []))
        #expect(try client.eventsToEnd().suffix(2) == [Self.revoked, .end])
      }
    }

    @Test func `a time in the past spares younger tokens, and nobody without a token is closed`()
      async throws
    {
      try await withNode(.withTokens { $0.auth.anonymous = true }) { node in
        let client = try TestClient.open(node.address, token: TokenMint.token("ada"))
        let nobody = try TestClient.open(node.address)
        #expect(
          await node.answer(
            to: .revoke(.everything, issuedBefore: TokenMint.now - 100))
            == .changed(0, missing: []))
        #expect(
          await node.answer(to: .revoke(.everything, issuedBefore: TokenMint.now + 100))
            == .changed(1, missing: []))
        #expect(try client.eventsToEnd().suffix(2) == [Self.revoked, .end])
        #expect(try nobody.nothingCame())
        try nobody.close()
      }
    }
  }
}

extension TokenMint {
  /// A token that was issued a moment from now, which an issuer's clock that is ahead makes.
  static func later(_ user: String) -> String {
    TestToken.make(
      user: user, key: TestKey(secret: Array(secret.utf8)), algorithm: .hs256, keyID: "k",
      expiresAt: now + 3600, issuedAt: now + 5)
  }
}
