// Server-sent events over real sockets: what a stream carries, how it recovers, how it ends, and who
// gets none.

import Gateway
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWebSocket
import TestSupport
import Testing

extension SocketTests {
  struct EventStreamSocketTests {
    private static let path = "/v1/rooms/a%2Fb/events"

    /// A node whose rooms keep history.
    private static func configuration(
      shards: Int = 1, _ change: (inout Configuration) -> Void = { _ in }
    ) -> Configuration {
      .forTests(dev: false, shards: shards) {
        $0.namespaces[""]?.history.messages = 1000
        $0.namespaces[""]?.history.lifetime = .seconds(60)
        $0.namespaces[""]?.publish = .anyone
        change(&$0)
      }
    }

    @Test(arguments: [1, 3])
    func `streams get what members get`(shards: Int) async throws {
      try await withNode(Self.configuration(shards: shards)) { node in
        let streams = try (0..<4).map { _ in try EventReader(node.address, Self.path) }
        let client = try TestClient.open(node.address)
        var epoch = ""
        for (place, stream) in streams.enumerated() {
          #expect(stream.head.status == 200)
          #expect(stream.head.fields.value(of: "Content-Type") == "text/event-stream")
          #expect(stream.head.fields.value(of: "Cache-Control") == "no-store")
          #expect(stream.head.fields.value(of: "Content-Length") == nil)
          let first = try stream.event()
          epoch = try #require(JSONText.value("epoch", of: first.data))
          #expect(first.name == "ok")
          #expect(first.id == "\(epoch):0")
          #expect(
            first.data
              == #"{"type":"ok","room":"a/b","members":\#(place + 1),"epoch":"\#(epoch)","offset":0}"#
          )
        }
        try client.ask(#"{"type":"publish","room":"a/b","data":{"x":1},"id":1}"#)
        try client.send(.binary, [1, 3] + Array("a/b".utf8) + [1, 2])
        for stream in streams {
          #expect(
            try stream.event()
              == TestServerEvent(
                id: "\(epoch):1", name: "message",
                data: #"{"type":"message","room":"a/b","data":{"x":1},"offset":1}"#))
          #expect(
            try stream.event()
              == TestServerEvent(
                id: "\(epoch):2", name: "message",
                data: #"{"type":"message","room":"a/b","data":{"binary":"AQI="},"offset":2}"#))
          stream.socket.close()
        }
        try client.close()
        try await node.empties()
      }
    }

    @Test func `a request for a stream may be cut at any byte`() async throws {
      try await withNode(Self.configuration()) { node in
        let bytes = "GET \(Self.path) HTTP/1.1\r\nHost: a\r\n\r\n".utf8.count
        for split in 1..<bytes {
          let stream = try EventReader(node.address, Self.path, split: split)
          let first = try stream.event()
          #expect(first.name == "ok")
        }
      }
    }

    @Test(arguments: [1, 3], [true, false])
    func `a stream goes on behind the last event that was read`(shards: Int, byField: Bool)
      async throws
    {
      try await withNode(Self.configuration(shards: shards)) { node in
        let client = try TestClient.open(node.address)
        let stream = try EventReader(node.address, Self.path)
        _ = try stream.event()
        for number in 1...50 {
          try client.ask(#"{"type":"publish","room":"a/b","data":\#(number),"id":1}"#)
        }
        var last = ""
        for _ in 1...20 { last = try #require(try stream.event().id) }
        stream.socket.abort()
        let again =
          byField
          ? try EventReader(node.address, Self.path, fields: ["Last-Event-ID: \(last)"])
          : try EventReader(node.address, Self.path + "?last_event_id=\(last)")
        let first = try again.event()
        #expect(first.id == nil)
        #expect(JSONText.value("recovered", of: first.data) == "true")
        for number in 21...50 {
          let event = try again.event()
          #expect(JSONText.value("data", of: event.data) == String(number))
          #expect(event.id?.hasSuffix(":\(number)") == true)
        }
      }
    }

    @Test(arguments: ["x", "0:0", ":", "49e49afddfa7093ab9fc8728c3a622a5:7", "%FF"])
    func `an id that is not known begins at the newest and says so`(id: String) async throws {
      try await withNode(Self.configuration()) { node in
        let stream = try EventReader(node.address, Self.path + "?last_event_id=\(id)")
        let first = try stream.event()
        #expect(JSONText.value("recovered", of: first.data) == "false")
        #expect(first.id?.hasSuffix(":0") == true)
      }
    }

    @Test func `presence events and their members are told`() async throws {
      try await withNode(.forTests(shards: 2)) { node in
        let stream = try EventReader(node.address, "/v1/rooms/r/events?user=eve")
        _ = try stream.event()
        let client = try TestClient.open(node.address, user: "ada")
        try client.send(#"{"type":"join","room":"r","id":1}"#)
        let joined = try stream.event()
        #expect(joined.name == "joined")
        #expect(JSONText.value("member", "user", of: joined.data) == "ada")
        try client.send(#"{"type":"leave","room":"r","id":2}"#)
        let left = try stream.event()
        #expect(left.name == "left")
      }
    }

    @Test func `comments come at the interval of pings`() async throws {
      let configuration = Self.configuration { $0.limits.pingInterval = .milliseconds(100) }
      try await withNode(configuration) { node in
        let stream = try EventReader(node.address, Self.path)
        _ = try stream.event()
        for _ in 0..<3 { try stream.waitForComment() }
      }
    }

    @Test(arguments: [1, 2])
    func `a reader that does not read is cut off and the others go on`(shards: Int) async throws {
      let configuration = Self.configuration(shards: shards) {
        $0.limits.outboundBytes = 65_536
        $0.limits.closeTimeout = .milliseconds(500)
        $0.namespaces[""]?.history = .off
      }
      try await withNode(configuration) { node in
        let frozen = try EventReader(node.address, Self.path, receiveBytes: 4096)
        let stream = try EventReader(node.address, Self.path)
        _ = try stream.event()
        let client = try TestClient.open(node.address)
        let filler = String(repeating: "x", count: 60_000)
        // Until the kernel's buffers are full, whose sizes are the machine's, and then the queue.
        for number in 0..<400 where await node.totals().sockets == 3 {
          try client.ask(
            #"{"type":"publish","room":"a/b","data":[\#(number),"\#(filler)"],"id":1}"#)
          let event = try stream.event()
          #expect(event.data.hasPrefix(#"{"type":"message","room":"a/b","data":[\#(number),"#))
        }
        try await node.settles { $0.sockets == 2 && $0.members == 1 }
        _ = frozen
      }
    }

    @Test func `a stream ends when the node drains`() async throws {
      try await withNode(Self.configuration()) { node in
        let stream = try EventReader(node.address, Self.path)
        _ = try stream.event()
        node.drain()
        #expect(try stream.next() == nil)
      }
    }

    @Test func `a stream ends when its client sends more`() async throws {
      try await withNode(Self.configuration()) { node in
        let stream = try EventReader(node.address, Self.path)
        _ = try stream.event()
        try stream.socket.write(Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        #expect(try stream.next() == nil)
        try await node.empties()
      }
    }

    @Test(arguments: [
      ("GET /v1/rooms/chat:x/events", 403), ("GET /v1/rooms/user:ada/events", 403),
      ("GET /v1/rooms/closed:x/events", 403), ("POST /v1/rooms/r/events", 405),
      ("GET /v1/rooms/%20/events", 400), ("GET /v1/rooms/r/messages", 404),
      ("GET /v1/rooms/%/events", 404),
    ])
    func `who may not join gets no stream`(line: String, status: Int) async throws {
      let configuration = Self.configuration {
        $0.namespaces["closed"] = RoomPolicy()
        $0.namespaces["closed"]?.join = .authenticated
      }
      try await withNode(configuration) { node in
        let response = try request("\(line) HTTP/1.1\r\nHost: a\r\n\r\n", to: node.address)
        #expect(response.status == status)
        try await node.empties()
      }
    }

    @Test func `a full room answers with a status`() async throws {
      let configuration = Self.configuration(shards: 2) { $0.namespaces[""]?.membersMax = 1 }
      try await withNode(configuration) { node in
        let stream = try EventReader(node.address, Self.path)
        _ = try stream.event()
        let response = try request(
          "GET \(Self.path) HTTP/1.1\r\nHost: a\r\n\r\n", to: node.address)
        #expect(response.status == 503)
        try await node.settles { $0.sockets == 1 }
      }
    }

    @Test func `a page is told that it may read the stream`() async throws {
      let configuration = Self.configuration { $0.origins = ["https://app.example.com"] }
      try await withNode(configuration) { node in
        let stream = try EventReader(
          node.address, Self.path, fields: ["Origin: https://app.example.com"])
        #expect(
          stream.head.fields.value(of: "Access-Control-Allow-Origin") == "https://app.example.com")
        #expect(stream.head.fields.value(of: "Vary") == "Origin")
        let refused = try request(
          "GET \(Self.path) HTTP/1.1\r\nHost: a\r\nOrigin: https://b.example.com\r\n\r\n",
          to: node.address)
        #expect(refused.status == 403)
      }
    }

    @Test func `streams count as connections of the node`() async throws {
      try await withNode(Self.configuration { $0.limits.connections = 1 }) { node in
        let stream = try EventReader(node.address, Self.path)
        _ = try stream.event()
        let response = try request(
          "GET \(Self.path) HTTP/1.1\r\nHost: a\r\n\r\n", to: node.address)
        #expect(response.status == 503)
        stream.socket.close()
        try await node.empties()
      }
    }
  }
}
