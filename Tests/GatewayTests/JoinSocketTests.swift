// Ways into a room and out of it that cross each other: limits, full rooms, requests in one packet
// whose room lives on another shard. The stories are those of bugs that were found here.

import Backplane
import Gateway
import RoostEventLoop
import RoostRooms
import TestSupport
import Testing

extension SocketTests {
  struct JoinSocketTests {
    /// A configuration whose namespace `small` has rooms for one.
    private static func oneSeat(shards: Int) -> Configuration {
      .forTests(shards: shards) {
        $0.namespaces["small"] = RoomPolicy()
        $0.namespaces["small"]?.membersMax = 1
      }
    }

    @Test(arguments: [1, 2])
    func `a full room refuses the next one until somebody leaves`(shards: Int) async throws {
      try await withNode(Self.oneSeat(shards: shards)) { node in
        let clients = try (0..<4).map { _ in try TestClient.open(node.address) }
        #expect(try clients[0].ask(#"{"type":"join","room":"small:r","id":1}"#).contains(#""ok""#))
        for client in clients[1...] {
          let answer = try client.ask(#"{"type":"join","room":"small:r","id":1}"#)
          #expect(answer.hasPrefix(#"{"type":"error","id":1,"code":"limit_exceeded""#))
        }
        try clients[0].ask(#"{"type":"leave","room":"small:r","id":2}"#)
        // The room's home may hear of the join before it hears of the leave; not for long.
        var answer = ""
        for _ in 0..<10_000 where !answer.contains(#""ok""#) {
          answer = try clients[3].ask(#"{"type":"join","room":"small:r","id":3}"#)
        }
        #expect(answer == #"{"type":"ok","id":3,"room":"small:r","members":1}"#)
      }
    }

    // The answer to the first join completed the second one while the room's home had the connection
    // leave: it took itself for a member, and missed what was published until the second answer.
    @Test(arguments: [1, 2])
    func `joining, leaving and joining again at once is three answers and one membership`(
      shards: Int
    ) async throws {
      try await withNode(.forTests(shards: shards)) { node in
        let client = try TestClient.open(node.address)
        for number in 0..<16 {
          let room = "r\(number)"
          try client.send(
            #"{"type":"join","room":"\#(room)","id":1}{"type":"leave","room":"\#(room)","id":2}"#
              + #"{"type":"join","room":"\#(room)","id":3}"#)
          let answers = Set(try client.texts(3).map { String($0.prefix(19)) })
          #expect(answers == Set((1...3).map { #"{"type":"ok","id":\#($0)"# }))
          try client.send(#"{"type":"publish","room":"\#(room)","data":1}"#)
          let message = #"{"type":"message","room":"\#(room)","data":1"#
          #expect(try client.text().hasPrefix(message))
        }
        let totals = try await node.settles { $0.members == 16 }
        #expect(totals.rooms >= 16)
      }
    }

    // A leave, or an end, that followed a join in the same packet was sent to the room's home before
    // the answer to the join was known. When that was a refusal, the home counted out a member that
    // it had never counted in, and trapped: one client could end the node.
    @Test(arguments: [1, 2], ["leave", "reset", "close"])
    func `whoever leaves a full room before the refusal came is not counted out`(
      shards: Int, ending: String
    ) async throws {
      try await withNode(Self.oneSeat(shards: shards)) { node in
        let rooms = (0..<8).map { "small:\($0)" }
        let holder = try TestClient.open(node.address)
        for room in rooms { try holder.ask(#"{"type":"join","room":"\#(room)","id":1}"#) }
        for _ in 0..<6 {
          let client = try TestClient.open(node.address)
          for room in rooms {
            let join = #"{"type":"join","room":"\#(room)","id":1}"#
            let leave = ending == "leave" ? #"{"type":"leave","room":"\#(room)","id":2}"# : ""
            try client.send(join + leave)
          }
          switch ending {
          case "leave":
            let answers = try client.texts(16)
            #expect(answers.count { $0.contains(#""id":1,"code":"limit_exceeded""#) } == 8)
            // Whether the leave comes before or after the refusal is for the shards to say.
            #expect(answers.count { $0.contains(#""id":2"#) } == 8)
            try client.close()
          case "close": try client.close()
          default: client.abort()
          }
        }
        try await node.settles { $0.sockets == 1 }
        for room in rooms {
          #expect(try holder.ask(#"{"type":"leave","room":"\#(room)","id":9}"#).contains("ok"))
        }
        try holder.close()
        try await node.empties()
        try await node.settles { $0.backplaneRooms == 0 }
      }
    }

    // With the room's home on another shard the join was never answered.
    @Test(arguments: [1, 2])
    func `joins and leaves in one packet are all answered, and the last one counts`(shards: Int)
      async throws
    {
      try await withNode(.forTests(dev: false, shards: shards)) { node in
        for number in 0..<8 {
          let client = try TestClient.open(node.address)
          let room = "r\(number)"
          func join(_ id: Int) -> String { #"{"type":"join","room":"\#(room)","id":\#(id)}"# }
          func leave(_ id: Int) -> String { #"{"type":"leave","room":"\#(room)","id":\#(id)}"# }
          func joined(_ id: Int) -> String {
            #"{"type":"ok","id":\#(id),"room":"\#(room)","members":1}"#
          }
          try client.send(join(1) + leave(2) + join(3) + leave(4) + join(5))
          let answers = try client.texts(5).sorted()
          #expect(
            answers == [
              joined(1), #"{"type":"ok","id":2}"#, joined(3), #"{"type":"ok","id":4}"#, joined(5),
            ])
          #expect(
            try client.ask(#"{"type":"publish","room":"\#(room)","data":1}"#)
              == #"{"type":"message","room":"\#(room)","data":1}"#)
          try client.close()
        }
        try await node.empties()
        try await node.settles { $0.backplaneRooms == 0 }
      }
    }

    @Test(arguments: [1, 2])
    func `a second join of the same room is refused`(shards: Int) async throws {
      try await withNode(.forTests(dev: false, shards: shards)) { node in
        let client = try TestClient.open(node.address)
        let join = #"{"type":"join","room":"r","id":1}"#
        try client.send(join + join)
        let answers = try client.texts(2).sorted()
        #expect(answers[0].hasPrefix(#"{"type":"error","id":1,"code":"bad_request""#))
        #expect(answers[1] == #"{"type":"ok","id":1,"room":"r","members":1}"#)
      }
    }

    @Test(arguments: [1, 2])
    func `a connection joins as many rooms as the limit says and no more`(shards: Int)
      async throws
    {
      let configuration = Configuration.forTests(dev: false, shards: shards) {
        $0.limits.roomsPerConnection = 3
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        for number in 1...3 {
          #expect(try client.ask(#"{"type":"join","room":"\#(number)","id":1}"#).contains(#""ok""#))
        }
        #expect(
          try client.ask(#"{"type":"join","room":"4","id":1}"#)
            == #"{"type":"error","id":1,"code":"limit_exceeded","message":"a connection is in at most 3 rooms at a time"}"#
        )
        try client.ask(#"{"type":"leave","room":"2","id":1}"#)
        #expect(try client.ask(#"{"type":"join","room":"4","id":1}"#).contains(#""ok""#))
        client.abort()
        try await node.empties()
      }
    }
  }
}
