// The whole client against a node in this process: connections that are cut, tokens, rooms, calls.

import Gateway
import RoostClient
import RoostEventLoop
import RoostRooms
import TestSupport
import Testing

/// Tests with sockets, one after the other.
@Suite(.serialized) struct ClientSocketTests {}

extension Client {
  /// A client of a node, or of a relay to it.
  convenience init(
    _ address: SocketAddress, user: String? = nil, loop: ClientLoop? = nil,
    _ change: (inout ClientOptions) -> Void = { _ in }
  ) throws {
    var options = ClientOptions()
    change(&options)
    let query = user.map { "?user=\($0)" } ?? ""
    try self.init(url: "ws://\(address)/ws\(query)", options: options, loop: loop)
  }
}

extension Configuration {
  /// A node whose rooms `log:…` keep history, and whose rooms `plain:…` do not.
  static func withLog(_ change: (inout Configuration) -> Void = { _ in }) -> Configuration {
    .forTests {
      $0.namespaces["log"] = RoomPolicy()
      $0.namespaces["log"]?.history = HistoryPolicy(
        messages: 10_000, lifetime: .seconds(600), bytes: 64 << 20)
      $0.namespaces["log"]?.publish = .anyone
      $0.namespaces["log"]?.readHistory = .anyone
      $0.namespaces["log"]?.presence = true
      $0.namespaces["plain"] = RoomPolicy()
      $0.namespaces["plain"]?.publish = .anyone
      change(&$0)
    }
  }
}

/// Asks again and again until the answer is yes; throws when it is not within a minute.
func settles(_ question: () -> Bool) async throws {
  let deadline = MonotonicInstant.now().advanced(by: .seconds(60))
  while !question() {
    guard MonotonicInstant.now() < deadline else { throw TestFailure("it did not come about") }
    await Task.yield()
  }
}

/// Takes events until one is found; nil at their end.
func next<Found>(
  _ events: RoomEvents, _ find: (RoomEvent) -> Found?
) async -> Found? {
  for await event in events {
    if let found = find(event) { return found }
  }
  return nil
}

/// Takes messages until there are so many; what else came is in `others`.
func messages(_ count: Int, of room: Room) async -> (values: [Int], others: [RoomEvent]) {
  var values: [Int] = []
  var others: [RoomEvent] = []
  for await event in room.events {
    if case .message(let message) = event, let value = message.json?.integer {
      values.append(value)
      if values.count == count { break }
    } else {
      others.append(event)
    }
  }
  return (values, others)
}

extension ClientSocketTests {
  @Test func `ten lines join a room and talk in it`() async throws {
    try await withNode(.forTests()) { node in
      let client = try Client(node.address, user: "ann")
      client.connect()
      let room = try await client.join("lobby")
      try await room.publish(["text": "hello"])
      let heard = await next(room.events) { event -> RoomMessage? in
        if case .message(let message) = event { message } else { nil }
      }
      #expect(heard?.json?["text"]?.string == "hello")
      guard case .open(let session) = client.state else {
        Issue.record("\(client.state)")
        return
      }
      #expect(session.user == "ann" && session.node == "test")
    }
  }

  @Test func `a client that is let go of closes its connection`() async throws {
    try await withNode(.forTests()) { node in
      do {
        let client = try Client(node.address)
        client.connect()
        _ = try await client.join("lobby")
        try await node.settles { $0.sockets == 1 && $0.members == 1 }
      }
      try await node.empties()
    }
  }

  @Test func `what was missed behind cuts comes once and in order`() async throws {
    try await withNode(.withLog()) { node in
      let relay = try TestRelay(to: node.address)
      let client = try Client(relay.address)
      client.connect()
      let room = try await client.join("log:a")
      let publisher = try TestClient.open(node.address)
      var published = 0
      for round in 0..<4 {
        for _ in 0..<50 {
          published += 1
          let request = #"{"type":"publish","room":"log:a","data":\#(published),"id":1}"#
          try publisher.ask(request)
          if published % 50 == 25, round < 3 { relay.cut() }
        }
      }
      let (values, others) = await messages(published, of: room)
      #expect(values == Array(1...published))
      let holes = others.filter { event in
        switch event {
        case .gap, .reset: true
        default: false
        }
      }
      #expect(holes == [])
      #expect(relay.accepted >= 2)
    }
  }

  @Test func `a room without history tells a gap behind a cut`() async throws {
    try await withNode(.withLog()) { node in
      let relay = try TestRelay(to: node.address)
      let client = try Client(relay.address)
      client.connect()
      let room = try await client.join("plain:a")
      try await node.settles { $0.members == 1 }
      relay.cut()
      let hasGap = await next(room.events) { $0 == .gap ? true : nil }
      #expect(hasGap == true)
    }
  }

  @Test func `publishes reach a node that was away, each once`() async throws {
    let relay: TestRelay
    let first = try Node(.withLog(), log: .quiet)
    let address = first.address
    relay = try TestRelay(to: address)
    let client = try Client(relay.address)
    client.connect()
    let room = try await client.join("log:a")
    try await room.publish(1)
    first.stop()
    first.waitUntilStopped()
    let waiting = Task { try await room.publish(2) }
    // The wait for its way back has begun.
    for await event in client.events {
      if case .waiting = event { break }
    }
    try await withNode(.withLog { $0.listen = address }) { node in
      let receipt = try await waiting.value
      #expect(receipt.position?.offset == 1)
      try await room.publish(3)
      let history = try await room.history()
      #expect(history.messages.map { $0.json?.integer } == [2, 3])
      client.close()
    }
  }

