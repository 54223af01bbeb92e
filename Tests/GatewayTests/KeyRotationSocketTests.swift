// Keys of tokens that change while a node runs: by URL and by file, under traffic, without losing a
// connection or a message.

import Auth
import Gateway
import Glibc
import RoostEventLoop
import TestKeys
import TestSupport
import Testing

extension SocketTests {
  struct KeyRotationSocketTests {
    private static func set(_ keys: [(String, TestKey)]) -> String {
      let members = keys.map { $0.1.jwk(keyID: $0.0, algorithm: .es256) }
      return "{\"keys\":[\(members.joined(separator: ","))]}"
    }

    private static func token(_ key: TestKey, _ keyID: String) -> String {
      var time = timespec()
      clock_gettime(CLOCK_REALTIME, &time)
      return TestToken.make(
        user: "ann", key: key, algorithm: .es256, keyID: keyID, expiresAt: Int64(time.tv_sec) + 600)
    }

    private static func configuration(_ change: (inout Configuration) -> Void) -> Configuration {
      .forTests(dev: false, shards: 2) {
        $0.auth.anonymous = false
        change(&$0)
      }
    }

    /// Whether a token is accepted.
    private static func isAccepted(_ token: String, _ node: Node) throws -> Bool {
      let client = TestClient(try BlockingSocket(to: node.address))
      do {
        try client.upgrade(path: "/ws?token=\(token)")
      } catch {
        return false
      }
      try client.welcomed()
      try client.close()
      return true
    }

    private static func waitUntil(_ what: String, _ condition: () throws -> Bool) throws {
      let deadline = MonotonicInstant.now().advanced(by: .seconds(20))
      while try !condition() {
        guard MonotonicInstant.now() < deadline else { throw TestFailure("not in time: \(what)") }
        sched_yield()
      }
    }

