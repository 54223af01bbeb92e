// Tokens: asked for, refreshed on the open connection, refused for good.

import Auth
import Gateway
import Glibc
import RoostClient
import RoostEventLoop
import TestKeys
import TestSupport
import Testing

/// A provider whose answers a test can count.
private final class TokenSource: Sendable {
  private let asked = Lock(0)
  let answer: @Sendable (Int) throws -> String

  init(_ answer: @escaping @Sendable (Int) throws -> String) { self.answer = answer }

  var count: Int { asked.withLock { $0 } }

  func next() throws -> String {
    let number = asked.withLock { asked in
      asked += 1
      return asked
    }
    return try answer(number)
  }
}

extension ClientSocketTests {
  private static let secret = "0123456789abcdef0123456789abcdef"

  private static func token(seconds: Int64, secret: String = Self.secret) -> String {
    let now = Int64(time(nil))
    return TestToken.make(
      user: "ann", key: TestKey(secret: Array(secret.utf8)), algorithm: .hs256, keyID: "k",
      expiresAt: now + seconds, issuedAt: now - 1)
  }

  /// A node that wants tokens, and tells of their expiry a minute before it.
  private static func configuration() -> Configuration {
    .forTests(dev: false) {
      $0.auth.anonymous = false
      $0.auth.tokens.keys = [
        SettingObject(
          ["kid": "k", "alg": "HS256", "secret": secret],
          fields: Configuration.Auth.Tokens.keyFields)
      ]
      $0.auth.expiryNotice = .seconds(60)
    }
  }

  private func client(_ node: Node, _ source: TokenSource) throws -> Client {
    try Client(node.address) { $0.token = { try source.next() } }
  }

  @Test func `a token that is about to expire is replaced on the open connection`() async throws {
    try await withNode(Self.configuration()) { node in
      // The first one is within the notice from the start.
      let source = TokenSource { Self.token(seconds: $0 == 1 ? 50 : 3600) }
      let client = try client(node, source)
      client.connect()
      let session = try await client.connected()
      #expect(session.user == "ann")
      try await settles { source.count >= 2 }
      // Answered behind the new token.
      _ = try await client.join("lobby").publish(1)
      guard case .open(let now) = client.state else {
        Issue.record("\(client.state)")
        return
      }
      #expect(now.connection == session.connection)
      #expect(source.count == 2)
    }
  }

  @Test func `a token that is refused twice ends the client`() async throws {
    try await withNode(Self.configuration()) { node in
      let wrong = "fedcba9876543210fedcba9876543210"
      let source = TokenSource { _ in Self.token(seconds: 3600, secret: wrong) }
      let client = try client(node, source)
      client.connect()
      await #expect(throws: ClientFailure.refused(code: "4001", message: "the server answered 401"))
      {
        try await client.connected()
      }
      #expect(source.count == 2)
    }
  }

  @Test func `a provider that fails once is asked again, one that is final is not`() async throws {
    struct Failure: Error {}
    try await withNode(Self.configuration()) { node in
      let source = TokenSource {
        guard $0 > 1 else { throw Failure() }
        return Self.token(seconds: 3600)
      }
      let patient = try client(node, source)
      patient.connect()
      try await patient.connected()
      #expect(source.count == 2)

      let over = TokenSource { _ in throw TokenFailure.final("logged out") }
      let client = try client(node, over)
      client.connect()
      await #expect(throws: ClientFailure.refused(code: "4001", message: "logged out")) {
        try await client.connected()
      }
      #expect(over.count == 1)
    }
  }
}