  @Test func `presence, history and send have answers with types`() async throws {
    try await withNode(.withLog()) { node in
      let ann = try Client(node.address, user: "ann")
      let bert = try Client(node.address, user: "bert")
      ann.connect()
      bert.connect()
      let room = try await ann.join("log:a")
      _ = try await bert.join("log:a")
      try await room.publish("one")
      try await room.publish(bytes: [1, 2, 255])
      let second = try await room.publish("three")
      #expect(second.position?.offset == 3)
      let history = try await room.history(limit: 2, reverse: true)
      #expect(history.messages.map(\.content) == [.json("three"), .binary([1, 2, 255])])
      #expect(history.newest.offset == 3)
      #expect(try await room.presence().members.map(\.user) == ["ann", "bert"])
      let sent = try await ann.send(["a": 1], to: .user("bert"))
      #expect(sent.delivered == 1 && sent.isComplete)
      for await event in bert.events {
        guard case .direct(let data, let from) = event else { continue }
        #expect(data == ["a": 1] && from?.user == "ann")
        break
      }
      await #expect(throws: ClientFailure.self) { try await ann.join("user:bert") }
      await #expect(throws: ClientFailure.self) { try await ann.join("white space") }
    }
  }

  @Test func `compression is used where both sides want it`() async throws {
    try await withNode(.forTests()) { node in
      let client = try Client(node.address) { $0.offersCompression = true }
      client.connect()
      let room = try await client.join("lobby")
      let long = JSONValue(String(repeating: "long text ", count: 1000))
      try await room.publish(long)
      let heard = await next(room.events) { event -> RoomMessage? in
        if case .message(let message) = event { message } else { nil }
      }
      #expect(heard?.json == long)
    }
  }

  @Test func `a call whose task is cancelled ends, and so does a wait for events`() async throws {
    try await withNode(.forTests()) { node in
      let client = try Client(node.address)
      let publish = Task { try await client.publish(1, to: "lobby") }
      let joining = Task { try await client.join("lobby") }
      let connecting = Task { try await client.connected() }
      publish.cancel()
      joining.cancel()
      connecting.cancel()
      await #expect(throws: ClientFailure.cancelled) { try await publish.value }
      await #expect(throws: ClientFailure.cancelled) { _ = try await joining.value }
      await #expect(throws: ClientFailure.cancelled) { try await connecting.value }
      client.connect()
      let room = try await client.join("other")
      let reading = Task {
        var count = 0
        for await _ in room.events { count += 1 }
        return count
      }
      reading.cancel()
      #expect(await reading.value <= 1)
      // The cancelled join left no membership.
      try await node.settles { $0.members == 1 }
    }
  }

  @Test func `a closed client rejects calls, and connects again when told to`() async throws {
    try await withNode(.forTests()) { node in
      let client = try Client(node.address)
      client.connect()
      let room = try await client.join("lobby")
      client.close()
      for await _ in client.events {}
      for await _ in room.events {}
      await #expect(throws: ClientFailure.closed) { try await room.publish(1) }
      client.connect()
      try await client.connected()
      try await room.publish(2)
      let (values, _) = await messages(1, of: room)
      #expect(values == [2])
    }
  }

  // MARK: Buffers

  @Test func `a reader that is behind gets everything of a room with history`() async throws {
    try await withNode(.withLog()) { node in
      let client = try Client(node.address) { $0.roomEventsMax = 10 }
      client.connect()
      let room = try await client.join("log:a")
      let publisher = try TestClient.open(node.address)
      for value in 1...200 {
        try publisher.ask(#"{"type":"publish","room":"log:a","data":\#(value),"id":1}"#)
      }
      let (values, others) = await messages(200, of: room)
      #expect(values == Array(1...200))
      #expect(!others.contains(.gap))
    }
  }

  @Test func `a reader that is behind is told a gap without history`() async throws {
    try await withNode(.withLog()) { node in
      let client = try Client(node.address) { $0.roomEventsMax = 10 }
      client.connect()
      let room = try await client.join("plain:a")
      let publisher = try TestClient.open(node.address)
      for value in 1...100 {
        try publisher.ask(#"{"type":"publish","room":"plain:a","data":\#(value),"id":1}"#)
      }
      // Behind what the client was sent until here.
      try await client.publish(0, to: "plain:b")
      var values: [Int] = []
      for await event in room.events {
        if event == .gap { break }
        if case .message(let message) = event { values.append(message.json?.integer ?? 0) }
      }
      #expect(values == Array(1...9) || values == Array(1...10))
      try await room.publish(101)
      #expect(await messages(1, of: room).values == [101])
    }
  }

  // MARK: Many

  @Test func `many clients share a thread`() async throws {
    try await withNode(.withLog()) { node in
      let loop = try ClientLoop()
      let clients = try (0..<200).map { _ in try Client(node.address, loop: loop) }
      for client in clients { client.connect() }
      var rooms: [Room] = []
      for client in clients { rooms.append(try await client.join("log:all")) }
      try await rooms[0].publish(7)
      for room in rooms { #expect(await messages(1, of: room).values == [7]) }
      loop.stop()
      try await node.empties()
      await #expect(throws: ClientFailure.self) { try await rooms[0].publish(8) }
    }
  }
}
