// Event streams of the admin port: the connection leaves the port's thread and becomes a member of the
// room on a shard.

import Admin
import Gateway
import RoostEventLoop
import RoostHTTP
import TestSupport
import Testing

struct AdminStreamTests {
  @Test(arguments: [1, 3])
  func `a stream of the admin port carries a room and is seen by the API`(shards: Int)
    async throws
  {
    try await withAdmin(.forTests(shards: shards)) { node, admin in
      let streams = try (0..<4).map { _ in try EventReader(admin.address, "/v1/rooms/r/events") }
      for stream in streams {
        #expect(stream.head.status == 200)
        let first = try stream.event()
        #expect(first.name == "ok")
      }
      let room = try api("GET /v1/rooms/r", on: admin)
      #expect(JSONText.value("members", of: room.text) == "4")
      let published = try api("POST /v1/rooms/r/messages", "7", on: admin)
      #expect(published.status == 200)
      for stream in streams {
        var event = try stream.event()
        while event.name == "joined" { event = try stream.event() }
        #expect(event.name == "message")
        #expect(JSONText.value("data", of: event.data) == "7")
        stream.socket.close()
      }
      try await node.empties()
    }
  }

  @Test func `a stream behind other requests comes when they are answered`() async throws {
    try await withAdmin { _, admin in
      let socket = try BlockingSocket(to: admin.address)
      try socket.write(
        Array(
          ("GET /v1/rooms HTTP/1.1\r\nHost: a\r\n\r\n"
            + "GET /v1/rooms/r/events HTTP/1.1\r\nHost: a\r\n\r\n").utf8))
      let responses = ResponseReader(socket)
      let first = try responses.response()
      #expect(first.status == 200)
      let head = try responses.head()
      #expect(head.fields.value(of: "Content-Type") == "text/event-stream")
    }
  }

  @Test func `a connection is closed by its id and a user's by the user`() async throws {
    try await withAdmin(.forTests(shards: 2)) { node, admin in
      let stream = try EventReader(node.address, "/v1/rooms/r/events?user=ada")
      _ = try stream.event()
      let listed = try api("GET /v1/users/ada/connections", on: admin)
      #expect(listed.text.contains(#""transport":"events""#))
      let sent = try api("POST /v1/users/ada/messages", "1", on: admin)
      #expect(sent.text == #"{"delivered":0}"# + "\n")
      let kicked = try api("DELETE /v1/rooms/r/users/ada", on: admin)
      #expect(kicked.text == #"{"connections":1}"# + "\n")
      let removed = try stream.event()
      #expect(removed.name == "removed")
      #expect(try stream.next() == nil)
      let other = try EventReader(node.address, "/v1/rooms/r/events?user=ada")
      _ = try other.event()
      let closed = try api("DELETE /v1/users/ada/connections", on: admin)
      #expect(closed.text == #"{"connections":1}"# + "\n")
      #expect(try other.next() == nil)
    }
  }

  @Test func `a stream needs a key and a configured room`() async throws {
    try await withAdmin(
      .forTests(dev: false) { $0.auth.apiKeys = ["a-key-of-24-characters-x"] }
    ) { _, admin in
      let closed = try api("GET /v1/rooms/r/events", on: admin)
      #expect(closed.status == 401)
      let fields = ["Authorization: Bearer a-key-of-24-characters-x"]
      let unknown = try api("GET /v1/rooms/chat:x/events", fields: fields, on: admin)
      #expect(unknown.status == 403)
      let head = try request(
        "HEAD /v1/rooms/r/events HTTP/1.1\r\nHost: a\r\n\(fields[0])\r\n\r\n", to: admin.address,
        isHead: true)
      #expect(head.status == 200)
      let stream = try EventReader(admin.address, "/v1/rooms/user:ada/events", fields: fields)
      let first = try stream.event()
      #expect(first.name == "ok")
    }
  }
}
