// Webhooks over real sockets: what happens is told, once it was taken only once, and to the end.

import Gateway
import RoostEventLoop
import TestSupport
import Testing

extension SocketTests {
  struct WebhookSocketTests {
    private static func configuration(
      _ url: String, events: [WebhookKind] = WebhookKind.allCases, shards: Int = 1
    ) -> Configuration {
      .forTests(shards: shards) {
        $0.webhooks.url = url
        $0.webhooks.secret = "a-secret-of-thirty-two-characters"
        $0.webhooks.events = events.map(\.rawValue)
      }
    }

    /// The events of all requests, in order, without those that came twice.
    private static func events(_ service: TestHTTPServer) -> [String] {
      var seen: Set<String> = []
      return service.received.flatMap { request in
        request.text.components(between: "{\"id\":", and: "}")
      }.filter { seen.insert($0).inserted }
    }

    private static func names(_ service: TestHTTPServer) -> [String] {
      events(service).compactMap { JSONText.value("event", of: "{\"id\":\($0)}") }
    }

    @Test(arguments: [1, 2])
    func `what happens on a node is told in order, to the end`(shards: Int) async throws {
      let service = try TestHTTPServer { _ in .response(204) }
      let node = try Node(Self.configuration(service.url("/hooks"), shards: shards), log: .quiet)
      let client = try TestClient.open(node.address, user: "ann")
      _ = try client.text()
      _ = try client.ask(#"{"type":"join","room":"r","id":1}"#)
      _ = try client.ask(#"{"type":"leave","room":"r","id":2}"#)
      _ = try client.ask(#"{"type":"join","room":"s","id":3}"#)
      let other = try TestClient.open(node.address)
      _ = try other.ask(#"{"type":"join","room":"s","id":3}"#)
      try other.close()
      node.drain()
      _ = try client.eventsToEnd()
      node.waitUntilStopped()
      // What happened last was told before the node ended.
      let names = Self.names(service)
      #expect(names.filter { $0 == "connected" }.count == 2)
      #expect(names.filter { $0 == "disconnected" }.count == 2)
      #expect(names.filter { $0 == "room_occupied" }.count == 2)
      #expect(names.filter { $0 == "room_vacated" }.count == 2)
      #expect(names.first == "connected")
      let told = Self.events(service).joined()
      #expect(told.contains(#""connection":"\#(client.connection)","user":"ann""#))
      let request = try #require(service.received.first)
      #expect(request.target == "/hooks")
      #expect(request.field("roost-signature") != nil)
      #expect(request.field("roost-id") != nil)
      #expect(request.text.hasPrefix(#"{"node":"test","events":[{"id":""#))
    }

    @Test func `only what is asked for is told`() async throws {
      let service = try TestHTTPServer { _ in .response(200) }
      try await withNode(Self.configuration(service.url("/"), events: [.roomVacated])) { node in
        let client = try TestClient.open(node.address)
        _ = try client.ask(#"{"type":"join","room":"r","id":1}"#)
        try client.close()
        try await node.empties()
        try service.waitForRequests(1)
        #expect(Self.names(service) == ["room_vacated"])
      }
    }

    @Test func `what was not taken is sent again under the same name`() async throws {
      let count = Lock(0)
      let service = try TestHTTPServer { _ in
        let number = count.withLock { count in
          count += 1
          return count
        }
        return number == 1 ? .response(503) : .response(200)
      }
      try await withNode(Self.configuration(service.url("/"), events: [.connected])) { node in
        _ = try TestClient.open(node.address)
        try service.waitForRequests(2)
      }
      let requests = service.received
      #expect(requests.count == 2)
      #expect(requests[0].text == requests[1].text)
      #expect(requests[0].field("roost-id") == requests[1].field("roost-id"))
    }

    @Test func `what waits goes to the receiver that a reload names, and nothing is lost`()
      async throws
    {
      let away = try TestHTTPServer { _ in .response(503) }
      let there = try TestHTTPServer { _ in .response(200) }
      var configuration = Self.configuration(away.url("/"), events: [.connected])
      try await withNode(configuration) { node in
        var clients = try (0..<3).map { _ in try TestClient.open(node.address) }
        try away.waitForRequests(1)
        configuration.webhooks.url = there.url("/")
        #expect(node.reload(configuration) == .reloaded(kept: []))
        clients.append(try TestClient.open(node.address))
        let expected = clients.map(\.connection)
        let deadline = MonotonicInstant.now().advanced(by: .seconds(60))
        while Self.events(there).count < 4 {
          guard MonotonicInstant.now() < deadline else { throw TestFailure("events are missing") }
          await Task.yield()
        }
        let told = Self.events(there).compactMap {
          JSONText.value("connection", of: "{\"id\":\($0)}")
        }
        #expect(told == expected)
      }
    }

    @Test func `what waits is told to the end where no receiver is named any more`() async throws {
      let isThere = Lock(false)
      let service = try TestHTTPServer { _ in
        isThere.withLock { $0 } ? .response(200) : .response(503)
      }
      var configuration = Self.configuration(service.url("/"), events: [.connected])
      try await withNode(configuration) { node in
        _ = try TestClient.open(node.address)
        try service.waitForRequests(1)
        configuration.webhooks.url = ""
        configuration.webhooks.events = []
        #expect(node.reload(configuration) == .reloaded(kept: []))
        _ = try TestClient.open(node.address)
        isThere.withLock { $0 = true }
        let count = service.received.count
        try service.waitForRequests(count + 1, within: .seconds(60))
        #expect(Self.events(service).count == 1)
      }
    }

    @Test(arguments: [1, 2])
    func `rooms that are occupied when it is to be told are told`(shards: Int) async throws {
      let service = try TestHTTPServer { _ in .response(200) }
      var configuration = Self.configuration(
        service.url("/"), events: [.connected], shards: shards)
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        _ = try client.ask(#"{"type":"join","room":"r","id":1}"#)
        try service.waitForRequests(1)
        configuration.webhooks.events = [WebhookKind.roomOccupied, .roomVacated].map(\.rawValue)
        #expect(node.reload(configuration) == .reloaded(kept: []))
        try service.waitForRequests(2)
        try client.close()
        try service.waitForRequests(3)
        #expect(Self.names(service) == ["connected", "room_occupied", "room_vacated"])
      }
    }

    @Test func `a node whose receiver is away ends all the same`() async throws {
      let service = try TestHTTPServer { _ in .hangUp }
      try await withNode(Self.configuration(service.url("/"), events: [.connected])) { node in
        _ = try TestClient.open(node.address)
        try service.waitForRequests(1)
      }
    }
  }
}

extension String {
  /// The texts that stand between two marks.
  fileprivate func components(between start: String, and end: String) -> [String] {
    var parts: [String] = []
    var rest = self[...]
    while let from = rest.firstRange(of: start) {
      rest = rest[from.upperBound...]
      guard let to = rest.firstRange(of: end) else { break }
      parts.append(String(rest[..<to.lowerBound]))
      rest = rest[to.upperBound...]
    }
    return parts
  }
}
