// The admin port as an HTTP server: bodies, keep-alive, pipelining, limits, ends. RFC 9112.

import Admin
import Gateway
import RoostEventLoop
import TestSupport
import Testing

/// Runs `body` with a node and its admin port, then stops both.
func withAdmin(
  _ configuration: Configuration = .forTests(), _ body: (Node, AdminServer) async throws -> Void
) async throws {
  try await withNode(configuration) { node in
    let admin = try AdminServer(node: node, listen: configuration.admin)
    defer { admin.stop() }
    try await body(node, admin)
  }
}

struct AdminServerTests {
  private static let health = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"

  @Test func `a request may be cut at any byte`() async throws {
    try await withAdmin { _, admin in
      let bytes = Array("PUT /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".utf8)
      for split in 1..<bytes.count {
        let socket = try BlockingSocket(to: admin.address)
        try socket.write(Array(bytes[..<split]))
        try socket.write(Array(bytes[split...]))
        let response = try ResponseReader(socket).response()
        #expect(response.status == 405)
      }
    }
  }

  @Test func `pipelined requests with bodies are answered in order on one connection`() async throws
  {
    try await withAdmin { _, admin in
      let socket = try BlockingSocket(to: admin.address)
      let chunked =
        "POST /v1/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "4;a=b\r\nGET \r\n1\r\n/\r\n0\r\nTrailer: x\r\n\r\n"
      let sized = "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nGET /"
      try socket.write(Array((Self.health + chunked + sized + Self.health).utf8))
      let responses = ResponseReader(socket)
      let statuses = try (0..<4).map { _ in try responses.response().status }
      #expect(statuses == [200, 404, 405, 200])
    }
  }

