// TLS over real sockets: what is spoken, which certificate is shown, sessions resumed on any shard,
// frames in both directions, ends of every kind. openssl(1) is the second implementation's client.

import Gateway
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWebSocket
import Telemetry
import TestSupport
import Testing

extension SocketTests {
  struct TLSSocketTests {
    private static let health = "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"

    private static func configuration(
      _ certificates: [TestCertificate], shards: Int = 1,
      _ change: (inout Configuration) -> Void = { _ in }
    ) -> Configuration {
      .forTests(shards: shards) {
        $0.tls.certificates = TestCertificates.settings(certificates)
        // Clients of openssl(1) stay until they are sent away.
        $0.limits.handshakeTimeout = .seconds(1)
        change(&$0)
      }
    }

    /// Runs `body` with a node for `localhost` and who signed its certificate.
    private func withSecured(
      shards: Int = 1, _ change: (inout Configuration) -> Void = { _ in },
      _ body: (Node, TestCertificates) async throws -> Void
    ) async throws {
      let authority = try TestCertificates()
      let certificate = try authority.issue(names: "DNS:localhost")
      try await withNode(Self.configuration([certificate], shards: shards, change)) {
        try await body($0, authority)
      }
    }

    /// The value of a metric, with its labels as they are written.
    private func metric(_ name: String, of node: Node) -> Int? {
      var text = PrometheusText()
      node.appendMetrics(to: &text)
      return String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
        .first { $0.hasPrefix(name + " ") }.flatMap { Int($0.dropFirst(name.utf8.count + 1)) }
    }

    /// What openssl(1) reports of a handshake; it waits until the node sends it away.
    private func openssl(_ node: Node, _ words: [String]) throws -> String {
      let run = try Subprocess(
        "/usr/bin/openssl",
        ["s_client", "-connect", node.address.description, "-ign_eof"] + words)
      _ = try run.wait()
      return run.outputs
    }

    // MARK: What is spoken

    @Test(arguments: [
      ("-tls1_3", "New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384"),
      ("-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256", "TLSv1.3, Cipher is TLS_AES_128_GCM"),
      (
        "-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256",
        "TLSv1.3, Cipher is TLS_CHACHA20_POLY1305_SHA256"
      ),
      ("-tls1_2", "New, TLSv1.2, Cipher is ECDHE-ECDSA-AES256-GCM-SHA384"),
      (
        "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256",
        "TLSv1.2, Cipher is ECDHE-ECDSA-AES128-GCM-SHA256"
      ),
      (
        "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305",
        "TLSv1.2, Cipher is ECDHE-ECDSA-CHACHA20-POLY1305"
      ),
      ("-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256", "alert handshake failure"),
      ("-tls1_2 -cipher ECDHE-ECDSA-AES256-CCM", "alert handshake failure"),
      ("-tls1_2 -cipher AES128-GCM-SHA256", "alert handshake failure"),
      ("-tls1_2 -cipher DHE-RSA-AES128-GCM-SHA256", "alert handshake failure"),
      ("-tls1_1 -cipher ALL:@SECLEVEL=0", "alert protocol version"),
      ("-tls1 -cipher ALL:@SECLEVEL=0", "alert protocol version"),
      ("-tls1_3 -groups P-256", "Server Temp Key: ECDH, prime256v1"),
      ("-tls1_3 -groups ffdhe2048", "alert handshake failure"),
      ("-alpn http/1.1", "ALPN protocol: http/1.1"),
      ("-alpn h2,http/1.1", "ALPN protocol: http/1.1"),
      ("-alpn h2", "alert no application protocol"),
      ("-alpn h2 -tls1_2", "alert no application protocol"),
    ])
    func `versions, ciphers, groups and protocols are those that are documented`(
      words: String, expected: String
    ) async throws {
      try await withSecured { node, _ in
        let report = try openssl(node, words.split(separator: " ").map(String.init))
        #expect(report.contains(expected), "\(report)")
      }
    }

