// Behind a proxy, over real sockets: who is believed about an address, and whose count, rate and page
// it is then.

import Gateway
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWebSocket
import Telemetry
import TestSupport
import Testing

extension SocketTests {
  struct ProxySocketTests {
    private static let upgrade =
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
      + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
    /// 203.0.113.7:49153 by version 2.
    private static let binary: [UInt8] =
      signature + [0x21, 0x11, 0, 12, 203, 0, 113, 7, 198, 51, 100, 2, 0xC0, 1, 1, 0xBB]
    private static let line = Array("PROXY TCP4 203.0.113.7 198.51.100.2 49153 443\r\n".utf8)

    private static func configuration(
      field: ForwardedField = .xForwardedFor, protocol: Bool = false,
      trusted: [String] = ["127.0.0.0/8"], _ change: (inout Configuration) -> Void = { _ in }
    ) -> Configuration {
      .forTests {
        $0.proxies.trusted = trusted
        $0.proxies.field = field
        $0.proxies.speaksProxyProtocol = `protocol`
        change(&$0)
      }
    }

    /// Upgrades with further fields; the status that came, and the socket.
    private func open(
      _ address: SocketAddress, preface: [UInt8] = [], _ fields: String...
    ) throws -> (status: Int, socket: BlockingSocket) {
      let socket = try BlockingSocket(to: address)
      let text =
        "GET /ws HTTP/1.1\r\nHost: a\r\n\(Self.upgrade)"
        + fields.map { $0 + "\r\n" }.joined() + "\r\n"
      try socket.write(preface + Array(text.utf8))
      return (try ResponseReader(socket).head().status, socket)
    }

    /// The address that the node has for the connection with this id.
    private func address(of connection: String, at node: Node) async throws -> String {
      let id = try #require(ConnectionID(text: connection))
      guard case .connection(let details) = await node.answer(to: .connection(id)) else {
        throw TestFailure("no details of \(connection)")
      }
      return details.address
    }

    private func metric(_ name: String, of node: Node) -> String? {
      var text = PrometheusText()
      node.appendMetrics(to: &text)
      return String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
        .first { $0.hasPrefix(name + " ") }
        .map { String($0.dropFirst(name.utf8.count + 1)) }
    }

    @Test(arguments: [
      (ForwardedField.xForwardedFor, "X-Forwarded-For: 1.1.1.1, 203.0.113.7", "203.0.113.7"),
      (.xForwardedFor, "X-Forwarded-For: 203.0.113.7, 127.0.0.9", "203.0.113.7"),
      (.xForwardedFor, "Forwarded: for=203.0.113.7", "127.0.0.1"),
      (.xForwardedFor, "X-Forwarded-For: nonsense", "127.0.0.1"),
      (.forwarded, "Forwarded: for=\"[2001:db8::7]:47011\"", "2001:db8::7"),
      (.forwarded, "X-Forwarded-For: 203.0.113.7", "127.0.0.1"),
      (.none, "X-Forwarded-For: 203.0.113.7", "127.0.0.1"),
    ])
    func `a trusted proxy's header tells the address`(
      _ field: ForwardedField, _ line: String, _ expected: String
    ) async throws {
      try await withNode(Self.configuration(field: field)) { node in
        let client = TestClient(try BlockingSocket(to: node.address))
        let parts = line.split(separator: ":", maxSplits: 1)
        try client.upgrade(fields: [(String(parts[0]), String(parts[1].dropFirst()))])
        try client.welcomed()
        #expect(try await address(of: client.connection, at: node) == expected)
      }
    }

    @Test func `nobody is believed who is not trusted`() async throws {
      try await withNode(Self.configuration(trusted: ["10.0.0.0/8"])) { node in
        let client = TestClient(try BlockingSocket(to: node.address))
        try client.upgrade(fields: [
          ("X-Forwarded-For", "203.0.113.7"), ("Forwarded", "for=203.0.113.7"),
        ])
        try client.welcomed()
        #expect(try await address(of: client.connection, at: node) == "127.0.0.1")
      }
    }

    @Test func `connections count by the true address and not by the proxy's`() async throws {
      let configuration = Self.configuration { $0.limits.connectionsPerAddress = 2 }
      try await withNode(configuration) { node in
        let crowd = try (0..<30).map {
          try open(node.address, "X-Forwarded-For: 198.51.100.\($0)")
        }
        #expect(crowd.allSatisfy { $0.status == 101 })
        let busy = try (0..<3).map { _ in try open(node.address, "X-Forwarded-For: 203.0.113.7") }
        #expect(busy.map(\.status) == [101, 101, 429])
        // The refused one counts, too, until it is gone.
        busy[0].socket.abort()
        busy[2].socket.abort()
        try await node.settles { $0.sockets <= 31 }
        #expect(try open(node.address, "X-Forwarded-For: 203.0.113.7").status == 101)
        crowd.forEach { $0.socket.close() }
      }
    }

    @Test func `what no header names counts as the proxy's own`() async throws {
      let configuration = Self.configuration { $0.limits.connectionsPerAddress = 2 }
      try await withNode(configuration) { node in
        let fields = ["X-Forwarded-For: nonsense", "X-Other: a", "X-Forwarded-For: unknown"]
        let opened = try fields.map { try open(node.address, $0) }
        #expect(opened.map(\.status) == [101, 101, 429])
        #expect(metric("roost_forwarded_malformed_total", of: node) == "1")
      }
    }

