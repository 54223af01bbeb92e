// The callback over real sockets: what it decides happens, what waits for it waits in order, and a
// service that is away neither opens a door nor holds anybody up for long.

import Gateway
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import Telemetry
import TestSupport
import Testing

extension SocketTests {
  struct HookSocketTests {
    private static let secret = "a-secret-of-thirty-two-characters"

    private static func configuration(
      _ url: String, decides: [String], shards: Int = 1,
      _ change: (inout Configuration) -> Void = { _ in }
    ) -> Configuration {
      .forTests(shards: shards) {
        $0.hooks.url = url
        $0.hooks.secret = secret
        $0.hooks.decides = decides
        $0.namespaces[""] = RoomPolicy()
        change(&$0)
      }
    }

    private static func service(
      _ decide: @escaping @Sendable (ReceivedRequest) -> ScriptedAnswer
    ) throws -> TestHTTPServer {
      try TestHTTPServer(decide)
    }

    /// A service that says no to what names something forbidden.
    private static func judge() throws -> TestHTTPServer {
      try service { request in
        let isForbidden = request.text.contains("forbidden")
        let answer = isForbidden ? #"{"allow":false,"reason":"not you"}"# : #"{"allow":true}"#
        return .response(200, body: answer)
      }
    }

    // MARK: Reloads

