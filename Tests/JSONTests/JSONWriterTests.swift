// What the writer writes, and that the scanner reads it back.

import RoostJSON
import TestRandom
import Testing

@Suite struct JSONWriterTests {
  private func written(_ write: (inout [UInt8]) -> Void) -> String {
    var output: [UInt8] = []
    write(&output)
    return String(decoding: output, as: UTF8.self)
  }

  @Test(arguments: [
    ("", "\"\""), ("plain", "\"plain\""), ("a\"b\\c", "\"a\\\"b\\\\c\""), ("/", "\"/\""),
    ("\u{8}\t\n\u{C}\r", "\"\\b\\t\\n\\f\\r\""),
    ("\u{0}\u{1}\u{B}\u{1F}", "\"\\u0000\\u0001\\u000b\\u001f\""),
    ("\u{7F}é€😀\u{2028}", "\"\u{7F}é€😀\u{2028}\""), ("\n\n", "\"\\n\\n\""),
    ("x\u{1}", "\"x\\u0001\""),
  ])
  func `a string is quoted with the escapes it needs and no others`(
    _ string: String, _ expected: String
  ) {
    #expect(written { JSONWriter.appendString(string, to: &$0) } == expected)
    #expect(written { JSONWriter.appendString(bytes(string).span, to: &$0) } == expected)
  }

  @Test(arguments: [0, 1, -1, 9, 10, -10, 1_234_567_890, Int64.max, Int64.min])
  func `an integer is written in decimal`(_ value: Int64) {
    #expect(written { JSONWriter.appendInteger(value, to: &$0) } == "\(value)")
  }

  @Test func `the largest unsigned integer is written in decimal`() {
    #expect(written { JSONWriter.appendInteger(UInt64.max, to: &$0) } == "18446744073709551615")
  }

  @Test func `booleans are the two literals`() {
    #expect(written { JSONWriter.appendBool(true, to: &$0) } == "true")
    #expect(written { JSONWriter.appendBool(false, to: &$0) } == "false")
  }

  // The vectors of RFC 4648, 10, and the two letters that differ between alphabets.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"), ("\u{3E}\u{3F}\u{3F}", "Pj8/"), ("~~~", "fn5+"),
  ])
  func `base64 is padded and uses the standard alphabet`(_ text: String, _ expected: String) {
    let output = written { JSONWriter.appendBase64(bytes(text).span, to: &$0) }
    #expect(output == "\"" + expected + "\"")
  }

  @Test func `a forwarded value keeps every byte but its line breaks`() throws {
    let text = bytes("{\"data\":{\"a\" :\r\n[1,\n\"\\n\\r\"\t]\r} , \"x\":1}")
    var value: RawRange?
    _ = try JSONScanner(depthMax: testDepthMax).object(in: text.span, at: 0) {
      if value == nil { value = $1 } else { _ = $0 }
    }
    let range = try #require(value)
    #expect(
      written { JSONWriter.appendValue(range, in: text.span, to: &$0) }
        == "{\"a\" :  [1, \"\\n\\r\"\t] }")
  }

  @Test func `random strings survive writing and scanning`() throws {
    var generator = SeededGenerator.make()
    let borders: [UInt32] = [
      0, 0x1F, 0x20, 0x22, 0x5C, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000,
      0x10FFFF,
    ]
    let scanner = JSONScanner(depthMax: 1)
    for _ in 0..<2_000 {
      var string = ""
      for _ in 0..<Int.random(in: 0...40, using: &generator) {
        let number =
          Bool.random(using: &generator)
          ? UInt32.random(in: 0...0x10FFFF, using: &generator)
          : borders.randomElement(using: &generator) ?? 0
        if let scalar = Unicode.Scalar(number) { string.unicodeScalars.append(scalar) }
      }
      var output: [UInt8] = []
      JSONWriter.appendString(string, to: &output)
      let range = try scanner.document(in: output.span)
      #expect(scanner.unescaped(range, in: output.span) == bytes(string), "\(generator)")
      #expect(scanner.equals(range, string, in: output), "\(generator)")
    }
  }
}
