// JSON as the application sees it: the text as it travels, and a look into it on demand. What is only
// forwarded is never parsed twice, and no digit of a number is lost on the way.

import RoostJSON

/// A JSON value as its text.
///
/// Two values are equal when their texts are, byte for byte.
public struct JSONValue: Hashable, Sendable, CustomStringConvertible {
  /// Levels of objects and arrays that a value may have.
  public static let depthMax = 256

  /// The value's text, UTF-8, without white space around it.
  public let bytes: [UInt8]

  /// Takes over the text of one value; throws `.notJSON`.
  public init(text: String) throws(ClientFailure) {
    try self.init(bytes: Array(text.utf8))
  }

  /// Takes over the text of one value as UTF-8; throws `.notJSON`.
  ///
  /// Line breaks between its tokens become spaces, as they would on the way.
  public init(bytes: [UInt8]) throws(ClientFailure) {
    do throws(JSONViolation) {
      let range = try JSONScanner(depthMax: Self.depthMax).document(in: bytes.span)
      var text: [UInt8] = []
      JSONWriter.appendValue(range, in: bytes.span, to: &text)
      self.bytes = text
    } catch {
      throw .notJSON("\(error.reason), at byte \(error.offset)")
    }
  }

  /// Takes over what was validated before.
  init(validated bytes: [UInt8]) { self.bytes = bytes }

  /// A JSON string with this content.
  public init(_ string: String) {
    var text: [UInt8] = []
    JSONWriter.appendString(string, to: &text)
    bytes = text
  }

  /// A JSON number.
  public init(_ integer: Int) {
    var text: [UInt8] = []
    JSONWriter.appendInteger(integer, to: &text)
    bytes = text
  }

  /// A JSON number; nil for what JSON cannot say: infinities and what is no number.
  public init?(_ double: Double) {
    guard double.isFinite else { return nil }
    bytes = Array("\(double)".utf8)
  }

  /// `true` or `false`.
  public init(_ bool: Bool) {
    bytes = Array((bool ? "true" : "false").utf8)
  }

  /// `null`.
  public static let null = JSONValue(validated: Array("null".utf8))

  /// The text.
  public var description: String { String(decoding: bytes, as: UTF8.self) }

  // MARK: Looking in

  /// The member of an object; nil when there is none or this is no object.
  ///
  /// Of a key that occurs twice the last one counts. Costs O(text).
  public subscript(key: String) -> JSONValue? {
    var found: RawRange?
    let scanner = JSONScanner(depthMax: Self.depthMax)
    _ = try? scanner.object(in: bytes.span, at: 0) { name, value in
      if scanner.equals(name, key, in: bytes.span) { found = value }
    }
    return found.map(part)
  }

  /// The names of an object's members in their order; nil when this is no object.
  public var keys: [String]? {
    guard kind == .object else { return nil }
    var keys: [String] = []
    let scanner = JSONScanner(depthMax: Self.depthMax)
    _ = try? scanner.object(in: bytes.span, at: 0) { name, _ in
      keys.append(String(decoding: scanner.unescaped(name, in: bytes.span), as: UTF8.self))
    }
    return keys
  }

  /// The elements when this is an array.
  public var elements: [JSONValue]? {
    guard kind == .array else { return nil }
    var ranges: [RawRange] = []
    _ = try? JSONScanner(depthMax: Self.depthMax).array(in: bytes.span, at: 0) {
      ranges.append($0)
    }
    return ranges.map(part)
  }

  /// The content when this is a string.
  public var string: String? {
    guard let range, range.kind == .string else { return nil }
    let content = JSONScanner(depthMax: 1).unescaped(range, in: bytes.span)
    return String(decoding: content, as: UTF8.self)
  }

  /// The exact integer when this is a number that is one; `1.0` and `1e2` are.
  public var integer: Int? {
    guard let range else { return nil }
    return JSONScanner(depthMax: 1).integer(range, in: bytes.span).flatMap { Int(exactly: $0) }
  }

  /// The nearest double when this is a number.
  public var double: Double? {
    guard let range else { return nil }
    return JSONScanner(depthMax: 1).double(range, in: bytes.span)
  }

  /// The value when this is `true` or `false`.
  public var bool: Bool? {
    switch kind {
    case .boolTrue: true
    case .boolFalse: false
    default: nil
    }
  }

  /// Whether this is `null`.
  public var isNull: Bool { kind == .null }

  private var range: RawRange? {
    try? JSONScanner(depthMax: Self.depthMax).document(in: bytes.span)
  }

  private var kind: JSONKind? { range?.kind }

  private func part(_ range: RawRange) -> JSONValue {
    JSONValue(validated: Array(bytes[range.start..<range.end]))
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
  /// A JSON string.
  public init(stringLiteral value: String) { self.init(value) }
  /// A JSON number.
  public init(integerLiteral value: Int) { self.init(value) }
  /// `true` or `false`.
  public init(booleanLiteral value: Bool) { self.init(value) }
  /// `null`.
  public init(nilLiteral: ()) { self = .null }
}

extension JSONValue: ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
  /// A JSON array.
  public init(arrayLiteral elements: JSONValue...) {
    let texts = elements.map(\.bytes)
    bytes = Array("[".utf8) + texts.joined(separator: [UInt8(ascii: ",")]) + Array("]".utf8)
  }

  /// A JSON object with these members in this order.
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    var text = [UInt8(ascii: "{")]
    for (key, value) in elements {
      if text.count > 1 { text.append(UInt8(ascii: ",")) }
      JSONWriter.appendString(key, to: &text)
      text.append(UInt8(ascii: ":"))
      text += value.bytes
    }
    text.append(UInt8(ascii: "}"))
    bytes = text
  }
}
