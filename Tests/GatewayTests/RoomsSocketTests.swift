// The protocol's requests over real sockets, with one shard and with two: what each is answered, what
// the other members get, and every word that an error can carry.

import Gateway
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import TestSupport
import Testing

extension SocketTests {
  struct RoomsSocketTests {
    @Test(arguments: [1, 2])
    func `a message reaches every member in the order of its publisher`(shards: Int) async throws {
      try await withNode(.forTests(dev: false, shards: shards)) { node in
        let members = try (0..<6).map { _ in try TestClient.open(node.address) }
        for (place, member) in members.enumerated() {
          let answer = try member.ask(#"{"type":"join","room":"lobby","id":"j"}"#)
          #expect(answer == #"{"type":"ok","id":"j","room":"lobby","members":\#(place + 1)}"#)
        }
        for number in 0..<50 {
          try members[0].send(#"{"type":"publish","room":"lobby","data":\#(number)}"#)
        }
        for member in members {
          let expected = (0..<50).map { #"{"type":"message","room":"lobby","data":\#($0)}"# }
          #expect(try member.texts(50) == expected)
          #expect(try member.nothingCame())
        }
        for member in members { try member.close() }
        try await node.empties()
      }
    }

    @Test(arguments: [1, 2])
    func `messages of several publishers come in one order to all members`(shards: Int)
      async throws
    {
      try await withNode(.forTests(dev: false, shards: shards)) { node in
        let readers = try (0..<4).map { _ in try TestClient.open(node.address) }
        for reader in readers { try reader.ask(#"{"type":"join","room":"r","id":1}"#) }
        let address = node.address
        let publishers = try (0..<3).map { number in
          try Background {
            let client = try TestClient.open(address)
            try client.ask(#"{"type":"join","room":"r","id":1}"#)
            for count in 0..<100 {
              try client.send(#"{"type":"publish","room":"r","data":[\#(number),\#(count)]}"#)
            }
            _ = try client.texts(100)
            client.socket.close()
          }
        }
        let orders = try readers.map { try $0.texts(300) }
        for publisher in publishers { try publisher.join() }
        for order in orders { #expect(order == orders[0]) }
        for number in 0..<3 {
          let own = orders[0].filter { $0.contains("[\(number),") }
          let expected = (0..<100).map {
            #"{"type":"message","room":"r","data":[\#(number),\#($0)]}"#
          }
          #expect(own == expected)
        }
      }
    }

    @Test(arguments: [1, 2])
    func `who has left gets nothing and who is not in may not publish`(shards: Int) async throws {
      try await withNode(.forTests(dev: false, shards: shards)) { node in
        let anna = try TestClient.open(node.address)
        let bert = try TestClient.open(node.address)
        for client in [anna, bert] { try client.ask(#"{"type":"join","room":"r","id":1}"#) }
        #expect(try bert.ask(#"{"type":"leave","room":"r","id":2}"#) == #"{"type":"ok","id":2}"#)
        #expect(
          try anna.ask(#"{"type":"publish","room":"r","data":1,"id":3}"#)
            == #"{"type":"ok","id":3}"#)
        #expect(try anna.text() == #"{"type":"message","room":"r","data":1}"#)
        #expect(try bert.nothingCame())
        #expect(
          try bert.ask(#"{"type":"publish","room":"r","data":1,"id":4}"#)
            == #"{"type":"error","id":4,"code":"not_joined","message":"join the room before publishing into it"}"#
        )
      }
    }

    @Test(arguments: [
      (#"{"id":1}"#, "1", "bad_request"),
      (#"{"type":1,"id":"a"}"#, #""a""#, "bad_request"),
      (#"{"type":"dance","id":1e3}"#, "1e3", "unknown_type"),
      (#"{"type":"join","id":1}"#, "1", "bad_request"),
      (#"{"type":"join","id":1,"room":""}"#, "1", "bad_request"),
      (#"{"type":"join","id":1,"room":"a b"}"#, "1", "bad_request"),
      (#"{"type":"join","id":1,"room":"user:x"}"#, "1", "forbidden"),
      (#"{"type":"leave","id":1,"room":"user:x"}"#, "1", "forbidden"),
      (#"{"type":"join","id":1,"room":"r","since":{"epoch":"a"}}"#, "1", "bad_request"),
      (#"{"type":"leave","id":1,"room":"r"}"#, "1", "not_joined"),
      (#"{"type":"publish","id":1,"room":"r"}"#, "1", "bad_request"),
      (#"{"type":"publish","id":1,"room":"r","data":1,"key":""}"#, "1", "bad_request"),
      (#"{"type":"presence","id":1,"room":"r"}"#, "1", "forbidden"),
      (#"{"type":"history","id":1,"room":"r"}"#, "1", "forbidden"),
      (#"{"type":"history","id":1,"room":"r","limit":0}"#, "1", "bad_request"),
      (#"{"type":"send","id":1,"to":{},"data":1}"#, "1", "bad_request"),
      (#"{"type":"send","id":1,"to":{"user":"x"},"data":1}"#, "1", "forbidden"),
      (#"{"type":"auth","id":1,"token":"x"}"#, "1", "unauthorized"),
      (#"{"type":"auth","id":1}"#, "1", "bad_request"),
    ])
    func `what cannot be done is answered with its id and word`(
      text: String, id: String, code: String
    ) async throws {
      try await withNode(.forTests(dev: false)) { node in
        let client = try TestClient.open(node.address)
        let answer = try client.ask(text)
        let start = #"{"type":"error","id":\#(id),"code":"\#(code)","message":""#
        #expect(answer.hasPrefix(start))
        #expect(try client.nothingCame())
      }
    }

    @Test func `a request without an id gets its error but no ok`() async throws {
      try await withNode(.forTests(dev: false)) { node in
        let client = try TestClient.open(node.address)
        let requests =
          #"{"type":"join","room":"r"}{"type":"leave","room":"q"}{"type":"leave","room":"r"}"#
        #expect(
          try client.ask(requests)
            == #"{"type":"error","code":"not_joined","message":"not in the room"}"#)
        #expect(try client.nothingCame())
      }
    }

    @Test func `a batch is answered object by object up to the first broken one`() async throws {
      try await withNode(.forTests(dev: false)) { node in
        let client = try TestClient.open(node.address)
        try client.send(
          "\n{\"type\":\"ping\",\"id\":1}{\"type\":\"dance\",\"id\":2}\r\n\t"
            + "{\"type\":\"ping\",\n\"id\":\"3\"} {\"type\":\"ping\",,} {\"type\":\"ping\",\"id\":4}"
        )
        #expect(try client.text() == #"{"type":"pong","id":1}"#)
        #expect(try client.text().hasPrefix(#"{"type":"error","id":2,"code":"unknown_type""#))
        #expect(try client.text() == #"{"type":"pong","id":"3"}"#)
        #expect(try client.text().hasPrefix(#"{"type":"error","code":"bad_request""#))
        #expect(try client.nothingCame())
        #expect(try client.ask("  ").hasPrefix(#"{"type":"error","code":"bad_request""#))
      }
    }

    @Test(arguments: [(-1, false), (0, false), (1, true)])
    func `a batch of the limit's size passes and one more is refused`(
      surplus: Int, isRefused: Bool
    ) async throws {
      let configuration = Configuration.forTests(dev: false) { $0.limits.batchRequests = 10 }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        try client.send(String(repeating: #"{"type":"ping"}"#, count: 10 + surplus))
        for _ in 0..<min(10, 10 + surplus) {
          #expect(try client.text() == #"{"type":"pong"}"#)
        }
        if isRefused { #expect(try client.text().contains(#""code":"limit_exceeded""#)) }
        #expect(try client.nothingCame())
      }
    }

    @Test(arguments: [
      #"{ "a" : [ 1 , 2.50 ] }"#, "1e400", "-0.0", #""\u0041\ud83d\ude00\/""#, "null",
      #""Grüße 世界""#, "[[[]],{}]", "123456789012345678901234567890", #"{"a":1,"a":2}"#,
    ])
    func `data is forwarded byte for byte`(data: String) async throws {
      try await withNode(.forTests(dev: false, shards: 2)) { node in
        let client = try TestClient.open(node.address)
        try client.ask(#"{"type":"join","room":"r","id":1}"#)
        #expect(
          try client.ask(#"{"type":"publish","room":"r","data":\#(data)}"#)
            == #"{"type":"message","room":"r","data":\#(data)}"#)
      }
    }

    @Test func `line breaks between tokens become spaces`() async throws {
      try await withNode(.forTests(dev: false)) { node in
        let client = try TestClient.open(node.address)
        try client.ask(#"{"type":"join","room":"r","id":1}"#)
        #expect(
          try client.ask("{\"type\":\"publish\",\"room\":\"r\",\"data\":{\r\n\"a\":\n[\"\\n\"]}}")
            == #"{"type":"message","room":"r","data":{  "a": ["\n"]}}"#)
      }
    }

    @Test(arguments: [1, 2])
    func `sender and time are told where the namespace asks for them`(shards: Int) async throws {
      let configuration = Configuration.forTests(shards: shards) {
        $0.namespaces["loud"] = RoomPolicy()
        $0.namespaces["loud"]?.showsSender = true
        $0.namespaces["loud"]?.showsTime = true
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address, user: "anna")
        _ = try client.text()
        try client.ask(#"{"type":"join","room":"loud:r","id":1}"#)
        let message = try client.ask(#"{"type":"publish","room":"loud:r","data":0}"#)
        let time = try #require(JSONText.value("time", of: message))
        #expect(Int(time) ?? 0 > 1_600_000_000_000)
        #expect(
          message == #"{"type":"message","room":"loud:r","data":0,"from":{"connection":"#
            + #""\#(client.connection)","user":"anna"},"time":\#(time)}"#)
      }
    }

    @Test(arguments: [1, 2])
    func `a binary publish reaches members as binary and gets no ok`(shards: Int) async throws {
      let configuration = Configuration.forTests(dev: false, shards: shards) {
        $0.namespaces["log"] = RoomPolicy()
        $0.namespaces["log"]?.history = HistoryPolicy(
          messages: 10, lifetime: .seconds(60), bytes: 1000)
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        for (room, head) in [("r", [1, 0, 1] as [UInt8]), ("log:r", [1, 1, 5])] {
          let name = Array(room.utf8)
          try client.ask(#"{"type":"join","room":"\#(room)","id":1}"#)
          try client.send(.binary, [1, UInt8(name.count)] + name + [0, 255, 7])
          let offset: [UInt8] = room == "r" ? [] : [0, 0, 0, 0, 0, 0, 0, 1]
          #expect(try client.next() == .binary(head + name + offset + [0, 255, 7]))
        }
        let history = try client.ask(#"{"type":"history","room":"log:r","id":2}"#)
        #expect(history.contains(#"{"offset":1,"data":{"binary":"AP8H"}}"#))
        for bad: [UInt8] in [[], [1], [2, 1, 114], [1, 9, 114], [1, 0], [1, 1, 32]] {
          try client.send(.binary, bad)
          #expect(try client.text().hasPrefix(#"{"type":"error","code":"bad_request""#))
        }
        try client.send(.binary, [1, 1, 113, 0])
        #expect(try client.text().hasPrefix(#"{"type":"error","code":"not_joined""#))
      }
    }

    @Test(arguments: [1, 2])
    func `a repeated key gives the first result and no second message`(shards: Int) async throws {
      let configuration = Configuration.forTests(shards: shards)
      try await withNode(configuration) { node in
        let anna = try TestClient.open(node.address, user: "anna")
        let bert = try TestClient.open(node.address, user: "bert")
        for client in [anna, bert] {
          _ = try client.text()
          try client.ask(#"{"type":"join","room":"r","id":1}"#)
        }
        #expect(try anna.text().hasPrefix(#"{"type":"joined""#))
        let first = try anna.ask(#"{"type":"publish","room":"r","data":1,"key":"k","id":2}"#)
        _ = try anna.text()
        let epoch = try #require(JSONText.value("epoch", of: first))
        #expect(first == #"{"type":"ok","id":2,"epoch":"\#(epoch)","offset":1}"#)
        #expect(try anna.ask(#"{"type":"publish","room":"r","data":1,"key":"k","id":2}"#) == first)
        let conflict = try anna.ask(#"{"type":"publish","room":"r","data":2,"key":"k","id":3}"#)
        #expect(conflict.hasPrefix(#"{"type":"error","id":3,"code":"bad_request""#))
        _ = try bert.text()
        // A key belongs to its user.
        let other = try bert.ask(#"{"type":"publish","room":"r","data":2,"key":"k","id":4}"#)
        #expect(other == #"{"type":"ok","id":4,"epoch":"\#(epoch)","offset":2}"#)
        #expect(try bert.text().contains(#""data":2"#))
        #expect(try bert.nothingCame())
      }
    }

    @Test(arguments: [DeflateConfiguration.disabled, .eachMessageByItself])
    func `frames may be cut at any byte, and a message into frames`(deflate: DeflateConfiguration)
      async throws
    {
      try await withNode(.forTests(dev: false)) { node in
        let client = try TestClient.open(node.address, deflate: deflate)
        let text = Array(#"{"type":"ping","id":"é"}"#.utf8)
        let pong = #"{"type":"pong","id":"é"}"#
        let frame = client.frames(.text, text)
        for cut in 1..<frame.count {
          try client.socket.write(Array(frame[..<cut]))
          try client.socket.write(Array(frame[cut...]))
          #expect(try client.text() == pong)
        }
        for cut in 0...text.count {
          // A ping may stand between the fragments; the second one is cut off from its header.
          let second = TestClient.frame(.continuation, Array(text[cut...]))
          try client.socket.write(
            TestClient.frame(.text, Array(text[..<cut]), isFinal: false)
              + TestClient.frame(.ping, [UInt8(cut)]) + second.prefix(2))
          #expect(try client.next() == .pong([UInt8(cut)]))
          try client.socket.write(Array(second.dropFirst(2)))
          #expect(try client.text() == pong)
        }
      }
    }

    @Test func `a room of no configured namespace is forbidden and the setting is named`()
      async throws
    {
      try await withNode(.forTests(dev: false)) { node in
        let client = try TestClient.open(node.address)
        for type in ["join", "publish", "presence", "history"] {
          let answer = try client.ask(#"{"type":"\#(type)","room":"chat:r","data":1,"id":1}"#)
          #expect(
            answer == #"{"type":"error","id":1,"code":"forbidden","message":"the room's namespace "#
              + #"is not configured; the setting namespaces.chat would allow it"}"#)
        }
      }
    }

    @Test(arguments: [
      (Permission.nobody, "forbidden", "forbidden"), (.anyone, "ok", "ok"),
      (.authenticated, "forbidden", "ok"), (.owner, "forbidden", "forbidden"),
    ])
    func `the policy's word decides who may join`(
      permission: Permission, anonymous: String, user: String
    ) async throws {
      let configuration = Configuration.forTests {
        $0.namespaces["p"] = RoomPolicy()
        $0.namespaces["p"]?.join = permission
      }
      try await withNode(configuration) { node in
        for (name, expected) in [(nil, anonymous), ("anna", user)] {
          let client = try TestClient.open(node.address, user: name)
          if name != nil { _ = try client.text() }
          let answer = try client.ask(#"{"type":"join","room":"p:r","id":1}"#)
          #expect(answer.contains(#""\#(expected)""#), "\(permission) \(answer)")
        }
      }
    }

    @Test(arguments: [
      (Permission.nobody, "forbidden"), (.anyone, "ok"), (.authenticated, "forbidden"),
      (.member, "not_joined"), (.owner, "forbidden"),
    ])
    func `the policy's word decides who may publish`(permission: Permission, expected: String)
      async throws
    {
      let configuration = Configuration.forTests {
        $0.namespaces["p"] = RoomPolicy()
        $0.namespaces["p"]?.publish = permission
      }
      try await withNode(configuration) { node in
        let client = try TestClient.open(node.address)
        let answer = try client.ask(#"{"type":"publish","room":"p:r","data":1,"id":1}"#)
        #expect(answer.contains(#""\#(expected)""#))
      }
    }
  }
}
