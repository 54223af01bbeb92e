// Members that do not read, in namespaces that spare them: what each policy leaves of a room's messages,
// where it says so, and that nobody else notices.

import Gateway
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import Telemetry
import TestRandom
import TestSupport
import Testing

extension SocketTests {
  struct SlowMemberSocketTests {
    /// A node with a namespace for each policy; only `recover` and `kept` keep history.
    static func configuration(
      shards: Int = 1, dev: Bool = false, _ change: (inout Configuration) -> Void = { _ in }
    ) -> Configuration {
      .forTests(dev: dev, shards: shards) {
        $0.limits.outboundBytes = 65_536
        $0.limits.closeTimeout = .seconds(60)
        for policy in SlowConsumerPolicy.allCases {
          $0.namespaces[policy.rawValue] = RoomPolicy()
          $0.namespaces[policy.rawValue]?.publish = .anyone
          $0.namespaces[policy.rawValue]?.slowConsumer = policy
        }
        let history = HistoryPolicy(messages: 10_000, lifetime: .seconds(300), bytes: 64 << 20)
        $0.namespaces["recover"]?.history = history
        $0.namespaces["kept"] = $0.namespaces["drop_oldest"]
        $0.namespaces["kept"]?.history = history
        $0.compression.contextTakeover = true
        $0.compression.thresholdBytes = 100
        change(&$0)
      }
    }

    private static let keepsContext = DeflateConfiguration(
      isEnabled: true, allowsServerContextTakeover: true, allowsClientContextTakeover: true,
      serverWindowBits: 15)

    /// A room whose messages are numbered, with a member that does not read and one that does.
    struct Scene {
      let node: Node
      let room: String
      let slow: TestClient
      let reader: TestClient
      private(set) var published = 0
      private var padding: [String]

