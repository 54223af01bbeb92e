// Every request with all its fields, and every way in which a field can be wrong. How messages are
// cut into objects, and what hostile bytes do, is in the other files of the suite.

import RoostRooms
import RoostWire
import Testing

struct RequestReaderTests {
  static let since = #"{"epoch":"\#(epochText)","offset":5}"#
  static let position = Position(epoch: epoch, offset: 5)

  static let good: [(String, Request)] = [
    (#"{"type":"join","room":"lobby"}"#, .join(room("lobby"), since: nil)),
    (#"{"type":"join","room":"lobby","since":\#(since)}"#, .join(room("lobby"), since: position)),
    (#"{"type":"join","room":"lobby","since":null}"#, .join(room("lobby"), since: nil)),
    (#"{"type":"leave","room":"chat:lobby"}"#, .leave(room("chat:lobby"))),
    (
      #"{"type":"publish","room":"lobby","data":{"a":[1,2]}}"#,
      .publish(room("lobby"), data: bytes(#"{"a":[1,2]}"#), key: nil)
    ),
    (
      #"{"type":"publish","room":"lobby","data":null,"key":"k1"}"#,
      .publish(room("lobby"), data: bytes("null"), key: bytes("k1"))
    ),
    (
      #"{"type":"publish","room":"lobby","data":"","key":null}"#,
      .publish(room("lobby"), data: bytes(#""""#), key: nil)
    ),
    (
      #"{"type":"send","to":{"user":"ann"},"data":1}"#,
      .send(to: .user("ann"), data: bytes("1"))
    ),
    (
      #"{"type":"send","to":{"connection":"a1-0.1.2"},"data":false}"#,
      .send(to: .connection("a1-0.1.2"), data: bytes("false"))
    ),
    (#"{"type":"presence","room":"lobby"}"#, .presence(room("lobby"), limit: nil, after: nil)),
    (
      #"{"type":"presence","room":"lobby","limit":1,"after":0}"#,
      .presence(room("lobby"), limit: 1, after: 0)
    ),
    (
      #"{"type":"presence","room":"lobby","limit":null,"after":null}"#,
      .presence(room("lobby"), limit: nil, after: nil)
    ),
    (
      #"{"type":"presence","room":"lobby","limit":9223372036854775807,"after":9223372036854775807}"#,
      .presence(room("lobby"), limit: .max, after: UInt64(Int64.max))
    ),
    (
      #"{"type":"history","room":"lobby"}"#,
      .history(room("lobby"), since: nil, limit: nil, reverse: false)
    ),
    (
      #"{"type":"history","room":"lobby","since":\#(since),"limit":1e1,"reverse":true}"#,
      .history(room("lobby"), since: position, limit: 10, reverse: true)
    ),
    (
      #"{"type":"history","room":"lobby","since":null,"limit":null,"reverse":null}"#,
      .history(room("lobby"), since: nil, limit: nil, reverse: false)
    ),
    (
      #"{"type":"history","room":"lobby","reverse":false}"#,
      .history(room("lobby"), since: nil, limit: nil, reverse: false)
    ),
    (#"{"type":"auth","token":"a.b.c"}"#, .auth(token: bytes("a.b.c"))),
    (#"{"type":"ping"}"#, .ping),
  ]

  @Test(arguments: good)
  func `every request is read with its fields`(text: String, request: Request) {
    #expect(steps(bytes(text)) == [.request(ParsedRequest(id: nil, result: .success(request)))])
  }

  @Test(arguments: good)
  func `fields of other requests and unknown ones are ignored`(text: String, request: Request) {
    let unknown =
      #"{"x":{"type":"ping"},"":1,"typ":2,"types":3,"Type":"leave","ROOM":[[]],"idd":{},"#
    let longer = unknown + text.dropFirst().dropLast() + #","a long name of a field":[{"room":1}]}"#
    #expect(parsed(longer)?.request == request)
  }

  @Test(arguments: good)
  func `names and words may be written with escapes`(text: String, request: Request) {
    let escaped = text.replacing(#""type":""#, with: #""\u0074yp\u0065":""#)
      .replacing(#""room":"#, with: #""r\u006f\u006Fm":"#)
      .replacing("\"lobby\"", with: #""l\u006f\u0062by""#)
      .replacing(#":"join""#, with: #":"\u006aoin""#)
      .replacing(#""since""#, with: #""s\u0069nce""#)
      .replacing(#""offset""#, with: #""offs\u0065t""#)
      .replacing(#""key":"k1""#, with: #""\u006bey":"k\u0031""#)
    #expect(escaped != text)
    #expect(parsed(escaped)?.request == request)
  }

  @Test func `of a name that occurs twice the last one counts`() {
    #expect(
      parsed(
        #"{"type":"join","id":1,"room":"a","type":"leave","room":"b","id":"x","r\u006fom":"c"}"#)
        == ParsedRequest(id: bytes(#""x""#), result: .success(.leave(room("c")))))
    #expect(
      parsed(#"{"type":"join","room":"a","room":1}"#)?.rejection
        == RequestRejection(.badRequest, "`room` is a string"))
    #expect(
      parsed(
        #"{"type":"join","room":"a","since":{"epoch":"x","offset":1,"epoch":"\#(epochText)","offset":5}}"#
      )?.request == .join(room("a"), since: Self.position))
  }

  // MARK: Fields that are wrong

  static let roomIsMissing = RequestRejection(.badRequest, "`room` is missing")
  static let roomIsNoString = RequestRejection(.badRequest, "`room` is a string")
  static let dataIsMissing = RequestRejection(.badRequest, "`data` is missing")
  static let badSince = RequestRejection(
    .badRequest, "`since` is {\"epoch\": string, \"offset\": number} as `ok` or `reset` told it")
  static let badTarget = RequestRejection(
    .badRequest, "`to` is {\"user\": string} or {\"connection\": string}")
  static let badLimit = RequestRejection(.badRequest, "`limit` is a whole number from 1")
  static let badAfter = RequestRejection(
    .badRequest, "`after` is the `next` of the page before")
  static let unknownType = RequestRejection(
    .unknownType, "`type` is one of join, leave, publish, send, presence, history, auth, ping")

  static let wrong: [(String, RequestRejection)] =
    [
      (#"{}"#, RequestRejection(.badRequest, "`type` is missing")),
      (#"{"room":"lobby"}"#, RequestRejection(.badRequest, "`type` is missing")),
      (#"{"type":null}"#, RequestRejection(.badRequest, "`type` is a string")),
      (#"{"type":1}"#, RequestRejection(.badRequest, "`type` is a string")),
      (#"{"type":["ping"]}"#, RequestRejection(.badRequest, "`type` is a string")),
      (#"{"type":""}"#, unknownType),
      (#"{"type":"Ping"}"#, unknownType),
      (#"{"type":"ping "}"#, unknownType),
      (#"{"type":"pin"}"#, unknownType),
      (#"{"type":"welcome"}"#, unknownType),
      (#"{"type":"publish","data":1}"#, roomIsMissing),
      (#"{"type":"publish","room":"a"}"#, dataIsMissing),
      (#"{"type":"publish","room":"a","data":1,"key":1}"#, .init(.badRequest, "`key` is a string")),
      (#"{"type":"publish","room":"a","data":1,"key":""}"#, .init(.badRequest, "`key` is empty")),
      (
        #"{"type":"publish","room":"a","data":1,"key":"12345678901"}"#,
        .init(.badRequest, "`key` has at most 10 bytes")
      ),
      (#"{"type":"send","data":1}"#, badTarget),
      (#"{"type":"send","to":{"user":"ann"}}"#, dataIsMissing),
      (#"{"type":"auth"}"#, .init(.badRequest, "`token` is a string")),
      (#"{"type":"auth","token":null}"#, .init(.badRequest, "`token` is a string")),
      (#"{"type":"auth","token":12}"#, .init(.badRequest, "`token` is a string")),
      (
        #"{"type":"history","room":"a","reverse":1}"#,
        .init(.badRequest, "`reverse` is true or false")
      ),
      (
        #"{"type":"history","room":"a","reverse":"true"}"#,
        .init(.badRequest, "`reverse` is true or false")
      ),
    ]
    + ["join", "leave", "presence", "history", "publish"].flatMap { type in
      [
        (#"{"type":"\#(type)"}"#, roomIsMissing),
        (#"{"type":"\#(type)","room":null}"#, roomIsNoString),
        (#"{"type":"\#(type)","room":5}"#, roomIsNoString),
        (#"{"type":"\#(type)","room":["a"]}"#, roomIsNoString),
        (
          #"{"type":"\#(type)","room":""}"#, .init(.badRequest, "a room name has at least one byte")
        ),
        (
          #"{"type":"\#(type)","room":"a b"}"#,
          .init(.badRequest, "white space stands at byte 1 of the room name")
        ),
        (
          #"{"type":"\#(type)","room":"a\n"}"#,
          .init(.badRequest, "a control character stands at byte 1 of the room name")
        ),
        (
          #"{"type":"\#(type)","room":"\u0000"}"#,
          .init(.badRequest, "a control character stands at byte 0 of the room name")
        ),
      ]
    }
    + [
      "1", "\"\(epochText)\"", "true", "[]", "{}", #"{"epoch":"\#(epochText)"}"#, #"{"offset":1}"#,
      #"{"epoch":1,"offset":1}"#, #"{"epoch":null,"offset":1}"#,
      #"{"epoch":"\#(epochText)","offset":"1"}"#, #"{"epoch":"\#(epochText)","offset":null}"#,
      #"{"epoch":"\#(epochText)","offset":-1}"#, #"{"epoch":"\#(epochText)","offset":1.5}"#,
      #"{"epoch":"\#(epochText)","offset":9223372036854775808}"#,
      #"{"epoch":"\#(epochText)","offset":1e400}"#,
      #"{"epoch":"\#(String(repeating: "a", count: 300))","offset":1}"#,
    ].flatMap { since in
      [
        (#"{"type":"join","room":"a","since":\#(since)}"#, badSince),
        (#"{"type":"history","room":"a","since":\#(since)}"#, badSince),
      ]
    }
    + [
      "null", "1", "\"ann\"", "[]", "{}", #"{"user":1}"#, #"{"user":null}"#, #"{"user":""}"#,
      #"{"connection":""}"#, #"{"connection":[]}"#, #"{"user":"a","connection":"b"}"#,
      #"{"user":"a","connection":null}"#, #"{"room":"a"}"#,
      #"{"user":"\#(String(repeating: "a", count: 1600))"}"#,
    ].map { (#"{"type":"send","to":\#($0),"data":1}"#, badTarget) }
    + ["0", "-1", "1.5", "\"1\"", "true", "[]", "9223372036854775808", "1e300", "-0"].flatMap {
      [
        (#"{"type":"history","room":"a","limit":\#($0)}"#, badLimit),
        (#"{"type":"presence","room":"a","limit":\#($0)}"#, badLimit),
      ]
    }
    + ["-1", "0.5", "\"1\"", "{}", "9223372036854775808", "18446744073709551615"].map {
      (#"{"type":"presence","room":"a","after":\#($0)}"#, badAfter)
    }

  @Test(arguments: wrong)
  func `every field that is missing or wrong has its own answer with the id`(
    text: String, rejection: RequestRejection
  ) {
    #expect(parsed(text) == ParsedRequest(id: nil, result: .failure(rejection)))
    // Before it and behind it, the id is found all the same.
    let before = #"{"id":12,"# + text.dropFirst()
    let behind = text.dropLast() + (text == "{}" ? "" : ",") + #""id":"x"}"#
    if text != "{}" { #expect(parsed(before)?.id == bytes("12")) }
    #expect(parsed(String(behind))?.id == bytes(#""x""#))
    #expect(parsed(String(behind))?.rejection == rejection)
  }

  @Test func `an epoch that was never written here is one that nothing can be recovered from`() {
    for text in ["", "x", "0123456789ABCDEFfedcba9876543210", epochText + "0"] {
      #expect(
        parsed(#"{"type":"join","room":"a","since":{"epoch":"\#(text)","offset":5}}"#)?.request
          == .join(room("a"), since: Position(epoch: Epoch(high: 0, low: 0), offset: 5)))
    }
  }

  // MARK: Limits

  @Test(arguments: [(9, true), (10, true), (11, false)])
  func `a key has as many bytes as the limit says, its escapes not counted`(
    count: Int, isGood: Bool
  ) {
    let plain = String(repeating: "k", count: count)
    let escaped = String(repeating: #"\u006b"#, count: count)
    for key in [plain, escaped] {
      let request = parsed(#"{"type":"publish","room":"a","data":1,"key":"\#(key)"}"#)
      if isGood {
        #expect(request?.request == .publish(room("a"), data: bytes("1"), key: bytes(plain)))
      } else {
        #expect(
          request?.rejection == RequestRejection(.badRequest, "`key` has at most 10 bytes"))
      }
    }
  }

  @Test(arguments: [(254, true), (255, true), (256, false), (5000, false)])
  func `a room's name has as many bytes as names have, its escapes not counted`(
    count: Int, isGood: Bool
  ) {
    let plain = String(repeating: "r", count: count)
    for name in [plain, String(repeating: #"\u0072"#, count: count)] {
      let request = parsed(#"{"type":"leave","room":"\#(name)"}"#)
      if isGood {
        #expect(request?.request == .leave(room(plain)))
      } else {
        #expect(
          request?.rejection
            == RequestRejection(.badRequest, "a room name has at most 255 bytes"))
      }
    }
  }

  @Test(arguments: [(19, true), (20, true), (21, false)])
  func `a token has as many bytes as the limit says`(count: Int, isGood: Bool) {
    let token = String(repeating: "t", count: count)
    let request = parsed(#"{"type":"auth","token":"\#(token)"}"#)
    if isGood {
      #expect(request?.request == .auth(token: bytes(token)))
    } else {
      #expect(request?.rejection == RequestRejection(.tooLarge, "`token` has at most 20 bytes"))
    }
  }

  @Test(arguments: ["1", "0", "-1", "1.50", "1e5", "\"\"", "\"a\"", #""\u0061\"""#, "123456789012"])
  func `an id is any number or string, and is kept as it was written`(id: String) {
    #expect(
      parsed(#"{"id": \#(id) ,"type":"ping"}"#)
        == ParsedRequest(id: bytes(id), result: .success(.ping)))
  }

  @Test(arguments: ["null", "true", "false", "{}", "[]", "[1]"])
  func `an id of another kind is refused and not repeated`(id: String) {
    #expect(
      parsed(#"{"id":\#(id),"type":"ping"}"#)
        == ParsedRequest(
          id: nil, result: .failure(.init(.badRequest, "`id` is a string or a number"))))
  }

  @Test(arguments: [(11, true), (12, true), (13, false), (60_000, false)])
  func `an id has as many bytes as the limit says, its quotes counted`(count: Int, isGood: Bool) {
    let string = "\"" + String(repeating: "a", count: count - 2) + "\""
    for id in [string, String(repeating: "1", count: count)] {
      let expected: ParsedRequest =
        isGood
        ? ParsedRequest(id: bytes(id), result: .success(.ping))
        : ParsedRequest(
          id: nil, result: .failure(.init(.tooLarge, "`id` has at most 12 bytes")))
      #expect(parsed(#"{"type":"ping","id":\#(id)}"#) == expected)
    }
  }
}
