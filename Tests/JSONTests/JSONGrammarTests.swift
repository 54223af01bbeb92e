// The grammar as two tables: texts that RFC 8259 allows and texts that it does not, each of the
// latter with the exact rule and byte.

import RoostJSON
import Testing

/// A text that must be accepted, and what it is.
struct AcceptedText: Sendable, CustomTestStringConvertible {
  let text: [UInt8]
  let kind: JSONKind

  init(_ text: String, _ kind: JSONKind) {
    self.text = bytes(text)
    self.kind = kind
  }

  var testDescription: String { String(decoding: text, as: UTF8.self) }
}

/// A text that must be refused, and why.
struct RefusedText: Sendable, CustomTestStringConvertible {
  let text: [UInt8]
  let violation: JSONViolation

  init(_ text: String, _ violation: JSONViolation) {
    self.text = bytes(text)
    self.violation = violation
  }

  init(_ text: [UInt8], _ violation: JSONViolation) {
    self.text = text
    self.violation = violation
  }

  /// The bytes of a string literal whose content starts at offset 1.
  init(content: [UInt8], _ violation: JSONViolation) {
    self.init([0x22] + content + [0x22], violation)
  }

  var testDescription: String {
    String(decoding: text, as: UTF8.self) + " \(text)"
  }
}

@Suite struct JSONGrammarTests {
  static let accepted: [AcceptedText] = [
    // Arrays.
    .init("[]", .array), .init("[ ]", .array), .init("[[]]", .array), .init("[\"\"]", .array),
    .init("[[]   ]", .array), .init("[false]", .array), .init("[null, 1, \"1\", {}]", .array),
    .init("[null]", .array), .init("[1\n]", .array), .init(" [1]", .array), .init("[2] ", .array),
    .init("[1,null,null,null,2]", .array), .init("[[[[[[[[[[]]]]]]]]]]", .array),
    // Objects.
    .init("{}", .object), .init("{ }", .object), .init("{\"\":0}", .object),
    .init("{\"a\":[]}", .object), .init("{\"a\":\"b\",\"a\":\"c\"}", .object),
    .init("{\"a\":\"b\",\"a\":\"b\"}", .object), .init("{\"foo\\u0000bar\": 42}", .object),
    .init("{\"min\": -1.0e+28, \"max\": 1.0e+28}", .object), .init("{\n\"a\": \"b\"\n}", .object),
    .init("\r\n\t {\"a\" :\t{ } }\t\r\n", .object), .init("{\"\\u0061\":1,\"b\":{}}", .object),
    // Numbers.
    .init("0", .number), .init("-0", .number), .init("-1", .number), .init("123", .number),
    .init("-123", .number), .init("123.456789", .number), .init("0e1", .number),
    .init("0e+1", .number), .init("0E-0", .number), .init("20e1", .number), .init("1E22", .number),
    .init("1E-2", .number), .init("1E+2", .number), .init("123e45", .number),
    .init("123.456e78", .number), .init("-0.0", .number), .init("1.000000000000005", .number),
    .init("-0.000000000000000000000000000000000000000000000000000000000001", .number),
    .init("123456789012345678901234567890", .number), .init("1e999999999999", .number),
    .init("[ 4]", .array), .init("1e00", .number), .init("1e-007", .number),
    // Strings.
    .init("\"\"", .string), .init("\" \"", .string), .init("\"asd\"", .string),
    .init("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", .string), .init("\"\\\\a\"", .string),
    .init("\"\\u0060\\u012a\\u12AB\"", .string), .init("\"\\u0000\"", .string),
    .init("\"\\u0022\"", .string), .init("\"\\\\u0000\"", .string), .init("\"a/*b*/c\"", .string),
    .init("\"\\uD801\\udc37\"", .string), .init("\"\\ud83d\\ude39\\ud83d\\udc8d\"", .string),
    .init("\"\\uDBFF\\uDFFF\"", .string), .init("\"\\uFFFF\"", .string),
    .init("\"\\uD7FF\\uE000\"", .string), .init("\"\u{7F}\"", .string),
    .init("\"\u{80}\u{7FF}\u{800}\u{FFFF}\"", .string), .init("\"\u{D7FF}\u{E000}\"", .string),
    .init("\"\u{10000}\u{10FFFF}\"", .string), .init("\"\u{2028}\u{2029}\u{FEFF}\"", .string),
    .init("\"€𝄞π\"", .string), .init("{\"ключ\":\"值\"}", .object),
    // Literals and white space.
    .init("true", .boolTrue), .init("false", .boolFalse), .init("null", .null),
    .init(" true ", .boolTrue), .init("\t\n\r null", .null),
  ]

