// Strings (RFC 8259, 7 and 8.1): the one part where most bytes of a message are spent, so plain
// ASCII runs through one short loop and everything else is a call.

extension JSONScanner {
  /// Validates the string whose opening quote is under the cursor.
  func scanString(
    in text: borrowing Span<UInt8>, _ cursor: inout Cursor
  ) throws(JSONViolation) -> RawRange {
    let start = cursor.offset
    var offset = start + 1
    var hasEscapes = false
    while offset < text.count {
      let byte = text[offset]
      if byte == Byte.quote {
        cursor.offset = offset + 1
        return RawRange(start: start, end: offset + 1, kind: .string, hasEscapes: hasEscapes)
      } else if byte == Byte.backslash {
        hasEscapes = true
        offset = try passEscape(in: text, at: offset)
      } else if byte < 0x20 {
        throw .controlCharacter(byte, offset: offset)
      } else if byte < 0x80 {
        offset += 1
      } else {
        offset = try passMultiByte(in: text, at: offset)
      }
    }
    throw .unexpectedEnd(offset: text.count)
  }

  /// Validates the escape at `offset` and returns the offset behind it.
  private func passEscape(
    in text: borrowing Span<UInt8>, at offset: Int
  ) throws(JSONViolation) -> Int {
    guard offset + 1 < text.count else { throw .unexpectedEnd(offset: text.count) }
    guard text[offset + 1] == UInt8(ascii: "u") else {
      guard simpleEscape(text[offset + 1]) != nil else { throw .badEscape(offset: offset) }
      return offset + 2
    }
    let unit = try codeUnit(in: text, at: offset)
    guard unit & 0xF800 == 0xD800 else { return offset + 6 }
    // A high half must be followed by an escaped low half; each alone says nothing.
    let second = offset + 6
    guard unit < 0xDC00 else { throw .loneSurrogate(offset: offset) }
    guard second < text.count else { throw .unexpectedEnd(offset: text.count) }
    guard text[second] == Byte.backslash else { throw .loneSurrogate(offset: offset) }
    guard second + 1 < text.count else { throw .unexpectedEnd(offset: text.count) }
    guard text[second + 1] == UInt8(ascii: "u") else { throw .loneSurrogate(offset: offset) }
    let low = try codeUnit(in: text, at: second)
    guard low & 0xFC00 == 0xDC00 else { throw .loneSurrogate(offset: offset) }
    return offset + 12
  }

  /// The four hexadecimal digits behind the `\u` that starts at `offset`.
  func codeUnit(in text: borrowing Span<UInt8>, at offset: Int) throws(JSONViolation) -> UInt32 {
    var unit: UInt32 = 0
    for place in offset + 2..<offset + 6 {
      guard place < text.count else { throw .unexpectedEnd(offset: text.count) }
      guard let digit = hexadecimalValue(text[place]) else { throw .badEscape(offset: offset) }
      unit = unit << 4 | UInt32(digit)
    }
    return unit
  }

  /// Validates one character of two to four bytes (RFC 3629, 4) and returns the offset behind it.
  private func passMultiByte(
    in text: borrowing Span<UInt8>, at offset: Int
  ) throws(JSONViolation) -> Int {
    let lead = text[offset]
    // The second byte's range is what refuses overlong forms, surrogates and what is beyond
    // U+10FFFF; all later bytes are plain continuations.
    let count: Int
    var low: UInt8 = 0x80
    var high: UInt8 = 0xBF
    switch lead {
    case 0xC2...0xDF: count = 2
    case 0xE0: (count, low) = (3, 0xA0)
    case 0xED: (count, high) = (3, 0x9F)
    case 0xE1...0xEF: count = 3
    case 0xF0: (count, low) = (4, 0x90)
    case 0xF1...0xF3: count = 4
    case 0xF4: (count, high) = (4, 0x8F)
    default: throw .invalidUTF8(offset: offset)
    }
    for place in offset + 1..<offset + count {
      guard place < text.count else { throw .unexpectedEnd(offset: text.count) }
      let byte = text[place]
      guard byte >= low, byte <= high else { throw .invalidUTF8(offset: offset) }
      low = 0x80
      high = 0xBF
    }
    return offset + count
  }
}

/// What a one-letter escape stands for; nil for letters that are none (and for `u`).
func simpleEscape(_ letter: UInt8) -> UInt8? {
  switch letter {
  case Byte.quote, Byte.backslash, UInt8(ascii: "/"): letter
  case UInt8(ascii: "b"): 0x08
  case UInt8(ascii: "f"): 0x0C
  case UInt8(ascii: "n"): 0x0A
  case UInt8(ascii: "r"): 0x0D
  case UInt8(ascii: "t"): 0x09
  default: nil
  }
}

/// The value of one hexadecimal digit of either case.
func hexadecimalValue(_ digit: UInt8) -> UInt8? {
  switch digit {
  case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
  case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
  case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
  default: nil
  }
}
