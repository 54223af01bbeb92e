// History and recovery: what a client missed comes once, in order, and joins up with what is live,
// however much it is and whatever is published meanwhile.

import Gateway
import RoostEventLoop
import RoostRooms
import Telemetry
import TestRandom
import TestSupport
import Testing

extension SocketTests {
  struct RecoverySocketTests {
    /// A configuration whose namespace `log` keeps history, and nothing that tells who is there.
    private static func configuration(
      shards: Int, messages: Int = 100, bytes: Int = 64 << 20,
      _ change: (inout Configuration) -> Void = { _ in }
    ) -> Configuration {
      .forTests(dev: false, shards: shards) {
        $0.namespaces["log"] = RoomPolicy()
        $0.namespaces["log"]?.history = HistoryPolicy(
          messages: messages, lifetime: .seconds(300), bytes: bytes)
        $0.namespaces["log"]?.publish = .anyone
        $0.namespaces["log"]?.readHistory = .anyone
        change(&$0)
      }
    }

    private static func message(_ offset: Int, _ data: String) -> String {
      #"{"type":"message","room":"log:r","data":\#(data),"offset":\#(offset)}"#
    }

    /// Publishes numbers and returns the room's epoch.
    private static func publish(_ numbers: ClosedRange<Int>, by client: TestClient) throws -> String
    {
      var answer = ""
      for number in numbers {
        answer = try client.ask(
          #"{"type":"publish","room":"log:r","data":\#(number),"id":\#(number)}"#)
      }
      guard let epoch = JSONText.value("epoch", of: answer) else { throw TestFailure(answer) }
      return epoch
    }

    @Test(arguments: [1, 2])
    func `history is read forwards, backwards, from a position and in pages`(shards: Int)
      async throws
    {
      try await withNode(Self.configuration(shards: shards, messages: 5)) { node in
        let client = try TestClient.open(node.address)
        let epoch = try Self.publish(1...7, by: client)
        func ask(_ fields: String) throws -> (offsets: [Int64], answer: String) {
          let answer = try client.ask(#"{"type":"history","room":"log:r","id":0\#(fields)}"#)
          return (JSONText.numbers("messages", "offset", of: answer), answer)
        }
        let all = try ask("")
        #expect(
          all.answer == #"{"type":"ok","id":0,"messages":[{"offset":3,"data":3},"#
            + #"{"offset":4,"data":4},{"offset":5,"data":5},{"offset":6,"data":6},"#
            + #"{"offset":7,"data":7}],"epoch":"\#(epoch)","offset":7}"#)
        #expect(try ask(#","reverse":true"#).offsets == [7, 6, 5, 4, 3])
        #expect(try ask(#","limit":2"#).offsets == [3, 4])
        let since = try ask(#","since":{"epoch":"\#(epoch)","offset":5}"#)
        #expect(since.offsets == [6, 7])
        #expect(JSONText.value("recovered", of: since.answer) == "true")
        let trimmed = try ask(#","since":{"epoch":"\#(epoch)","offset":1}"#)
        #expect(JSONText.value("recovered", of: trimmed.answer) == "false")
        let back = try ask(#","since":{"epoch":"\#(epoch)","offset":6},"reverse":true,"limit":2"#)
        #expect(back.offsets == [5, 4])
      }
    }

    @Test(arguments: [1, 2])
    func `a join from a position gives what was missed and then what is live`(shards: Int)
      async throws
    {
      try await withNode(Self.configuration(shards: shards)) { node in
        let publisher = try TestClient.open(node.address)
        let epoch = try Self.publish(1...5, by: publisher)
        let client = try TestClient.open(node.address)
        let since = #""since":{"epoch":"\#(epoch)","offset":2}"#
        #expect(
          try client.ask(#"{"type":"join","room":"log:r","id":"j",\#(since)}"#)
            == #"{"type":"ok","id":"j","room":"log:r","members":1,"epoch":"\#(epoch)","#
            + #""offset":5,"recovered":true}"#)
        _ = try Self.publish(6...6, by: publisher)
        #expect(try client.texts(4) == (3...6).map { Self.message($0, "\($0)") })
        #expect(try client.nothingCame())
      }
    }

    @Test(arguments: [
      ("0123456789abcdef0123456789abcdef", 2), ("", 2), ("EPOCH", 0), ("EPOCH", 99),
    ])
    func `what cannot be recovered is said, and nothing is sent twice`(epoch: String, offset: Int)
      async throws
    {
      try await withNode(Self.configuration(shards: 1, messages: 3)) { node in
        let publisher = try TestClient.open(node.address)
        let own = try Self.publish(1...5, by: publisher)
        let client = try TestClient.open(node.address)
        let given = epoch == "EPOCH" ? own : epoch
        let answer = try client.ask(
          #"{"type":"join","room":"log:r","id":1,"since":{"epoch":"\#(given)","offset":\#(offset)}}"#
        )
        #expect(JSONText.value("recovered", of: answer) == "false")
        #expect(JSONText.value("offset", of: answer) == "5")
        #expect(try client.nothingCame())
      }
    }

    @Test(arguments: [1, 2])
    func `recoveries over many pages join up with what is published meanwhile`(shards: Int)
      async throws
    {
      // 200 messages of 16 KiB are a dozen pages of what a queue of 1 MiB may hold of one.
      let padding = String(repeating: "x", count: 16_384)
      try await withNode(Self.configuration(shards: shards, messages: 5000)) { node in
        let publisher = try TestClient.open(node.address)
        let first = try publisher.ask(
          #"{"type":"publish","room":"log:r","data":"\#(padding)","id":1}"#)
        let epoch = try #require(JSONText.value("epoch", of: first))
        for number in 2...200 {
          try publisher.send(
            #"{"type":"publish","room":"log:r","data":"\#(padding)","id":\#(number)}"#)
        }
        _ = try publisher.texts(199)
        let address = node.address
        let live = try Background {
          let client = try TestClient.open(address)
          for number in 201...400 {
            try client.ask(#"{"type":"publish","room":"log:r","data":\#(number),"id":1}"#)
          }
        }
        for round in 0..<2 {
          let client = try TestClient.open(node.address, receiveBytes: 65_536)
          try client.ask(
            #"{"type":"join","room":"log:r","id":1,"since":{"epoch":"\#(epoch)","offset":\#(round)}}"#
          )
          for offset in (round + 1)...400 {
            let text = try client.text()
            guard text.hasSuffix(#","offset":\#(offset)}"#) else {
              Issue.record("round \(round): instead of \(offset) came \(text.suffix(100))")
              break
            }
          }
          client.abort()
        }
        try live.join()
      }
    }

    // A page was measured by the messages' data alone. Small ones are many times larger on the wire,
    // so that a client which only wanted to recover was closed as a slow consumer.
    @Test(arguments: [1, 2])
    func `many small messages are recovered within the queue's limit`(shards: Int) async throws {
      let configuration = Self.configuration(shards: shards, messages: 10_000) {
        $0.limits.outboundBytes = 65_536
        $0.namespaces["log"]?.showsTime = true
      }
      try await withNode(configuration) { node in
        let publisher = try TestClient.open(node.address)
        let epoch = try Self.publish(1...1, by: publisher)
        for _ in 0..<6 {
          try publisher.send(
            String(repeating: #"{"type":"publish","room":"log:r","data":1}"#, count: 1000))
        }
        try publisher.ask(#"{"type":"history","room":"log:r","limit":1,"id":1}"#)
        let client = try TestClient.open(node.address, receiveBytes: 4096)
        try client.ask(
          #"{"type":"join","room":"log:r","id":1,"since":{"epoch":"\#(epoch)","offset":1}}"#)
        for offset in 2...6001 {
          guard case .text(let text) = try client.next(),
            text.hasPrefix(#"{"type":"message","room":"log:r","data":1,"offset":\#(offset),"#)
          else {
            Issue.record("instead of \(offset) came something else")
            break
          }
        }
      }
    }

    // Each join's first page was sent whatever the queue held already: a client that came back to
    // all its rooms at once was closed as a slow consumer.
    @Test(arguments: [1, 2])
    func `many rooms are recovered at once within the queue's limit`(shards: Int) async throws {
      let rooms = 20
      let padding = String(repeating: "x", count: 20_000)
      let configuration = Self.configuration(shards: shards) { $0.limits.outboundBytes = 65_536 }
      try await withNode(configuration) { node in
        let publisher = try TestClient.open(node.address)
        var joins = ""
        for room in 0..<rooms {
          var answer = ""
          for number in 0..<15 {
            answer = try publisher.ask(
              #"{"type":"publish","room":"log:\#(room)","data":[\#(number),"\#(padding)"],"id":1}"#)
          }
          let epoch = try #require(JSONText.value("epoch", of: answer))
          joins +=
            #"{"type":"join","room":"log:\#(room)","since":{"epoch":"\#(epoch)","offset":0}}"#
        }
        let client = try TestClient.open(node.address, receiveBytes: 4096)
        try client.send(joins)
        var newest: [String: Int] = [:]
        for _ in 0..<(rooms * 15) {
          let event = try client.next()
          guard case .text(let text) = event,
            let room = JSONText.value("room", of: text),
            let offset = JSONText.value("offset", of: text).flatMap({ Int($0) })
          else {
            Issue.record("instead of a message came \(event)")
            break
          }
          #expect(offset == newest[room, default: 0] + 1)
          newest[room] = offset
        }
        #expect(newest.count == rooms && newest.values.allSatisfy { $0 == 15 })
        #expect(try client.nothingCame())
      }
    }

    // The shard looked every millisecond whether the client had read meanwhile.
    @Test func `a client that stops reading while it recovers costs no ticks`() async throws {
      let configuration = Self.configuration(shards: 1, messages: 5000) {
        $0.limits.outboundBytes = 262_144
        $0.limits.handshakeTimeout = .milliseconds(500)
      }
      let padding = String(repeating: "x", count: 16_384)
      try await withNode(configuration) { node in
        let publisher = try TestClient.open(node.address)
        let first = try publisher.ask(
          #"{"type":"publish","room":"log:r","data":"\#(padding)","id":1}"#)
        let epoch = try #require(JSONText.value("epoch", of: first))
        for number in 2...200 {
          try publisher.ask(
            #"{"type":"publish","room":"log:r","data":"\#(padding)","id":\#(number)}"#)
        }
        let client = try TestClient.open(node.address, receiveBytes: 4096)
        try client.ask(
          #"{"type":"join","room":"log:r","id":1,"since":{"epoch":"\#(epoch)","offset":0}}"#)
        // A peer that sends nothing is a clock: its connection ends when the handshake's time is up.
        #expect(try BlockingSocket(to: node.address).readToEnd().bytes == [])
        let start = try ticks(of: node)
        #expect(try BlockingSocket(to: node.address).readToEnd().bytes == [])
        #expect(try ticks(of: node) - start < 50)
        for offset in 1...200 {
          guard try client.text().hasSuffix(#","offset":\#(offset)}"#) else {
            Issue.record("\(offset) did not come in its turn")
            break
          }
        }
        #expect(try client.nothingCame())
      }
    }

    @Test(arguments: [1, 2])
    func `reconnecting again and again gives every message once`(shards: Int) async throws {
      try await withNode(Self.configuration(shards: shards, messages: 5000)) { node in
        let address = node.address
        let last = 300
        let publisher = try TestClient.open(node.address)
        var position = ("", 0)
        position.0 = try Self.publish(1...1, by: publisher)
        let live = try Background {
          for number in 2...last {
            try publisher2(address, number)
          }
          func publisher2(_ address: SocketAddress, _ number: Int) throws {
            let client = try TestClient.open(address)
            try client.ask(#"{"type":"publish","room":"log:r","data":\#(number),"id":1}"#)
            client.socket.close()
          }
        }
        var generator = SeededGenerator.make()
        while position.1 < last {
          let client = try TestClient.open(address)
          try client.send(
            #"{"type":"join","room":"log:r","id":1,"since":{"epoch":"\#(position.0)","offset":\#(position.1)}}"#
          )
          let answer = try client.text()
          #expect(JSONText.value("recovered", of: answer) == "true", "\(generator)")
          for _ in 0..<Int.random(in: 1...20, using: &generator) where position.1 < last {
            let text = try client.text()
            #expect(text == Self.message(position.1 + 1, "\(position.1 + 1)"), "\(generator)")
            position.1 += 1
          }
          client.abort()
        }
        try live.join()
        try await node.settles { $0.members == 0 }
      }
    }
  }
}

/// Ticks of the node's first shard since its start.
private func ticks(of node: Node) throws -> Int {
  var text = PrometheusText()
  node.appendMetrics(to: &text)
  let name = "roost_tick_seconds_count{shard=\"0\"} "
  for line in String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
  where line.hasPrefix(name) {
    if let count = Int(line.dropFirst(name.count)) { return count }
  }
  throw TestFailure("no count of ticks")
}
