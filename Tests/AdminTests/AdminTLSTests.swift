// The admin port under TLS: the same requests, and event streams that move to a shard with their TLS.

import Admin
import Gateway
import RoostEventLoop
import TestSupport
import Testing

struct AdminTLSTests {
  private func withSecured(
    shards: Int = 1, _ body: (Node, AdminServer, TestCertificates) async throws -> Void
  ) async throws {
    let authority = try TestCertificates()
    let certificate = try authority.issue(names: "DNS:localhost")
    let configuration = Configuration.forTests(shards: shards) {
      $0.tls.certificates = TestCertificates.settings([certificate])
      $0.tls.admin = true
    }
    try await withAdmin(configuration) { try await body($0, $1, authority) }
  }

  @Test func `requests with bodies, large answers and pipelining work`() async throws {
    try await withSecured { _, admin, authority in
      let socket = try BlockingSocket(to: admin.address, authority, name: "localhost")
      let health = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
      let publish =
        "POST /v1/rooms/r/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n"
        + "\"" + String(repeating: "x", count: 39_998) + "\""
      let metrics = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
      for byte in health.utf8 { try socket.write([byte]) }
      try socket.write(Array((publish + metrics + health).utf8))
      let responses = ResponseReader(socket)
      let statuses = try (0..<4).map { _ in try responses.response().status }
      #expect(statuses == [200, 200, 200, 200])
    }
  }

  @Test func `plain HTTP is refused in the clear`() async throws {
    try await withSecured { _, admin, _ in
      let response = try request("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", to: admin.address)
      #expect(response.status == 400)
      #expect(response.text.contains("This port speaks TLS"))
    }
  }

  @Test(arguments: [1, 3])
  func `an event stream goes on under TLS on its shard`(shards: Int) async throws {
    try await withSecured(shards: shards) { node, admin, authority in
      let streams = try (0..<4).map { _ in
        let socket = try BlockingSocket(to: admin.address, authority, name: "localhost")
        try socket.write(Array("GET /v1/rooms/r/events HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        return socket
      }
      try await node.settles { $0.members == 4 }
      let api = try BlockingSocket(to: admin.address, authority, name: "localhost")
      try api.write(
        Array(
          "POST /v1/rooms/r/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n\"the end\""
            .utf8))
      #expect(try ResponseReader(api).response().status == 200)
      for socket in streams {
        var text = ""
        while !text.contains("the end") {
          guard case .bytes(let bytes) = try socket.read() else {
            Issue.record("the stream ended behind \(text)")
            break
          }
          text += String(decoding: bytes, as: UTF8.self)
        }
        #expect(text.contains("text/event-stream"))
        try socket.endTLS()
        #expect(try socket.readToEnd().isClean)
        socket.close()
      }
      try await node.empties()
    }
  }
}