    @Test(arguments: [1, 2])
    func `a reload asks another service, which decides anew, or none`(shards: Int) async throws {
      let first = try Self.service { _ in .response(200, body: #"{"allow":true}"#) }
      let second = try Self.service { _ in .response(200, body: #"{"allow":false}"#) }
      var configuration = Self.configuration(
        first.url("/"), decides: ["join"], shards: shards
      ) { $0.hooks.cache = .seconds(600) }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address, user: "ann")
        _ = try client.text()
        func join() throws -> String {
          let answer = try client.ask(#"{"type":"join","room":"r","id":1}"#)
          guard JSONText.value("type", of: answer) == "ok" else { return answer }
          _ = try client.ask(#"{"type":"leave","room":"r","id":2}"#)
          return "ok"
        }
        for _ in 0..<2 { #expect(try join() == "ok") }
        #expect(first.received.count == 1)
        configuration.hooks.url = second.url("/")
        #expect(node.reload(configuration) == .reloaded(kept: []))
        #expect(JSONText.value("code", of: try join()) == "forbidden")
        #expect(first.received.count == 1 && second.received.count == 1)
        configuration.hooks.url = ""
        configuration.hooks.decides = []
        #expect(node.reload(configuration) == .reloaded(kept: []))
        #expect(try join() == "ok")
        configuration.hooks.url = first.url("/")
        configuration.hooks.decides = ["join"]
        configuration.hooks.concurrency += 1
        #expect(node.reload(configuration) == .reloaded(kept: ["hooks.concurrency"]))
        #expect(try join() == "ok")
        #expect(first.received.count == 2 && second.received.count == 1)
      }
    }

    @Test func `who waits for a decision gets one, whatever is reloaded`() async throws {
      let silent = try Self.service { _ in .silence }
      var configuration = Self.configuration(silent.url("/"), decides: ["join"]) {
        $0.hooks.concurrency = 1
        $0.hooks.timeout = .milliseconds(500)
        $0.hooks.onFailure = .deny
      }
      try await withNode(configuration) { node in
        let clients = try (0..<3).map { _ in try TestClient.open(node.address) }
        for client in clients { try client.send(#"{"type":"join","room":"r","id":1}"#) }
        try silent.waitForRequests(1)
        configuration.hooks.url = ""
        configuration.hooks.decides = []
        #expect(node.reload(configuration) == .reloaded(kept: []))
        // One was asked about already; about the others nobody is to be asked any more.
        let answers = try clients.map { try $0.text() }
        #expect(answers.compactMap { JSONText.value("code", of: $0) } == ["unavailable"])
        #expect(answers.filter { JSONText.value("type", of: $0) == "ok" }.count == 2)
      }
    }

    // MARK: Connect

    @Test(arguments: [1, 2])
    func `a connection that is allowed has the user and the info it was given`(
      shards: Int
    ) async throws {
      let service = try Self.service { _ in
        .response(200, body: #"{"allow":true,"user":"ann","info":{"role":"host"}}"#)
      }
      let configuration = Self.configuration(
        service.url("/hook"), decides: ["connect"], shards: shards
      ) { $0.namespaces[""]?.presence = true }
      try await withNode(configuration) { node in
        let client = TestClient(try BlockingSocket(to: node.address))
        try client.upgrade()
        #expect(try client.welcomed().contains(#""user":"ann""#))
        #expect(try client.text().hasPrefix(#"{"type":"added","room":"user:ann""#))
        _ = try client.ask(#"{"type":"join","room":"r","id":1}"#)
        let answer = try client.ask(#"{"type":"presence","room":"r","id":2}"#)
        #expect(answer.contains(#""user":"ann","info":{"role":"host"}"#))
        let asked = try #require(service.received.first)
        #expect(asked.method == "POST")
        #expect(asked.target == "/hook")
        #expect(asked.field("content-type") == "application/json")
        #expect(asked.field("roost-id") != nil)
        #expect(asked.field("roost-signature")?.hasPrefix("t=") == true)
        #expect(
          asked.text
            == #"{"event":"connect","node":"test","connection":"\#(client.connection)","#
            + #""user":null,"address":"127.0.0.1"}"#)
        try client.close()
        try await node.empties()
      }
    }

    @Test func `what a client sends before its upgrade is answered is kept`() async throws {
      let service = try Self.judge()
      try await withNode(Self.configuration(service.url("/"), decides: ["connect"])) { node in
        let client = TestClient(try BlockingSocket(to: node.address))
        let early = TestClient.frame(.text, Array(#"{"type":"ping","id":1}"#.utf8))
        try client.upgrade(behind: early)
        try client.welcomed()
        #expect(try client.text() == #"{"type":"pong","id":1}"#)
      }
    }

    @Test func `a connection that is not allowed gets 403 and the reason`() async throws {
      let service = try Self.judge()
      try await withNode(Self.configuration(service.url("/"), decides: ["connect"])) { node in
        let socket = try BlockingSocket(to: node.address)
        try socket.write(Self.upgrade("/ws?user=forbidden"))
        let response = String(decoding: try socket.readToEnd().bytes, as: UTF8.self)
        #expect(response.hasPrefix("HTTP/1.1 403 "))
        #expect(response.hasSuffix("\r\n\r\nnot you\n"))
        #expect(node.connectionCount == 0)
        try await node.empties()
      }
    }

    @Test func `what is no handshake is refused without asking`() async throws {
      let service = try Self.judge()
      try await withNode(Self.configuration(service.url("/"), decides: ["connect"])) { node in
        let socket = try BlockingSocket(to: node.address)
        try socket.write(Array("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        let response = String(decoding: try socket.readToEnd().bytes, as: UTF8.self)
        #expect(response.hasPrefix("HTTP/1.1 4"))
        #expect(service.received == [])
      }
    }

    @Test func `a connection that goes while it is asked about leaves nothing behind`() async throws
    {
      let service = try Self.service { _ in .silence }
      let configuration = Self.configuration(service.url("/"), decides: ["connect"]) {
        $0.hooks.timeout = .milliseconds(500)
      }
      try await withNode(configuration) { node in
        for _ in 0..<8 {
          let socket = try BlockingSocket(to: node.address)
          try socket.write(Self.upgrade("/ws"))
        }
        try service.waitForRequests(1)
        try await node.empties()
        #expect(node.connectionCount == 0)
      }
    }

    @Test(arguments: HookFallback.allCases)
    func `without an answer the configuration decides`(fallback: HookFallback) async throws {
      let service = try Self.service { _ in .response(500) }
      let configuration = Self.configuration(service.url("/"), decides: ["connect"]) {
        $0.hooks.onFailure = fallback
      }
      try await withNode(configuration) { node in
        for _ in 0..<8 {
          let socket = try BlockingSocket(to: node.address)
          guard fallback == .deny else {
            let client = TestClient(socket)
            try client.upgrade()
            try client.welcomed()
            continue
          }
          try socket.write(Self.upgrade("/ws"))
          let response = String(decoding: try socket.readToEnd().bytes, as: UTF8.self)
          #expect(response.hasPrefix("HTTP/1.1 503 "))
          #expect(response.contains("\r\nRetry-After: 1\r\n"))
        }
        // Five failures in a row, and hardly anybody is asked any more.
        let name = "roost_hook_decisions_total{event=\"connect\",result="
        let failed = Self.metric("\(name)\"failed\"} ", node).flatMap { Int($0) } ?? 0
        let unasked = Self.metric("\(name)\"unasked\"} ", node).flatMap { Int($0) } ?? 0
        #expect(failed >= 5)
        #expect(failed + unasked == 8)
        #expect(service.received.count == failed)
        #expect(Self.metric("roost_hook_circuit_open ", node) == "1")
      }
    }

    // MARK: Join

    @Test(arguments: [1, 2])
    func `a join waits for its decision, and counts for nothing before`(shards: Int) async throws {
      let service = try Self.judge()
      let configuration = Self.configuration(service.url("/"), decides: ["join"], shards: shards)
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        try client.send(
          #"{"type":"join","room":"r","id":1}{"type":"publish","room":"r","data":1,"id":2}"#)
        #expect(try client.text().hasPrefix(#"{"type":"error","id":2,"code":"not_joined""#))
        #expect(try client.text() == #"{"type":"ok","id":1,"room":"r","members":1}"#)
        #expect(
          try client.ask(#"{"type":"join","room":"forbidden","id":3}"#)
            == #"{"type":"error","id":3,"code":"forbidden","message":"not you"}"#)
        #expect(try client.ask(#"{"type":"publish","room":"r","data":1,"id":4}"#).contains("ok"))
        try client.close()
        try await node.empties()
      }
    }

    @Test func `a room that is left before the decision is not joined`() async throws {
      let gate = try TestGate()
      let service = try Self.service { _ in
        gate.wait()
        return .response(200, body: #"{"allow":true}"#)
      }
      try await withNode(Self.configuration(service.url("/"), decides: ["join"])) { node in
        let client = try TestClient.open(node.address)
        try client.send(
          #"{"type":"join","room":"r","id":1}{"type":"join","room":"r","id":2}"#
            + #"{"type":"leave","room":"r","id":3}{"type":"leave","room":"r","id":4}"#)
        #expect(try client.text().hasPrefix(#"{"type":"error","id":2,"code":"bad_request""#))
        #expect(try client.text().hasPrefix(#"{"type":"error","id":1,"code":"not_joined""#))
        #expect(try client.text() == #"{"type":"ok","id":3}"#)
        #expect(try client.text().hasPrefix(#"{"type":"error","id":4,"code":"not_joined""#))
        gate.open()
        #expect(try client.ask(#"{"type":"join","room":"s","id":5}"#).contains(#""room":"s""#))
        try await node.settles { $0.members == 1 }
      }
    }

    @Test func `a decision about a user's join is remembered`() async throws {
      let service = try Self.judge()
      let configuration = Self.configuration(service.url("/"), decides: ["join"]) {
        $0.hooks.cache = .seconds(60)
      }
      try await withNode(configuration) { node in
        for _ in 0..<4 {
          let client = try TestClient.open(node.address, user: "ann")
          #expect(try client.text().contains("user:ann"))
          #expect(try client.ask(#"{"type":"join","room":"r","id":1}"#).contains(#""ok""#))
        }
        #expect(service.received.count == 1)
        #expect(Self.metric("roost_hook_remembered_total ", node) == "3")
      }
    }

    @Test func `an event stream is asked about like a join`() async throws {
      let service = try Self.judge()
      try await withNode(Self.configuration(service.url("/"), decides: ["join", "connect"])) {
        node in
        for (room, status) in [("forbidden", 403), ("r", 200)] {
          let socket = try BlockingSocket(to: node.address)
          try socket.write(Array("GET /v1/rooms/\(room)/events HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
          guard case .bytes(let bytes) = try socket.read() else {
            Issue.record("nothing came")
            return
          }
          let response = String(decoding: bytes, as: UTF8.self)
          #expect(response.hasPrefix("HTTP/1.1 \(status) "))
        }
        let asked = service.received.map { JSONText.value("event", of: $0.text) }
        #expect(asked == ["connect", "join", "connect", "join"])
        try await node.empties()
      }
    }

    // MARK: Publish

    @Test(arguments: [1, 2])
    func `publishes of one connection are decided and delivered in order`(shards: Int) async throws
    {
      let service = try Self.judge()
      let configuration = Self.configuration(
        service.url("/"), decides: ["publish"], shards: shards)
      try await withNode(configuration) { node in
        let reader = try TestClient.open(node.address)
        let writer = try TestClient.open(node.address)
        for client in [reader, writer] {
          for room in ["a", "b"] {
            _ = try client.ask(#"{"type":"join","room":"\#(room)","id":1}"#)
          }
        }
        for number in 0..<40 {
          let room = number % 2 == 0 ? "a" : "b"
          let data = number % 10 == 5 ? "\"forbidden\"" : "\(number)"
          try writer.send(#"{"type":"publish","room":"\#(room)","data":\#(data)}"#)
        }
        let texts = try reader.texts(36)
        for (room, rest) in [("a", 0), ("b", 1)] {
          let expected = (0..<40).filter { $0 % 2 == rest && $0 % 10 != 5 }
            .map { #"{"type":"message","room":"\#(room)","data":\#($0)}"# }
          #expect(texts.filter { $0.contains(#""room":"\#(room)""#) } == expected)
        }
        // Over all rooms they were asked about one after the other.
        let asked = service.received.compactMap { JSONText.value("data", of: $0.text) }
        #expect(asked == (0..<40).map { $0 % 10 == 5 ? "forbidden" : "\($0)" })
        #expect(service.received.count == 40)
        #expect(Self.metric(#"roost_errors_total{code="forbidden"} "#, node) == "4")
      }
    }

    @Test func `more publishes than may wait are refused`() async throws {
      let gate = try TestGate()
      let service = try Self.service { _ in
        gate.wait()
        return .response(200, body: #"{"allow":true}"#)
      }
      try await withNode(Self.configuration(service.url("/"), decides: ["publish"])) { node in
        let client = try TestClient.open(node.address)
        _ = try client.ask(#"{"type":"join","room":"r","id":0}"#)
        for number in 1...65 {
          try client.send(#"{"type":"publish","room":"r","data":1,"id":\#(number)}"#)
        }
        #expect(
          try client.text()
            == #"{"type":"error","id":65,"code":"rate_limited","message":"too many publishes "#
            + #"wait for the application's decision","retry_after_ms":100}"#)
        gate.open()
        let texts = try client.texts(128)
        #expect(texts.filter { $0.contains(#""type":"ok""#) }.count == 64)
      }
    }

    @Test func `whoever has left the room meanwhile does not publish into it`() async throws {
      let service = try Self.judge()
      try await withNode(Self.configuration(service.url("/"), decides: ["publish"])) { node in
        let client = try TestClient.open(node.address)
        _ = try client.ask(#"{"type":"join","room":"r","id":0}"#)
        try client.send(
          #"{"type":"publish","room":"r","data":1,"id":1}{"type":"leave","room":"r","id":2}"#)
        #expect(try client.text() == #"{"type":"ok","id":2}"#)
        #expect(try client.text().hasPrefix(#"{"type":"error","id":1,"code":"not_joined""#))
      }
    }

    @Test func `a node with a service that says nothing ends all the same`() async throws {
      let service = try Self.service { _ in .silence }
      let configuration = Self.configuration(service.url("/"), decides: ["publish"]) {
        $0.hooks.timeout = .seconds(60)
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        _ = try client.ask(#"{"type":"join","room":"r","id":0}"#)
        try client.send(#"{"type":"publish","room":"r","data":1,"id":1}"#)
        try service.waitForRequests(1)
      }
    }

    private static func upgrade(_ path: String) -> [UInt8] {
      Array(
        ("GET \(path) HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
          .utf8)
    }

    /// What stands behind a metric's name and labels.
    private static func metric(_ name: String, _ node: Node) -> String? {
      var text = PrometheusText()
      node.appendMetrics(to: &text)
      let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
      return lines.first { $0.hasPrefix(name) }.map { String($0.dropFirst(name.utf8.count)) }
    }
  }
}
