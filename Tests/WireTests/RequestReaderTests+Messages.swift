import RoostRooms
import RoostWire
import TestRandom
import Testing

extension RequestReaderTests {
  static let ping = RequestStep.request(ParsedRequest(id: nil, result: .success(.ping)))

  static func leave(_ name: String) -> RequestStep {
    .request(ParsedRequest(id: nil, result: .success(.leave(room(name)))))
  }

  static func syntaxError(_ reason: String) -> RequestStep {
    .syntaxError(
      RequestRejection(.badRequest, "the message is not a row of JSON objects: \(reason)"))
  }

  @Test(arguments: ["", " ", "\n", " \t\r\n \n"])
  func `a message of nothing but white space has no requests`(text: String) {
    #expect(steps(bytes(text)) == [])
  }

  @Test(
    arguments: [
      #"{"type":"ping"}{"type":"leave","room":"a"}{"type":"ping"}"#,
      #" {"type":"ping"} {"type":"leave","room":"a"} {"type":"ping"} "#,
      "{\"type\":\"ping\"}\n{\"type\":\"leave\",\"room\":\"a\"}\r\n\n{\"type\":\"ping\"}\n",
      "\n{\n\"type\"\n:\n\"ping\"\n}\t{\"type\":\"leave\",\r\n\"room\":\"a\"}{ \"type\" : \"ping\" }",
    ])
  func `objects may stand in a row, with and without white space`(text: String) {
    #expect(steps(bytes(text)) == [Self.ping, Self.leave("a"), Self.ping])
  }

  @Test func `an object that is wrong does not spoil the others`() {
    #expect(
      steps(bytes(#"{"type":"ping"}{"type":"fly","id":1}{}{"type":"leave","room":"a"}"#)) == [
        Self.ping,
        .request(ParsedRequest(id: bytes("1"), result: .failure(Self.unknownType))),
        .request(
          ParsedRequest(
            id: nil, result: .failure(RequestRejection(.badRequest, "`type` is missing")))),
        Self.leave("a"),
      ])
  }

