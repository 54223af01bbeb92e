// The grammar of RFC 8259, sections 3 to 6: values, objects, arrays, literals and numbers.

extension JSONScanner {
  /// Validates the value whose first byte is under the cursor, which has passed the white space.
  ///
  /// `depth` is the number of objects and arrays around it.
  func scanValue(
    in text: borrowing Span<UInt8>, _ cursor: inout Cursor, depth: Int
  ) throws(JSONViolation) -> RawRange {
    guard cursor.offset < text.count else { throw .unexpectedEnd(offset: text.count) }
    let byte = text[cursor.offset]
    switch byte {
    case Byte.quote:
      return try scanString(in: text, &cursor)
    case Byte.openBrace:
      guard depth < depthMax else { throw .tooDeep(offset: cursor.offset) }
      return try scanObject(in: text, &cursor, depth: depth + 1) { _, _ in }
    case Byte.openBracket:
      guard depth < depthMax else { throw .tooDeep(offset: cursor.offset) }
      return try scanArray(in: text, &cursor, depth: depth + 1) { _ in }
    case Byte.minus, Byte.zero...Byte.nine:
      return try scanNumber(in: text, &cursor)
    case UInt8(ascii: "t"):
      return try scanLiteral("true", .boolTrue, in: text, &cursor)
    case UInt8(ascii: "f"):
      return try scanLiteral("false", .boolFalse, in: text, &cursor)
    case UInt8(ascii: "n"):
      return try scanLiteral("null", .null, in: text, &cursor)
    case Byte.plus, Byte.point:
      // What people write for numbers and RFC 8259 does not know.
      throw .badNumber(offset: cursor.offset)
    default:
      throw .unexpectedByte(byte, offset: cursor.offset)
    }
  }

  /// Validates an object (§ 4) from its opening brace on; `depth` counts this object.
  func scanObject(
    in text: borrowing Span<UInt8>, _ cursor: inout Cursor, depth: Int,
    member: (RawRange, RawRange) -> Void
  ) throws(JSONViolation) -> RawRange {
    let start = cursor.offset
    let hadLineBreak = cursor.hasLineBreak
    cursor.hasLineBreak = false
    cursor.offset += 1
    cursor.skipWhiteSpace(in: text)
    if try !takes(Byte.closeBrace, in: text, &cursor) {
      repeat {
        cursor.skipWhiteSpace(in: text)
        guard cursor.offset < text.count else { throw .unexpectedEnd(offset: text.count) }
        guard text[cursor.offset] == Byte.quote else {
          throw .unexpectedByte(text[cursor.offset], offset: cursor.offset)
        }
        let key = try scanString(in: text, &cursor)
        cursor.skipWhiteSpace(in: text)
        guard try takes(Byte.colon, in: text, &cursor) else {
          throw .unexpectedByte(text[cursor.offset], offset: cursor.offset)
        }
        cursor.skipWhiteSpace(in: text)
        member(key, try scanValue(in: text, &cursor, depth: depth))
        cursor.skipWhiteSpace(in: text)
      } while try continues(until: Byte.closeBrace, in: text, &cursor)
    }
    return close(.object, from: start, hadLineBreak: hadLineBreak, &cursor)
  }

  /// Validates an array (§ 5) from its opening bracket on; `depth` counts this array.
  func scanArray(
    in text: borrowing Span<UInt8>, _ cursor: inout Cursor, depth: Int,
    element: (RawRange) -> Void
  ) throws(JSONViolation) -> RawRange {
    let start = cursor.offset
    let hadLineBreak = cursor.hasLineBreak
    cursor.hasLineBreak = false
    cursor.offset += 1
    cursor.skipWhiteSpace(in: text)
    if try !takes(Byte.closeBracket, in: text, &cursor) {
      repeat {
        cursor.skipWhiteSpace(in: text)
        element(try scanValue(in: text, &cursor, depth: depth))
        cursor.skipWhiteSpace(in: text)
      } while try continues(until: Byte.closeBracket, in: text, &cursor)
    }
    return close(.array, from: start, hadLineBreak: hadLineBreak, &cursor)
  }