    /// Publishes and reads back until it is over; how often it went round.
    private static func traffic(
      _ address: SocketAddress, _ token: String, started: TestGate, isOver: Lock<Bool>
    ) throws -> Background<Int> {
      try Background {
        let client = TestClient(try BlockingSocket(to: address))
        try client.upgrade(path: "/ws?token=\(token)")
        try client.welcomed()
        guard try client.text().contains("added") else { throw TestFailure("no room of one's own") }
        _ = try client.ask(#"{"type":"join","room":"r","id":1}"#)
        var count = 0
        while !isOver.withLock({ $0 }) {
          try client.send(#"{"type":"publish","room":"r","data":\#(count)}"#)
          let text = try client.text()
          guard text == #"{"type":"message","room":"r","data":\#(count)}"# else {
            throw TestFailure("instead of message \(count) came \(text)")
          }
          count += 1
          if count == 10 { started.open() }
        }
        try client.close()
        return count
      }
    }

    @Test func `keys change behind a URL without a connection being lost`() async throws {
      let (first, second) = (TestKey(for: .es256), TestKey(for: .es256))
      let answer = Lock<String?>(nil)
      let service = try TestHTTPServer { request in
        guard let set = answer.withLock({ $0 }) else { return .response(500) }
        let tag = "\"\(set.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFFF_FFFF })\""
        guard request.field("if-none-match") != tag else { return .response(304) }
        return .response(200, fields: ["ETag: \(tag)"], body: set)
      }
      let configuration = Self.configuration {
        $0.auth.tokens.jwksURL = service.url("/keys.json")
        $0.auth.tokens.jwksRefresh = .milliseconds(50)
      }
      try await withNode(configuration) { node in
        // Without a key nobody could be let in, so the node waits for the first set.
        try service.waitForRequests(1)
        #expect(!node.isReady)
        #expect(node.notReadyReason == "the keys of tokens have not been fetched yet")
        answer.withLock { $0 = Self.set([("a", first)]) }
        try Self.waitUntil("ready") { node.isReady }
        let (old, new) = (Self.token(first, "a"), Self.token(second, "b"))
        #expect(try Self.isAccepted(old, node))
        #expect(try !Self.isAccepted(new, node))
        let (started, isOver) = (try TestGate(), Lock(false))
        let traffic = try Self.traffic(node.address, old, started: started, isOver: isOver)
        #expect(started.wait())
        answer.withLock { $0 = Self.set([("a", first), ("b", second)]) }
        try Self.waitUntil("the second key") { try Self.isAccepted(new, node) }
        #expect(try Self.isAccepted(old, node))
        answer.withLock { $0 = Self.set([("b", second)]) }
        try Self.waitUntil("the first key's end") { try !Self.isAccepted(old, node) }
        // What cannot be used changes nothing, and neither does an answer that does not come.
        for answered in ["", "{\"keys\":[]}", nil] {
          answer.withLock { $0 = answered }
          let count = service.received.count
          try service.waitForRequests(count + 2)
          #expect(try Self.isAccepted(new, node))
        }
        isOver.withLock { $0 = true }
        #expect(try traffic.join() >= 10)
        #expect(node.isReady)
      }
    }

    @Test func `a reload names another URL, whose keys take the place of those before`()
      async throws
    {
      let (first, second) = (TestKey(for: .es256), TestKey(for: .es256))
      let (firstSet, secondSet) = (Self.set([("a", first)]), Self.set([("b", second)]))
      let isAway = Lock(true)
      let one = try TestHTTPServer { _ in .response(200, body: firstSet) }
      let other = try TestHTTPServer { _ in
        isAway.withLock { $0 } ? .response(500) : .response(200, body: secondSet)
      }
      var configuration = Self.configuration { $0.auth.tokens.jwksURL = one.url("/keys") }
      try await withNode(configuration) { node in
        try Self.waitUntil("ready") { node.isReady }
        let (old, new) = (Self.token(first, "a"), Self.token(second, "b"))
        let client = TestClient(try BlockingSocket(to: node.address))
        try client.upgrade(path: "/ws?token=\(old)")
        try client.welcomed()
        _ = try client.text()
        configuration.auth.tokens.jwksURL = other.url("/keys")
        #expect(node.reload(configuration) == .reloaded(kept: []))
        // It does not answer yet: what is known stays.
        try other.waitForRequests(1)
        #expect(try Self.isAccepted(old, node))
        isAway.withLock { $0 = false }
        try Self.waitUntil("the other's key") { try Self.isAccepted(new, node) }
        #expect(try !Self.isAccepted(old, node))
        let key = TokenMint.setting(kid: "c")
        configuration.auth.tokens.keys = [key]
        configuration.auth.tokens.jwksURL = ""
        #expect(node.reload(configuration) == .reloaded(kept: []))
        #expect(try !Self.isAccepted(new, node))
        #expect(node.isReady)
        #expect(try client.nothingCame())
      }
    }

    @Test func `keys change in a file without a connection being lost`() async throws {
      let (first, second) = (TestKey(for: .es256), TestKey(for: .es256))
      var template = Array("/tmp/roost-keys-XXXXXX".utf8CString)
      try #require(mkdtemp(&template) != nil)
      let folder = String(
        decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
      let path = "\(folder)/keys.json"
      defer {
        unlink(path)
        rmdir(folder)
      }
      func replace(_ text: String) throws {
        let fresh = "\(folder)/fresh"
        let file = try #require(fopen(fresh, "w"))
        fputs(text, file)
        fclose(file)
        rename(fresh, path)
      }
      try replace(Self.set([("a", first)]))
      let configuration = Self.configuration { $0.auth.tokens.jwksFile = path }
      try await withNode(configuration) { node in
        #expect(node.isReady)
        let (old, new) = (Self.token(first, "a"), Self.token(second, "b"))
        let (started, isOver) = (try TestGate(), Lock(false))
        let traffic = try Self.traffic(node.address, old, started: started, isOver: isOver)
        #expect(started.wait())
        try replace(Self.set([("b", second)]))
        try Self.waitUntil("the second key") { try Self.isAccepted(new, node) }
        #expect(try !Self.isAccepted(old, node))
        isOver.withLock { $0 = true }
        #expect(try traffic.join() >= 10)
      }
    }
  }
}
