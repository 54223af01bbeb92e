// What a validated range says: strings without escapes, comparisons, numbers.

import RoostJSON
import Testing

@Suite struct JSONContentTests {
  let scanner = JSONScanner(depthMax: testDepthMax)

  static let strings: [(String, String)] = [
    ("\"\"", ""), ("\"plain\"", "plain"), ("\"é€😀\"", "é€😀"), ("\"\\\"\\\\\\/\"", "\"\\/"),
    ("\"\\b\\f\\n\\r\\t\"", "\u{8}\u{C}\n\r\t"), ("\"\\u0041\\u00e9\\u20AC\"", "Aé€"),
    ("\"\\uD83D\\uDE00\"", "😀"), ("\"\\uDBFF\\uDFFF\\uD800\\uDC00\"", "\u{10FFFF}\u{10000}"),
    ("\"\\u0000\"", "\u{0}"),
    ("\"\\u007F\\u0080\\u07ff\\u0800\\uFFFF\"", "\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}"),
    ("\"a\\nb\\\\nc\"", "a\nb\\nc"), ("\"é\\u0301x\"", "é\u{301}x"),
  ]

  @Test(arguments: strings)
  func `unescaped gives the content as UTF-8`(_ text: String, _ expected: String) throws {
    let text = bytes(text)
    let range = try wholeRange(text)
    #expect(scanner.unescaped(range, in: text.span) == bytes(expected))
    var appended: [UInt8] = [1]
    scanner.appendUnescaped(range, in: text.span, to: &appended)
    #expect(appended == [1] + bytes(expected))
  }

  @Test(arguments: strings)
  func `equals compares the content and nothing but the content`(
    _ text: String, _ expected: String
  ) throws {
    let text = bytes(text)
    let range = try wholeRange(text)
    #expect(scanner.equals(range, expected, in: text))
    #expect(!scanner.equals(range, expected + "x", in: text))
    #expect(!scanner.equals(range, "x" + expected, in: text))
    if !expected.isEmpty {
      let shorter = String(expected.unicodeScalars.dropLast())
      #expect(!scanner.equals(range, shorter, in: text))
      #expect(!scanner.equals(range, "", in: text))
    }
  }

  @Test func `composed and decomposed letters are different keys`() throws {
    let text = bytes("\"e\u{301}\"")
    #expect(!scanner.equals(try wholeRange(text), "\u{E9}", in: text))
    let escaped = bytes("\"e\\u0301\"")
    #expect(!scanner.equals(try wholeRange(escaped), "\u{E9}", in: escaped))
  }

  @Test(arguments: [
    ("0", 0), ("-0", 0), ("0.000", 0), ("-0e5", 0), ("0e999999999999999999999", 0), ("7", 7),
    ("-5", -5),
    ("1.0", 1), ("1e2", 100), ("1E+2", 100), ("100e-2", 1), ("0.1e1", 1), ("1.50e1", 15),
    ("-2.5e1", -25),
    ("1000e-3", 1), ("0.00012e5", 12), ("10.00", 10), ("1e18", 1_000_000_000_000_000_000),
    ("100000000000000000000000000e-26", 1), ("12e0000000000000000000000001", 120),
    ("9007199254740993", 9_007_199_254_740_993),
    ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
    ("-9223372036854775807", -Int64.max),
    ("9223372036854775.807e3", Int64.max), ("-922337203685477580.8e1", Int64.min),
  ])
  func `an integer is exact however it is written`(_ text: String, _ expected: Int64) throws {
    let text = bytes(text)
    #expect(scanner.integer(try wholeRange(text), in: text.span) == expected)
  }

  @Test(arguments: [
    "9223372036854775808", "-9223372036854775809", "18446744073709551615", "18446744073709551616",
    "1e19", "1e20", "1e999999999999999999999", "99999999999999999999999999", "0.5", "1.01", "1e-1",
    "-1e-99999999999999999999",
    "15e-1", "123456789012345678901e-1", "922337203685477580.71e1",
  ])
  func `a number that is no integer of 64 bits gives none`(_ text: String) throws {
    let text = bytes(text)
    #expect(scanner.integer(try wholeRange(text), in: text.span) == nil)
  }

  @Test func `a long run of zeros costs no more than reading it`() throws {
    let text = bytes("1" + String(repeating: "0", count: 50_000) + "e-50000")
    #expect(scanner.integer(try wholeRange(text), in: text.span) == 1)
  }

  @Test(arguments: [
    ("0", 0.0), ("-1.5", -1.5), ("1e2", 100), ("0.1", 0.1), ("5e-324", .leastNonzeroMagnitude),
    ("1e-400", 0),
    ("1.7976931348623157e308", 1.7976931348623157e308),
    ("123456789012345678901234567890", 1.2345678901234568e29),
  ])
  func `a double is the nearest one`(_ text: String, _ expected: Double) throws {
    let text = bytes(text)
    #expect(scanner.double(try wholeRange(text), in: text.span) == expected)
  }

  @Test(arguments: ["1e309", "-1e400", "1e999999999999"])
  func `a number beyond the doubles gives none`(_ text: String) throws {
    let text = bytes(text)
    #expect(scanner.double(try wholeRange(text), in: text.span) == nil)
  }

  @Test(arguments: ["\"1\"", "true", "null", "[1]", "{}"])
  func `what is not a number gives neither integer nor double`(_ text: String) throws {
    let text = bytes(text)
    let range = try wholeRange(text)
    #expect(scanner.integer(range, in: text.span) == nil)
    #expect(scanner.double(range, in: text.span) == nil)
  }

  @Test(arguments: ["1", "true", "null", "[\"a\"]", "{}"])
  func `what is not a string has no content and equals nothing`(_ text: String) throws {
    let text = bytes(text)
    let range = try wholeRange(text)
    #expect(scanner.unescaped(range, in: text.span) == [])
    #expect(!scanner.equals(range, "", in: text))
    #expect(!scanner.equals(range, String(decoding: text, as: UTF8.self), in: text))
  }
}