  /// Passes `expected` when it is under the cursor.
  private func takes(
    _ expected: UInt8, in text: borrowing Span<UInt8>, _ cursor: inout Cursor
  ) throws(JSONViolation) -> Bool {
    guard cursor.offset < text.count else { throw .unexpectedEnd(offset: text.count) }
    guard text[cursor.offset] == expected else { return false }
    cursor.offset += 1
    return true
  }

  /// Passes a comma and says true, or the closing byte and says false.
  private func continues(
    until closing: UInt8, in text: borrowing Span<UInt8>, _ cursor: inout Cursor
  ) throws(JSONViolation) -> Bool {
    if try takes(Byte.comma, in: text, &cursor) { return true }
    if try takes(closing, in: text, &cursor) { return false }
    throw .unexpectedByte(text[cursor.offset], offset: cursor.offset)
  }

  /// The range of a container that was just closed; its line breaks count for the one around it.
  private func close(
    _ kind: JSONKind, from start: Int, hadLineBreak: Bool, _ cursor: inout Cursor
  ) -> RawRange {
    let range = RawRange(
      start: start, end: cursor.offset, kind: kind, hasLineBreak: cursor.hasLineBreak)
    cursor.hasLineBreak = cursor.hasLineBreak || hadLineBreak
    return range
  }

  /// Validates one of the three literals (§ 3), which are lower case only.
  private func scanLiteral(
    _ literal: String, _ kind: JSONKind, in text: borrowing Span<UInt8>, _ cursor: inout Cursor
  ) throws(JSONViolation) -> RawRange {
    let start = cursor.offset
    for expected in literal.utf8 {
      guard cursor.offset < text.count else { throw .unexpectedEnd(offset: text.count) }
      guard text[cursor.offset] == expected else {
        throw .unexpectedByte(text[cursor.offset], offset: cursor.offset)
      }
      cursor.offset += 1
    }
    return RawRange(start: start, end: cursor.offset, kind: kind)
  }

  /// Validates `[-] (0 | 1-9 digits) [. digits] [e|E [+|-] digits]` (§ 6).
  ///
  /// A fault is told at the number's start, where a person looks for it.
  private func scanNumber(
    in text: borrowing Span<UInt8>, _ cursor: inout Cursor
  ) throws(JSONViolation) -> RawRange {
    let start = cursor.offset
    var offset = start
    if text[offset] == Byte.minus { offset += 1 }
    let whole = offset
    try passDigits(in: text, &offset, numberStart: start)
    // No leading zeros.
    if text[whole] == Byte.zero && offset - whole > 1 { throw .badNumber(offset: start) }
    if offset < text.count, text[offset] == Byte.point {
      offset += 1
      try passDigits(in: text, &offset, numberStart: start)
    }
    if offset < text.count, text[offset] | 0x20 == UInt8(ascii: "e") {
      offset += 1
      if offset < text.count, text[offset] == Byte.plus || text[offset] == Byte.minus {
        offset += 1
      }
      try passDigits(in: text, &offset, numberStart: start)
    }
    cursor.offset = offset
    return RawRange(start: start, end: offset, kind: .number)
  }

  /// Passes one digit or more.
  private func passDigits(
    in text: borrowing Span<UInt8>, _ offset: inout Int, numberStart: Int
  ) throws(JSONViolation) {
    let first = offset
    while offset < text.count, isDigit(text[offset]) { offset += 1 }
    guard offset == first else { return }
    if offset == text.count { throw .unexpectedEnd(offset: offset) }
    throw .badNumber(offset: numberStart)
  }
}

/// `0` to `9`.
func isDigit(_ byte: UInt8) -> Bool {
  byte &- Byte.zero < 10
}
