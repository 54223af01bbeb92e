// Ends: the close handshake from either side, violations, resets, drain and stop; afterwards nothing
// of a connection may be left. RFC 6455 sections 5.5.1 and 7.

import Gateway
import Glibc
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWebSocket
import TestRandom
import TestSupport
import Testing

extension SocketTests {
  struct CloseSocketTests {
    @Test(arguments: [1000, 1001, 1003, 1007, 1011, 3000, 4999, nil] as [UInt16?])
    func `a client's close is answered with its code and the end`(code: UInt16?) async throws {
      try await withNode(.forTests()) { node in
        let client = try TestClient.open(node.address)
        try client.sendClose(code, code == nil ? "" : "bye")
        #expect(try client.eventsToEnd() == [.close(code, ""), .end])
        try await node.empties()
      }
    }

    // The answer was in the queue when the end of the client's bytes was read in the same tick, and
    // the queue was thrown away.
    @Test(arguments: [1, 2])
    func `a client that ends sending right behind its close frame reads the answer`(shards: Int)
      async throws
    {
      try await withNode(.forTests(shards: shards)) { node in
        for _ in 0..<50 {
          let client = try TestClient.open(node.address)
          try client.socket.write(
            TestClient.frame(.text, Array(#"{"type":"ping","id":1}"#.utf8))
              + TestClient.frame(.close, [0x03, 0xE8]))
          client.socket.endSending()
          let events = try (0..<3).map { _ in try client.next() }
          #expect(events == [.text(#"{"type":"pong","id":1}"#), .close(1000, ""), .end])
        }
        try await node.empties()
      }
    }

    private static let violations: [([UInt8], UInt16)] = [
      ([0x81, 0x01, 0x61], 1002),  // not masked
      ([0x83, 0x80, 0, 0, 0, 0], 1002),  // reserved opcode
      ([0xC1, 0x80, 0, 0, 0, 0], 1002),  // compressed, which was not agreed on
      ([0x80, 0x80, 0, 0, 0, 0], 1002),  // continuation of nothing
      ([0x09, 0x80, 0, 0, 0, 0], 1002),  // fragmented ping
      ([0x88, 0x81, 0, 0, 0, 0, 0x03], 1002),  // half a close code
      ([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xED], 1002),  // 1005, which is never sent
      ([0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),  // not UTF-8
      ([0x81, 0xFF, 0x7F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1009),  // eight exabytes
    ]

    @Test(arguments: violations)
    func `a violation is told in a close frame that the peer can read`(bytes: [UInt8], code: UInt16)
      async throws
    {
      try await withNode(.forTests()) { node in
        let client = try TestClient.open(node.address)
        // What follows the violation must not reset the connection under the close frame.
        try client.socket.write(bytes + Array(repeating: 0x55, count: 100_000))
        let events = try client.eventsToEnd()
        guard case .close(let found, let reason) = events.first else {
          Issue.record("instead of a close frame came \(events)")
          return
        }
        #expect(found == code)
        #expect(!reason.isEmpty)
        client.socket.close()
        try await node.empties()
      }
    }

    @Test func `a peer that does not answer a close is cut off`() async throws {
      let configuration = Configuration.forTests {
        $0.limits.idleTimeout = .milliseconds(20)
        $0.limits.closeTimeout = .milliseconds(50)
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        #expect(try client.next() == .close(4006, "idle for too long"))
        #expect(try client.next() == .end)
        try await node.empties()
      }
    }

    @Test(arguments: [1, 2])
    func `after resets in the middle of anything nothing is left`(shards: Int) async throws {
      try await withNode(.forTests(shards: shards)) { node in
        var generator = SeededGenerator.make()
        for round in 0..<60 {
          let socket = try BlockingSocket(to: node.address)
          let client = TestClient(socket)
          try client.upgrade(
            path: round.isMultiple(of: 2) ? "/ws?user=u\(round % 6)" : "/ws",
            deflate: round.isMultiple(of: 3) ? .eachMessageByItself : .disabled)
          var bytes: [UInt8] = []
          for request in 0..<5 {
            let text =
              #"{"type":"join","room":"r\#(request)","id":1}"#
              + #"{"type":"publish","room":"r\#(request)","data":"\#(String(repeating: "y", count: 500))"}"#
            bytes += client.frames(.text, Array(text.utf8))
          }
          let cut = Int.random(in: 0...bytes.count, using: &generator)
          try socket.write(Array(bytes[..<cut]))
          if Bool.random(using: &generator) { client.abort() } else { socket.close() }
        }
        do {
          try await node.empties()
        } catch {
          Issue.record("\(error), \(generator)")
        }
      }
    }

    @Test func `a process has as many descriptors after a node as before`() async {
      // In a process of its own: other tests open descriptors at the same time.
      await #expect(processExitsWith: .success) {
        func openDescriptors() -> [String] {
          (0..<4096).filter { fcntl($0, F_GETFD) >= 0 }.map { descriptor in
            var name = [CChar](repeating: 0, count: 256)
            let count = readlink("/proc/self/fd/\(descriptor)", &name, name.count)
            return String(decoding: name.prefix(max(0, count)).map(UInt8.init), as: UTF8.self)
          }
          // Dispatch opens one when a task waits for the first time, and keeps it; Roost has none.
          .filter { $0 != "anon_inode:[timerfd]" }
        }
        let before = openDescriptors()
        for _ in 0..<3 {
          try await withNode(.forTests(shards: 2)) { node in
            let clients = try (0..<20).map { _ in try TestClient.open(node.address) }
            for client in clients[..<10] { client.abort() }
            for client in clients[10..<15] { try client.close() }
            try await node.settles { $0.sockets == 5 }
          }
        }
        // Whoever asked a shard for the last time may hold its executor a moment longer.
        #expect(
          eventually { openDescriptors().count == before.count },
          "\(before), \(openDescriptors())")
      }
    }

    @Test(arguments: [1, 2])
    func `a draining node tells everybody to go and refuses newcomers`(shards: Int) async throws {
      try await withNode(.forTests(shards: shards)) { node in
        let clients = try (0..<6).map { number in
          try TestClient.open(node.address, user: number < 2 ? "anna" : nil)
        }
        for client in clients[2...] { try client.ask(#"{"type":"join","room":"r","id":1}"#) }
        let kept = try BlockingSocket(to: node.address)
        node.drain()
        #expect(!node.isReady)
        for client in clients {
          while true {
            let event = try client.next()
            guard case .text = event else {
              #expect(event == .close(1001, "the node is going away: connect again"))
              break
            }
          }
        }
        let refused = try request(
          "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
          to: node.address)
        #expect(refused.status == 503)
        #expect(refused["Retry-After"] == "1")
        try kept.write(Array("GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
        let readiness = try ResponseReader(kept).response()
        #expect(readiness.status == 503)
        #expect(readiness.text == "draining\n")
        for client in clients {
          try client.sendClose(1001)
          while try client.next() != .end {}
        }
        // Nobody is left, so the threads end by themselves.
        node.waitUntilStopped()
        #expect(node.phase == .stopped)
        #expect(node.connectionCount == 0)
      }
    }

    @Test func `a drain of an empty node ends at once`() async throws {
      try await withNode(.forTests(shards: 2)) { node in
        node.drain()
        node.waitUntilStopped()
        #expect(node.phase == .stopped)
      }
    }

    @Test func `stop cuts every connection`() async throws {
      try await withNode(.forTests(shards: 2)) { node in
        let clients = try (0..<6).map { _ in try TestClient.open(node.address) }
        node.stop()
        node.waitUntilStopped()
        for client in clients {
          let event = try client.next()
          #expect(event == .end || event == .reset)
        }
        #expect(node.connectionCount == 0)
      }
    }

    @Test func `a second node on a taken port is refused with a sentence that helps`() async throws
    {
      try await withNode(.forTests(shards: 2)) { node in
        let configuration = Configuration.forTests { $0.listen = node.address }
        #expect {
          _ = try Node(configuration, log: .quiet)
        } throws: { error in
          "\(error)"
            == "\(node.address) is in use by another process; stop it or choose another address with --listen"
        }
      }
    }

    // Memory goes back in the tick of a sweep, and the list of what that tick had to send went with
    // it: whoever stood on the list was never sent anything again.
    @Test func `a crowd that leaves takes nobody's answer with it`() async throws {
      try await withNode(.forTests()) { node in
        let client = try TestClient.open(node.address)
        let crowd = try (0..<1800).map { _ in try BlockingSocket(to: node.address) }
        try await node.settles { $0.sockets == 1801 }
        for socket in crowd { socket.close() }
        try await node.settles { $0.sockets == 1 }
        // Sweeps are a second apart, and one of these requests comes in the tick of the next one.
        let end = MonotonicInstant.now().advanced(by: .milliseconds(1200))
        while MonotonicInstant.now() < end {
          #expect(try client.nothingCame())
        }
      }
    }

    @Test func `a node that has stopped has no figures left, and says so`() async throws {
      let node = try Node(.forTests(shards: 2), log: .quiet)
      let client = try TestClient.open(node.address)
      #expect(await node.totals().sockets == 1)
      node.stop()
      node.waitUntilStopped()
      #expect(await node.totals() == NodeTotals())
      #expect(try client.eventsToEnd().count == 1)
    }
  }
}
