// Floods of one address against a node with its default limits: the others are served, what the flood
// may not have it does not get, and nothing of it is left behind. How long the others wait meanwhile
// is measured by ops/bench --floods.

import Gateway
import RoostEventLoop
import RoostWebSocket
import Telemetry
import TestSupport
import Testing

extension SocketTests {
  struct FloodSocketTests {
    private static let attacker = SocketAddress(ipv4: 0x7F00_0042, port: 0)
    private static let ping = #"{"type":"ping","id":1}"#
    private static let pong = #"{"type":"pong","id":1}"#

    private static var configuration: Configuration {
      var configuration = Configuration()
      configuration.listen = .loopback
      configuration.admin = .loopback
      configuration.shards = 2
      configuration.auth.anonymous = true
      return configuration
    }

    private func metric(_ name: String, of node: Node) -> Int {
      var text = PrometheusText()
      node.appendMetrics(to: &text)
      let line = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
        .first { $0.hasPrefix(name + " ") }
      return line.flatMap { Int($0.dropFirst(name.utf8.count + 1)) } ?? -1
    }

    private func open(_ node: Node, receiveBytes: Int? = nil) throws -> TestClient {
      let client = TestClient(
        try BlockingSocket(
          to: node.address, from: Self.attacker, receiveBytes: receiveBytes))
      try client.upgrade()
      try client.welcomed()
      return client
    }

    /// Two members who talk to each other before, during and behind a flood.
    private func others(
      during flood: (Node) async throws -> Void
    ) async throws {
      try await withNode(Self.configuration) { node in
        let members = try (0..<2).map { _ in try TestClient.open(node.address) }
        for member in members { try member.ask(#"{"type":"join","room":"calm","id":1}"#) }
        func talk(_ number: Int) throws {
          try members[0].send(#"{"type":"publish","room":"calm","data":\#(number)}"#)
          for member in members {
            #expect(try member.text() == #"{"type":"message","room":"calm","data":\#(number)}"#)
          }
        }
        try talk(1)
        try await flood(node)
        try talk(2)
        // A stranger is let in, too.
        #expect(try TestClient.open(node.address).ask(Self.ping) == Self.pong)
        for member in members { try member.close() }
        try await node.empties()
      }
    }

    @Test func `connections as fast as they come`() async throws {
      try await others { node in
        for _ in 0..<400 {
          _ = try BlockingSocket(to: node.address, from: Self.attacker)
        }
        try await node.settles { $0.sockets == 2 }
        #expect(metric(#"roost_admission_refusals_total{reason="address_rate"}"#, of: node) > 0)
      }
    }

    @Test func `handshakes that are never finished`() async throws {
      try await others { node in
        let half = Array("GET /ws HTTP/1.1\r\nX-Slow: ".utf8)
        var held: [BlockingSocket] = []
        for _ in 0..<400 {
          let socket = try BlockingSocket(to: node.address, from: Self.attacker)
          try? socket.write(half)
          held.append(socket)
        }
        #expect(await node.totals().sockets < 300)
        held.removeAll()
        try await node.settles { $0.sockets == 2 }
      }
    }

    @Test func `fragments of 64 KiB of a message that never ends`() async throws {
      try await others { node in
        for _ in 0..<5 {
          let client = try open(node)
          let piece = [UInt8](repeating: 32, count: 65_536)
          try client.socket.write(TestClient.frame(.text, [91], isFinal: false))
          for _ in 0..<8 {
            try? client.socket.write(TestClient.frame(.continuation, piece, isFinal: false))
          }
          let closed = try client.eventsToEnd().contains { event in
            if case .close(1009, _) = event { true } else { false }
          }
          #expect(closed)
        }
      }
    }

    @Test func `pings without end`() async throws {
      try await others { node in
        let client = try open(node)
        let frames = Array((0..<3_000).map { _ in TestClient.frame(.ping, [7]) }.joined())
        try? client.socket.write(frames)
        let events = try client.eventsToEnd()
        #expect(events.contains(.close(4004, "rate limit exceeded repeatedly")))
        #expect(events.count { $0 == .pong([7]) } < 400)
      }
    }

    @Test func `10,000 joins`() async throws {
      try await others { node in
        let client = try open(node)
        let joins = (0..<10_000).map {
          TestClient.frame(.text, Array(#"{"type":"join","room":"flood\#($0)"}"#.utf8))
        }
        try? client.socket.write(Array(joins.joined()))
        let events = try client.eventsToEnd()
        #expect(events.contains(.close(4004, "rate limit exceeded repeatedly")))
        try await node.settles { $0.members == 2 }
      }
    }

    @Test func `members that never read`() async throws {
      var configuration = Self.configuration
      configuration.limits.outboundBytes = 65_536
      configuration.limits.messagesPerSecond = 0
      configuration.limits.bytesPerSecond = 0
      try await withNode(configuration) { node in
        let member = try TestClient.open(node.address)
        try member.ask(#"{"type":"join","room":"busy","id":1}"#)
        let frozen = try (0..<20).map { _ in
          let client = try open(node, receiveBytes: 4096)
          try client.ask(#"{"type":"join","room":"busy","id":1}"#)
          return client
        }
        let padding = String(repeating: "x", count: 50_000)
        var count = 0
        // They leave the room as their queues overflow.
        while await node.totals().members > 1, count < 400 {
          try member.send(#"{"type":"publish","room":"busy","data":"\#(padding)"}"#)
          #expect(try member.text().hasSuffix("xx\"}"))
          count += 1
        }
        #expect(await node.totals().members == 1)
        #expect(metric("roost_slow_consumers_total", of: node) == 20)
        #expect(try member.nothingCame())
        for client in frozen { client.abort() }
        try member.close()
        try await node.empties()
      }
    }
  }
}