    @Test func `a node that speaks 1.3 only refuses 1.2`() async throws {
      try await withSecured({ $0.tls.minimum = .v13 }) { node, _ in
        let (refused, taken) = (
          try openssl(node, ["-tls1_2"]), try openssl(node, ["-tls1_3"])
        )
        #expect(refused.contains("alert protocol version"))
        #expect(taken.contains("New, TLSv1.3"))
        #expect(metric(#"roost_tls_handshakes_total{result="ok"}"#, of: node) == 1)
        #expect(metric(#"roost_tls_handshakes_total{result="failed"}"#, of: node) == 1)
      }
    }

    // MARK: Which certificate

    @Test(arguments: [
      ("a.test", 0), ("A.TEST", 0), ("b.test", 1), ("x.b.test", 2), ("exact.b.test", 3),
    ])
    func `a client gets the certificate of the name that it asks for`(name: String, place: Int)
      async throws
    {
      // Each from an authority of its own, so that only the right one is accepted.
      let authorities = try (0..<4).map { _ in try TestCertificates() }
      let names = [
        "DNS:a.test", "DNS:other.test,DNS:b.test", "DNS:*.b.test", "DNS:exact.b.test",
      ]
      let certificates = try zip(authorities, names).map { try $0.issue(names: $1) }
      try await withNode(Self.configuration(certificates)) { node in
        for (number, authority) in authorities.enumerated() {
          let socket = try? BlockingSocket(to: node.address, authority, name: name)
          #expect((socket != nil) == (number == place), "authority \(number)")
        }
      }
    }

    @Test(arguments: ["unknown.test", "x.y.b.test", ".b.test", "127.0.0.1"])
    func `the first certificate is for every other name`(name: String) async throws {
      let authority = try TestCertificates()
      let certificates = try ["DNS:first.test,IP:127.0.0.1", "DNS:*.b.test"].map {
        try authority.issue(names: $0)
      }
      try await withNode(Self.configuration(certificates)) { node in
        let asks = name == "127.0.0.1" ? ["-noservername"] : ["-servername", name]
        let report = try openssl(
          node,
          asks + ["-CAfile", authority.caFile, "-verify_hostname", "first.test"])
        #expect(report.contains("Verify return code: 0 (ok)"), "\(report)")
      }
    }

    // MARK: Resumption

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `a session is resumed on any shard, until the secret changes`(version: String)
      async throws
    {
      try await withSecured(shards: 3) { node, authority in
        let file = "\(authority.directory)/session"
        let first = try openssl(node, [version, "-sess_out", file])
        #expect(first.contains("New, TLS"))
        for _ in 0..<6 {
          let again = try openssl(node, [version, "-sess_in", file])
          #expect(again.contains("Reused, TLS"), "\(again)")
        }
        #expect(metric(#"roost_tls_handshakes_total{result="resumed"}"#, of: node) == 6)
        node.renewCertificates(evenUnchanged: true)
        #expect(try openssl(node, [version, "-sess_in", file]).contains("New, TLS"))
        #expect(metric(#"roost_tls_reloads_total{result="ok"}"#, of: node) == 1)
      }
    }

    // MARK: Clients' certificates

    @Test(arguments: [
      (Configuration.TLS.ClientCertificates.off, true, true, true),
      (.optional, true, true, false), (.required, false, true, false),
    ])
    func `clients have to have what the configuration demands`(
      demand: Configuration.TLS.ClientCertificates, none: Bool, good: Bool, bad: Bool
    ) async throws {
      let (authority, stranger) = (try TestCertificates(), try TestCertificates())
      let certificate = try authority.issue(names: "DNS:localhost")
      let configuration = Self.configuration([certificate]) {
        $0.tls.clientCertificates = demand
        $0.tls.clientCAFile = demand == .off ? "" : authority.caFile
      }
      try await withNode(configuration) { node in
        let identities: [(TestCertificate?, Bool)] = [
          (nil, none), (certificate, good), (try stranger.issue(names: "DNS:eve"), bad),
        ]
        for (identity, isLetIn) in identities {
          // With TLS 1.3 a client learns of a refusal with its first read.
          let status = try? { () throws -> Int in
            let socket = try BlockingSocket(
              to: node.address, authority, name: "localhost", identity: identity)
            try socket.write(Array(Self.health.utf8))
            return try ResponseReader(socket).response().status
          }()
          #expect(status == (isLetIn ? 200 : nil))
        }
      }
    }

