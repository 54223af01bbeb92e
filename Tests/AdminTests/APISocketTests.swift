// The server API over HTTP: what each operation answers, what is refused and how, keys, order and
// cancelled requests.

import Gateway
import RoostEventLoop
import RoostRooms
import TestSupport
import Testing

@testable import Admin

/// A request to the server API over a connection of its own.
func api(
  _ line: String, _ body: String? = nil, fields: [String] = [], on admin: AdminServer
) throws -> TestResponse {
  var text = "\(line) HTTP/1.1\r\nHost: a\r\n"
  if let body {
    text += "Content-Length: \(body.utf8.count)\r\n"
    if !fields.contains(where: { $0.hasPrefix("Content-Type") }) {
      text += "Content-Type: application/json\r\n"
    }
  }
  for field in fields { text += field + "\r\n" }
  return try request(text + "\r\n" + (body ?? ""), to: admin.address)
}

struct APISocketTests {
  private static let key = "a-key-of-24-characters-x"

  private static func closed(shards: Int = 1) -> Configuration {
    .forTests(dev: false, shards: shards) { $0.auth.apiKeys = [key, "another-key-for-rotation"] }
  }

  // MARK: Keys

  @Test func `only a configured key opens the API`() async throws {
    try await withAdmin(Self.closed()) { _, admin in
      for good in [Self.key, "another-key-for-rotation"] {
        for scheme in ["Bearer", "bearer"] {
          let response = try api(
            "GET /v1/nodes", fields: ["Authorization: \(scheme) \(good)"], on: admin)
          #expect(response.status == 200)
        }
      }
      let missing = try api("GET /v1/nodes", on: admin)
      #expect(missing.status == 401)
      #expect(missing["WWW-Authenticate"] == #"Bearer realm="roost""#)
      #expect(JSONText.value("code", of: missing.text) == "unauthorized")
      for bad in [
        "Bearer \(Self.key)x", "Bearer \(Self.key.dropLast())", "Basic \(Self.key)", "Bearer", "",
        "Bearer \(String(repeating: "x", count: 600))", Self.key,
      ] {
        let response = try api("GET /v1/nodes", fields: ["Authorization: \(bad)"], on: admin)
        #expect(response.status == 401, "\(bad)")
        #expect(response["WWW-Authenticate"] == #"Bearer realm="roost", error="invalid_token""#)
      }
      // Whoever has no key does not learn what is there.
      let unknown = try api("GET /v1/nothing", on: admin)
      #expect(unknown.status == 401)
      let health = try api("GET /healthz", on: admin)
      #expect(health.status == 200)
      let metrics = try api("GET /metrics", on: admin)
      #expect(metrics.status == 200)
    }
  }

  @Test func `without a configured key the API is closed`() async throws {
    try await withAdmin(.forTests(dev: false)) { _, admin in
      let response = try api(
        "GET /v1/nodes", fields: ["Authorization: Bearer \(Self.key)"], on: admin)
      #expect(response.status == 403)
      #expect(response.text.contains("auth.api_keys"))
    }
  }

  @Test func `idempotency keys belong to their API key`() async throws {
    try await withAdmin(
      .forTests(dev: false) {
        $0.auth.apiKeys = [Self.key, "another-key-for-rotation"]
        $0.namespaces[""]?.history.messages = 10
        $0.namespaces[""]?.history.lifetime = .seconds(60)
      }
    ) { _, admin in
      func publish(_ data: String, _ key: String) throws -> TestResponse {
        try api(
          "POST /v1/rooms/r/messages", data,
          fields: ["Authorization: Bearer \(key)", "Idempotency-Key: k"], on: admin)
      }
      let first = try publish("1", Self.key)
      #expect(first.status == 200)
      let again = try publish("1", Self.key)
      #expect(again.text == first.text)
      let conflict = try publish("2", Self.key)
      #expect(conflict.status == 409)
      #expect(JSONText.value("code", of: conflict.text) == "bad_request")
      let other = try publish("2", "another-key-for-rotation")
      #expect(other.status == 200)
      #expect(JSONText.value("offset", of: other.text) == "2")
    }
  }

  // MARK: Operations

