// TLS with a name that is verified, and proxies that are asked by CONNECT.

import Gateway
import RoostClient
import RoostEventLoop
import TestSupport
import Testing

extension ClientSocketTests {
  /// Runs `body` with a node whose certificate is for `localhost`, and who signed it.
  private func withSecured(
    _ body: (Node, TestCertificates) async throws -> Void
  ) async throws {
    let authority = try TestCertificates()
    let certificate = try authority.issue(names: "DNS:localhost")
    try await withNode(
      .forTests { $0.tls.certificates = TestCertificates.settings([certificate]) }
    ) { try await body($0, authority) }
  }

  /// The reason of the first wait.
  private func reason(of client: Client) async -> String? {
    for await event in client.events {
      if case .waiting(_, let code, let reason) = event { return code == 1006 ? reason : nil }
    }
    return nil
  }

  @Test func `TLS with the right name carries messages in both directions`() async throws {
    try await withSecured { node, authority in
      var options = ClientOptions()
      options.caFile = authority.caFile
      let client = try Client(url: "wss://localhost:\(node.address.port)", options: options)
      client.connect()
      let room = try await client.join("lobby")
      // More than one record and more than one read.
      let long = JSONValue(String(repeating: "x", count: 60_000))
      for _ in 0..<5 { try await room.publish(long) }
      var heard = 0
      for await event in room.events {
        guard case .message(let message) = event else { continue }
        #expect(message.json == long)
        heard += 1
        if heard == 5 { break }
      }
    }
  }

  @Test func `a certificate for another name is refused`() async throws {
    try await withSecured { node, authority in
      var options = ClientOptions()
      options.caFile = authority.caFile
      let client = try Client(url: "wss://127.0.0.1:\(node.address.port)", options: options)
      client.connect()
      let reason = await reason(of: client)
      #expect(reason?.contains("certificate") == true, "\(reason ?? "none")")
      #expect(node.connectionCount == 0)
    }
  }

  @Test func `a certificate that nobody vouches for is refused`() async throws {
    try await withSecured { node, _ in
      let client = try Client(url: "wss://localhost:\(node.address.port)")
      client.connect()
      let reason = await reason(of: client)
      #expect(reason?.contains("certificate") == true, "\(reason ?? "none")")
    }
  }

  @Test func `TLS goes through a proxy that is asked by CONNECT`() async throws {
    try await withSecured { node, authority in
      let proxy = try TestRelay(to: node.address, answer: "200 Connection established")
      var options = ClientOptions()
      options.caFile = authority.caFile
      options.proxy = "http://us%40er:secret@\(proxy.address)"
      let client = try Client(url: "wss://localhost:\(node.address.port)", options: options)
      client.connect()
      let room = try await client.join("lobby")
      try await room.publish("through")
      let port = node.address.port
      #expect(
        proxy.heads == [
          "CONNECT localhost:\(port) HTTP/1.1\r\nHost: localhost:\(port)\r\n"
            + "Proxy-Authorization: Basic dXNAZXI6c2VjcmV0\r\n\r\n"
        ])
    }
  }

  @Test func `a plain connection goes through a proxy, too`() async throws {
    try await withNode(.forTests()) { node in
      let proxy = try TestRelay(to: node.address, answer: "200 OK")
      let client = try Client(node.address) { $0.proxy = "\(proxy.address)" }
      client.connect()
      try await client.join("lobby").publish("through")
      #expect(proxy.accepted == 1)
    }
  }

  @Test func `a proxy that refuses is told`() async throws {
    try await withNode(.forTests()) { node in
      let proxy = try TestRelay(to: node.address, answer: "407 No")
      let client = try Client(node.address) { $0.proxy = "http://\(proxy.address)" }
      client.connect()
      #expect(await reason(of: client) == "the proxy answered 407")
    }
  }
}
