// A strict RFC 8259 scanner that keeps nothing: it validates and says where each value stands. The
// gateway forwards `data` as it came, so a tree would be built only to be written out again.
// The grammar itself is in JSONScanner+Grammar.swift, strings in JSONScanner+Strings.swift.

/// Validates JSON text and hands out the ranges of its values.
///
/// Any thread; a value without state. Work is linear in the bytes looked at, nothing is allocated,
/// and nesting is followed by recursion that `depthMax` bounds.
public struct JSONScanner: Sendable {
  /// How many objects and arrays may stand inside each other, the outermost counted.
  let depthMax: Int

  /// Makes a scanner that refuses texts nested deeper than `depthMax`, 1 to 1,024 levels.
  ///
  /// The upper bound keeps the recursion within a small thread stack.
  public init(depthMax: Int) {
    precondition((1...1_024).contains(depthMax), "depthMax \(depthMax) is not within 1...1024")
    self.depthMax = depthMax
  }

  /// Skips RFC 8259 white space from `offset` on and returns the offset of what follows it.
  public func skipWhiteSpace(in text: borrowing Span<UInt8>, from offset: Int) -> Int {
    var cursor = Cursor(offset)
    cursor.skipWhiteSpace(in: text)
    return cursor.offset
  }

  /// Validates the value that starts at `offset`, after white space, and returns its range.
  ///
  /// All that is nested in it is validated. What follows the value is not looked at, so several
  /// values in a row are read by calling again with the returned end.
  public func value(
    in text: borrowing Span<UInt8>, at offset: Int
  ) throws(JSONViolation) -> RawRange {
    var cursor = Cursor(offset)
    cursor.skipWhiteSpace(in: text)
    cursor.hasLineBreak = false
    return try scanValue(in: text, &cursor, depth: 0)
  }

  /// Validates a text that is one value and white space, and returns the value's range.
  public func document(in text: borrowing Span<UInt8>) throws(JSONViolation) -> RawRange {
    let range = try value(in: text, at: 0)
    let rest = skipWhiteSpace(in: text, from: range.end)
    guard rest == text.count else { throw .trailingBytes(offset: rest) }
    return range
  }

  /// Validates the object that starts at `offset`, after white space, and returns its range.
  ///
  /// `member` is called for each top-level member in order, once its value is validated; so when
  /// this throws, the members before the fault were already handed out. Duplicate keys are handed
  /// out as they come: letting the last one win is the caller's affair.
  public func object(
    in text: borrowing Span<UInt8>, at offset: Int,
    member: (_ key: RawRange, _ value: RawRange) -> Void
  ) throws(JSONViolation) -> RawRange {
    var cursor = Cursor(offset)
    cursor.skipWhiteSpace(in: text)
    cursor.hasLineBreak = false
    guard cursor.offset < text.count else { throw .unexpectedEnd(offset: text.count) }
    guard text[cursor.offset] == Byte.openBrace else { throw .notAnObject(offset: cursor.offset) }
    return try scanObject(in: text, &cursor, depth: 1, member: member)
  }

  /// Validates the array that starts at `offset`, after white space, and returns its range.
  ///
  /// `element` is called for each top-level element in order, once it is validated.
  public func array(
    in text: borrowing Span<UInt8>, at offset: Int, element: (_ value: RawRange) -> Void
  ) throws(JSONViolation) -> RawRange {
    var cursor = Cursor(offset)
    cursor.skipWhiteSpace(in: text)
    cursor.hasLineBreak = false
    guard cursor.offset < text.count else { throw .unexpectedEnd(offset: text.count) }
    guard text[cursor.offset] == Byte.openBracket else { throw .notAnArray(offset: cursor.offset) }
    return try scanArray(in: text, &cursor, depth: 1, element: element)
  }
}

/// Where the scanner stands, and whether it passed a line break since the flag was cleared.
struct Cursor {
  var offset: Int
  var hasLineBreak = false

  init(_ offset: Int) {
    self.offset = offset
  }

  /// RFC 8259, 2: space, horizontal tab, line feed, carriage return, and nothing else.
  mutating func skipWhiteSpace(in text: borrowing Span<UInt8>) {
    while offset < text.count {
      let byte = text[offset]
      // Nearly every call meets a token at once, and every token's first byte is above the space.
      if byte > Byte.space { return }
      if byte == Byte.lineFeed || byte == Byte.carriageReturn {
        hasLineBreak = true
      } else if byte != Byte.space && byte != Byte.tab {
        return
      }
      offset += 1
    }
  }
}