  @Test(arguments: [1, 3])
  func `a room is published into, read, listed and cleared`(shards: Int) async throws {
    try await withAdmin(.forTests(shards: shards)) { node, admin in
      let client = try TestClient.open(node.address)
      let name = "a%2Fb%7Dx%C3%A9"
      try client.ask(#"{"type":"join","room":"a/b}xé","id":1}"#)
      let published = try api("POST /v1/rooms/\(name)/messages", "{\"a\": [1,\n2]}", on: admin)
      #expect(published.status == 200)
      #expect(published["Content-Type"] == "application/json")
      #expect(JSONText.value("room", of: published.text) == "a/b}xé")
      #expect(JSONText.value("offset", of: published.text) == "1")
      #expect(
        try client.text().hasPrefix(
          #"{"type":"message","room":"a/b}xé","data":{"a": [1, 2]},"offset":1"#))
      let binary = try api(
        "POST /v1/rooms/\(name)/messages", "\u{1}\u{2}",
        fields: ["Content-Type: application/octet-stream"], on: admin)
      #expect(binary.status == 200)
      guard case .binary(let bytes) = try client.next() else {
        Issue.record("no binary message")
        return
      }
      #expect(bytes.suffix(2) == [1, 2])
      let room = try api("GET /v1/rooms/\(name)", on: admin)
      #expect(JSONText.value("members", of: room.text) == "1")
      #expect(JSONText.value("offset", of: room.text) == "2")
      let list = try api("GET /v1/rooms?limit=1", on: admin)
      #expect(list.text == #"{"rooms":[{"room":"a/b}xé","members":1}]}"# + "\n")
      let history = try api("GET /v1/rooms/\(name)/history?reverse=true&limit=1", on: admin)
      #expect(history.text.hasPrefix(#"{"messages":[{"offset":2,"data":{"binary":"AQI="},"time":"#))
      let epoch = try #require(JSONText.value("epoch", of: history.text))
      let since = try api(
        "GET /v1/rooms/\(name)/history?since_epoch=\(epoch)&since_offset=1", on: admin)
      #expect(since.text.contains(#""recovered":true"#))
      let presence = try api("GET /v1/rooms/\(name)/presence", on: admin)
      #expect(presence.text == #"{"members":[{"connection":"\#(client.connection)"}]}"# + "\n")
      let cleared = try api("DELETE /v1/rooms/\(name)/history", on: admin)
      #expect(cleared.status == 204)
      #expect(cleared.body == [])
      let after = try api("GET /v1/rooms/\(name)/history", on: admin)
      #expect(after.text.hasPrefix(#"{"messages":[],"epoch":"#))
      #expect(JSONText.value("offset", of: after.text) == "2")
    }
  }

  @Test(arguments: [1, 3])
  func `users are written to, joined, kicked, listed and sent away`(shards: Int) async throws {
    try await withAdmin(.forTests(shards: shards)) { node, admin in
      let clients = try (0..<3).map { _ in try TestClient.open(node.address, user: "ada") }
      for client in clients { _ = try client.text() }
      let sent = try api("POST /v1/users/ada/messages", "7", on: admin)
      #expect(sent.text == #"{"delivered":3}"# + "\n")
      let all = try api("POST /v1/broadcast", #"{"all":true,"data":8}"#, on: admin)
      #expect(all.text == #"{"delivered":3}"# + "\n")
      for client in clients {
        #expect(try client.texts(2) == [7, 8].map { #"{"type":"direct","data":\#($0)}"# })
      }
      let joined = try api("PUT /v1/rooms/r/users/ada", on: admin)
      #expect(joined.text == #"{"connections":3}"# + "\n")
      try await node.settles { $0.members == 6 }
      let kicked = try api("DELETE /v1/rooms/r/users/ada", on: admin)
      #expect(kicked.text == #"{"connections":3}"# + "\n")
      let listed = try api("GET /v1/users/ada/connections", on: admin)
      for client in clients { #expect(listed.text.contains(client.connection)) }
      let one = try api("GET /v1/connections/\(clients[0].connection)", on: admin)
      #expect(JSONText.value("user", of: one.text) == "ada")
      #expect(JSONText.value("transport", of: one.text) == "websocket")
      let closed = try api(
        "DELETE /v1/connections/\(clients[0].connection)?reason=go%20away", on: admin)
      #expect(closed.text == #"{"connections":1}"# + "\n")
      #expect(try clients[0].eventsToEnd().contains(.close(4003, "go away")))
      let gone = try api("DELETE /v1/connections/\(clients[0].connection)", on: admin)
      #expect(gone.status == 404)
      let rest = try api("DELETE /v1/users/ada/connections", on: admin)
      #expect(rest.text == #"{"connections":2}"# + "\n")
    }
  }

  @Test func `a broadcast reaches each of its rooms`() async throws {
    try await withAdmin(.forTests(shards: 2)) { node, admin in
      let rooms = (0..<8).map { "r\($0)" }
      let list = rooms.map { "\"\($0)\"" }.joined(separator: ",")
      let response = try api(
        "POST /v1/broadcast", #"{"rooms":[\#(list)],"data":{}}"#,
        fields: ["Idempotency-Key: b"], on: admin)
      #expect(response.status == 200)
      #expect(response.text.hasPrefix(#"{"results":[{"room":"r0","epoch":"#))
      let again = try api(
        "POST /v1/broadcast", #"{"rooms":[\#(list)],"data":{}}"#,
        fields: ["Idempotency-Key: b"], on: admin)
      #expect(again.text == response.text)
      // One room has used the key for other data: the others are done, and the answer says which.
      let mixed = try api(
        "POST /v1/broadcast", #"{"rooms":["r0","new"],"data":1}"#,
        fields: ["Idempotency-Key: b"], on: admin)
      #expect(mixed.status == 409)
      #expect(mixed["Content-Type"] == "application/problem+json")
      #expect(mixed.text.contains(#"{"room":"new","epoch":"#))
      #expect(mixed.text.contains(#"{"room":"r0","problem":{"#))
    }
  }

  @Test func `rooms are listed page by page with a link to the next one`() async throws {
    try await withAdmin(.forTests(shards: 2)) { node, admin in
      let client = try TestClient.open(node.address)
      for name in ["a b", "é", "c"].map({ $0.replacing(" ", with: "/") }) {
        try client.ask(#"{"type":"join","room":"\#(name)","id":1}"#)
      }
      var path = "/v1/rooms?limit=1"
      var names: [String] = []
      while true {
        let page = try api("GET \(path)", on: admin)
        names.append(
          try #require(page.text.split(separator: "\"").dropFirst(5).first.map(String.init)))
        guard let link = page["Link"] else { break }
        #expect(link.hasSuffix(#">; rel="next""#))
        path = String(link.dropFirst().prefix { $0 != ">" })
      }
      #expect(names == ["a/b", "c", "é"])
    }
  }

  @Test func `nodes and the top are told`() async throws {
    try await withAdmin(.forTests(shards: 2)) { node, admin in
      let client = try TestClient.open(node.address)
      try client.ask(#"{"type":"join","room":"r","id":1}"#)
      // A node says what it has once a second.
      let clock = ContinuousClock()
      let end = clock.now + .seconds(30)
      var nodes = try api("GET /v1/nodes", on: admin)
      while JSONText.nodes(nodes.text, "connections") != ["1"], clock.now < end {
        nodes = try api("GET /v1/nodes", on: admin)
      }
      #expect(
        nodes.text.hasPrefix(
          #"{"nodes":[{"node":"test","incarnation":"test","self":true,"figures_age_ms":"#))
      #expect(JSONText.nodes(nodes.text, "phase") == ["serving"])
      #expect(JSONText.nodes(nodes.text, "connections") == ["1"])
      #expect(JSONText.nodes(nodes.text, "connections_max") == [String(node.connectionsMax)])
      for key in ["figures_age_ms", "queue_bytes", "resident_bytes", "uptime_seconds"] {
        #expect(JSONText.nodes(nodes.text, key).count == 1, "\(key)")
      }
      for target in ["/v1/top", "/v1/top?node=test", "/v1/top?limit=1"] {
        let top = try api("GET \(target)", on: admin)
        // The client's one message is recent, or not any more.
        #expect(
          top.text.hasPrefix(
            #"{"rooms":[{"room":"r","members":1,"messages_per_second":0}],"#
              + #""busiest_rooms":[],"queues":[],"busiest_connections":["#), "\(top.text)")
      }
      let other = try api("GET /v1/top?node=else", on: admin)
      #expect(other.status == 404)
      #expect(JSONText.value("code", of: other.text) == "not_found")
    }
  }

  @Test func `rates are told of the second before`() async throws {
    try await withAdmin { node, admin in
      let client = try TestClient.open(node.address)
      try client.ask(#"{"type":"join","room":"r","id":1}"#)
      let clock = ContinuousClock()
      let end = clock.now + .seconds(30)
      var told = ""
      repeat {
        try client.ask(#"{"type":"ping","id":2}"#)
        told = try api("GET /v1/nodes", on: admin).text
      } while !told.contains(#""messages_in":"#) && clock.now < end
      #expect(told.contains(#""rates":{"messages_in":"#))
      #expect(told.contains(#""handshakes":"#))
      #expect(!told.contains(#""redis""#))
    }
  }

  // MARK: Refusals

  @Test(
    arguments: [
      ("GET /v1", nil, 404, "not_found"), ("GET /v1/rooms/", nil, 404, "not_found"),
      ("GET /v1/rooms/%", nil, 400, "bad_request"), ("GET /v1/rooms/%20", nil, 400, "bad_request"),
      ("GET /v1/rooms/%FF", nil, 400, "bad_request"),
      ("GET /v1/rooms/\(String(repeating: "x", count: 256))", nil, 400, "bad_request"),
      ("GET /v1/rooms?limit=0", nil, 400, "bad_request"),
      ("GET /v1/rooms?limit=1001", nil, 400, "bad_request"),
      ("GET /v1/rooms?limit=99999999999999999999999", nil, 400, "bad_request"),
      ("GET /v1/rooms?limit=1&limit=2", nil, 400, "bad_request"),
      ("GET /v1/rooms?x=1", nil, 400, "bad_request"),
      ("GET /v1/rooms?after=%0A", nil, 400, "bad_request"),
      ("GET /v1/rooms/r/history?since_epoch=x&since_offset=1", nil, 400, "bad_request"),
      ("GET /v1/rooms/r/history?since_offset=1", nil, 400, "bad_request"),
      ("GET /v1/rooms/r/history?reverse=yes", nil, 400, "bad_request"),
      ("POST /v1/rooms/r/messages", "", 400, "bad_request"),
      ("POST /v1/rooms/r/messages", "{", 400, "bad_request"),
      ("POST /v1/rooms/r/messages", "1 2", 400, "bad_request"),
      (
        "POST /v1/rooms/r/messages", "\"\(String(repeating: "x", count: 65_535))\"", 413,
        "too_large"
      ),
      ("POST /v1/broadcast", "[]", 400, "bad_request"),
      ("POST /v1/broadcast", #"{"rooms":["a"]}"#, 400, "bad_request"),
      ("POST /v1/broadcast", #"{"rooms":[],"data":1}"#, 400, "bad_request"),
      ("POST /v1/broadcast", #"{"rooms":["a","a"],"data":1}"#, 400, "bad_request"),
      ("POST /v1/broadcast", #"{"rooms":["a b"],"data":1}"#, 400, "bad_request"),
      ("POST /v1/broadcast", #"{"all":false,"data":1}"#, 400, "bad_request"),
      ("POST /v1/broadcast", #"{"all":true,"rooms":["a"],"data":1}"#, 400, "bad_request"),
      ("POST /v1/broadcast", #"{"all":true,"data":1,"x":1}"#, 400, "bad_request"),
      ("POST /v1/users/%0A/messages", "1", 400, "bad_request"),
      ("PUT /v1/rooms/user:ada/users/ada", nil, 403, "forbidden"),
      ("GET /v1/connections/x", nil, 404, "not_found"),
      ("GET /v1/connections/1-0.0.1", nil, 404, "not_found"),
      ("DELETE /v1/users/a/connections?reason=", nil, 400, "bad_request"),
      (
        "DELETE /v1/users/a/connections?reason=\(String(repeating: "x", count: 31))", nil, 400,
        "bad_request"
      ),
      ("PATCH /v1/rooms", nil, 405, "method_not_allowed"),
      ("GET /v1/top?limit=101", nil, 400, "bad_request"),
      ("GET /v1/top?node=", nil, 400, "bad_request"),
      ("GET /v1/top?node=%FF", nil, 400, "bad_request"),
      ("GET /v1/top?node=\(String(repeating: "n", count: 256))", nil, 400, "bad_request"),
      ("GET /v1/top?node=\(String(repeating: "n", count: 255))", nil, 404, "not_found"),
    ] as [(String, String?, Int, String)])
  func `what is wrong is a problem that says so`(
    line: String, body: String?, status: Int, code: String
  ) async throws {
    try await withAdmin { _, admin in
      let response = try api(line, body, on: admin)
      #expect(response.status == status, "\(response.text)")
      #expect(response["Content-Type"] == "application/problem+json")
      #expect(JSONText.value("code", of: response.text) == code)
      #expect(JSONText.value("status", of: response.text) == String(status))
      #expect(response["Allow"] == (status == 405 ? "GET, HEAD" : nil))
    }
  }

  @Test(arguments: [
    "Content-Type: text/plain", "Content-Type: application/x-www-form-urlencoded",
    "Content-Encoding: gzip",
  ])
  func `a body of another kind is refused`(field: String) async throws {
    try await withAdmin { _, admin in
      let response = try api("POST /v1/rooms/r/messages", "1", fields: [field], on: admin)
      #expect(response.status == 415)
    }
  }

  @Test func `a namespace that is not configured is refused by its setting`() async throws {
    try await withAdmin(Self.closed()) { _, admin in
      let fields = ["Authorization: Bearer \(Self.key)"]
      for (line, body) in [
        ("POST /v1/rooms/chat:x/messages", "1"), ("GET /v1/rooms/chat:x", nil),
        ("POST /v1/broadcast", #"{"rooms":["ok","chat:x"],"data":1}"#),
      ] {
        let response = try api(line, body, fields: fields, on: admin)
        #expect(response.status == 403)
        #expect(response.text.contains("namespaces.chat"))
      }
      for path in ["presence", "history"] {
        let response = try api("GET /v1/rooms/r/\(path)", fields: fields, on: admin)
        #expect(response.status == 403)
      }
    }
  }

  @Test(arguments: [1, 128, 129])
  func `an idempotency key has at most 128 characters`(count: Int) async throws {
    try await withAdmin { _, admin in
      let key = "Idempotency-Key: \(String(repeating: "k", count: count))"
      let response = try api("POST /v1/rooms/r/messages", "1", fields: [key], on: admin)
      #expect(response.status == (count <= 128 ? 200 : 400))
    }
  }

  // MARK: Order and ends

  @Test(arguments: [1, 2])
  func `pipelined requests are answered in order`(shards: Int) async throws {
    try await withAdmin(.forTests(shards: shards)) { _, admin in
      let socket = try BlockingSocket(to: admin.address)
      var text = ""
      for number in 0..<200 {
        text += "POST /v1/rooms/r/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
        text += String(100 + number)
        if number % 3 == 0 { text += "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" }
      }
      try socket.write(Array(text.utf8))
      // It ends sending at once, and still gets every answer.
      socket.endSending()
      let responses = ResponseReader(socket)
      for number in 0..<200 {
        let published = try responses.response()
        #expect(JSONText.value("offset", of: published.text) == String(number + 1))
        guard number % 3 == 0 else { continue }
        let health = try responses.response()
        #expect(health.text == "ok\n")
      }
      #expect(try socket.read() == .end)
    }
  }

  @Test func `a request may be cut at any byte`() async throws {
    try await withAdmin { _, admin in
      let bytes = Array(
        "POST /v1/rooms/r/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n[1]".utf8)
      for split in 1..<bytes.count {
        let socket = try BlockingSocket(to: admin.address)
        try socket.write(Array(bytes[..<split]))
        try socket.write(Array(bytes[split...]))
        let response = try ResponseReader(socket).response()
        #expect(response.status == 200)
      }
    }
  }

  @Test func `who goes away before the answer disturbs nobody`() async throws {
    try await withAdmin(.forTests(shards: 2)) { _, admin in
      for _ in 0..<100 {
        let socket = try BlockingSocket(to: admin.address)
        try socket.write(Array("GET /v1/rooms HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        socket.abort()
      }
      var status = 503
      for _ in 0..<1000 where status == 503 {
        status = (try? api("GET /v1/rooms", on: admin).status) ?? 503
      }
      #expect(status == 200)
    }
  }

  @Test func `a node that has stopped says so`() async throws {
    let node = try Node(.forTests(), log: .quiet)
    let admin = try AdminServer(node: node, listen: .loopback)
    defer { admin.stop() }
    node.stop()
    node.waitUntilStopped()
    let response = try api("GET /v1/rooms", on: admin)
    #expect(response.status == 503)
    #expect(response["Retry-After"] == "1")
  }

  @Test func `requests are counted by operation and class`() async throws {
    try await withAdmin { _, admin in
      _ = try api("GET /v1/rooms", on: admin)
      _ = try api("GET /v1/rooms?limit=0", on: admin)
      _ = try api("GET /v1/nothing", on: admin)
      let lines = Set(
        try api("GET /metrics", on: admin).text.split(separator: "\n").map(String.init))
      for line in [
        #"roost_api_requests_total{operation="list_rooms",class="2xx"} 1"#,
        #"roost_api_requests_total{operation="list_rooms",class="4xx"} 1"#,
        #"roost_api_requests_total{operation="other",class="4xx"} 1"#,
      ] { #expect(lines.contains(line), "\(line)") }
    }
  }
}
