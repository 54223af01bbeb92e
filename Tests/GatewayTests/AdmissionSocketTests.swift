// Limits that several connections share, over real sockets: rates of users and addresses, handshakes
// that are never finished, connections that make room for newer ones, and dry runs.

import Gateway
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import Telemetry
import TestSupport
import Testing

extension SocketTests {
  struct AdmissionSocketTests {
    private static let upgrade =
      "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    private static let ping = #"{"type":"ping","id":1}"#
    private static let pong = #"{"type":"pong","id":1}"#

    private func metric(_ name: String, of node: Node) -> String? {
      var text = PrometheusText()
      node.appendMetrics(to: &text)
      return String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
        .first { $0.hasPrefix(name + " ") }
        .map { String($0.dropFirst(name.utf8.count + 1)) }
    }

    /// A user's connection, which has been told of its own room.
    private func open(_ address: SocketAddress, user: String) throws -> TestClient {
      let client = try TestClient.open(address, user: user)
      #expect(try client.text() == #"{"type":"added","room":"user:\#(user)"}"#)
      return client
    }

    @Test(arguments: [1, 3])
    func `all connections of a user have one rate`(shards: Int) async throws {
      let configuration = Configuration.forTests(shards: shards) {
        $0.limits.messagesPerSecondPerUser = 4
      }
      try await withNode(configuration) { node in
        let clients = try (0..<3).map { _ in try open(node.address, user: "ada") }
        var answers: [String] = []
        for number in 0..<9 { answers.append(try clients[number % 3].ask(Self.ping)) }
        #expect((4...6).contains(answers.count { $0 == Self.pong }))
        let refusal = try #require(answers.first { $0 != Self.pong })
        #expect(refusal.contains(#""code":"rate_limited""#))
        #expect(refusal.contains("limits.messages_per_second_per_user"))
        #expect(JSONText.value("retry_after_ms", of: refusal) != nil)
        #expect(try open(node.address, user: "bob").ask(Self.ping) == Self.pong)
        #expect(metric(#"roost_rate_limited_total{rate="user_messages"}"#, of: node) != "0")
      }
    }

    @Test func `all connections of an address have one rate of bytes`() async throws {
      let configuration = Configuration.forTests {
        $0.limits.bytesPerSecondPerAddress = 1000
        $0.limits.messageBytes = 1000
      }
      try await withNode(configuration) { node in
        let padding = String(repeating: " ", count: 900)
        let first = try TestClient.open(node.address)
        #expect(try first.ask(Self.ping + padding) == Self.pong)
        let second = try open(node.address, user: "ada")
        let refusal = try second.ask(Self.ping + padding)
        #expect(refusal.contains("limits.bytes_per_second_per_address"))
        #expect(metric(#"roost_rate_limited_total{rate="address_bytes"}"#, of: node) == "1")
      }
    }

    @Test func `who goes on one message at a time is closed 4004, too`() async throws {
      let configuration = Configuration.forTests {
        $0.limits.messagesPerSecond = 1
        $0.limits.messagesBurst = 3
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        let frames = (0..<200).map { _ in TestClient.frame(.text, Array(Self.ping.utf8)) }
        try client.socket.write(Array(frames.joined()))
        let events = try client.eventsToEnd()
        #expect(events.contains(.close(4004, "rate limit exceeded repeatedly")))
      }
    }

