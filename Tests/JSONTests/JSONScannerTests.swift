// What the scanner hands out: ranges, members, flags, and values in a row.

import RoostJSON
import Testing

@Suite struct JSONScannerTests {
  let scanner = JSONScanner(depthMax: testDepthMax)

  /// Keys and values of an object as text, in order.
  private func members(of text: [UInt8], at offset: Int = 0) throws -> [String] {
    var found: [(RawRange, RawRange)] = []
    _ = try scanner.object(in: text.span, at: offset) { found.append(($0, $1)) }
    return found.map { slice($0.0, of: text) + " = " + slice($0.1, of: text) }
  }

  @Test func `the members of an object come in order with their raw text`() throws {
    let text = bytes(" {\"type\" : \"publish\", \"data\":{\"x\": [1, 2]},\"id\":7 } tail")
    #expect(
      try members(of: text) == [
        "\"type\" = \"publish\"", "\"data\" = {\"x\": [1, 2]}", "\"id\" = 7",
      ])
  }

  @Test func `a key that occurs twice is handed out twice`() throws {
    #expect(try members(of: bytes("{\"a\":1,\"a\":2}")) == ["\"a\" = 1", "\"a\" = 2"])
  }

  @Test func `several objects in a row are read one after the other`() throws {
    let text = bytes("{\"a\":1}{\"b\":2}\n\n {\"c\":3}  ")
    var offset = 0
    var found: [String] = []
    while scanner.skipWhiteSpace(in: text.span, from: offset) < text.count {
      found += try members(of: text, at: offset)
      offset = try scanner.object(in: text.span, at: offset) { _, _ in }.end
    }
    #expect(found == ["\"a\" = 1", "\"b\" = 2", "\"c\" = 3"])
    #expect(scanner.skipWhiteSpace(in: text.span, from: offset) == text.count)
  }

  @Test func `members before a fault are handed out, the one with the fault is not`() {
    let text = bytes("{\"a\":1,\"b\":[1,],\"c\":3}")
    var keys: [String] = []
    #expect(throws: JSONViolation.unexpectedByte(0x5D, offset: 14)) {
      try scanner.object(in: text.span, at: 0) { key, _ in keys.append(slice(key, of: text)) }
    }
    #expect(keys == ["\"a\""])
  }

  @Test func `the elements of an array come in order`() throws {
    let text = bytes("[1, \"two\",[3 ],{ \"four\":4},null]")
    var found: [String] = []
    let range = try scanner.array(in: text.span, at: 0) { found.append(slice($0, of: text)) }
    #expect(found == ["1", "\"two\"", "[3 ]", "{ \"four\":4}", "null"])
    #expect(range == RawRange(start: 0, end: text.count, kind: .array))
  }

  @Test(arguments: ["[]", "1", "\"{}\"", "null", "x", "  [1]"])
  func `object refuses every other value`(_ text: String) {
    let offset = text.utf8.count - text.drop { $0 == " " }.utf8.count
    #expect(throws: JSONViolation.notAnObject(offset: offset)) {
      try scanner.object(in: bytes(text).span, at: 0) { _, _ in }
    }
  }

  @Test(arguments: ["{}", "1", "\"[]\"", "null", "x", "  {}"])
  func `array refuses every other value`(_ text: String) {
    let offset = text.utf8.count - text.drop { $0 == " " }.utf8.count
    #expect(throws: JSONViolation.notAnArray(offset: offset)) {
      try scanner.array(in: bytes(text).span, at: 0) { _ in }
    }
  }

  @Test func `an offset at or behind the end is an end, not a trap`() {
    let text = bytes("{}")
    for offset in [2, 3, Int.max] {
      #expect(throws: JSONViolation.unexpectedEnd(offset: 2)) {
        try scanner.value(in: text.span, at: offset)
      }
      #expect(throws: JSONViolation.unexpectedEnd(offset: 2)) {
        try scanner.object(in: text.span, at: offset) { _, _ in }
      }
      #expect(throws: JSONViolation.unexpectedEnd(offset: 2)) {
        try scanner.array(in: text.span, at: offset) { _ in }
      }
      #expect(scanner.skipWhiteSpace(in: text.span, from: offset) == offset)
    }
  }

  @Test func `a value does not look at what follows it`() throws {
    let text = bytes("12x")
    #expect(try scanner.value(in: text.span, at: 0) == RawRange(start: 0, end: 2, kind: .number))
  }

  @Test func `a backslash anywhere in a string sets hasEscapes`() throws {
    for (text, expected) in [
      ("\"\"", false), ("\"abc\"", false), ("\"é€\"", false), ("\"\\n\"", true),
      ("\"abc\\u0041\"", true), ("\"\\\\\"", true),
    ] {
      #expect(try wholeRange(bytes(text)).hasEscapes == expected, "\(text)")
    }
    // Only the string itself has escapes, not what holds it.
    #expect(try wholeRange(bytes("[\"\\n\"]")).hasEscapes == false)
  }

  @Test(arguments: [
    ("[]", false), ("[\n]", true), ("{\r}", true), ("[1,\r\n2]", true), ("{\"a\"\n:1}", true),
    ("{\"a\":\n1}", true), ("{\"a\":1\n,\"b\":2}", true), ("{\"a\":[[\n]]}", true),
    ("[[\n],[]]", true), ("[\t ]", false), ("\n[ ]\n", false), ("[\"\\n\"]", false),
    ("\n{\"a\": 1}\n\n", false), ("\n1\n", false),
  ])
  func `a raw line break between tokens sets hasLineBreak`(_ text: String, _ expected: Bool) throws
  {
    #expect(try scanDocument(bytes(text)).hasLineBreak == expected)
  }

  @Test func `a line break counts for the values around it and for no other`() throws {
    let text = bytes("{\n\"a\":[1],\"b\":[\n],\"c\":[2],\"d\":{\"e\":[\r]}\n}")
    var flags: [Bool] = []
    let range = try scanner.object(in: text.span, at: 0) { flags.append($1.hasLineBreak) }
    #expect(flags == [false, true, false, true])
    #expect(range.hasLineBreak)
  }

  @Test func `every byte that is not plain is found at every place of a word`() {
    // Strings are read eight bytes at a time; each lane must be looked at, whatever is below it.
    for filler in [UInt8(0x20), 0x21, 0x23, 0x5B, 0x5D, 0x7F] {
      for place in 1...25 {
        for byte in UInt8.min...UInt8.max {
          var text = [0x22] + [UInt8](repeating: filler, count: 25) + [0x22]
          text[place] = byte
          let expected: JSONViolation? =
            switch byte {
            case 0x22: .trailingBytes(offset: place + 1)
            case 0x5C: .badEscape(offset: place)
            case 0..<0x20: .controlCharacter(byte, offset: place)
            case 0x80...: .invalidUTF8(offset: place)
            default: nil
            }
          var found: JSONViolation?
          do { _ = try scanDocument(text) } catch { found = error }
          guard !isException(byte, filler, place) else { continue }
          #expect(found == expected, "byte \(byte) at \(place) among \(filler)")
        }
      }
    }
  }

  /// Whether the byte behind the one under test makes another fault, or none, of it.
  private func isException(_ byte: UInt8, _ filler: UInt8, _ place: Int) -> Bool {
    // Spaces may follow a closing quote up to the next fault; a backslash before the closing quote
    // escapes it.
    switch byte {
    case 0x22: filler == 0x20
    case 0x5C: place == 25
    default: false
    }
  }
}
