// A small tree for configuration and for answers of the control plane: order kept, every value with
// its place in the text, so that a person who mistyped is told the line. Not for the data path.

/// A parsed document; every value knows the byte offset at which it started.
public enum JSONTree: Sendable {
  /// The members in the order of the text; no key occurs twice.
  case object([(key: String, value: JSONTree)], offset: Int)
  /// The elements in the order of the text.
  case array([JSONTree], offset: Int)
  /// A string, escapes resolved.
  case string(String, offset: Int)
  /// A number as it was written, so that no digit is lost.
  case number(String, offset: Int)
  /// `true` or `false`.
  case bool(Bool, offset: Int)
  /// `null`.
  case null(offset: Int)

  /// Parses a document of at most `bytesMax` bytes that nests at most `depthMax` levels (1...1024).
  ///
  /// Stricter than the scanner: a key that occurs twice in one object is refused, because in a
  /// configuration it is a mistake that silence would hide.
  public init(
    parsing text: borrowing Span<UInt8>, depthMax: Int, bytesMax: Int
  ) throws(JSONViolation) {
    guard text.count <= bytesMax else { throw .tooLarge(bytesMax: bytesMax) }
    let scanner = JSONScanner(depthMax: depthMax)
    self = try Self.build(scanner.document(in: text), in: text, scanner)
  }

  /// Parses a document of at most `bytesMax` bytes that nests at most `depthMax` levels (1...1024).
  public init(parsing text: [UInt8], depthMax: Int, bytesMax: Int) throws(JSONViolation) {
    try self.init(parsing: text.span, depthMax: depthMax, bytesMax: bytesMax)
  }

  /// Line and column of a byte, both counted from 1; the column counts characters, not bytes.
  ///
  /// An offset at or behind the end gives the place behind the last character. Costs O(offset).
  public static func location(
    of offset: Int, in text: borrowing Span<UInt8>
  ) -> (line: Int, column: Int) {
    var line = 1
    var column = 1
    for place in 0..<max(0, min(offset, text.count)) {
      let byte = text[place]
      if byte == Byte.lineFeed {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return (line, column)
  }

  /// Line and column of a byte, both counted from 1; the column counts characters, not bytes.
  public static func location(of offset: Int, in text: [UInt8]) -> (line: Int, column: Int) {
    location(of: offset, in: text.span)
  }

  /// Offset of the value's first byte.
  public var offset: Int {
    switch self {
    case .object(_, let offset), .array(_, let offset), .string(_, let offset),
      .number(_, let offset), .bool(_, let offset), .null(let offset):
      offset
    }
  }

  /// The value of a member; nil when there is none or this is no object.
  ///
  /// Costs O(members).
  public subscript(key: String) -> JSONTree? {
    members?.first { $0.key == key }?.value
  }

  /// The members when this is an object.
  public var members: [(key: String, value: JSONTree)]? {
    if case .object(let members, _) = self { members } else { nil }
  }

  /// The elements when this is an array.
  public var elements: [JSONTree]? {
    if case .array(let elements, _) = self { elements } else { nil }
  }

  /// The content when this is a string.
  public var string: String? {
    if case .string(let content, _) = self { content } else { nil }
  }

  /// The value when this is `true` or `false`.
  public var bool: Bool? {
    if case .bool(let value, _) = self { value } else { nil }
  }

  /// The exact integer when this is a number that is one and fits; `1.0` and `1e2` are integers.
  public var integer: Int64? {
    guard case .number(let raw, _) = self else { return nil }
    // Scanned once more, because anyone may make this case with any text.
    let bytes = Array(raw.utf8)
    let scanner = JSONScanner(depthMax: 1)
    guard let range = try? scanner.document(in: bytes.span) else { return nil }
    return scanner.integer(range, in: bytes.span)
  }

  /// The nearest double when this is a number that a double can say.
  public var double: Double? {
    guard case .number(let raw, _) = self, let value = Double(raw), value.isFinite else {
      return nil
    }
    return value
  }

  /// Whether this is `null`.
  public var isNull: Bool {
    if case .null = self { true } else { false }
  }

  /// Builds the tree of a value that was validated already.
  ///
  /// Each level is scanned again for its members, so the work is O(bytes · depth): simple, and
  /// bounded by the two limits.
  private static func build(
    _ range: RawRange, in text: borrowing Span<UInt8>, _ scanner: JSONScanner
  ) throws(JSONViolation) -> JSONTree {
    let offset = range.start
    switch range.kind {
    case .object:
      var ranges: [(key: RawRange, value: RawRange)] = []
      _ = try scanner.object(in: text, at: offset) { ranges.append(($0, $1)) }
      var members: [(key: String, value: JSONTree)] = []
      members.reserveCapacity(ranges.count)
      var keys: Set<[UInt8]> = []
      for (key, value) in ranges {
        let name = scanner.unescaped(key, in: text)
        guard keys.insert(name).inserted else { throw .duplicateKey(offset: key.start) }
        members.append(
          (String(decoding: name, as: UTF8.self), try build(value, in: text, scanner)))
      }
      return .object(members, offset: offset)
    case .array:
      var ranges: [RawRange] = []
      _ = try scanner.array(in: text, at: offset) { ranges.append($0) }
      var elements: [JSONTree] = []
      elements.reserveCapacity(ranges.count)
      for element in ranges { elements.append(try build(element, in: text, scanner)) }
      return .array(elements, offset: offset)
    case .string:
      let content = scanner.unescaped(range, in: text)
      return .string(String(decoding: content, as: UTF8.self), offset: offset)
    case .number:
      var digits: [UInt8] = []
      digits.append(copying: text, offset..<range.end)
      return .number(String(decoding: digits, as: UTF8.self), offset: offset)
    case .boolTrue:
      return .bool(true, offset: offset)
    case .boolFalse:
      return .bool(false, offset: offset)
    case .null:
      return .null(offset: offset)
    }
  }
}