    @Test func `a namespace has its own size and rate of messages`() async throws {
      let configuration = Configuration.forTests(dev: false) {
        $0.namespaces["chat"] = RoomPolicy()
        $0.namespaces["chat"]?.publish = .anyone
        $0.namespaces["chat"]?.messageBytesMax = 6
        $0.namespaces["chat"]?.messagesPerSecond = 2
        $0.namespaces[""]?.publish = .anyone
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        func publish(_ room: String, _ data: String) throws -> String {
          try client.ask(#"{"type":"publish","room":"\#(room)","data":\#(data),"id":1}"#)
        }
        #expect(try publish("chat:a", #""1234""#).contains(#""type":"ok""#))
        let large = try publish("chat:a", #""12345""#)
        #expect(large.contains(#""code":"too_large""#) && large.contains("at most 6 bytes"))
        #expect(try publish("chat:b", "1").contains(#""type":"ok""#))
        let fast = try publish("chat:c", "1")
        #expect(fast.contains(#""code":"rate_limited""#))
        #expect(fast.contains("`messages_per_second` of the room's namespace"))
        #expect(try publish("other", #""123456789""#).contains(#""type":"ok""#))
        #expect(metric(#"roost_rate_limited_total{rate="namespace_messages"}"#, of: node) == "1")
      }
    }

    @Test(arguments: [1, 3])
    func `a user's oldest connection makes room where that is configured`(shards: Int)
      async throws
    {
      let configuration = Configuration.forTests(shards: shards) {
        $0.limits.connectionsPerUser = 3
        $0.limits.userOverflow = .evict
      }
      try await withNode(configuration) { node in
        var clients = try (0..<3).map { _ in try open(node.address, user: "ada") }
        let bystander = try open(node.address, user: "bob")
        for _ in 0..<5 {
          clients.append(try open(node.address, user: "ada"))
          let oldest = clients.removeFirst()
          let events = try oldest.eventsToEnd()
          #expect(events.contains(.close(4007, "too many connections")))
          try await node.settles { $0.sockets == 4 }
        }
        for client in clients + [bystander] { #expect(try client.ask(Self.ping) == Self.pong) }
      }
    }

    @Test(arguments: [1, 2])
    func `of unfinished handshakes the oldest one goes`(shards: Int) async throws {
      let configuration = Configuration.forTests(shards: shards) {
        $0.limits.handshakesAtOnce = 4 * shards
        $0.limits.handshakeTimeout = .seconds(60)
      }
      try await withNode(configuration) { node in
        let open = try TestClient.open(node.address)
        let silent = try (0..<40).map { _ in try BlockingSocket(to: node.address) }
        try await node.settles { $0.sockets == 1 + 4 * shards }
        // One shard may have got more of them than the other; on each the youngest four are left.
        if shards == 1 {
          for socket in silent.prefix(36) { #expect(try socket.readToEnd().bytes == []) }
        }
        let client = try TestClient.open(node.address)
        #expect(try client.ask(Self.ping) == Self.pong)
        #expect(try open.ask(Self.ping) == Self.pong)
        let name = #"roost_admission_refusals_total{reason="handshakes_at_once"}"#
        let refused = metric(name, of: node).flatMap { Int($0) } ?? 0
        #expect((40 - 4 * shards...41).contains(refused))
      }
    }

    @Test func `an answered request is as good as a new connection`() async throws {
      let configuration = Configuration.forTests {
        $0.limits.handshakesAtOnce = 2
        $0.limits.handshakeTimeout = .seconds(60)
      }
      try await withNode(configuration) { node in
        let checker = try BlockingSocket(to: node.address)
        let reader = ResponseReader(checker)
        let ready = Array("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        for _ in 0..<5 {
          let idle = try BlockingSocket(to: node.address)
          try await node.settles { $0.sockets == 2 }
          try checker.write(ready)
          #expect(try reader.response().status == 200)
          let next = try BlockingSocket(to: node.address)
          #expect(try idle.readToEnd().bytes == [])
          try await node.settles { $0.sockets == 2 }
          try checker.write(ready)
          #expect(try reader.response().status == 200)
          next.close()
          try await node.settles { $0.sockets == 1 }
        }
      }
    }

    @Test func `who sends in fragments of one byte is read slowly and loses nothing`() async throws
    {
      let configuration = Configuration.forTests { $0.limits.bytesPerSecond = 131_072 }
      try await withNode(configuration) { node in
        let flooding = try TestClient.open(node.address)
        let other = try TestClient.open(node.address)
        let text = Array((Self.ping + String(repeating: " ", count: 5_000)).utf8)
        var frames = TestClient.frame(.text, [text[0]], isFinal: false)
        for byte in text.dropFirst().dropLast() {
          frames += TestClient.frame(.continuation, [byte], isFinal: false)
        }
        frames += TestClient.frame(.continuation, [text[text.count - 1]])
        try flooding.socket.write(frames)
        #expect(try other.ask(Self.ping) == Self.pong)
        #expect(try flooding.text() == Self.pong)
        #expect(metric("roost_input_pauses_total", of: node).flatMap { Int($0) } ?? 0 > 0)
        #expect(try flooding.ask(Self.ping) == Self.pong)
      }
    }

    @Test func `requests over one connection count like sockets`() async throws {
      let configuration = Configuration.forTests {
        $0.limits.handshakesPerSecondPerAddress = 2
      }
      try await withNode(configuration) { node in
        let socket = try BlockingSocket(to: node.address)
        let request = "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
        try socket.write(Array(String(repeating: request, count: 40).utf8))
        let text = String(decoding: try socket.readToEnd().bytes, as: UTF8.self)
        // Four for each handshake, and what comes back while they are read.
        let answers = text.split(separator: "HTTP/1.1 ").map { String($0.prefix(3)) }
        #expect((8...20).contains(answers.count))
        #expect(answers.dropLast().allSatisfy { $0 == "200" })
        #expect(answers.last == "429")
      }
    }

    @Test func `who keeps to its rate is never read slowly`() async throws {
      let configuration = Configuration.forTests { $0.limits.bytesPerSecond = 1_048_576 }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        let padding = String(repeating: " ", count: 60_000)
        for _ in 0..<17 { #expect(try client.ask(Self.ping + padding) == Self.pong) }
        #expect(metric("roost_input_pauses_total", of: node) == "0")
      }
    }

    @Test func `a dry run refuses nobody and counts`() async throws {
      let configuration = Configuration.forTests {
        $0.limits.dryRun = true
        $0.limits.connectionsPerAddress = 1
        $0.limits.connectionsPerUser = 1
        $0.limits.handshakesPerSecond = 1
        $0.limits.handshakesPerSecondPerAddress = 1
        $0.limits.messagesPerSecond = 1
        $0.limits.messagesBurst = 1
        $0.limits.roomsPerConnection = 1
        $0.limits.handshakesAtOnce = 1
      }
      try await withNode(configuration) { node in
        let clients = try (0..<4).map { _ in try open(node.address, user: "ada") }
        for (number, client) in clients.enumerated() {
          for room in ["a\(number)", "b\(number)", "c\(number)"] {
            let answer = try client.ask(#"{"type":"join","room":"\#(room)","id":1}"#)
            #expect(answer.hasPrefix(#"{"type":"ok""#))
          }
        }
        for limit in [
          "address_connections", "user_connections", "node_rate", "address_rate", "messages",
          "rooms_per_connection",
        ] {
          let count = metric(#"roost_overlooked_total{limit="\#(limit)"}"#, of: node)
          #expect(count.flatMap { Int($0) } ?? 0 > 0, "\(limit)")
        }
        #expect(metric(#"roost_rate_limited_total{rate="messages"}"#, of: node) == "0")
      }
    }
  }
}