    @Test func `requests of several clients over one connection of a proxy count apart`()
      async throws
    {
      let configuration = Self.configuration { $0.limits.connectionsPerAddress = 1 }
      try await withNode(configuration) { node in
        let socket = try BlockingSocket(to: node.address)
        let reader = ResponseReader(socket)
        for client in ["203.0.113.7", "203.0.113.8", "203.0.113.7"] {
          let text = "GET /readyz HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: \(client)\r\n\r\n"
          try socket.write(Array(text.utf8))
          #expect(try reader.response().status == 200)
        }
        // Its last request was for .7, whose only connection it is.
        let other = try open(node.address, "X-Forwarded-For: 203.0.113.8")
        let same = try open(node.address, "X-Forwarded-For: 203.0.113.7")
        #expect([other.status, same.status] == [101, 429])
        socket.close()
        same.socket.abort()
        try await node.settles { $0.sockets == 1 }
        #expect(try open(node.address, "X-Forwarded-For: 203.0.113.7").status == 101)
        other.socket.close()
      }
    }

    @Test(arguments: [
      ("https", "https://a", 101), ("https", "http://a", 403), ("http", "http://a", 101),
      ("http", "https://a", 403), ("gopher", "https://a", 101),
    ])
    func `a trusted proxy tells the scheme that the page must have`(
      _ scheme: String, _ origin: String, _ status: Int
    ) async throws {
      var configuration = Configuration.forTests(dev: false)
      configuration.proxies.trusted = ["127.0.0.1"]
      try await withNode(configuration) { node in
        let fields = ["Origin: \(origin)", "X-Forwarded-Proto: \(scheme)"]
        let opened = try open(node.address, fields[0], fields[1])
        #expect(opened.status == status)
      }
    }

    @Test(arguments: [line, binary])
    func `a PROXY header tells the address wherever it is cut`(_ header: [UInt8]) async throws {
      try await withNode(Self.configuration(protocol: true)) { node in
        for split in 1...header.count {
          let socket = try BlockingSocket(to: node.address)
          try socket.write(Array(header[..<split]))
          // A question to the node's shard in between, so that the pieces are read one by one.
          try await node.settles { $0.sockets >= 1 }
          let client = TestClient(socket)
          try socket.write(Array(header[split...]))
          try client.upgrade()
          try client.welcomed()
          #expect(try await address(of: client.connection, at: node) == "203.0.113.7")
          client.abort()
        }
        try await node.empties()
      }
    }

    @Test func `a PROXY header, request and frames may come in one piece`() async throws {
      let configuration = Self.configuration(protocol: true) {
        $0.limits.connectionsPerAddress = 2
      }
      try await withNode(configuration) { node in
        let text = Array("GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".utf8)
        for header in [Self.line, Self.binary, Self.signature + [0x20, 0, 0, 0]] {
          let socket = try BlockingSocket(to: node.address)
          try socket.write(header + text)
          #expect(try ResponseReader(socket).response().status == 200)
        }
        try await node.empties()
        let busy = try (0..<3).map { _ in try open(node.address, preface: Self.line) }
        #expect(busy.map(\.status) == [101, 101, 429])
      }
    }

    @Test func `a PROXY header of a trusted address may be followed by its word`() async throws {
      let configuration = Self.configuration(protocol: true, trusted: ["127.0.0.1", "203.0.113.7"])
      try await withNode(configuration) { node in
        let socket = try BlockingSocket(to: node.address)
        try socket.write(Self.line)
        let client = TestClient(socket)
        try client.upgrade(fields: [("X-Forwarded-For", "192.0.2.99")])
        try client.welcomed()
        #expect(try await address(of: client.connection, at: node) == "192.0.2.99")
      }
    }

    @Test(arguments: [
      Array("GET / HTTP/1.1\r\n\r\n".utf8), Array("PROXY TCP4 nonsense\r\n".utf8),
      signature + [0x11], [22, 3, 1, 0, 200],
    ])
    func `without a PROXY header nobody gets an answer`(_ bytes: [UInt8]) async throws {
      try await withNode(Self.configuration(protocol: true)) { node in
        let socket = try BlockingSocket(to: node.address)
        try socket.write(bytes)
        #expect(try socket.readToEnd().bytes == [])
        try await node.empties()
        #expect(
          metric(#"roost_admission_refusals_total{reason="proxy_header"}"#, of: node) == "1")
      }
    }

    @Test func `a PROXY header of somebody else is not even read`() async throws {
      try await withNode(Self.configuration(protocol: true, trusted: ["10.0.0.0/8"])) { node in
        let socket = try BlockingSocket(to: node.address)
        #expect(try socket.readToEnd().bytes == [])
        try await node.empties()
        #expect(
          metric(#"roost_admission_refusals_total{reason="proxy_untrusted"}"#, of: node) == "1")
      }
    }

    @Test func `a PROXY header has the time of a handshake`() async throws {
      let configuration = Self.configuration(protocol: true) {
        $0.limits.handshakeTimeout = .milliseconds(100)
      }
      try await withNode(configuration) { node in
        let socket = try BlockingSocket(to: node.address)
        try socket.write(Array(Self.binary.dropLast()))
        #expect(try socket.readToEnd().bytes == [])
        try await node.empties()
      }
    }
  }
}
