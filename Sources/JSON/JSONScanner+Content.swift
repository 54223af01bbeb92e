// What a validated range says: strings without their escapes, numbers as integers or doubles.
// Every function here takes ranges that this scanner handed out for the same text.

extension JSONScanner {
  /// The content of a validated string as UTF-8, without quotes and escapes.
  ///
  /// Empty for every other kind: which kind a member has is the peer's choice, so a caller that
  /// forgot to look must not bring the process down.
  public func unescaped(_ string: RawRange, in text: borrowing Span<UInt8>) -> [UInt8] {
    var content: [UInt8] = []
    appendUnescaped(string, in: text, to: &content)
    return content
  }

  /// Appends the content of a validated string as UTF-8; nothing for every other kind.
  public func appendUnescaped(
    _ string: RawRange, in text: borrowing Span<UInt8>, to content: inout [UInt8]
  ) {
    guard string.kind == .string else { return }
    guard string.hasEscapes else {
      content.append(copying: text, string.start + 1..<string.end - 1)
      return
    }
    content.reserveCapacity(content.count + string.count - 2)
    var offset = string.start + 1
    while offset < string.end - 1 {
      let piece = contentPiece(in: text, at: offset)
      for place in 0..<piece.count { content.append(piece.byte(place)) }
      offset = piece.end
    }
  }

  /// Whether a validated string says exactly `expected`, escapes resolved; allocates nothing.
  ///
  /// False for every other kind. Compares bytes, so composed and decomposed forms of one letter differ, as they do in keys.
  public func equals(
    _ string: RawRange, _ expected: String, in text: borrowing Span<UInt8>
  ) -> Bool {
    guard string.kind == .string else { return false }
    var offset = string.start + 1
    let end = string.end - 1
    guard string.hasEscapes else {
      let expected = expected.utf8.span
      guard expected.count == end - offset else { return false }
      for place in 0..<expected.count where text[offset + place] != expected[place] { return false }
      return true
    }
    var piece = ContentPiece(bytes: 0, count: 0, end: offset)
    var place = 0
    for byte in expected.utf8 {
      if place == piece.count {
        guard offset < end else { return false }
        piece = contentPiece(in: text, at: offset)
        offset = piece.end
        place = 0
      }
      guard piece.byte(place) == byte else { return false }
      place += 1
    }
    return offset == end && place == piece.count
  }

  /// The exact integer that a validated number says; nil when it is fractional or out of range.
  ///
  /// `1`, `1.0`, `10e-1` and `0.1e1` are the same integer.
  public func integer(_ number: RawRange, in text: borrowing Span<UInt8>) -> Int64? {
    guard number.kind == .number else { return nil }
    var offset = number.start
    let isNegative = text[offset] == Byte.minus
    if isNegative { offset += 1 }
    var magnitude: UInt64 = 0
    // Zeros wait until a digit follows them, so that trailing ones may be met by the exponent.
    var waitingZeros = 0
    var fractionDigits = 0
    var isFraction = false
    scan: while offset < number.end {
      let byte = text[offset]
      switch byte {
      case Byte.zero:
        waitingZeros += 1
      case Byte.zero...Byte.nine:
        guard let shifted = scaled(magnitude, byPowerOfTen: waitingZeros + 1) else { return nil }
        let (sum, overflow) = shifted.addingReportingOverflow(UInt64(byte - Byte.zero))
        if overflow { return nil }
        magnitude = sum
        waitingZeros = 0
      case Byte.point:
        isFraction = true
        offset += 1
        continue scan
      default:
        break scan
      }
      if isFraction { fractionDigits += 1 }
      offset += 1
    }
    guard magnitude != 0 else { return 0 }
    let exponent = offset < number.end ? exponent(in: text, from: offset + 1, to: number.end) : 0
    // Neither sum can overflow: both counts are at most the text's length, the exponent is capped.
    let power = waitingZeros - fractionDigits + exponent
    guard power >= 0, let whole = scaled(magnitude, byPowerOfTen: power) else { return nil }
    guard isNegative else { return Int64(exactly: whole) }
    return whole == 1 << 63 ? Int64.min : Int64(exactly: whole).map { -$0 }
  }

