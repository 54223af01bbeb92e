// The opening handshake over real sockets: who is let in, who is refused and with which words, and
// that it does not matter how the bytes are cut. RFC 6455 section 4, RFC 9110 for the statuses.

import Gateway
import RoostEventLoop
import RoostHTTP
import RoostWebSocket
import TestSupport
import Testing

/// Tests that hold a node and sockets; one after the other, because each one keeps a core busy.
@Suite(.serialized) enum SocketTests {}

extension SocketTests {
  struct HandshakeSocketTests {
    private static let upgrade =
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    @Test(arguments: [1, 2])
    func `a client is welcomed with its id and the node's terms`(shards: Int) async throws {
      let configuration = Configuration.forTests(shards: shards) {
        $0.limits.pingInterval = .seconds(7)
        $0.limits.messageBytes = 1000
      }
      try await withNode(configuration) { node in
        let client = TestClient(try BlockingSocket(to: node.address))
        try client.upgrade()
        #expect(client.subprotocol == "roost.v1.json")
        let welcome = try client.welcomed()
        #expect(
          welcome == #"{"type":"welcome","connection":"\#(client.connection)","node":"test","#
            + #""ping_ms":7000,"max_message_bytes":1000,"version":"\#(RoostVersion.text)"}"#)
        try client.close()
        try await node.empties()
      }
    }

    @Test func `a client that offers no subprotocol gets the protocol without the field`()
      async throws
    {
      try await withNode(.forTests()) { node in
        let client = TestClient(try BlockingSocket(to: node.address))
        try client.upgrade(subprotocols: ["chat", "soap"])
        #expect(client.subprotocol == nil)
        #expect(try client.welcomed().hasPrefix(#"{"type":"welcome""#))
      }
    }

    @Test func `under dev the user of the query is believed`() async throws {
      try await withNode(.forTests()) { node in
        let client = TestClient(try BlockingSocket(to: node.address))
        try client.upgrade(path: "/ws?user=anna%20b")
        #expect(JSONText.value("user", of: try client.welcomed()) == "anna b")
      }
      try await withNode(.forTests(dev: false)) { node in
        let client = TestClient(try BlockingSocket(to: node.address))
        try client.upgrade(path: "/ws?user=anna")
        #expect(JSONText.value("user", of: try client.welcomed()) == nil)
      }
    }

