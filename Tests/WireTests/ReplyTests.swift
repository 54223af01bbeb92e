import RoostRooms
import RoostWire
import Testing

struct ReplyTests {
  static let id = bytes("7")

  @Test func `a join's answer tells what is known`() {
    let position = Position(epoch: epoch, offset: 42)
    #expect(
      written {
        Reply.joined(
          id: Self.id, room: room("chat:lobby"), members: 3, position: position, recovered: true,
          isDegraded: false, to: &$0)
      }
        == #"{"type":"ok","id":7,"room":"chat:lobby","members":3,"epoch":"\#(epochText)","#
        + #""offset":42,"recovered":true}"#)
    #expect(
      written {
        Reply.joined(
          id: Self.id, room: room("lobby"), members: 1, position: nil, recovered: nil,
          isDegraded: false, to: &$0)
      } == #"{"type":"ok","id":7,"room":"lobby","members":1}"#)
    #expect(
      written {
        Reply.joined(
          id: Self.id, room: room("lobby"), members: nil, position: nil, recovered: false,
          isDegraded: true, to: &$0)
      } == #"{"type":"ok","id":7,"room":"lobby","recovered":false,"degraded":true}"#)
  }

  @Test func `the id comes back as it was written`() {
    for id in ["1", "-1.50e+3", #""a\u0062\"""#, #""é""#, "0"] {
      #expect(written { Reply.done(id: bytes(id), to: &$0) } == #"{"type":"ok","id":\#(id)}"#)
    }
  }

  @Test func `without an id there is no ok`() {
    let position = Position(epoch: epoch, offset: 1)
    #expect(written { Reply.done(id: nil, to: &$0) } == "")
    #expect(written { Reply.published(id: nil, position: position, to: &$0) } == "")
    #expect(written { Reply.sent(id: nil, delivered: 1, isComplete: true, to: &$0) } == "")
    #expect(written { Reply.presence(id: nil, members: [ann], next: 1, to: &$0) } == "")
    #expect(
      written {
        Reply.history(id: nil, messages: [], position: position, recovered: nil, to: &$0)
      } == "")
    #expect(
      written {
        Reply.joined(
          id: nil, room: room("a"), members: 1, position: nil, recovered: nil, isDegraded: false,
          to: &$0)
      } == "")
  }

  @Test func `a publish's answer tells the place where there is one`() {
    #expect(
      written {
        Reply.published(id: Self.id, position: Position(epoch: epoch, offset: .max), to: &$0)
      } == #"{"type":"ok","id":7,"epoch":"\#(epochText)","offset":18446744073709551615}"#)
    #expect(
      written { Reply.published(id: Self.id, position: nil, to: &$0) } == #"{"type":"ok","id":7}"#)
  }

  @Test func `a send's answer tells how many connections it reached`() {
    #expect(
      written { Reply.sent(id: Self.id, delivered: 0, isComplete: true, to: &$0) }
        == #"{"type":"ok","id":7,"delivered":0}"#)
  }

  @Test func `presence lists members, and where to read on`() {
    #expect(
      written { Reply.presence(id: Self.id, members: [ann, nobody], next: 12, to: &$0) }
        == #"{"type":"ok","id":7,"members":[{"connection":"a1-2.3c.4","user":"ann","#
        + #""info":{"name":"Ann"}},{"connection":"a1-0.1.0"}],"next":12}"#)
    #expect(
      written { Reply.presence(id: Self.id, members: [], next: nil, to: &$0) }
        == #"{"type":"ok","id":7,"members":[]}"#)
  }

  @Test func `history lists messages with what the policy shows`() {
    let messages = [
      LogEntry(offset: 1, payload: .json(bytes("[1]")), sender: nil, wallMilliseconds: nil),
      LogEntry(
        offset: 2, payload: .binary([0, 255, 16]), sender: ann, wallMilliseconds: 1_700_000_000_000),
    ]
    #expect(
      written {
        Reply.history(
          id: Self.id, messages: messages, position: Position(epoch: epoch, offset: 2),
          recovered: false, to: &$0)
      }
        == #"{"type":"ok","id":7,"messages":[{"offset":1,"data":[1]},{"offset":2,"#
        + #""data":{"binary":"AP8Q"},"from":{"connection":"a1-2.3c.4","user":"ann"},"#
        + #""time":1700000000000}],"epoch":"\#(epochText)","offset":2,"recovered":false}"#)
    #expect(
      written {
        Reply.history(
          id: Self.id, messages: [], position: Position(epoch: epoch, offset: 0), recovered: nil,
          to: &$0)
      } == #"{"type":"ok","id":7,"messages":[],"epoch":"\#(epochText)","offset":0}"#)
  }

  @Test func `a pong and an error are sent with or without an id`() {
    #expect(written { Reply.pong(id: Self.id, to: &$0) } == #"{"type":"pong","id":7}"#)
    #expect(written { Reply.pong(id: nil, to: &$0) } == #"{"type":"pong"}"#)
    #expect(
      written {
        Reply.error(
          id: Self.id, code: .badRequest, message: "say \"please\"\n", retryAfter: nil, to: &$0)
      } == #"{"type":"error","id":7,"code":"bad_request","message":"say \"please\"\n"}"#)
    #expect(
      written { Reply.error(id: nil, code: .internal, message: "", retryAfter: nil, to: &$0) }
        == #"{"type":"error","code":"internal","message":""}"#)
  }

  @Test(
    arguments: [
      (.milliseconds(250), 250), (.seconds(2), 2000), (.milliseconds(1), 1),
      // Rounded up, so that nobody comes back too early.
      (.nanoseconds(1), 1), (.nanoseconds(1_000_001), 2), (.nanoseconds(999_999), 1),
      (.nanoseconds(1_999_999_999), 2000),
      // Never nothing, never more than a day.
      (.zero, 1), (.seconds(86_400), 86_400_000), (.seconds(Int64.max), 86_400_000),
    ] as [(Duration, Int)])
  func `the wait is told in milliseconds`(wait: Duration, milliseconds: Int) {
    #expect(
      written {
        Reply.error(id: nil, code: .rateLimited, message: "slower", retryAfter: wait, to: &$0)
      }
        == #"{"type":"error","code":"rate_limited","message":"slower","retry_after_ms":\#(milliseconds)}"#
    )
  }
}
