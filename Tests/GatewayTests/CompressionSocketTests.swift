// permessage-deflate over real sockets (RFC 7692): every agreement, mixed rooms, and the budget for
// windows that connections keep.

import Gateway
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import TestSupport
import Testing

extension SocketTests {
  struct CompressionSocketTests {
    private static let keepsContext = DeflateConfiguration(
      isEnabled: true, allowsServerContextTakeover: true, allowsClientContextTakeover: true,
      serverWindowBits: 15)
    private static let smallWindow = DeflateConfiguration(
      isEnabled: true, allowsServerContextTakeover: false, allowsClientContextTakeover: false,
      serverWindowBits: 9)
    private static let smallClientWindow = DeflateConfiguration(
      isEnabled: true, allowsServerContextTakeover: true, allowsClientContextTakeover: true,
      serverWindowBits: 15, clientWindowBits: 9)

    @Test(arguments: [1, 2], [false, true])
    func `members with every kind of compression get the same messages`(
      shards: Int, contextTakeover: Bool
    ) async throws {
      let configuration = Configuration.forTests(dev: false, shards: shards) {
        $0.compression.contextTakeover = contextTakeover
        $0.compression.thresholdBytes = 100
      }
      try await withNode(configuration) { node in
        let kinds = [
          .disabled, .eachMessageByItself, Self.smallWindow, Self.keepsContext,
          Self.smallClientWindow,
        ]
        let members = try (kinds + kinds).map {
          try TestClient.open(node.address, deflate: $0)
        }
        for member in members { try member.ask(#"{"type":"join","room":"r","id":1}"#) }
        #expect(
          members[3].agreement?.keepsContext(from: .server) == contextTakeover)
        #expect(members[2].agreement?.serverMaxWindowBits == 9)
        #expect(members[4].agreement?.clientMaxWindowBits == 9)
        for (round, publisher) in members.enumerated() {
          for size in [0, 99, 100, 5000, 40_000] {
            let data = String((0..<size).map { Character(["a", "b", "ü"][($0 * 7 + round) % 3]) })
            try publisher.send(#"{"type":"publish","room":"r","data":"\#(data)"}"#)
            for member in members {
              let text = try member.text()
              #expect(text == #"{"type":"message","room":"r","data":"\#(data)"}"#)
            }
          }
        }
        for member in members { try member.close() }
        try await node.empties()
      }
    }

    @Test func `without memory for windows connections are agreed without takeover`() async throws {
      let configuration = Configuration.forTests(dev: false) {
        $0.compression.contextTakeover = true
        // Room for the windows of one connection and a half.
        $0.compression.memoryBytes = 450_000
      }
      try await withNode(configuration) { node in
        let first = try TestClient.open(node.address, deflate: Self.keepsContext)
        #expect(first.agreement?.keepsContext(from: .server) == true)
        let second = try TestClient.open(node.address, deflate: Self.keepsContext)
        #expect(second.agreement?.keepsContext(from: .server) == false)
        #expect(second.agreement?.keepsContext(from: .client) == false)
        for client in [first, second] {
          let ping = #"{"type":"ping","id":"\#(String(repeating: "a", count: 100))"}"#
          for _ in 0..<3 {
            #expect(try client.ask(ping) == ping.replacing("ping", with: "pong"))
          }
        }
        // What the first one gives back, the next one gets.
        try first.close()
        try await node.settles { $0.sockets == 1 }
        let third = try TestClient.open(node.address, deflate: Self.keepsContext)
        #expect(third.agreement?.keepsContext(from: .server) == true)
      }
    }

    @Test func `where compression is off offers are declined`() async throws {
      let configuration = Configuration.forTests { $0.compression.enabled = false }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address, deflate: Self.keepsContext)
        #expect(client.agreement == nil)
        #expect(try client.nothingCame())
      }
    }

    @Test func `a message that inflates over the limit is closed 1009`() async throws {
      let configuration = Configuration.forTests { $0.limits.messageBytes = 10_000 }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address, deflate: .eachMessageByItself)
        let bomb = client.frames(.text, Array(repeating: 0x20, count: 5_000_000))
        #expect(bomb.count < 10_000)
        try client.socket.write(bomb)
        guard case .close(let code, _) = try client.next() else {
          Issue.record("no close frame came")
          return
        }
        #expect(code == 1009)
      }
    }

    @Test func `a compressed message that is broken is closed 1007 or 1002`() async throws {
      try await withNode(.forTests()) { node in
        let client = try TestClient.open(node.address, deflate: .eachMessageByItself)
        try client.socket.write(
          TestClient.frame(.text, [0xFF, 0xFF, 0xFF, 0xFF], isCompressed: true))
        guard case .close(let code, _) = try client.next() else {
          Issue.record("no close frame came")
          return
        }
        #expect(code == WebSocketViolation.compressedPayloadCorrupt.closeCode)
      }
    }
  }
}
