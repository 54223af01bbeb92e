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
    while true {
      offset = text.plainEnd(from: offset)
      guard offset < text.count else { throw .unexpectedEnd(offset: text.count) }
      let byte = text[offset]
      if byte == Byte.quote {
        cursor.offset = offset + 1
        return RawRange(start: start, end: offset + 1, kind: .string, hasEscapes: hasEscapes)
      } else if byte == Byte.backslash {
        hasEscapes = true
        offset = try passEscape(in: text, at: offset)
      } else if byte < 0x20 {
        throw .controlCharacter(byte, offset: offset)
      } else {
        // Such characters seldom come alone.
        repeat {
          offset = try passMultiByte(in: text, at: offset)
        } while offset < text.count && text[offset] >= 0x80
      }
    }
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
    switch lead {
    case 0xC2...0xDF:
      try passSecond(0x80...0xBF, in: text, at: offset)
      return offset + 2
    case 0xE0:
      try passSecond(0xA0...0xBF, in: text, at: offset)
    case 0xED:
      try passSecond(0x80...0x9F, in: text, at: offset)
    case 0xE1...0xEF:
      try passSecond(0x80...0xBF, in: text, at: offset)
    case 0xF0:
      try passSecond(0x90...0xBF, in: text, at: offset)
    case 0xF1...0xF3:
      try passSecond(0x80...0xBF, in: text, at: offset)
    case 0xF4:
      try passSecond(0x80...0x8F, in: text, at: offset)
    default:
      throw .invalidUTF8(offset: offset)
    }
    try passContinuation(in: text, at: offset + 2, start: offset)
    guard lead >= 0xF0 else { return offset + 3 }
    try passContinuation(in: text, at: offset + 3, start: offset)
    return offset + 4
  }

  private func passSecond(
    _ allowed: ClosedRange<UInt8>, in text: borrowing Span<UInt8>, at offset: Int
  ) throws(JSONViolation) {
    guard offset + 1 < text.count else { throw .unexpectedEnd(offset: text.count) }
    guard allowed.contains(text[offset + 1]) else { throw .invalidUTF8(offset: offset) }
  }

  private func passContinuation(
    in text: borrowing Span<UInt8>, at place: Int, start: Int
  ) throws(JSONViolation) {
    guard place < text.count else { throw .unexpectedEnd(offset: text.count) }
    guard text[place] & 0xC0 == 0x80 else { throw .invalidUTF8(offset: start) }
  }
}

extension Span<UInt8> {
  /// The offset of the first byte from `start` on that is not plain: a quote, a backslash, a
  /// control character, or part of a character beyond ASCII; the end when there is none.
  func plainEnd(from start: Int) -> Int {
    var offset = start
    // Eight bytes at a time: byte by byte this loop was most of the scanner's time. A lane's top
    // bit ends up set where its byte is not plain; a borrow can only spoil lanes above the first
    // one that is set, and only the first one is used.
    while count - offset >= 8 {
      let word = word(at: offset)
      let quotes = (word ^ lanes(Byte.quote)) &- lanes(1)
      let backslashes = (word ^ lanes(Byte.backslash)) &- lanes(1)
      let marks = (word | word &- lanes(0x20) | quotes | backslashes) & lanes(0x80)
      guard marks == 0 else { return offset + marks.trailingZeroBitCount / 8 }
      offset += 8
    }
    while offset < count {
      let byte = self[offset]
      if byte == Byte.quote || byte == Byte.backslash || byte < 0x20 || byte >= 0x80 { break }
      offset += 1
    }
    return offset
  }

  /// Eight bytes, the first in the lowest lane.
  private func word(at offset: Int) -> UInt64 {
    // The load checks its bounds; it is called unsafe because it could make a type that not every
    // pattern of bits is valid for, and an integer has none such.
    UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}

/// One byte in all eight lanes.
private func lanes(_ byte: UInt8) -> UInt64 {
  0x0101_0101_0101_0101 &* UInt64(byte)
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
