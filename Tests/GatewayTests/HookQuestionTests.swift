import Fetch
import RoostEventLoop
import RoostRooms
import Testing

@testable import Gateway

struct HookQuestionTests {
  static func question(
    _ act: HookAct, user: String? = "ann", number: UInt64 = 1
  ) -> HookQuestion {
    HookQuestion(
      ticket: HookTicket(shard: 0, slot: 5, number: number), act: act,
      connection: ConnectionID(process: 0xAB, shard: 1, slot: 2, generation: 3), user: user,
      address: SocketAddress(ipv4: 0x7F00_0001, port: 80))
  }

  private static func room() throws -> RoomName {
    try #require(RoomName(text: "chat:\"a\""))
  }

  @Test func `a question says what is asked by whom`() throws {
    let start = #""node":"n\"1","connection":"ab-1.2.3","user":"#
    let room = #""room":"chat:\"a\"""#
    let expected: [(HookQuestion, String)] = [
      (
        Self.question(.connect, user: nil),
        #"{"event":"connect",\#(start)null,"address":"127.0.0.1"}"#
      ),
      (
        Self.question(.join(try Self.room())),
        #"{"event":"join",\#(start)"ann","address":"127.0.0.1",\#(room)}"#
      ),
      (
        Self.question(.publish(try Self.room(), .json(Array(#"{"a":[1]}"#.utf8)))),
        #"{"event":"publish",\#(start)"ann","address":"127.0.0.1",\#(room),"data":{"a":[1]}}"#
      ),
      (
        Self.question(.publish(try Self.room(), .binary([0, 255]))),
        #"{"event":"publish",\#(start)"ann","address":"127.0.0.1",\#(room),"binary":"AP8="}"#
      ),
    ]
    for (question, json) in expected {
      #expect(String(decoding: question.json(node: "n\"1"), as: UTF8.self) == json)
    }
  }

  @Test(arguments: [
    (#"{"allow":true}"#, HookReading.allowed(.none)),
    (#" {"allow": true, "later": [1]} "#, .allowed(.none)),
    (
      #"{"allow":true,"user":"ann","info":{"a": 1}}"#,
      .allowed(HookAddition(user: "ann", info: Array(#"{"a": 1}"#.utf8)))
    ),
    (#"{"allow":false}"#, .denied(nil)),
    (#"{"allow":false,"reason":"muted"}"#, .denied("muted")),
    (#"{"allow":false,"reason":7}"#, .denied(nil)),
    (#"{"allow":1}"#, .denied(nil)),
    (#"{"allow":"true"}"#, .denied(nil)),
    ("", .failed("the callback's answer is no JSON object with `allow`")),
    ("true", .failed("the callback's answer is no JSON object with `allow`")),
    (#"{"deny":true}"#, .failed("the callback's answer is no JSON object with `allow`")),
    (
      #"{"allow":true,"allow":false}"#,
      .failed("the callback's answer is no JSON object with `allow`")
    ),
    (#"{"allow":true,"user":""}"#, .failed("the callback's `user` is no user's name")),
    (#"{"allow":true,"user":7}"#, .failed("the callback's `user` is no user's name")),
    (#"{"allow":true,"user":"a\u0000"}"#, .failed("the callback's `user` is no user's name")),
  ])
  func `an answer allows only what it says in so many words`(body: String, reading: HookReading) {
    #expect(HookReading(body: Array(body.utf8)) == reading)
  }

  @Test func `a reason and an info are taken to their limits`() {
    for count in [199, 200] {
      let reason = String(repeating: "r", count: count)
      let body = Array(#"{"allow":false,"reason":"\#(reason)"}"#.utf8)
      #expect(HookReading(body: body) == .denied(reason))
    }
    let reason = String(repeating: "r", count: 201)
    #expect(
      HookReading(body: Array(#"{"allow":false,"reason":"\#(reason)"}"#.utf8)) == .denied(nil))
    for (count, isTaken) in [(1023, true), (1024, true), (1025, false)] {
      let info = "\"" + String(repeating: "i", count: count - 2) + "\""
      let reading = HookReading(body: Array(#"{"allow":true,"info":\#(info)}"#.utf8))
      let addition = HookAddition(user: nil, info: Array(info.utf8))
      #expect(
        reading
          == (isTaken
            ? .allowed(addition) : .failed("the callback's `info` is longer than 1024 bytes")))
    }
  }
}