  @Test(
    arguments: [
      (#"{"type":"ping"},{"type":"ping"}"#, "an object is expected at byte 15"),
      (#"{"type":"ping"}]{"type":"ping"}"#, "an object is expected at byte 15"),
      (#"{"type":"ping"} null {"type":"ping"}"#, "an object is expected at byte 16"),
      (#"{"type":"ping"}[{"type":"ping"}]"#, "an object is expected at byte 15"),
      (#"{"type":"ping"}{"type":ping} {"type":"ping"}"#, "unexpected 'p' at byte 23"),
      (#"{"type":"ping"}{"type" "ping"}{"type":"ping"}"#, "unexpected '\"' at byte 23"),
      (#"{"type":"ping"}{"type":"#, "the text ends too early at byte 23"),
    ])
  func `after a syntax error the rest is dropped`(text: String, reason: String) {
    #expect(steps(bytes(text)) == [Self.ping, Self.syntaxError(reason)])
  }

  @Test(arguments: good)
  func `every beginning of a request is a syntax error`(text: String, request: Request) {
    let whole = bytes(text)
    for end in 1..<whole.count {
      let found = steps(Array(whole[..<end]))
      #expect(
        found == [Self.syntaxError("the text ends too early at byte \(end)")]
          || found == [Self.syntaxError("malformed number at byte \(end)")], "\(end) bytes")
    }
  }

  // MARK: Data

  @Test(
    arguments: [
      ("1", "1"), ("-0.50E+7", "-0.50E+7"),
      (#""\u0041\ud83d\ude00\n""#, #""\u0041\ud83d\ude00\n""#),
      ("[ 1 ,\t2 ]", "[ 1 ,\t2 ]"), ("{\"b\":1,\"a\":1,\"b\":2}", "{\"b\":1,\"a\":1,\"b\":2}"),
      ("[1,\n2]", "[1, 2]"), ("{\r\n\"a\"\n:\r1}", "{  \"a\" : 1}"), ("[\n\n]", "[  ]"),
      ("{\"a\":[\n{\"b\":\n1}]}", "{\"a\":[ {\"b\": 1}]}"),
      // Behind the value, a line break is not part of it.
      ("1\n", "1"), ("\n[1]\n", "[1]"),
    ])
  func `data is kept byte for byte, except that raw line breaks become spaces`(
    data: String, kept: String
  ) {
    #expect(
      parsed("{\"type\":\"publish\",\"room\":\"a\",\"data\":\(data)}")?.request
        == .publish(room("a"), data: bytes(kept), key: nil))
    #expect(
      parsed("{\"data\":\(data),\"type\":\"send\",\"to\":{\"user\":\"u\"}}")?.request
        == .send(to: .user("u"), data: bytes(kept)))
  }

  @Test(arguments: [(6, true), (7, true), (8, false), (5000, false)])
  func `data nests as deeply as the limit allows, the request's own braces counted`(
    depth: Int, isGood: Bool
  ) {
    let data = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    let found = steps(bytes(#"{"type":"publish","room":"a","data":\#(data)}"#))
    if isGood {
      #expect(
        found == [
          .request(
            ParsedRequest(
              id: nil, result: .success(.publish(room("a"), data: bytes(data), key: nil))))
        ])
    } else {
      #expect(found == [Self.syntaxError("objects and arrays nest too deeply at byte 43")])
    }
  }

  @Test(
    arguments: [
      String(repeating: "9", count: 50_000), "1e999999999999999999999999",
      "-1e-99999999999999999999",
      "0." + String(repeating: "0", count: 50_000) + "1",
      "1" + String(repeating: "0", count: 50_000) + "e-50000",
    ])
  func `huge numbers are data, and no limit, position or place`(number: String) {
    #expect(
      parsed(#"{"type":"publish","room":"a","data":\#(number)}"#)?.request
        == .publish(room("a"), data: bytes(number), key: nil))
    for field in ["limit", "after"] {
      let request = parsed(#"{"type":"presence","room":"a","\#(field)":\#(number)}"#)
      // The last of them is exactly 1, written at length.
      #expect((request?.rejection == nil) == number.hasSuffix("e-50000"))
    }
  }

  // MARK: Hostile bytes

  @Test(
    arguments: [
      [0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0x00, 0x22],
      [0x22, 0x0A, 0x22], [0x00], [0xEF, 0xBB, 0xBF], [0xFF],
    ] as [[UInt8]])
  func `what is no JSON is a syntax error in any field`(value: [UInt8]) {
    for field in ["type", "room", "id", "data", "other"] {
      let text = bytes(#"{"type":"ping","\#(field)":"#) + value + bytes("}")
      guard case .syntaxError(let rejection)? = steps(text).first else {
        Issue.record("\(text) was read")
        continue
      }
      #expect(rejection.code == .badRequest)
      #expect(steps(text).count == 1)
    }
  }

  @Test func `no change of a message makes the reader trap, stand still or go past the end`() {
    var generator = SeededGenerator.make()
    let seed = generator.description
    let seeds = Self.good.map { bytes($0.0) } + Self.wrong.prefix(60).map { bytes($0.0) }
    let pieces = [
      "{", "}", "[", "]", "\"", "\\", ":", ",", "\\u", "\\ud800", "null", "1e9", "\n", "-",
    ]
    .map { bytes($0) }
    for _ in 0..<20_000 {
      var text = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
      if Bool.random(using: &generator) {
        text += seeds[Int.random(in: 0..<seeds.count, using: &generator)]
      }
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0...text.count, using: &generator)
        let end = min(text.count, place + Int.random(in: 0...6, using: &generator))
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: text.removeSubrange(place..<end)
        case 1: text.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        case 2:
          text.replaceSubrange(
            place..<end, with: pieces[Int.random(in: 0..<pieces.count, using: &generator)])
        default: text.insert(contentsOf: text[place..<end], at: 0)
        }
      }
      check(steps(text), seed)
    }
  }

  /// What must hold for everything that the reader lets through.
  private func check(_ found: [RequestStep], _ seed: String) {
    for (number, step) in found.enumerated() {
      switch step {
      case .syntaxError(let rejection):
        #expect(number == found.count - 1, "\(seed)")
        #expect(rejection.code == .badRequest, "\(seed)")
      case .request(let request):
        #expect((request.id?.count ?? 0) <= 12, "\(seed)")
        guard case .success(.publish(_, let data, let key)) = request.result else { continue }
        #expect(!data.isEmpty && !data.contains(0x0A) && !data.contains(0x0D), "\(seed)")
        #expect(key.map { (1...10).contains($0.count) } ?? true, "\(seed)")
      case .end: Issue.record("\(seed)")
      }
    }
  }
}
