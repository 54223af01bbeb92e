import RoostRooms
import RoostWire
import Testing

struct PushTests {
  static func envelope(
    _ payload: Payload, offset: UInt64? = nil, sender: Member? = nil, time: Int64? = nil,
    startsEpoch: Bool = false
  ) -> Envelope {
    Envelope(
      room: room("chat:lobby"), position: offset.map { Position(epoch: epoch, offset: $0) },
      payload: payload, sender: sender, wallMilliseconds: time, startsEpoch: startsEpoch)
  }

  @Test func `a message carries its data byte for byte`() {
    for data in ["1", "null", #"{ "a" : [1,  2] }"#, #""\u0041\/é""#, "1e400"] {
      #expect(
        written { Push.message(Self.envelope(.json(bytes(data))), to: &$0) }
          == #"{"type":"message","room":"chat:lobby","data":\#(data)}"#)
    }
  }

  @Test func `a message tells its place, and the epoch where that is new`() {
    let envelope = Self.envelope(.json(bytes("1")), offset: 5)
    #expect(
      written { Push.message(envelope, to: &$0) }
        == #"{"type":"message","room":"chat:lobby","data":1,"offset":5}"#)
    #expect(
      written {
        Push.message(
          Self.envelope(.json(bytes("1")), offset: 5, startsEpoch: true), to: &$0)
      }
        == #"{"type":"message","room":"chat:lobby","data":1,"offset":5,"epoch":"\#(epochText)"}"#)
    #expect(
      written { Push.message(Self.envelope(.json(bytes("1")), startsEpoch: true), to: &$0) }
        == #"{"type":"message","room":"chat:lobby","data":1}"#)
  }

  @Test func `a message says from whom and when where the policy shows it, without the info`() {
    let envelope = Self.envelope(.json(bytes("1")), offset: 5, sender: ann, time: -1)
    #expect(
      written { Push.message(envelope, to: &$0) }
        == #"{"type":"message","room":"chat:lobby","data":1,"offset":5,"#
        + #""from":{"connection":"a1-2.3c.4","user":"ann"},"time":-1}"#)
    #expect(
      written {
        Push.message(
          Self.envelope(.json(bytes("1")), sender: nobody), to: &$0)
      }
        == #"{"type":"message","room":"chat:lobby","data":1,"from":{"connection":"a1-0.1.0"}}"#)
  }

  @Test func `a message says which it is to who may get it twice`() {
    let envelope = Envelope(
      room: room("chat:lobby"), position: nil, payload: .json(bytes("1")), sender: nil,
      wallMilliseconds: nil, mid: 0xAB)
    #expect(
      written { Push.message(envelope, to: &$0) }
        == #"{"type":"message","room":"chat:lobby","data":1}"#)
    #expect(
      written { Push.message(envelope, showsMid: true, to: &$0) }
        == #"{"type":"message","room":"chat:lobby","data":1,"mid":"00000000000000ab"}"#)
    #expect(
      written { Push.message(Self.envelope(.json(bytes("1"))), showsMid: true, to: &$0) }
        == #"{"type":"message","room":"chat:lobby","data":1}"#)
    #expect(
      written { Push.direct(data: bytes("1"), sender: nil, mid: .max, to: &$0) }
        == #"{"type":"direct","data":1,"mid":"ffffffffffffffff"}"#)
  }

  @Test func `draining says when to go, and by which ticket`() {
    #expect(
      written { Push.draining(reconnectAfterMilliseconds: 120, ticket: nil, to: &$0) }
        == #"{"type":"draining","reconnect_after_ms":120}"#)
    #expect(
      written { Push.draining(reconnectAfterMilliseconds: 0, ticket: bytes("a-_9"), to: &$0) }
        == #"{"type":"draining","reconnect_after_ms":0,"ticket":"a-_9"}"#)
  }

  @Test(
    arguments: [
      ([], ""), ([0], "AA=="), ([0, 0], "AAA="), ([0, 0, 0], "AAAA"), ([0xFB, 0xFF], "+/8="),
    ] as [([UInt8], String)])
  func `bytes are told in base64`(payload: [UInt8], text: String) {
    #expect(
      written { Push.message(Self.envelope(.binary(payload)), to: &$0) }
        == #"{"type":"message","room":"chat:lobby","data":{"binary":"\#(text)"}}"#)
  }

  @Test func `a room's name is escaped where JSON wants it`() {
    let envelope = Envelope(
      room: room(#"a"b\c/é"#), position: nil, payload: .json(bytes("1")), sender: nil,
      wallMilliseconds: nil)
    #expect(
      written { Push.message(envelope, to: &$0) }
        == #"{"type":"message","room":"a\"b\\c/é","data":1}"#)
  }

  @Test func `what may be missing is said by room`() {
    #expect(
      written { Push.gap(room("a"), to: &$0) } == #"{"type":"gap","room":"a"}"#)
    #expect(
      written { Push.presenceReset(room("a"), to: &$0) } == #"{"type":"presence_reset","room":"a"}"#
    )
  }

  @Test func `a direct message may have a sender`() {
    #expect(
      written { Push.direct(data: bytes("{}"), sender: ann, to: &$0) }
        == #"{"type":"direct","data":{},"from":{"connection":"a1-2.3c.4","user":"ann"}}"#)
    #expect(
      written { Push.direct(data: bytes("{}"), sender: nil, to: &$0) }
        == #"{"type":"direct","data":{}}"#)
  }

  @Test func `comings and goings name the member with its info`() {
    #expect(
      written { Push.joined(room("lobby"), ann, to: &$0) }
        == #"{"type":"joined","room":"lobby","member":{"connection":"a1-2.3c.4","user":"ann","#
        + #""info":{"name":"Ann"}}}"#)
    #expect(
      written { Push.left(room("lobby"), nobody, to: &$0) }
        == #"{"type":"left","room":"lobby","member":{"connection":"a1-0.1.0"}}"#)
    #expect(
      written { Push.members(room("lobby"), count: 1000, to: &$0) }
        == #"{"type":"members","room":"lobby","count":1000}"#)
  }

  @Test func `what the server does to a membership tells where the room stands`() {
    let position = Position(epoch: epoch, offset: 9)
    #expect(
      written { Push.added(room("user:ann"), position: position, to: &$0) }
        == #"{"type":"added","room":"user:ann","epoch":"\#(epochText)","offset":9}"#)
    #expect(
      written { Push.added(room("user:ann"), position: nil, to: &$0) }
        == #"{"type":"added","room":"user:ann"}"#)
    #expect(
      written { Push.reset(room("lobby"), position: position, to: &$0) }
        == #"{"type":"reset","room":"lobby","epoch":"\#(epochText)","offset":9}"#)
  }
}
