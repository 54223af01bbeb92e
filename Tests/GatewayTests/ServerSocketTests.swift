// Requests of the server API against real connections on several shards, without HTTP: what members
// and users see of it, and what the answers say.

import Backplane
import Gateway
import RoostEventLoop
import RoostRooms
import RoostWire
import TestSupport
import Testing

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
        guard case .nodes(let nodes) = await node.answer(to: .nodes) else {
          return #expect(Bool(false))
        }
        #expect(nodes.count == 1)
        let text = String(decoding: nodes[0].announcement, as: UTF8.self)
        #expect(JSONText.value("node", of: text) == "test")
        #expect(JSONText.value("phase", of: text) == "serving")
        #expect(JSONText.value("addresses", "listen", of: text) == node.address.description)
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