  @Test(arguments: accepted)
  func `what RFC 8259 allows is accepted from its first byte to its last`(
    _ example: AcceptedText
  ) throws {
    let range = try scanDocument(example.text)
    let isSpace: (UInt8) -> Bool = { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
    let start = try #require(example.text.firstIndex { !isSpace($0) })
    let last = try #require(example.text.lastIndex { !isSpace($0) })
    #expect(range.kind == example.kind)
    #expect(range.start == start)
    #expect(range.end == last + 1)
  }

  static let refusedStructures: [RefusedText] = [
    // Nothing, or not enough.
    .init("", .unexpectedEnd(offset: 0)), .init("   ", .unexpectedEnd(offset: 3)),
    .init("[", .unexpectedEnd(offset: 1)), .init("{", .unexpectedEnd(offset: 1)),
    .init("[1", .unexpectedEnd(offset: 2)), .init("[1,", .unexpectedEnd(offset: 3)),
    .init("[\"\"", .unexpectedEnd(offset: 3)), .init("[\"a", .unexpectedEnd(offset: 3)),
    .init("{\"a\"", .unexpectedEnd(offset: 4)), .init("{\"a\":", .unexpectedEnd(offset: 5)),
    .init("{\"a\":1", .unexpectedEnd(offset: 6)), .init("{\"a\":1,", .unexpectedEnd(offset: 7)),
    .init("\"", .unexpectedEnd(offset: 1)), .init("[[[[", .unexpectedEnd(offset: 4)),
    .init("[{\"a\":[{", .unexpectedEnd(offset: 8)), .init("[1,\n1\n,1", .unexpectedEnd(offset: 8)),
    // Arrays.
    .init("[1 true]", .unexpectedByte(0x74, offset: 3)),
    .init("[\"\": 1]", .unexpectedByte(0x3A, offset: 3)),
    .init("[\"\"],", .trailingBytes(offset: 4)), .init("[,1]", .unexpectedByte(0x2C, offset: 1)),
    .init("[1,,2]", .unexpectedByte(0x2C, offset: 3)),
    .init("[x]]", .unexpectedByte(0x78, offset: 1)),
    .init("[1]]", .trailingBytes(offset: 3)), .init("[\"\",]", .unexpectedByte(0x5D, offset: 4)),
    .init("[1,]", .unexpectedByte(0x5D, offset: 3)), .init("[,]", .unexpectedByte(0x2C, offset: 1)),
    .init("[3[4]]", .unexpectedByte(0x5B, offset: 2)),
    .init("[1:2]", .unexpectedByte(0x3A, offset: 2)),
    .init("[   , \"\"]", .unexpectedByte(0x2C, offset: 4)),
    .init("[1}", .unexpectedByte(0x7D, offset: 2)),
    .init("[*]", .unexpectedByte(0x2A, offset: 1)), .init("[1]x", .trailingBytes(offset: 3)),
    .init("]", .unexpectedByte(0x5D, offset: 0)),
    .init("[<null>]", .unexpectedByte(0x3C, offset: 1)),
    // Objects.
    .init("{\"x\", null}", .unexpectedByte(0x2C, offset: 4)),
    .init("{\"x\"::\"b\"}", .unexpectedByte(0x3A, offset: 5)),
    .init("{\"a\":\"a\" 123}", .unexpectedByte(0x31, offset: 9)),
    .init("{key: 'value'}", .unexpectedByte(0x6B, offset: 1)),
    .init("{\"a\" b}", .unexpectedByte(0x62, offset: 5)),
    .init("{:\"b\"}", .unexpectedByte(0x3A, offset: 1)),
    .init("{\"a\" \"b\"}", .unexpectedByte(0x22, offset: 5)),
    .init("{1:1}", .unexpectedByte(0x31, offset: 1)),
    .init("{null:null}", .unexpectedByte(0x6E, offset: 1)),
    .init("{\"id\":0,}", .unexpectedByte(0x7D, offset: 8)),
    .init("{\"id\":0,,}", .unexpectedByte(0x2C, offset: 8)),
    .init("{,}", .unexpectedByte(0x2C, offset: 1)),
    .init("{'a':0}", .unexpectedByte(0x27, offset: 1)),
    .init("{\"a\":}", .unexpectedByte(0x7D, offset: 5)),
    .init("{\"a\":\"b\"}/**/", .trailingBytes(offset: 9)),
    .init("{\"a\":\"b\"}#", .trailingBytes(offset: 9)),
    .init("{\"a\":/*c*/\"b\"}", .unexpectedByte(0x2F, offset: 5)),
    .init("{\"a\":1]", .unexpectedByte(0x5D, offset: 6)),
    .init("{\"a\":\"b\"}{}", .trailingBytes(offset: 9)),
    .init("}", .unexpectedByte(0x7D, offset: 0)),
    .init("{[: \"x\"}", .unexpectedByte(0x5B, offset: 1)),
    .init("{\"a\":1 \"b\":2}", .unexpectedByte(0x22, offset: 7)),
    // Literals.
    .init("nul", .unexpectedEnd(offset: 3)), .init("tru", .unexpectedEnd(offset: 3)),
    .init("[fals]", .unexpectedByte(0x5D, offset: 5)),
    .init("True", .unexpectedByte(0x54, offset: 0)),
    .init("FALSE", .unexpectedByte(0x46, offset: 0)),
    .init("nulL", .unexpectedByte(0x4C, offset: 3)),
    .init("truefalse", .trailingBytes(offset: 4)),
    .init("undefined", .unexpectedByte(0x75, offset: 0)),
    .init("abc", .unexpectedByte(0x61, offset: 0)), .init("'a'", .unexpectedByte(0x27, offset: 0)),
    // White space and marks that are none.
    .init("[\u{0C}]", .unexpectedByte(0x0C, offset: 1)),
    .init("\u{0B}1", .unexpectedByte(0x0B, offset: 0)),
    .init("[\u{A0}]", .unexpectedByte(0xC2, offset: 1)),
    .init("\u{FEFF}{}", .unexpectedByte(0xEF, offset: 0)),
    .init("\u{2060}1", .unexpectedByte(0xE2, offset: 0)),
    .init([0x31, 0x00], .trailingBytes(offset: 1)),
    .init([0x00], .unexpectedByte(0, offset: 0)),
    .init([0xFF, 0xFE, 0x5B, 0x00], .unexpectedByte(0xFF, offset: 0)),
    .init("1 2", .trailingBytes(offset: 2)), .init("\"\"\"\"", .trailingBytes(offset: 2)),
  ]

  static let refusedNumbers: [RefusedText] = [
    .init("-", .unexpectedEnd(offset: 1)), .init("1.", .unexpectedEnd(offset: 2)),
    .init("1e", .unexpectedEnd(offset: 2)), .init("1e+", .unexpectedEnd(offset: 3)),
    .init("01", .badNumber(offset: 0)), .init("-01", .badNumber(offset: 0)),
    .init("00", .badNumber(offset: 0)),
    .init("+1", .badNumber(offset: 0)), .init("++1", .badNumber(offset: 0)),
    .init("+Inf", .badNumber(offset: 0)),
    .init(".5", .badNumber(offset: 0)), .init("-.5", .badNumber(offset: 0)),
    .init("[-2.]", .badNumber(offset: 1)),
    .init("[0.e1]", .badNumber(offset: 1)), .init("[2.e+3]", .badNumber(offset: 1)),
    .init("[1.0e]", .badNumber(offset: 1)),
    .init("[1.0e-]", .badNumber(offset: 1)), .init("[1eE2]", .badNumber(offset: 1)),
    .init("[0e+-1]", .badNumber(offset: 1)),
    .init("[-NaN]", .badNumber(offset: 1)), .init("[--1]", .badNumber(offset: 1)),
    .init("[- 1]", .badNumber(offset: 1)),
    .init("[-foo]", .badNumber(offset: 1)), .init("[0x1]", .unexpectedByte(0x78, offset: 2)),
    .init("[1 000.0]", .unexpectedByte(0x30, offset: 3)),
    .init("[1a]", .unexpectedByte(0x61, offset: 2)),
    .init("[1.2.3]", .unexpectedByte(0x2E, offset: 4)),
    .init("[1+2]", .unexpectedByte(0x2B, offset: 2)),
    .init("[1e5.5]", .unexpectedByte(0x2E, offset: 4)),
    .init("NaN", .unexpectedByte(0x4E, offset: 0)),
    .init("Infinity", .unexpectedByte(0x49, offset: 0)),
    .init("[-Infinity]", .badNumber(offset: 1)),
    .init("１", .unexpectedByte(0xEF, offset: 0)), .init("[1e１]", .badNumber(offset: 1)),
    .init("-012", .badNumber(offset: 0)), .init("[0.1.]", .unexpectedByte(0x2E, offset: 4)),
  ]

  static let refusedStrings: [RefusedText] = [
    // Escapes.
    .init(content: bytes("\\x00"), .badEscape(offset: 1)),
    .init(content: bytes("\\a"), .badEscape(offset: 1)),
    .init(content: bytes("\\'"), .badEscape(offset: 1)),
    .init(content: bytes("\\U0041"), .badEscape(offset: 1)),
    .init(content: bytes("\\0"), .badEscape(offset: 1)),
    .init(content: bytes("\\N"), .badEscape(offset: 1)),
    .init(content: bytes("ab\\ "), .badEscape(offset: 3)),
    .init(content: bytes("\\\u{1F300}"), .badEscape(offset: 1)),
    .init(content: bytes("\\u00A"), .badEscape(offset: 1)),
    .init(content: bytes("\\uqqqq"), .badEscape(offset: 1)),
    .init(content: bytes("\\u 041"), .badEscape(offset: 1)),
    .init(content: bytes("\\u+041"), .badEscape(offset: 1)),
    .init(content: bytes("\\u00G0"), .badEscape(offset: 1)),
    .init(content: bytes("\\\\\\"), .unexpectedEnd(offset: 5)),
    .init("\"\\", .unexpectedEnd(offset: 2)), .init("\"\\u", .unexpectedEnd(offset: 3)),
    .init("\"\\u004", .unexpectedEnd(offset: 6)), .init("\"\\ud83d", .unexpectedEnd(offset: 7)),
    .init("\"\\ud83d\\", .unexpectedEnd(offset: 8)),
    .init("\"\\ud83d\\u", .unexpectedEnd(offset: 9)),
    // Halves of surrogate pairs.
    .init(content: bytes("\\uD800"), .loneSurrogate(offset: 1)),
    .init(content: bytes("\\uDFFF"), .loneSurrogate(offset: 1)),
    .init(content: bytes("\\uD800\\n"), .loneSurrogate(offset: 1)),
    .init(content: bytes("\\uD800x"), .loneSurrogate(offset: 1)),
    .init(content: bytes("\\uD800\\uD800\\uDC00"), .loneSurrogate(offset: 1)),
    .init(content: bytes("\\uDC00\\uD800"), .loneSurrogate(offset: 1)),
    .init(content: bytes("a\\udbff\\ue000"), .loneSurrogate(offset: 2)),
    .init(content: bytes("\\uD800\\u00"), .badEscape(offset: 7)),
    // Control characters.
    .init(content: [0x00], .controlCharacter(0, offset: 1)),
    .init(content: [0x09], .controlCharacter(9, offset: 1)),
    .init(content: [0x61, 0x0A], .controlCharacter(10, offset: 2)),
    .init(content: [0x0D], .controlCharacter(13, offset: 1)),
    .init(content: [0x1F], .controlCharacter(0x1F, offset: 1)),
    .init("{\"a\u{01}\":1}", .controlCharacter(1, offset: 3)),
    // Bytes that are not UTF-8, at the borders of every range.
    .init(content: [0x80], .invalidUTF8(offset: 1)),
    .init(content: [0xBF], .invalidUTF8(offset: 1)),
    .init(content: [0xC0, 0x80], .invalidUTF8(offset: 1)),
    .init(content: [0xC1, 0xBF], .invalidUTF8(offset: 1)),
    .init(content: [0xC2, 0x7F], .invalidUTF8(offset: 1)),
    .init(content: [0xC2, 0xC0], .invalidUTF8(offset: 1)),
    .init(content: [0xDF], .invalidUTF8(offset: 1)),
    .init(content: [0xE0, 0x9F, 0xBF], .invalidUTF8(offset: 1)),
    .init(content: [0xE0, 0xA0, 0x7F], .invalidUTF8(offset: 1)),
    .init(content: [0xE1, 0x80], .invalidUTF8(offset: 1)),
    .init(content: [0xED, 0xA0, 0x80], .invalidUTF8(offset: 1)),
    .init(content: [0xED, 0xBF, 0xBF], .invalidUTF8(offset: 1)),
    .init(content: [0xF0, 0x8F, 0xBF, 0xBF], .invalidUTF8(offset: 1)),
    .init(content: [0xF0, 0x90, 0x80], .invalidUTF8(offset: 1)),
    .init(content: [0xF4, 0x90, 0x80, 0x80], .invalidUTF8(offset: 1)),
    .init(content: [0xF5, 0x80, 0x80, 0x80], .invalidUTF8(offset: 1)),
    .init(content: [0xFE], .invalidUTF8(offset: 1)),
    .init(content: [0xFF], .invalidUTF8(offset: 1)),
    .init(content: [0x61, 0xE5], .invalidUTF8(offset: 2)),
    .init([0x22, 0xE2, 0x82], .unexpectedEnd(offset: 3)),
    .init([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D], .invalidUTF8(offset: 2)),
    .init([0x5B, 0xFF, 0x5D], .unexpectedByte(0xFF, offset: 1)),
  ]

  @Test(arguments: refusedStructures + refusedNumbers + refusedStrings)
  func `what RFC 8259 does not allow is refused with the rule and the byte`(
    _ example: RefusedText
  ) {
    #expect(throws: example.violation) { try scanDocument(example.text) }
  }

  @Test func `the tables hold well over a hundred refusals`() {
    let refused =
      Self.refusedStructures.count + Self.refusedNumbers.count + Self.refusedStrings.count
    #expect(refused >= 120)
    #expect(Self.accepted.count >= 60)
  }

  @Test(arguments: [0x5B, 0x7B])
  func `nesting is accepted up to depthMax and refused one deeper`(_ opening: UInt8) throws {
    // An object nests under a key.
    let open = opening == 0x5B ? bytes("[") : bytes("{\"k\":")
    let close: [UInt8] = [opening == 0x5B ? 0x5D : 0x7D]
    let core = bytes("1")
    for depthMax in [1, 2, 5, 1_024] {
      let scanner = JSONScanner(depthMax: depthMax)
      for depth in [depthMax - 1, depthMax, depthMax + 1] {
        let opened = Array(repeating: open, count: depth).flatMap { $0 }
        let closed = Array(repeating: close, count: depth).flatMap { $0 }
        let text = opened + core + closed
        if depth <= depthMax {
          #expect(try scanner.document(in: text.span).count == text.count)
        } else {
          let fault = JSONViolation.tooDeep(offset: open.count * depthMax)
          #expect(throws: fault) { try scanner.document(in: text.span) }
        }
      }
    }
  }

  @Test func `a hundred thousand opening brackets are refused without being followed`() {
    let text = [UInt8](repeating: 0x5B, count: 100_000)
    let fault = JSONViolation.tooDeep(offset: testDepthMax)
    #expect(throws: fault) { try scanDocument(text) }
  }

  @Test func `every proper prefix of an object is refused as ending too early`() throws {
    let text = bytes(
      "{\"a\":[1,-2.5e+3,true,false,null,\"x\\n\\u00e9\\ud83d\\ude00é€😀\"],\"b\":{\"c\":{}}, \"d\" : \"\"}"
    )
    #expect(try scanDocument(text).count == text.count)
    for count in 0..<text.count {
      let fault = JSONViolation.unexpectedEnd(offset: count)
      #expect(throws: fault, "cut after \(count) bytes") { try scanDocument(Array(text[..<count])) }
    }
  }

  @Test func `no single byte anywhere in a text makes the scanner trap`() throws {
    let text = bytes("{\"a\":[1,-0.5e1,\"\\u00e9\\n€\",true,null],\"b\":{}}")
    for place in text.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = text
        changed[place] = byte
        if let range = try? scanDocument(changed) { #expect(range.end <= changed.count) }
      }
    }
  }
}
