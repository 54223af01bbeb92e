// Requests of the server API against real connections on several shards, without HTTP: what members
// and users see of it, and what the answers say.

import Backplane
import RoostEventLoop
import RoostRooms
import RoostWire
import TestSupport
import Testing

@testable import Gateway

private func name(_ text: String) -> RoomName {
  RoomName(text: text) ?? { preconditionFailure("\(text) is no room's name") }()
}

extension SocketTests {
  struct ServerSocketTests {
    private static let room = name("r")

    private func people(_ node: Node) throws -> [TestClient] {
      try ["ada", "ada", "ada", "ada", "bob", "bob"].map { user in
        let client = try TestClient.open(node.address, user: user)
        _ = try client.text()  // `added` to the user's own room
        return client
      }
    }

    private func id(_ client: TestClient) throws -> ConnectionID {
      try #require(ConnectionID(text: client.connection))
    }

    @Test(arguments: [1, 3])
    func `a publish reaches members and is done once for each key`(shards: Int) async throws {
      try await withNode(.forTests(shards: shards)) { node in
        let members = try people(node)
        for member in members {
          try member.send(#"{"type":"join","room":"r","id":1}"#)
        }
        try await node.settles { $0.members == 12 }
        let key = ScopedKey(scope: [1], key: [2])
        let first = await node.answer(
          to: .publish(Self.room, .json(Array("[1]".utf8)), key: key))
        guard case .published(let position) = first else {
          Issue.record("\(first)")
          return
        }
        #expect(position?.offset == 1)
        let again = await node.answer(
          to: .publish(Self.room, .json(Array("[1]".utf8)), key: key))
        #expect(again == first)
        let conflict = await node.answer(
          to: .publish(Self.room, .json(Array("[2]".utf8)), key: key))
        guard case .failed(let failure) = conflict else {
          Issue.record("\(conflict)")
          return
        }
        #expect(failure.status == 409)
        for member in members {
          var text = ""
          while !text.hasPrefix(#"{"type":"message""#) { text = try member.text() }
          #expect(text.hasPrefix(#"{"type":"message","room":"r","data":[1],"offset":1,"time":"#))
          #expect(try member.nothingCame())
        }
      }
    }

    @Test(arguments: [1, 3])
    func `a user gets a message on every connection, and everybody gets one`(shards: Int)
      async throws
    {
      try await withNode(.forTests(shards: shards)) { node in
        let clients = try people(node)
        #expect(
          await node.answer(to: .send(user: "ada", data: Array("7".utf8)))
            == .delivered(4, missing: []))
        #expect(
          await node.answer(to: .send(user: "eve", data: Array("7".utf8)))
            == .delivered(0, missing: []))
        #expect(
          await node.answer(to: .broadcastAll(data: Array("8".utf8)))
            == .delivered(6, missing: []))
        for (place, client) in clients.enumerated() {
          if place < 4 { #expect(try client.text() == #"{"type":"direct","data":7}"#) }
          #expect(try client.text() == #"{"type":"direct","data":8}"#)
          #expect(try client.nothingCame())
        }
      }
    }