    // MARK: Traffic

    @Test func `requests in records of one byte are read like any other`() async throws {
      try await withSecured { node, authority in
        let client = try TestClient.open(node.address, authority)
        for byte in client.frames(.text, Array(#"{"type":"ping","id":"a"}"#.utf8)) {
          try client.socket.write([byte])
        }
        #expect(try client.text() == #"{"type":"pong","id":"a"}"#)
        try client.close()
        try await node.empties()
      }
    }

    @Test func `many records in one piece of ciphertext are all read`() async throws {
      try await withSecured { node, authority in
        let client = try TestClient.open(node.address, authority)
        // One call writes one record; the kernel hands all of them over together.
        for number in 0..<200 {
          try client.send(#"{"type":"ping","id":\#(number)}"#)
        }
        for number in 0..<200 {
          #expect(try client.text() == #"{"type":"pong","id":\#(number)}"#)
        }
      }
    }

    @Test func `a message of a mebibyte goes in and out`() async throws {
      try await withSecured { node, authority in
        let client = TestClient(
          try BlockingSocket(to: node.address, authority, name: "localhost"))
        try client.upgrade(path: "/echo", subprotocols: [])
        let message = (0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        for _ in 0..<3 {
          try client.send(.binary, message)
          #expect(try client.next() == .binary(message))
        }
        try client.close()
      }
    }

    @Test func `members under TLS get what others publish`() async throws {
      try await withSecured(shards: 2) { node, authority in
        let clients = try (0..<6).map { _ in try TestClient.open(node.address, authority) }
        for client in clients { try client.ask(#"{"type":"join","room":"r","id":1}"#) }
        for _ in 0..<5 { try clients[0].send(#"{"type":"publish","room":"r","data":1}"#) }
        for client in clients {
          var messages = 0
          while messages < 5 {
            if try client.text().contains(#""type":"message""#) { messages += 1 }
          }
        }
      }
    }

    @Test func `a client that stops reading is closed 4005 and the others go on`() async throws {
      let change = { (configuration: inout Configuration) in
        configuration.limits.outboundBytes = 262_144
        configuration.namespaces[""] = RoomPolicy()
        configuration.limits.closeTimeout = .seconds(60)
      }
      try await withSecured(shards: 1, change) { node, authority in
        let slow = try TestClient.open(node.address, authority, receiveBytes: 4096)
        try slow.ask(#"{"type":"join","room":"r","id":1}"#)
        let reader = try TestClient.open(node.address, authority)
        try reader.ask(#"{"type":"join","room":"r","id":1}"#)
        let padding = String(repeating: "x", count: 30_000)
        var count = 0
        while await node.totals().members == 2, count < 2000 {
          try reader.send(#"{"type":"publish","room":"r","data":["\#(padding)",\#(count)]}"#)
          while try !reader.text().hasSuffix(#",\#(count)]}"#) {}
          count += 1
        }
        #expect(await node.totals().members == 1)
        let events = try slow.eventsToEnd()
        let messages = events.compactMap { event -> String? in
          guard case .text(let text) = event, text.contains(#""type":"message""#) else {
            return nil
          }
          return text
        }
        for (number, text) in messages.enumerated() {
          #expect(text.hasSuffix(#",\#(number)]}"#), "message \(number)")
        }
        #expect(messages.count < count)
        #expect(
          events.suffix(2) == [.close(4005, "outbound queue is full: read faster"), .end])
      }
    }

    // MARK: Ends

    @Test func `close_notify ends the connection like the end of the socket`() async throws {
      try await withSecured { node, authority in
        let client = try TestClient.open(node.address, authority)
        try client.ask(#"{"type":"join","room":"r","id":1}"#)
        try client.socket.endTLS()
        #expect(try client.next() == .end)
        let other = try TestClient.open(node.address, authority)
        other.socket.endSending()
        #expect(try other.next() == .end)
        let third = try TestClient.open(node.address, authority)
        third.abort()
        try await node.empties()
      }
    }

    @Test(arguments: [
      [UInt8]("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8),
      [UInt8]("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n".utf8),
    ])
    func `plain HTTP on the port is answered in the clear`(bytes: [UInt8]) async throws {
      try await withSecured { node, _ in
        let socket = try BlockingSocket(to: node.address)
        try socket.write(bytes)
        let response = try ResponseReader(socket).response()
        #expect(response.status == 400)
        #expect(response.text == "This port speaks TLS: use https or wss.\n")
        #expect(try socket.readToEnd().bytes == [])
        socket.close()
        try await node.empties()
        #expect(metric(#"roost_tls_handshakes_total{result="failed"}"#, of: node) == 1)
      }
    }

    @Test func `bytes that are neither end the connection`() async throws {
      try await withSecured { node, _ in
        // Something that is no record, and a record of the handshake that is none of it.
        let rubbish: [([UInt8], [UInt8])] = [
          ([UInt8](repeating: 0x78, count: 100), []),
          // Fatal: unexpected message.
          ([22, 3, 1, 0, 4, 9, 0, 0, 0], [21, 3, 3, 0, 2, 2, 10]),
        ]
        for (bytes, answer) in rubbish {
          let socket = try BlockingSocket(to: node.address)
          try socket.write(bytes)
          #expect(try socket.readToEnd().bytes == answer)
        }
        try await node.empties()
      }
    }

    @Test func `TLS on a plain port is answered 400`() async throws {
      try await withNode(.forTests()) { node in
        let socket = try BlockingSocket(to: node.address)
        // How a ClientHello begins, and a line feed that comes sooner or later.
        try socket.write([22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3] + [UInt8](repeating: 10, count: 500))
        #expect(try ResponseReader(socket).response().status == 400)
      }
    }

    @Test(arguments: [0, 1, 5, 100])
    func `a handshake that does not go on is cut off`(count: Int) async throws {
      let change = { (configuration: inout Configuration) in
        configuration.limits.handshakeTimeout = .milliseconds(200)
      }
      try await withSecured(change) { node, _ in
        let socket = try BlockingSocket(to: node.address)
        let hello: [UInt8] = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]
        try socket.write(Array((hello + [UInt8](repeating: 7, count: 100)).prefix(count)))
        #expect(try socket.readToEnd().bytes == [])
        try await node.empties()
        #expect(metric(#"roost_tls_handshakes_total{result="abandoned"}"#, of: node) == 1)
      }
    }

    @Test(arguments: [false, true])
    func `a PROXY header comes ahead of TLS`(comesInPieces: Bool) async throws {
      let change = { (configuration: inout Configuration) in
        configuration.proxies.trusted = ["127.0.0.0/8"]
        configuration.proxies.speaksProxyProtocol = true
      }
      try await withSecured(change) { node, authority in
        let socket = try BlockingSocket(to: node.address)
        let header = Array("PROXY TCP4 203.0.113.7 198.51.100.2 49153 443\r\n".utf8)
        if comesInPieces {
          for byte in header { try socket.write([byte]) }
        } else {
          try socket.write(header)
        }
        try socket.secure(authority, name: "localhost")
        try socket.write(Array(Self.health.utf8))
        #expect(try ResponseReader(socket).response().status == 200)
      }
    }

    @Test func `the page of a secured connection is an https page`() async throws {
      let authority = try TestCertificates()
      let certificate = try authority.issue(names: "DNS:localhost")
      let configuration = Configuration.forTests(dev: false) {
        $0.tls.certificates = TestCertificates.settings([certificate])
      }
      try await withNode(configuration) { node in
        for (origin, status) in [("https://a", 101), ("http://a", 403)] {
          let socket = try BlockingSocket(to: node.address, authority, name: "localhost")
          try socket.write(
            Array(
              ("GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                + "Origin: \(origin)\r\n\r\n").utf8))
          #expect(try ResponseReader(socket).head().status == status, "\(origin)")
        }
      }
    }

    // MARK: New certificates

    @Test(arguments: [1, 2])
    func `new certificates are for new connections and nobody is lost`(shards: Int) async throws {
      let (old, new) = (try TestCertificates(), try TestCertificates())
      let certificate = try old.issue(names: "DNS:localhost")
      let configuration = Self.configuration([certificate], shards: shards)
      try await withNode(configuration) { node in
        let clients = try (0..<50).map { _ in try TestClient.open(node.address, old) }
        for client in clients { try client.ask(#"{"type":"join","room":"r","id":1}"#) }
        let renewed = try new.issue(names: "DNS:localhost")
        let copying = [
          (renewed.certificateFile, certificate.certificateFile),
          (renewed.keyFile, certificate.keyFile),
        ]
        for (number, (source, target)) in copying.enumerated() {
          #expect(try Subprocess("/bin/cp", [source, target]).wait() == .exited(0))
          try clients[0].send(#"{"type":"publish","room":"r","data":1}"#)
          // A certificate without its key is not taken.
          node.renewCertificates(evenUnchanged: false)
          let failures = metric(#"roost_tls_reloads_total{result="failed"}"#, of: node)
          #expect(failures == 1)
          let newest = number == 0 ? old : new
          #expect((try? TestClient.open(node.address, newest)) != nil)
        }
        // Nothing has changed since.
        node.renewCertificates(evenUnchanged: false)
        #expect(metric(#"roost_tls_reloads_total{result="ok"}"#, of: node) == 1)
        #expect((try? TestClient.open(node.address, old)) == nil)
        for client in clients {
          var messages = 0
          while messages < 2 {
            if try client.text().contains(#""type":"message""#) { messages += 1 }
          }
        }
        #expect(await node.totals().members == 50)
      }
    }

    @Test(arguments: [1, 2])
    func `a reload names other files, or changes nothing, and nobody is lost`(shards: Int)
      async throws
    {
      let (old, new) = (try TestCertificates(), try TestCertificates())
      let configuration = Self.configuration(
        [try old.issue(names: "DNS:localhost")], shards: shards)
      let renewed = try new.issue(names: "DNS:localhost")
      try await withNode(configuration) { node in
        var clients = try (0..<8).map { _ in try TestClient.open(node.address, old) }
        for client in clients { try client.ask(#"{"type":"join","room":"r","id":1}"#) }
        var published = 0
        func publish() throws {
          try clients[0].send(#"{"type":"publish","room":"r","data":\#(published)}"#)
          published += 1
        }
        var other = configuration
        other.tls.certificates = TestCertificates.settings([renewed])
        try publish()
        #expect(node.reload(other) == .reloaded(kept: []))
        try publish()
        clients.append(try TestClient.open(node.address, new))
        #expect((try? TestClient.open(node.address, old)) == nil)
        other.tls.certificates = TestCertificates.settings([
          TestCertificate(certificateFile: "/no/such/file", keyFile: "/no/such/file")
        ])
        let problem = ConfigurationProblem(
          "tls", "/no/such/file: No such file or directory (errno 2)")
        #expect(node.reload(other) == .refused([problem]))
        try publish()
        // A port that speaks TLS does so to its end.
        other.tls.certificates = []
        #expect(node.reload(other) == .reloaded(kept: ["tls.certificates"]))
        try publish()
        clients.append(try TestClient.open(node.address, new))
        for client in clients.prefix(8) {
          var received: [String] = []
          while received.count < published {
            let text = try client.text()
            guard JSONText.value("type", of: text) == "message" else { continue }
            received.append(try #require(JSONText.value("data", of: text)))
          }
          #expect(received == (0..<published).map(String.init))
        }
        for client in clients { #expect(try client.nothingCame()) }
      }
    }

    @Test func `a node does not start with files that it cannot use`() throws {
      let authority = try TestCertificates()
      let (one, other) = (
        try authority.issue(names: "DNS:one"), try authority.issue(names: "DNS:other")
      )
      let mixed = TestCertificate(
        certificateFile: one.certificateFile, keyFile: other.keyFile)
      let configuration = Self.configuration([one, mixed])
      #expect {
        _ = try Node(configuration, log: .quiet)
      } throws: { error in
        "\(error)" == "tls: \(other.keyFile): key values mismatch"
      }
      #expect(
        configuration.fileProblem?.description == "tls: \(other.keyFile): key values mismatch")
    }
  }
}
