// Every bound of a connection over real sockets: what is refused, with which word or code, and that
// the others go on.

import Gateway
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWebSocket
import TestSupport
import Testing

extension SocketTests {
  struct LimitsSocketTests {
    private static let upgrade =
      "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

    @Test(arguments: [(-1, nil), (0, nil), (1, 1009 as UInt16?)])
    func `a message of the limit's size passes and a byte more closes 1009`(
      surplus: Int, code: UInt16?
    ) async throws {
      let configuration = Configuration.forTests { $0.limits.messageBytes = 200 }
      try await withNode(configuration) { node in
        for pieces in [1, 3] {
          let client = try TestClient.open(node.address)
          let start = #"{"type":"ping","id":1,"x":""#
          let text = start + String(repeating: "x", count: 200 + surplus - start.utf8.count - 2)
          let message = Array((text + #""}"#).utf8)
          #expect(message.count == 200 + surplus)
          let cut = message.count / pieces
          for piece in 0..<pieces {
            let end = piece == pieces - 1 ? message.count : (piece + 1) * cut
            try client.socket.write(
              TestClient.frame(
                piece == 0 ? .text : .continuation, Array(message[piece * cut..<end]),
                isFinal: piece == pieces - 1))
          }
          switch try client.next() {
          case .text(let answer): #expect(answer == #"{"type":"pong","id":1}"# && code == nil)
          case .close(let found, _): #expect(found == code)
          case let other: Issue.record("\(other)")
          }
        }
      }
    }

    @Test func `too many requests are refused with the time to wait, then closed 4004`()
      async throws
    {
      let configuration = Configuration.forTests {
        $0.limits.messagesPerSecond = 1
        $0.limits.messagesBurst = 3
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        // A batch counts each of its requests; so do pings of RFC 6455.
        try client.send(String(repeating: #"{"type":"ping"}"#, count: 100))
        let events = try client.eventsToEnd()
        let pongs = events.count { $0 == .text(#"{"type":"pong"}"#) }
        #expect((3...4).contains(pongs))
        let refusals = events.compactMap { event -> Int? in
          guard case .text(let text) = event, text.contains(#""code":"rate_limited""#) else {
            return nil
          }
          return JSONText.value("retry_after_ms", of: text).flatMap { Int($0) }
        }
        #expect(refusals.count == 50)
        #expect(refusals.allSatisfy { (1...1000).contains($0) })
        #expect(events.suffix(2).first == .close(4004, "rate limit exceeded repeatedly"))
      }
    }

    @Test func `pings over the rate get no pong and then the close`() async throws {
      let configuration = Configuration.forTests {
        $0.limits.messagesPerSecond = 1
        $0.limits.messagesBurst = 3
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        let ping = TestClient.frame(.ping, [1])
        try client.socket.write(Array((0..<100).map { _ in ping }.joined()))
        let events = try client.eventsToEnd()
        #expect((3...4).contains(events.count { $0 == .pong([1]) }))
        #expect(events.contains(.close(4004, "rate limit exceeded repeatedly")))
      }
    }

    @Test func `more bytes than the rate allows are dropped and refused`() async throws {
      let configuration = Configuration.forTests {
        $0.limits.bytesPerSecond = 1000
        $0.limits.messageBytes = 1000
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        let padding = String(repeating: " ", count: 900)
        #expect(try client.ask(#"{"type":"ping"}"# + padding) == #"{"type":"pong"}"#)
        let refusal = try client.ask(#"{"type":"ping"}"# + padding)
        #expect(refusal.hasPrefix(#"{"type":"error","code":"rate_limited""#))
        let wait = try #require(JSONText.value("retry_after_ms", of: refusal).flatMap { Int($0) })
        #expect((1...1000).contains(wait))
        #expect(try client.nothingCame())
      }
    }

    @Test(arguments: [1, 2])
    func `the connection over the node's limit is answered 503`(shards: Int) async throws {
      let configuration = Configuration.forTests(shards: shards) { $0.limits.connections = 3 }
      try await withNode(configuration) { node in
        #expect(node.connectionsMax == 3)
        let clients = try (0..<3).map { _ in try TestClient.open(node.address) }
        let response = try request(Self.upgrade, to: node.address)
        #expect(response.status == 503)
        #expect(response["Retry-After"] == "10")
        try clients[0].close()
        try await node.settles { $0.sockets == 2 }
        _ = try TestClient.open(node.address)
      }
    }

    @Test(arguments: [1, 2])
    func `a user's connection over the limit is answered 429`(shards: Int) async throws {
      let configuration = Configuration.forTests(shards: shards) {
        $0.limits.connectionsPerUser = 2
      }
      try await withNode(configuration) { node in
        let clients = try (0..<2).map { _ in try TestClient.open(node.address, user: "anna") }
        let text = Self.upgrade.replacing("/ws", with: "/ws?user=anna")
        let response = try request(text, to: node.address)
        #expect(response.status == 429)
        #expect(response["Retry-After"] == "5")
        _ = try TestClient.open(node.address, user: "bert")
        _ = try TestClient.open(node.address)
        clients[0].abort()
        try await node.settles { $0.sockets == 1 }
        _ = try TestClient.open(node.address, user: "anna")
      }
    }

    @Test func `an address over its limit is answered 429`() async throws {
      let configuration = Configuration.forTests { $0.limits.connectionsPerAddress = 2 }
      try await withNode(configuration) { node in
        let clients = try (0..<2).map { _ in try TestClient.open(node.address) }
        let response = try request(Self.upgrade, to: node.address)
        #expect(response.status == 429)
        #expect(response["Retry-After"] == "5")
        clients[0].abort()
        clients[1].abort()
        try await node.empties()
        _ = try TestClient.open(node.address)
      }
    }

    @Test(arguments: [(1, 503), (2, 429)])
    func `handshakes over the rate are refused with the time to wait`(kind: Int, status: Int)
      async throws
    {
      let configuration = Configuration.forTests {
        if kind == 1 { $0.limits.handshakesPerSecond = 2 }
        if kind == 2 { $0.limits.handshakesPerSecondPerAddress = 2 }
      }
      try await withNode(configuration) { node in
        var statuses: [Int] = []
        for _ in 0..<6 {
          let socket = try BlockingSocket(to: node.address)
          try socket.write(Array(Self.upgrade.utf8))
          let head = try ResponseReader(socket).head()
          statuses.append(head.status)
          if head.status != 101 { #expect(head.fields.value(of: "Retry-After") == "1") }
        }
        #expect(statuses.prefix(2) == [101, 101])
        #expect(statuses.contains(status))
        #expect(statuses.allSatisfy { $0 == 101 || $0 == status })
      }
    }

    @Test(arguments: [1, 2])
    func `a client that stops reading is closed 4005 and the others go on`(shards: Int)
      async throws
    {
      let configuration = Configuration.forTests(dev: false, shards: shards) {
        $0.limits.outboundBytes = 262_144
        $0.limits.closeTimeout = .seconds(60)
      }
      try await withNode(configuration) { node in
        let slow = try TestClient.open(node.address, receiveBytes: 4096)
        try slow.ask(#"{"type":"join","room":"r","id":1}"#)
        let reader = try TestClient.open(node.address)
        try reader.ask(#"{"type":"join","room":"r","id":1}"#)
        let padding = String(repeating: "x", count: 30_000)
        // The slow one leaves the room when its queue overflows; until then the room is busy.
        var count = 0
        var members = 2
        while members == 2, count < 2000 {
          try reader.send(#"{"type":"publish","room":"r","data":["\#(padding)",\#(count)]}"#)
          let echoed = try reader.text()
          #expect(echoed.hasSuffix(#",\#(count)]}"#))
          count += 1
          members = await node.totals().members
        }
        #expect(members == 1)
        // It gets every message before the hole, and the close frame.
        let events = try slow.eventsToEnd()
        var number = 0
        for event in events.dropLast(2) {
          guard case .text(let text) = event, text.hasSuffix(#",\#(number)]}"#) else {
            Issue.record("instead of message \(number) came \(event)")
            break
          }
          number += 1
        }
        #expect(number < count)
        #expect(
          events.suffix(2) == [.close(4005, "outbound queue is full: read faster"), .end])
        #expect(try reader.nothingCame())
      }
    }

    @Test func `a client that does not answer pings is closed 4000`() async throws {
      let configuration = Configuration.forTests {
        $0.limits.pingInterval = .milliseconds(100)
        $0.limits.pongTimeout = .milliseconds(100)
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        client.answersPings = false
        guard case .ping(let payload) = try client.next() else {
          Issue.record("no ping came")
          return
        }
        #expect(payload.count == 8)
        // A pong that nobody asked for says that the client is alive, for once.
        try client.socket.write(TestClient.frame(.pong, [1, 2]))
        var events = try client.eventsToEnd()
        #expect(events.popLast() == .end)
        #expect(events.popLast() == .close(4000, "no pong in time"))
        #expect(events.allSatisfy { if case .ping = $0 { true } else { false } })
      }
    }

    @Test func `a client that answers pings stays`() async throws {
      let configuration = Configuration.forTests {
        $0.limits.pingInterval = .milliseconds(300)
        $0.limits.pongTimeout = .milliseconds(300)
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        client.answersPings = false
        var last: [UInt8] = []
        for _ in 0..<3 {
          guard case .ping(let payload) = try client.next() else {
            Issue.record("no ping came")
            return
          }
          #expect(payload != last)
          last = payload
          try client.socket.write(TestClient.frame(.pong, payload))
        }
      }
    }

    @Test func `a client that asks for nothing is closed 4006`() async throws {
      let configuration = Configuration.forTests {
        $0.limits.idleTimeout = .milliseconds(150)
        $0.limits.pingInterval = .milliseconds(30)
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        let start = MonotonicInstant.now()
        try client.ask(#"{"type":"ping","id":1}"#)
        // Its pongs do not count.
        #expect(try client.next() == .close(4006, "idle for too long"))
        #expect(MonotonicInstant.now().since(start) >= .milliseconds(150))
      }
    }
  }
}