    @Test(arguments: [1, 3])
    func `users are joined to a room and taken out of it`(shards: Int) async throws {
      try await withNode(.forTests(dev: true, shards: shards)) { node in
        let clients = try people(node)
        #expect(
          await node.answer(to: .join(user: "ada", Self.room)) == .changed(4, missing: []))
        // Who is in the room already is not joined again.
        #expect(
          await node.answer(to: .join(user: "ada", Self.room)) == .changed(0, missing: []))
        try await node.settles { $0.members == 10 }
        guard case .room(_, let members, let position) = await node.answer(to: .room(Self.room))
        else { return #expect(Bool(false)) }
        #expect(members == 4)
        #expect(position?.offset == 0)
        #expect(
          await node.answer(to: .kick(user: "ada", Self.room)) == .changed(4, missing: []))
        for client in clients[..<4] {
          var texts: [String] = []
          while texts.last != #"{"type":"removed","room":"r","code":4003}"# {
            texts.append(try client.text())
          }
          #expect(texts.contains { $0.hasPrefix(#"{"type":"added","room":"r","epoch":"#) })
        }
        try await node.settles { $0.members == 6 }
        let own = await node.answer(to: .kick(user: "ada", name("user:ada")))
        guard case .failed(let failure) = own else { return #expect(Bool(false)) }
        #expect(failure.status == 403)
      }
    }

    @Test(arguments: [1, 3])
    func `connections are described, and closed with 4003 and the reason`(shards: Int)
      async throws
    {
      try await withNode(.forTests(shards: shards)) { node in
        let clients = try people(node)
        let bob = try id(clients[4])
        guard case .connection(let details) = await node.answer(to: .connection(bob)) else {
          return #expect(Bool(false))
        }
        #expect(details.user == "bob")
        #expect(details.address == "127.0.0.1")
        #expect(details.node == "test")
        #expect(details.rooms.map(\.description) == ["user:bob"])
        #expect(details.roundTrip == nil)
        #expect(details.openedAt > 1_600_000_000_000)
        guard
          case .connections(let all, let missing) = await node.answer(
            to: .connections(user: "ada"))
        else { return #expect(Bool(false)) }
        #expect(Set(all.map(\.connection.description)) == Set(clients[..<4].map(\.connection)))
        #expect(missing == [])
        #expect(
          await node.answer(to: .disconnect(bob, reason: "enough")) == .changed(1, missing: []))
        #expect(try clients[4].eventsToEnd().first == .close(4003, "enough"))
        let gone = await node.answer(to: .disconnect(bob, reason: nil))
        guard case .failed(let failure) = gone else { return #expect(Bool(false)) }
        #expect(failure.status == 404)
        #expect(
          await node.answer(to: .disconnectUser("ada", reason: nil))
            == .changed(4, missing: []))
        for client in clients[..<4] {
          #expect(
            try client.eventsToEnd().first == .close(4003, "disconnected by the server"))
        }
      }
    }

    @Test(arguments: [1, 3])
    func `rooms are listed in pages with their members on all shards`(shards: Int) async throws {
      try await withNode(.forTests(dev: false, shards: shards)) { node in
        let clients = try (0..<4).map { _ in try TestClient.open(node.address) }
        for client in clients {
          for room in ["b", "a", "d", "c"] {
            try client.send(#"{"type":"join","room":"\#(room)"}"#)
          }
        }
        try await node.settles { $0.members == 16 }
        let first = await node.answer(to: .rooms(after: nil, limit: 3))
        #expect(
          first
            == .rooms(
              ["a", "b", "c"].map { RoomSize(room: name($0), members: 4) },
              hasMore: true, missing: []))
        let second = await node.answer(to: .rooms(after: RoomName(text: "c"), limit: 3))
        #expect(
          second
            == .rooms(
              [RoomSize(room: name("d"), members: 4)], hasMore: false, missing: []))
      }
    }

    @Test func `the node lists itself with what it announces`() async throws {
      try await withNode(.forTests(shards: 2)) { node in
        guard case .nodes(let nodes, missing: []) = await node.answer(to: .nodes) else {
          return #expect(Bool(false))
        }
        #expect(nodes.count == 1)
        let text = String(decoding: nodes[0].announcement, as: UTF8.self)
        #expect(JSONText.value("node", of: text) == "test")
        #expect(JSONText.value("phase", of: text) == "serving")
        #expect(JSONText.value("addresses", "listen", of: text) == node.address.description)
      }
    }

    // More rooms and connections than one round looks at.
    @Test(arguments: [1, 3])
    func `the top is found among more rooms than one round looks at`(shards: Int) async throws {
      let configuration = Configuration.forTests(shards: shards) {
        $0.limits.roomsPerConnection = 0
        $0.limits.messagesPerSecond = 0
      }
      try await withNode(configuration) { node in
        let crowd = TopSurvey.slice * 2 + 7
        // So many that no shard has only one or two of them.
        let clients = try (0..<60).map { _ in try TestClient.open(node.address) }
        for number in 0..<crowd {
          try clients[number % 3].send(#"{"type":"join","room":"one-\#(number)"}"#)
        }
        for client in clients { try client.ask(#"{"type":"join","room":"all","id":1}"#) }
        for client in clients.prefix(40) {
          try client.ask(#"{"type":"join","room":"two","id":1}"#)
        }
        try await node.settles { $0.members == crowd + 100 }
        let busy = #"{"type":"publish","room":"one-\#(crowd - 1)","data":1,"id":1}"#
        let publisher = clients[(crowd - 1) % 3]
        for _ in 0..<5 { try publisher.send(busy) }
        let found = await node.answer(to: .top(limit: 2, node: nil))
        guard case .top(let top, missing: []) = found else {
          Issue.record("\(found)")
          return
        }
        #expect(
          top.largestRooms.map { RoomSize(room: $0.room, members: $0.members) }
            == [RoomSize(room: name("all"), members: 60), RoomSize(room: name("two"), members: 40)])
        // Many who ask at the same time share one walk, and each gets what it asked for.
        let answers = await withTaskGroup(of: ServerAnswer.self) { group in
          for limit in 1...20 {
            group.addTask { await node.answer(to: .top(limit: limit, node: "test")) }
          }
          return await group.reduce(into: []) { $0.append($1) }
        }
        let counts = answers.map { answer in
          guard case .top(let top, missing: []) = answer else { return 0 }
          return top.largestRooms.count
        }
        #expect(counts.sorted() == Array(1...20))
      }
    }

    @Test func `a busy room and a busy connection are named`() async throws {
      try await withNode(.forTests(shards: 2) { $0.limits.messagesPerSecond = 0 }) { node in
        let busy = try TestClient.open(node.address, user: "ada")
        let quiet = try TestClient.open(node.address, user: "bob")
        for client in [busy, quiet] { try client.ask(#"{"type":"join","room":"r","id":1}"#) }
        try quiet.ask(#"{"type":"join","room":"q","id":1}"#)
        for number in 1...50 {
          try busy.send(#"{"type":"publish","room":"r","data":\#(number),"id":\#(number)}"#)
        }
        var text = ""
        while !text.contains(#""data":50"#) { text = try quiet.text() }
        let found = await node.answer(to: .top(limit: 1, node: nil))
        guard case .top(let top, missing: []) = found else {
          Issue.record("\(found)")
          return
        }
        #expect(top.busiestRooms.map(\.room) == [name("r")])
        #expect(top.busiestConnections.map(\.user) == ["ada"])
        #expect(top.busiestConnections.map(\.rooms) == [2])
        #expect(top.busiestConnections.map(\.address) == ["127.0.0.1"])
        #expect((top.busiestConnections.first?.messagesPerSecond ?? 0) > 5)
      }
    }

    @Test func `of one node only that node is asked, and another one is not there`() async throws {
      try await withNode(.forTests(shards: 2)) { node in
        let own = await node.answer(to: .top(limit: 1, node: "test"))
        #expect(own == .top(TopFigures(), missing: []))
        guard case .failed(let failure) = await node.answer(to: .top(limit: 1, node: "else")) else {
          Issue.record("a node that is not there answered")
          return
        }
        #expect(failure.status == 404)
      }
    }

    @Test func `a stopped node answers at once`() async throws {
      let node = try Node(.forTests(), log: .quiet)
      node.stop()
      node.waitUntilStopped()
      guard case .failed(let failure) = await node.answer(to: .nodes) else {
        return #expect(Bool(false))
      }
      #expect(failure.code == .unavailable)
    }
  }
}