      init(
        _ node: Node, _ room: String, deflate: DeflateConfiguration = .disabled,
        slow: TestClient? = nil
      ) throws {
        self.node = node
        self.room = room
        self.slow =
          try slow ?? TestClient.open(node.address, deflate: deflate, receiveBytes: 4096)
        reader = try TestClient.open(node.address)
        try self.slow.ask(#"{"type":"join","room":"\#(room)","id":1}"#)
        try reader.ask(#"{"type":"join","room":"\#(room)","id":1}"#)
        // Nothing that compression would make small.
        var generator = SeededGenerator.make()
        let letters = Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_".utf8)
        padding = (0..<16).map { _ in
          String(
            decoding: (0..<7000).map { _ in letters[Int(generator.next() & 63)] }, as: UTF8.self)
        }
      }

      /// Publishes the next message; the reader must get it at once.
      mutating func publish() throws {
        // The same bytes come again only when they have left every window.
        let data = #"[\#(published),"\#(padding[published % 16])"]"#
        try reader.send(#"{"type":"publish","room":"\#(room)","data":\#(data)}"#)
        let text = try reader.text()
        guard text.hasPrefix(#"{"type":"message","room":"\#(room)","#), number(text) == published
        else { throw TestFailure("instead of message \(published) came \(text.suffix(60))") }
        published += 1
      }

      /// Publishes until messages are held back, and so many more.
      mutating func fill(_ policy: String, and more: Int) throws {
        let name = #"roost_slow_consumer_held_total{policy="\#(policy)"}"#
        let before = node.metric(name)
        while node.metric(name) == before {
          guard published < 5000 else { throw TestFailure("nothing is held back") }
          try publish()
        }
        for _ in 0..<more { try publish() }
      }

      /// What the slow member gets up to a text: numbers of messages, types of other pushes.
      func read(to last: (String) -> Bool) throws -> [String] {
        var words: [String] = []
        while true {
          let text = try slow.text()
          guard Self.room(text).map({ $0 == room }) ?? true else {
            throw TestFailure("\(text.prefix(60)) is of another room")
          }
          words.append(word(text))
          if last(text) { return words }
        }
      }

      /// What the slow member gets up to the newest message.
      func readAll() throws -> [String] {
        let newest = published - 1
        return try read { number($0) == newest }
      }

      /// A message's number, or another push's type.
      func word(_ text: String) -> String {
        number(text).map(String.init) ?? Self.part(text, behind: #"{"type":""#) ?? "?"
      }

      func number(_ text: String) -> Int? {
        Self.part(text, behind: #""data":["#).flatMap { Int($0) }
      }

      static func room(_ text: String) -> String? { part(text, behind: #""room":""#) }

      /// What stands behind a few characters near the beginning; messages are long.
      private static func part(_ text: String, behind: String) -> String? {
        let head = String(decoding: text.utf8.prefix(100), as: UTF8.self)
        guard let range = head.firstRange(of: behind) else { return nil }
        return String(head[range.upperBound...].prefix { $0 != "\"" && $0 != "," })
      }

      /// The numbers from 0 as far as they follow each other, and what comes behind them.
      static func split(_ words: [String]) -> (delivered: Int, rest: [String]) {
        var count = 0
        while count < words.count, words[count] == String(count) { count += 1 }
        return (count, Array(words[count...]))
      }
    }

    // MARK: Each policy

    @Test(arguments: ["drop_oldest:r", "kept:r"], [1, 2])
    func `the oldest messages make way, and a gap stands where they were`(
      room: String, shards: Int
    ) async throws {
      try await withNode(Self.configuration(shards: shards)) { node in
        var scene = try Scene(node, room)
        try scene.fill("drop_oldest", and: 50)
        #expect(await node.settledMetric("roost_slow_consumer_members") == 1)
        // Half of the queue's limit holds four messages of 7 KiB.
        let (delivered, rest) = Scene.split(try scene.readAll())
        let newest = scene.published - 1
        #expect(rest == ["gap"] + (newest - 3...newest).map(String.init))
        let dropped = node.metric(#"roost_slow_consumer_dropped_total{policy="drop_oldest"}"#)
        #expect(dropped == newest - 3 - delivered)
        #expect(node.metric("roost_slow_consumer_gaps_total") == 1)
        // From here on it is a member like any other.
        #expect(await node.settledMetric("roost_slow_consumer_members") == 0)
        try scene.publish()
        #expect(try scene.readAll() == [String(newest + 1)])
        #expect(try scene.slow.nothingCame())
        #expect(try scene.reader.nothingCame())
      }
    }

    @Test(arguments: [DeflateConfiguration.eachMessageByItself, Self.keepsContext])
    func `compressed frames make way, too, and what follows inflates`(
      deflate: DeflateConfiguration
    ) async throws {
      try await withNode(Self.configuration()) { node in
        var scene = try Scene(node, "drop_oldest:r", deflate: deflate)
        for _ in 0..<3 {
          let before = scene.published
          try scene.fill("drop_oldest", and: 50)
          var words = try scene.readAll()
          var next = before
          while words.first == String(next) {
            words.removeFirst()
            next += 1
          }
          #expect(words.count(where: { $0 == "gap" }) == 1)
          #expect(words.first == "gap")
          let newest = scene.published - 1
          let kept = words.count - 1
          #expect((4...6).contains(kept))
          #expect(words.dropFirst() == (newest - kept + 1...newest).map(String.init)[...])
        }
      }
    }

    @Test func `of a room with the latest only, the newest message comes behind one gap`()
      async throws
    {
      try await withNode(Self.configuration()) { node in
        var scene = try Scene(node, "latest:r")
        try scene.fill("latest", and: 50)
        let (_, rest) = Scene.split(try scene.readAll())
        #expect(rest == ["gap", String(scene.published - 1)])
        #expect(node.metric(#"roost_slow_consumer_dropped_total{policy="latest"}"#) == 50)
        try scene.publish()
        #expect(try scene.readAll() == [String(scene.published - 1)])
        #expect(try scene.slow.nothingCame())
      }
    }

    @Test(arguments: [1, 2], [DeflateConfiguration.disabled, .eachMessageByItself, keepsContext])
    func `what was missed is read from the log: every message comes once, in order`(
      shards: Int, deflate: DeflateConfiguration
    ) async throws {
      try await withNode(Self.configuration(shards: shards)) { node in
        var scene = try Scene(node, "recover:r", deflate: deflate)
        for _ in 0..<2 {
          let before = scene.published
          try scene.fill("recover", and: 100)
          let held = node.metric("roost_outbound_bytes")
          #expect(held < 65_536)
          let words = try scene.readAll()
          #expect(words == (before..<scene.published).map(String.init))
          // The page that ends the recovery may still be on its way.
          #expect(await node.settledMetric("roost_slow_consumer_members") == 0)
        }
        #expect(node.metric("roost_slow_consumer_gaps_total") == 0)
        #expect(try scene.slow.nothingCame())
      }
    }

    @Test func `a reader at its limit gets all from the log while more is published`() async throws
    {
      try await withNode(Self.configuration()) { node in
        var scene = try Scene(node, "recover:r")
        try scene.fill("recover", and: 20)
        // It takes about what comes: held back and live, again and again.
        var words: [String] = []
        while scene.published < 1000 {
          for _ in 0..<7 { try scene.publish() }
          for _ in 0..<7 { words += try scene.read { _ in true } }
        }
        words += try scene.readAll()
        #expect(words == (0..<scene.published).map(String.init))
      }
    }

    @Test func `a log that was trimmed too far is said to be, and delivery goes on`() async throws {
      let configuration = Self.configuration { $0.namespaces["recover"]?.history.messages = 5 }
      try await withNode(configuration) { node in
        var scene = try Scene(node, "recover:r")
        try scene.fill("recover", and: 50)
        var reset = ""
        let words = try scene.read {
          reset = $0
          return $0.hasPrefix(#"{"type":"reset""#)
        }
        let (delivered, rest) = Scene.split(words)
        #expect(delivered < scene.published - 5)
        #expect(rest == ["reset"])
        #expect(JSONText.value("offset", of: reset) == String(scene.published))
        try scene.publish()
        #expect(try scene.readAll() == [String(scene.published - 1)])
      }
    }

    // MARK: What is not dropped

    @Test(arguments: ["drop_oldest", "latest", "recover"])
    func `replies, direct messages and events overtake what is held back`(policy: String)
      async throws
    {
      let configuration = Self.configuration(dev: true) {
        $0.namespaces[policy]?.presence = true
        $0.namespaces[policy]?.presenceEvents = true
      }
      try await withNode(configuration) { node in
        let slow = try TestClient.open(node.address, user: "slow", receiveBytes: 4096)
        #expect(try slow.text().hasPrefix(#"{"type":"added""#))
        var scene = try Scene(node, "\(policy):r", slow: slow)
        #expect(try slow.text().hasPrefix(#"{"type":"joined""#))
        try scene.fill(policy, and: 20)
        try slow.send(#"{"type":"publish","room":"drop_oldest:other","data":1,"id":2}"#)
        let friend = try TestClient.open(node.address, user: "friend")
        #expect(try friend.text().hasPrefix(#"{"type":"added""#))
        try friend.ask(#"{"type":"join","room":"\#(policy):r","id":1}"#)
        #expect(try scene.reader.text().hasPrefix(#"{"type":"joined""#))
        try friend.ask(#"{"type":"send","to":{"user":"slow"},"data":"hi","id":1}"#)
        let (_, rest) = Scene.split(try scene.readAll())
        #expect(rest.prefix(3).sorted() == ["direct", "joined", "ok"])
        #expect(rest.last == String(scene.published - 1))
      }
    }

    @Test func `replies take the place of what is held back, up to the limit, and no further`()
      async throws
    {
      try await withNode(Self.configuration(dev: true)) { node in
        let slow = try TestClient.open(node.address, user: "slow", receiveBytes: 4096)
        #expect(try slow.text().hasPrefix(#"{"type":"added""#))
        var scene = try Scene(node, "drop_oldest:r", slow: slow)
        try scene.fill("drop_oldest", and: 20)
        let sender = try TestClient.open(node.address, user: "sender")
        #expect(try sender.text().hasPrefix(#"{"type":"added""#))
        let padding = String(repeating: "x", count: 3000)
        var sent = 0
        while node.metric("roost_slow_consumers_total") == 0 {
          guard sent < 40 else { throw TestFailure("the queue takes \(sent) direct messages") }
          try sender.ask(#"{"type":"send","to":{"user":"slow"},"data":"\#(padding)","id":1}"#)
          sent += 1
          _ = await node.totals()
          #expect(node.metric("roost_outbound_peak_bytes") < 65_536 + 8192)
        }
        // Half of the queue was free of messages.
        #expect(sent > 8)
        let events = try slow.eventsToEnd()
        #expect(
          events.suffix(2) == [.close(4005, "outbound queue is full: read faster"), .end])
        let last = try #require(events.dropLast(2).last)
        guard case .text(let text) = last else {
          Issue.record("\(last)")
          return
        }
        #expect(text.hasPrefix(#"{"type":"direct""#))
        // The reader, and the sender in its own room.
        try await node.settles { $0.members == 2 }
        #expect(node.metric("roost_slow_consumer_members") == 0)
      }
    }

    // MARK: Rooms side by side

    @Test func `each room of a slow member goes by its own policy`() async throws {
      try await withNode(Self.configuration()) { node in
        let slow = try TestClient.open(node.address, receiveBytes: 4096)
        var scenes = try ["drop_oldest:r", "latest:r", "recover:r"].map {
          try Scene(node, $0, slow: slow)
        }
        try scenes[0].fill("drop_oldest", and: 0)
        for _ in 0..<30 { for place in 0..<3 { try scenes[place].publish() } }
        #expect(await node.settledMetric("roost_slow_consumer_members") == 3)
        var words: [String: [String]] = [:]
        while words["recover:r"]?.last != "29" || words["latest:r"]?.last != "29"
          || words["drop_oldest:r"]?.last != String(scenes[0].published - 1)
        {
          let text = try slow.text()
          let room = try #require(Scene.room(text))
          words[room, default: []].append(scenes[0].word(text))
        }
        #expect(words["recover:r"] == (0..<30).map(String.init))
        #expect(words["latest:r"]?.suffix(2) == ["gap", "29"])
        let rest = Scene.split(words["drop_oldest:r"] ?? []).rest
        #expect(rest.first == "gap")
        #expect((2...5).contains(rest.count))
        #expect(try slow.nothingCame())
      }
    }

    @Test func `a room of another policy still closes the connection`() async throws {
      try await withNode(Self.configuration()) { node in
        let slow = try TestClient.open(node.address, receiveBytes: 4096)
        var spared = try Scene(node, "drop_oldest:r", slow: slow)
        var strict = try Scene(node, "disconnect:r", slow: slow)
        try spared.fill("drop_oldest", and: 10)
        #expect(node.metric("roost_slow_consumers_total") == 0)
        while node.metric("roost_slow_consumers_total") == 0, strict.published < 20 {
          try strict.publish()
        }
        #expect((4...9).contains(strict.published))
        #expect(
          try slow.eventsToEnd().suffix(2)
            == [.close(4005, "outbound queue is full: read faster"), .end])
        try await node.settles { $0.members == 2 }
      }
    }

    // MARK: Ends

    @Test(arguments: ["drop_oldest", "latest", "recover"])
    func `who leaves the room gets nothing of it any more`(policy: String) async throws {
      try await withNode(Self.configuration()) { node in
        var scene = try Scene(node, "\(policy):r")
        try scene.fill(policy, and: 20)
        try scene.slow.send(#"{"type":"leave","room":"\#(policy):r","id":"bye"}"#)
        try await node.settles { $0.members == 1 }
        #expect(node.metric("roost_slow_consumer_members") == 0)
        try scene.publish()
        let (delivered, rest) = Scene.split(try scene.read { $0.hasPrefix(#"{"type":"ok""#) })
        #expect(delivered < scene.published)
        #expect(rest == ["ok"])
        #expect(try scene.slow.nothingCame())
        // It can come back.
        try scene.slow.ask(#"{"type":"join","room":"\#(policy):r","id":1}"#)
        try scene.publish()
        #expect(try scene.readAll() == [String(scene.published - 1)])
        try scene.slow.close()
        try scene.reader.close()
        try await node.empties()
      }
    }

    @Test(arguments: ["drop_oldest", "latest", "recover"], [1, 2])
    func `a slow member that goes leaves nothing behind`(policy: String, shards: Int) async throws {
      try await withNode(Self.configuration(shards: shards)) { node in
        var scene = try Scene(node, "\(policy):r")
        try scene.fill(policy, and: 20)
        scene.slow.abort()
        try await node.settles { $0.members == 1 }
        try scene.publish()
        _ = await node.totals()
        #expect(node.metric("roost_slow_consumer_members") == 0)
        #expect(node.metric("roost_outbound_bytes") == 0)
        try scene.reader.close()
        try await node.empties()
      }
    }

    @Test func `many slow members cost their queues' limits and no more`() async throws {
      try await withNode(Self.configuration()) { node in
        var scene = try Scene(node, "drop_oldest:r")
        let others = try (0..<20).map { _ in
          let client = try TestClient.open(node.address, receiveBytes: 4096)
          try client.ask(#"{"type":"join","room":"drop_oldest:r","id":1}"#)
          return client
        }
        while await node.settledMetric("roost_slow_consumer_members") < 21 {
          guard scene.published < 5000 else { throw TestFailure("not all are slow") }
          try scene.publish()
        }
        for _ in 0..<200 { try scene.publish() }
        _ = await node.totals()
        #expect(node.metric("roost_outbound_peak_bytes") <= 65_536)
        #expect(node.metric("roost_outbound_bytes") <= 21 * 65_536)
        let newest = scene.published - 1
        for client in others {
          var text = ""
          repeat { text = try client.text() } while scene.number(text) != newest
        }
        _ = try scene.readAll()
        #expect(await node.settledMetric("roost_outbound_bytes") == 0)
      }
    }

    // MARK: Event streams

    @Test(arguments: ["drop_oldest", "latest", "recover"])
    func `event streams are spared, too`(policy: String) async throws {
      try await withNode(Self.configuration()) { node in
        var scene = try Scene(node, "\(policy):r")
        scene.slow.abort()
        let stream = try EventReader(
          node.address, "/v1/rooms/\(policy):r/events", receiveBytes: 4096)
        #expect(try stream.event().name == "ok")
        try scene.fill(policy, and: 50)
        var words: [String] = []
        while words.last != String(scene.published - 1) {
          let event = try stream.event()
          words.append(scene.word(event.data))
        }
        let (_, rest) = Scene.split(words)
        let newest = scene.published - 1
        switch policy {
        case "drop_oldest": #expect(rest == ["gap"] + (newest - 3...newest).map(String.init))
        case "latest": #expect(rest == ["gap", "\(newest)"])
        default: #expect(rest == [])
        }
      }
    }
  }
}

extension Node {
  /// A sample of the node's metrics, named with its labels; -1 when there is none.
  func metric(_ name: String) -> Int {
    var text = PrometheusText()
    appendMetrics(to: &text)
    for line in String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
    where line.hasPrefix(name + " ") {
      if let value = Double(line.dropFirst(name.utf8.count + 1)) { return Int(value) }
    }
    return -1
  }

  /// The same of a gauge, brought up to date before.
  func settledMetric(_ name: String) async -> Int {
    _ = await totals()
    return metric(name)
  }
}