    @Test(arguments: [
      ("GET /ws HTTP/1.1\r\n\r\n", 400),
      ("GET /ws HTTP/1.1\r\nHost: a\r\nHost: b\r\n\(upgrade)\r\n", 400),
      ("GET /ws HTTP/1.1\nHost: a\n\n", 400),
      ("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n", 400),
      ("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", 426),
      ("GET /ws HTTP/1.0\r\nHost: a\r\n\(upgrade)\r\n", 426),
      ("GET /ws HTTP/2.0\r\nHost: a\r\n\(upgrade)\r\n", 505),
      ("POST /ws HTTP/1.1\r\nHost: a\r\n\(upgrade)\r\n", 405),
      ("GET /ws HTTP/1.1\r\nHost: a\r\n\(upgrade)Content-Length: 3\r\n\r\nabc", 400),
      ("GET /ws?user=%01 HTTP/1.1\r\nHost: a\r\n\(upgrade)\r\n", 400),
      ("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", 404),
      ("DELETE /readyz HTTP/1.1\r\nHost: a\r\n\r\n", 405),
      ("GET /readyz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 413),
      ("GET /readyz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ])
    func `what is no upgrade is refused with the status that says why`(text: String, status: Int)
      async throws
    {
      try await withNode(.forTests()) { node in
        let response = try request(text, to: node.address)
        #expect(response.status == status)
        #expect(response.text.hasSuffix(".\n"))
        if status == 405 { #expect(response["Allow"]?.hasPrefix("GET") == true) }
        try await node.empties()
      }
    }

    @Test func `another version is told which one is spoken`() async throws {
      try await withNode(.forTests()) { node in
        let text =
          "GET /ws HTTP/1.1\r\nHost: a\r\n"
          + Self.upgrade.replacing("Version: 13", with: "Version: 8") + "\r\n"
        let response = try request(text, to: node.address)
        #expect(response.status == 426)
        #expect(response["Sec-WebSocket-Version"] == "13")
      }
    }

    @Test(arguments: [(-1, 200), (0, 200), (1, 431)])
    func `a head of the limit's size passes and a byte more is refused`(surplus: Int, status: Int)
      async throws
    {
      let configuration = Configuration.forTests { $0.limits.requestHeadBytes = 1024 }
      try await withNode(configuration) { node in
        let start = "GET /readyz HTTP/1.1\r\nHost: a\r\nX: "
        let padding = 1024 + surplus - start.utf8.count - 4
        let text = start + String(repeating: "x", count: padding) + "\r\n\r\n"
        let response = try request(text, to: node.address)
        #expect(response.status == status)
      }
    }

    @Test func `a request line over its bound is refused as too long`() async throws {
      try await withNode(.forTests()) { node in
        let target = "/" + String(repeating: "x", count: 4096)
        let response = try request("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n", to: node.address)
        #expect(response.status == 414)
      }
    }

    @Test func `a head that does not come in time is answered 408`() async throws {
      let configuration = Configuration.forTests { $0.limits.handshakeTimeout = .milliseconds(50) }
      try await withNode(configuration) { node in
        let response = try request("GET /ws HTTP/1.1\r\n", to: node.address)
        #expect(response.status == 408)
        // Who has sent nothing waits for no answer.
        let silent = try BlockingSocket(to: node.address)
        #expect(try silent.read() == .end)
        try await node.empties()
      }
    }

    @Test func `without anonymous connections no credential is answered 401`() async throws {
      let configuration = Configuration.forTests(dev: false) { $0.auth.anonymous = false }
      try await withNode(configuration) { node in
        let text = "GET /ws HTTP/1.1\r\nHost: a\r\n\(Self.upgrade)\r\n"
        let response = try request(text, to: node.address)
        #expect(response.status == 401)
        #expect(response["WWW-Authenticate"] == "Bearer")
      }
    }

    @Test(arguments: [
      ("https://app.example.com", "a", 101), ("https://evil.example", "a", 403),
      ("null", "a", 403), ("http://a", "a", 403),
    ])
    func `pages of other origins are refused`(origin: String, host: String, status: Int)
      async throws
    {
      let configuration = Configuration.forTests(dev: false) {
        $0.origins = ["https://*.example.com"]
      }
      try await withNode(configuration) { node in
        let text =
          "GET /ws HTTP/1.1\r\nHost: \(host)\r\nOrigin: \(origin)\r\n\(Self.upgrade)\r\n"
        let response = try request(text, to: node.address)
        #expect(response.status == status)
      }
    }

    @Test(arguments: [1, 2])
    func `the request may be cut at any byte`(shards: Int) async throws {
      try await withNode(.forTests(shards: shards)) { node in
        let length = try requestLength(node.address)
        for split in 1..<length {
          let client = TestClient(try BlockingSocket(to: node.address))
          try client.upgrade(split: split)
          try client.welcomed()
          client.abort()
        }
        try await node.empties()
      }
    }

    private func requestLength(_ address: SocketAddress) throws -> Int {
      try ClientHandshake(
        host: address.description, path: "/ws", key: Array(repeating: 0, count: 16),
        subprotocols: ["roost.v1.json"], deflate: .disabled, extraFields: []
      ).requestBytes.count
    }

    @Test func `frames right behind the request in one packet are read`() async throws {
      try await withNode(.forTests()) { node in
        let client = TestClient(try BlockingSocket(to: node.address))
        let ping = TestClient.frame(.text, Array(#"{"type":"ping","id":1}"#.utf8))
        try client.upgrade(behind: ping + ping)
        try client.welcomed()
        #expect(try client.texts(2) == Array(repeating: #"{"type":"pong","id":1}"#, count: 2))
      }
    }

    @Test func `pipelined requests are answered in order, an upgrade among them`() async throws {
      try await withNode(.forTests()) { node in
        let socket = try BlockingSocket(to: node.address)
        let ready = "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
        let missing = "HEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\n"
        let upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\n\(Self.upgrade)\r\n"
        try socket.write(Array((ready + missing + ready + upgrade).utf8))
        let responses = ResponseReader(socket)
        let first = try responses.response()
        #expect(first.text == "serving\n")
        let missed = try responses.response(toHead: true)
        #expect(missed.status == 404)
        let again = try responses.response()
        #expect(again.status == 200)
        let switched = try responses.head()
        #expect(switched.status == 101)
      }
    }

    @Test func `the console is served under dev and nowhere else`() async throws {
      let text = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
      try await withNode(.forTests()) { node in
        let response = try request(text, to: node.address)
        #expect(response.status == 200)
        #expect(response["Content-Type"] == "text/html; charset=utf-8")
        #expect(response["X-Content-Type-Options"] == "nosniff")
        #expect(response.text.hasPrefix("<!doctype html>"))
      }
      try await withNode(.forTests(dev: false)) { node in
        let response = try request(text, to: node.address)
        #expect(response.status == 404)
      }
    }

    @Test(arguments: [true, false], ["/roost.js", "/roost.d.ts"])
    func `the client for pages is served everywhere, once to each cache`(dev: Bool, path: String)
      async throws
    {
      try await withNode(.forTests(dev: dev)) { node in
        let response = try request("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n", to: node.address)
        #expect(response.status == 200)
        #expect(response["X-Content-Type-Options"] == "nosniff")
        #expect(response["Content-Length"] == String(response.body.count))
        #expect(response.text.contains("class Roost "))
        let tag = try #require(response["ETag"])
        let again = try request(
          "GET \(path) HTTP/1.1\r\nHost: a\r\nIf-None-Match: \(tag)\r\n\r\n", to: node.address,
          isHead: true)
        #expect(again.status == 304)
        #expect(again["ETag"] == tag)
        let posted = try request("POST \(path) HTTP/1.1\r\nHost: a\r\n\r\n", to: node.address)
        #expect(posted.status == 405)
      }
    }

    @Test func `an idle connection that ends is forgotten`() async throws {
      try await withNode(.forTests()) { node in
        let quiet = try BlockingSocket(to: node.address)
        try await node.settles { $0.sockets == 1 }
        quiet.close()
        let crashed = try BlockingSocket(to: node.address)
        try crashed.write(Array("GET /ws HT".utf8))
        crashed.abort()
        try await node.empties()
      }
    }
  }
}