  @Test(arguments: [
    ("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 200),
    ("GET /healthz HTTP/1.0\r\n\r\n", 200),
    ("GET /healthz HTTP/1.1\r\n\r\n", 400),
    ("nonsense\r\n\r\n", 400),
    ("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413),
    ("GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n100001\r\n", 413),
    ("GET /healthz HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400),
    (
      "GET /healthz HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "x", count: 16_384))\r\n\r\n", 431
    ),
    ("GET /\(String(repeating: "x", count: 8200)) HTTP/1.1\r\nHost: a\r\n\r\n", 414),
  ])
  func `after the last answer of a connection it is closed`(text: String, status: Int) async throws
  {
    try await withAdmin { _, admin in
      let socket = try BlockingSocket(to: admin.address)
      try socket.write(Array(text.utf8))
      let responses = ResponseReader(socket)
      let response = try responses.response()
      #expect(response.status == status)
      #expect(response["Connection"] == "close")
      #expect(try socket.readToEnd().isClean)
    }
  }

  @Test func `a peer that expects it is told to go on with its body`() async throws {
    try await withAdmin { _, admin in
      let socket = try BlockingSocket(to: admin.address)
      try socket.write(
        Array(
          "POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n".utf8
        ))
      let responses = ResponseReader(socket)
      let interim = try responses.response()
      #expect(interim.status == 100)
      try socket.write(Array("abc".utf8))
      let final = try responses.response()
      #expect(final.status == 404)
    }
  }

  @Test func `a body of the limit's size is read`() async throws {
    try await withAdmin { _, admin in
      let socket = try BlockingSocket(to: admin.address)
      try socket.write(
        Array("POST /v1/x HTTP/1.1\r\nHost: a\r\nContent-Length: 1048576\r\n\r\n".utf8)
          + Array(repeating: 0x61, count: 1_048_576) + Array(Self.health.utf8))
      let responses = ResponseReader(socket)
      let statuses = try (0..<2).map { _ in try responses.response().status }
      #expect(statuses == [404, 200])
    }
  }

  @Test func `a peer that ends sending and reads late gets every answer`() async throws {
    try await withAdmin { _, admin in
      let socket = try BlockingSocket(to: admin.address, receiveBytes: 4096)
      let count = 200
      let metrics = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
      try socket.write(Array(String(repeating: metrics, count: count).utf8))
      socket.endSending()
      let responses = ResponseReader(socket)
      for _ in 0..<count {
        let response = try responses.response()
        #expect(response.status == 200)
      }
      #expect(try socket.read() == .end)
    }
  }

  @Test func `the connection over the limit is refused and there is room again after an end`()
    async throws
  {
    try await withAdmin { _, admin in
      let sockets = try (0..<64).map { _ in try BlockingSocket(to: admin.address) }
      for socket in sockets {
        try socket.write(Array(Self.health.utf8))
        let response = try ResponseReader(socket).response()
        #expect(response.status == 200)
      }
      let refused = try BlockingSocket(to: admin.address)
      let response = try ResponseReader(refused).response()
      #expect(response.status == 503)
      #expect(response["Retry-After"] == "1")
      sockets[5].close()
      // The end is noticed in a tick of its own.
      var status = 503
      for _ in 0..<1000 where status == 503 {
        let socket = try BlockingSocket(to: admin.address)
        // A refused connection may be reset before its request is sent.
        try? socket.write(Array(Self.health.utf8))
        status = (try? ResponseReader(socket).response().status) ?? 503
      }
      #expect(status == 200)
    }
  }

  // The end of a peer that had answers waiting woke the loop for good, and put its deadline off each
  // time: such a peer kept a core busy as long as it liked.
  @Test func `who is slow, or never reads, is cut off after ten seconds`() async throws {
    try await withAdmin { _, admin in
      let unread = try BlockingSocket(
        to: admin.address, deadline: .seconds(60), receiveBytes: 4096)
      let metrics = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
      try unread.write(Array(String(repeating: metrics, count: 540).utf8))
      unread.endSending()
      // Answered behind those requests, so that the time of the others runs later.
      let one = try request(metrics, to: admin.address)
      let start = MonotonicInstant.now()
      let silent = try BlockingSocket(to: admin.address, deadline: .seconds(60))
      let slow = try BlockingSocket(to: admin.address, deadline: .seconds(60))
      try slow.write(Array("GET /healthz HT".utf8))
      #expect(try silent.read() == .end)
      let slowEnd = try slow.readToEnd()
      #expect(slowEnd.bytes.isEmpty)
      let waited = MonotonicInstant.now().since(start)
      #expect(waited > .seconds(9) && waited < .seconds(40))
      // What the kernels had taken is all that it gets.
      let rest = try unread.readToEnd()
      #expect(rest.bytes.count < 540 * one.body.count)
    }
  }

  @Test func `stop closes the port and every connection`() async throws {
    try await withNode(.forTests()) { node in
      let admin = try AdminServer(node: node, listen: .loopback)
      let socket = try BlockingSocket(to: admin.address)
      try socket.write(Array(Self.health.utf8))
      _ = try ResponseReader(socket).response()
      admin.stop()
      #expect(try socket.read() == .end)
      #expect(throws: TestFailure.self) { try BlockingSocket(to: admin.address) }
      admin.stop()
    }
  }

  @Test func `a taken port is refused with a sentence that helps`() async throws {
    try await withAdmin { node, admin in
      #expect {
        _ = try AdminServer(node: node, listen: admin.address)
      } throws: { "\($0)".hasPrefix("\(admin.address) is in use by another process") }
    }
  }

  #if DEBUG
    // The listener stayed readable and was asked again at once, for as long as the shortage lasted.
    @Test func `a shortage of descriptors pauses accepting and does not spin`() async {
      // The plan of faults is the process's.
      await #expect(processExitsWith: .success) {
        try await withAdmin { _, admin in
          SyscallFaults.plan(.accept, .shortage, nth: 1, persistent: true)
          let socket = try BlockingSocket(to: admin.address, deadline: .milliseconds(350))
          try socket.write(Array("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
          let early = try? socket.read()
          let hits = SyscallFaults.clear()
          let late = try ResponseReader(socket).response().status
          guard early == nil, (1...8).contains(hits), late == 200 else {
            throw TestFailure("\(String(describing: early)), \(hits) calls, \(late)")
          }
        }
      }
    }
  #endif
}
