// Who is in a room, the rooms that belong to users, and messages to users and connections.

import Gateway
import RoostEventLoop
import RoostRooms
import TestSupport
import Testing

extension SocketTests {
  struct PresenceSocketTests {
    @Test(arguments: [1, 2])
    func `members are told who comes and goes, however they go`(shards: Int) async throws {
      try await withNode(.forTests(shards: shards)) { node in
        let anna = try TestClient.open(node.address)
        let first = try anna.ask(#"{"type":"join","room":"r","id":1}"#)
        #expect(JSONText.value("members", of: first) == "1")
        for ending in ["leave", "close", "reset"] {
          let bert = try TestClient.open(node.address, user: "bert")
          _ = try bert.text()
          let answer = try bert.ask(#"{"type":"join","room":"r","id":1}"#)
          #expect(JSONText.value("members", of: answer) == "2")
          let member = #"{"connection":"\#(bert.connection)","user":"bert"}"#
          #expect(try anna.text() == #"{"type":"joined","room":"r","member":\#(member)}"#)
          switch ending {
          case "leave": try bert.ask(#"{"type":"leave","room":"r","id":2}"#)
          case "close": try bert.close()
          default: bert.abort()
          }
          #expect(try anna.text() == #"{"type":"left","room":"r","member":\#(member)}"#)
        }
        #expect(try anna.nothingCame())
      }
    }

    @Test(arguments: [1, 2])
    func `presence is read in pages`(shards: Int) async throws {
      let configuration = Configuration.forTests(shards: shards) {
        $0.limits.presencePage = 3
        $0.namespaces[""]?.presenceEvents = false
      }
      try await withNode(configuration) { node in
        let clients = try (0..<7).map { _ in try TestClient.open(node.address) }
        for client in clients { try client.ask(#"{"type":"join","room":"r","id":1}"#) }
        var found: [String] = []
        var after = ""
        var pages = 0
        repeat {
          let answer = try clients[0].ask(#"{"type":"presence","room":"r","id":1\#(after)}"#)
          for client in clients where answer.contains(client.connection) {
            found.append(client.connection)
          }
          pages += 1
          after = JSONText.value("next", of: answer).map { #","after":\#($0)"# } ?? ""
        } while !after.isEmpty
        #expect(pages == 3)
        #expect(found.sorted() == clients.map(\.connection).sorted())
      }
    }

    @Test(arguments: [1, 2])
    func `a user's connections are in the user's room from the start`(shards: Int) async throws {
      try await withNode(.forTests(shards: shards)) { node in
        let anna = try (0..<4).map { _ in try TestClient.open(node.address, user: "an%20na") }
        for client in anna {
          #expect(try client.text() == #"{"type":"added","room":"user:an%20na"}"#)
        }
        // Its owner may publish there.
        try anna[0].send(#"{"type":"publish","room":"user:an%20na","data":1}"#)
        for client in anna {
          #expect(try client.text() == #"{"type":"message","room":"user:an%20na","data":1}"#)
        }
        let bert = try TestClient.open(node.address, user: "bert")
        _ = try bert.text()
        let answer = try bert.ask(#"{"type":"publish","room":"user:an%20na","data":1,"id":1}"#)
        #expect(answer.hasPrefix(#"{"type":"error","id":1,"code":"forbidden""#))
      }
    }

    @Test(arguments: [1, 2])
    func `a send reaches all connections of a user, or one, and counts them`(shards: Int)
      async throws
    {
      try await withNode(.forTests(shards: shards)) { node in
        let anna = try (0..<5).map { _ in try TestClient.open(node.address, user: "anna") }
        for client in anna { _ = try client.text() }
        let bert = try TestClient.open(node.address)
        let from = #""from":{"connection":"\#(bert.connection)"}"#
        #expect(
          try bert.ask(#"{"type":"send","to":{"user":"anna"},"data":{"a" :1},"id":1}"#)
            == #"{"type":"ok","id":1,"delivered":5}"#)
        for client in anna {
          #expect(try client.text() == #"{"type":"direct","data":{"a" :1},\#(from)}"#)
        }
        for client in anna {
          let to = #"{"connection":"\#(client.connection)"}"#
          #expect(
            try bert.ask(#"{"type":"send","to":\#(to),"data":2,"id":2}"#)
              == #"{"type":"ok","id":2,"delivered":1}"#)
          #expect(try client.text() == #"{"type":"direct","data":2,\#(from)}"#)
        }
        anna[0].abort()
        try await node.settles { $0.sockets == 5 }
        for to in [
          #"{"user":"nobody"}"#, #"{"connection":"nonsense"}"#,
          #"{"connection":"\#(anna[0].connection)"}"#,
        ] {
          #expect(
            try bert.ask(#"{"type":"send","to":\#(to),"data":3,"id":3}"#)
              == #"{"type":"ok","id":3,"delivered":0}"#)
        }
        for client in anna[1...] { #expect(try client.nothingCame()) }
      }
    }
  }
}
