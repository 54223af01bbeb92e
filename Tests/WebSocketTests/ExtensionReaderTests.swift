import TestRandom
import Testing

@testable import RoostWebSocket

struct ExtensionReaderTests {
  /// An extension as it was read, names as text.
  struct Extension: Equatable {
    let name: String
    let parameters: [Parameter]

    struct Parameter: Equatable {
      let name: String
      let value: ExtensionReader.Value
    }

    init(_ name: String, _ parameters: [(String, ExtensionReader.Value)] = []) {
      self.name = name
      self.parameters = parameters.map { Parameter(name: $0.0, value: $0.1) }
    }
  }

  @Test(
    arguments: [
      ("", []),
      (" \t ", []),
      (",, ,", []),
      ("foo", [Extension("foo")]),
      ("foo, bar", [Extension("foo"), Extension("bar")]),
      (" ,foo ,, bar, ", [Extension("foo"), Extension("bar")]),
      ("foo;a", [Extension("foo", [("a", .none)])]),
      ("foo ; a ; b,bar", [Extension("foo", [("a", .none), ("b", .none)]), Extension("bar")]),
      ("foo; a=1", [Extension("foo", [("a", .number(1))])]),
      ("foo; a = 15 ;b=\t99", [Extension("foo", [("a", .number(15)), ("b", .number(99))])]),
      ("foo; a=\"10\"", [Extension("foo", [("a", .number(10))])]),
      ("foo; a=\"1\\0\"", [Extension("foo", [("a", .number(10))])]),
      (
        "foo; a=0; b=08; c=100; d=x; e=1x; f=\"q\"; g=-1",
        [
          Extension(
            "foo",
            [
              ("a", .other), ("b", .other), ("c", .other), ("d", .other), ("e", .other),
              ("f", .other), ("g", .other),
            ])
        ]
      ),
      ("!#$%&'*+-.^_`|~09azAZ", [Extension("!#$%&'*+-.^_`|~09azAZ")]),
    ] as [(String, [Extension])])
  func `a list is read by its grammar`(text: String, extensions: [Extension]) {
    #expect(read(text) == .success(extensions))
  }

  @Test(arguments: [
    ";", "=", "foo;", "foo;;a", "foo; ;a", "foo;=1", "foo;a=", "foo;a=,", "foo;a=;b", "foo bar",
    "foo;a b", "foo;a=1 2", "foo;a=\"", "foo;a=\"1", "foo;a=\"\"", "foo;a=\"1 2\"", "foo;a=\"1\"2",
    "foo;a=\"\\\"", "foo;a=\"1\\", "foo;a=\"a\"b\"", "foo=1", "foo/1", "(foo)", "foo,;a",
    "fo\u{E9}",
    "foo\u{0}", "\"foo\"",
  ])
  func `what breaks the grammar is refused`(text: String) {
    #expect(read(text) == .failure(.extensionsMalformed))
  }

  @Test func `exactly the bytes of RFC 9110 make a token`() {
    let expected = Set(
      ("!#$%&'*+-.^_`|~0123456789"
        + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ").utf8)
    for byte in UInt8.min...UInt8.max {
      #expect(ExtensionReader.isTokenByte(byte) == expected.contains(byte), "byte \(byte)")
    }
  }

  @Test func `no text whatever traps`() {
    var generator = SeededGenerator.make()
    let alphabet = [UInt8]("ab1,;=\"\\ \t\u{0}é".utf8)
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...12, using: &generator)).map { _ in
        alphabet.randomElement(using: &generator) ?? 0
      }
      _ = read(String(decoding: bytes, as: UTF8.self))
    }
  }

  private func read(_ text: String) -> Result<[Extension], HandshakeViolation> {
    let bytes = [UInt8](text.utf8)
    func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
    return Result { () throws(HandshakeViolation) in
      var reader = ExtensionReader()
      var extensions: [Extension] = []
      while let name = try reader.nextExtension(in: bytes.span) {
        var parameters: [(String, ExtensionReader.Value)] = []
        while let parameter = try reader.nextParameter(in: bytes.span) {
          parameters.append((string(parameter.name), parameter.value))
        }
        extensions.append(Extension(string(name), parameters))
      }
      return extensions
    }
  }
}