  /// The double nearest to a validated number; nil when it is beyond what a double can say.
  public func double(_ number: RawRange, in text: borrowing Span<UInt8>) -> Double? {
    guard number.kind == .number else { return nil }
    var digits: [UInt8] = []
    digits.append(copying: text, number.start..<number.end)
    guard let value = Double(String(decoding: digits, as: UTF8.self)), value.isFinite else {
      return nil
    }
    return value
  }

  /// The signed exponent between `start` and `end`, held within a bound that decides nothing.
  private func exponent(in text: borrowing Span<UInt8>, from start: Int, to end: Int) -> Int {
    var offset = start
    let isNegative = text[offset] == Byte.minus
    if !isDigit(text[offset]) { offset += 1 }
    var value = 0
    while offset < end {
      // Far beyond any text's length, far below overflow.
      if value < 1 << 48 { value = value * 10 + Int(text[offset] - Byte.zero) }
      offset += 1
    }
    return isNegative ? -value : value
  }

  /// `magnitude` times ten to the `power`; nil on overflow.
  private func scaled(_ magnitude: UInt64, byPowerOfTen power: Int) -> UInt64? {
    guard magnitude != 0 else { return 0 }
    // 10 to the 20th is beyond 64 bits for every magnitude.
    guard power < 20 else { return nil }
    var value = magnitude
    for _ in 0..<power {
      let (product, overflow) = value.multipliedReportingOverflow(by: 10)
      if overflow { return nil }
      value = product
    }
    return value
  }
}

/// Up to four bytes of UTF-8 that one byte or one escape of a string stands for.
private struct ContentPiece {
  /// The first byte is in the lowest eight bits.
  let bytes: UInt32
  let count: Int
  /// Where the next piece starts in the text.
  let end: Int

  func byte(_ place: Int) -> UInt8 { UInt8(truncatingIfNeeded: bytes >> (8 * UInt32(place))) }
}

extension JSONScanner {
  /// What stands at `offset` inside a validated string.
  private func contentPiece(in text: borrowing Span<UInt8>, at offset: Int) -> ContentPiece {
    let byte = text[offset]
    guard byte == Byte.backslash else {
      return ContentPiece(bytes: UInt32(byte), count: 1, end: offset + 1)
    }
    if let simple = simpleEscape(text[offset + 1]) {
      return ContentPiece(bytes: UInt32(simple), count: 1, end: offset + 2)
    }
    let unit = validatedCodeUnit(in: text, at: offset)
    switch unit {
    case 0..<0x80:
      return ContentPiece(bytes: unit, count: 1, end: offset + 6)
    case 0x80..<0x800:
      return ContentPiece(
        bytes: 0xC0 | unit >> 6 | continuation(unit, 0, at: 1), count: 2, end: offset + 6)
    case 0xD800..<0xDC00:
      let low = validatedCodeUnit(in: text, at: offset + 6)
      let scalar = 0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF
      let tail = continuation(scalar, 12, at: 1) | continuation(scalar, 6, at: 2)
      return ContentPiece(
        bytes: 0xF0 | scalar >> 18 | tail | continuation(scalar, 0, at: 3), count: 4,
        end: offset + 12)
    default:
      let tail = continuation(unit, 6, at: 1) | continuation(unit, 0, at: 2)
      return ContentPiece(bytes: 0xE0 | unit >> 12 | tail, count: 3, end: offset + 6)
    }
  }

  /// The continuation byte with the six bits of `scalar` above `shift`, moved to its place.
  private func continuation(_ scalar: UInt32, _ shift: UInt32, at place: UInt32) -> UInt32 {
    (0x80 | scalar >> shift & 0x3F) << (8 * place)
  }

  /// Four hexadecimal digits that were validated before.
  private func validatedCodeUnit(in text: borrowing Span<UInt8>, at offset: Int) -> UInt32 {
    guard let unit = try? codeUnit(in: text, at: offset) else {
      preconditionFailure("the range at \(offset) was not validated for this text")
    }
    return unit
  }
}
