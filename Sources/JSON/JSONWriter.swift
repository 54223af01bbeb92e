// Writes the pieces that the scanner reads. There is no encoder for whole documents: the few shapes
// that Roost sends are written out where they are defined.

/// Appends JSON values to a buffer.
///
/// Any thread; the caller owns the buffer. What is written never holds a raw line break.
public enum JSONWriter {
  /// Appends a string in quotes, with the escapes that RFC 8259, 7 demands.
  ///
  /// `utf8` must be valid UTF-8, as everything that came through the scanner is; it is not looked
  /// at again.
  public static func appendString(_ utf8: borrowing Span<UInt8>, to output: inout [UInt8]) {
    output.append(Byte.quote)
    var clean = 0
    for place in 0..<utf8.count {
      let byte = utf8[place]
      guard byte < 0x20 || byte == Byte.quote || byte == Byte.backslash else { continue }
      output.append(copying: utf8, clean..<place)
      clean = place + 1
      appendEscape(of: byte, to: &output)
    }
    output.append(copying: utf8, clean..<utf8.count)
    output.append(Byte.quote)
  }

  /// Appends a string in quotes, with the escapes that RFC 8259, 7 demands.
  public static func appendString(_ string: String, to output: inout [UInt8]) {
    appendString(string.utf8.span, to: &output)
  }

  /// Appends a decimal integer.
  public static func appendInteger(_ value: Int64, to output: inout [UInt8]) {
    if value < 0 { output.append(Byte.minus) }
    appendInteger(value.magnitude, to: &output)
  }

  /// Appends a decimal integer.
  public static func appendInteger(_ value: Int, to output: inout [UInt8]) {
    appendInteger(Int64(value), to: &output)
  }

  /// Appends a decimal integer.
  public static func appendInteger(_ value: UInt64, to output: inout [UInt8]) {
    // The digits come out last first; twenty is what 64 bits need.
    var digits = InlineArray<20, UInt8>(repeating: 0)
    var first = 20
    var rest = value
    repeat {
      first -= 1
      digits[first] = Byte.zero + UInt8(truncatingIfNeeded: rest % 10)
      rest /= 10
    } while rest > 0
    for place in first..<20 { output.append(digits[place]) }
  }

  /// Appends `true` or `false`.
  public static func appendBool(_ value: Bool, to output: inout [UInt8]) {
    output.append(contentsOf: (value ? "true" : "false").utf8)
  }

  /// Appends bytes as base64 (RFC 4648, 4, padded) in quotes.
  public static func appendBase64(_ bytes: borrowing Span<UInt8>, to output: inout [UInt8]) {
    output.reserveCapacity(output.count + (bytes.count + 2) / 3 * 4 + 2)
    output.append(Byte.quote)
    var place = 0
    while place < bytes.count {
      let left = bytes.count - place
      let first = UInt32(bytes[place]) << 16
      let second = left > 1 ? UInt32(bytes[place + 1]) << 8 : 0
      let third = left > 2 ? UInt32(bytes[place + 2]) : 0
      let group = first | second | third
      output.append(base64Letter(group >> 18))
      output.append(base64Letter(group >> 12))
      output.append(left > 1 ? base64Letter(group >> 6) : UInt8(ascii: "="))
      output.append(left > 2 ? base64Letter(group) : UInt8(ascii: "="))
      place += 3
    }
    output.append(Byte.quote)
  }

  /// Appends a validated value byte for byte, except that raw line breaks become spaces.
  ///
  /// In a valid value line breaks stand only between tokens, where a space says the same.
  public static func appendValue(
    _ value: RawRange, in text: borrowing Span<UInt8>, to output: inout [UInt8]
  ) {
    let first = output.count
    output.append(copying: text, value.start..<value.end)
    guard value.hasLineBreak else { return }
    for place in first..<output.count
    where output[place] == Byte.lineFeed || output[place] == Byte.carriageReturn {
      output[place] = Byte.space
    }
  }

  private static func appendEscape(of byte: UInt8, to output: inout [UInt8]) {
    output.append(Byte.backslash)
    switch byte {
    case Byte.quote, Byte.backslash: output.append(byte)
    case 0x08: output.append(UInt8(ascii: "b"))
    case 0x09: output.append(UInt8(ascii: "t"))
    case 0x0A: output.append(UInt8(ascii: "n"))
    case 0x0C: output.append(UInt8(ascii: "f"))
    case 0x0D: output.append(UInt8(ascii: "r"))
    default:
      output.append(contentsOf: "u00".utf8)
      output.append(Byte.zero + byte >> 4)
      let low = byte & 0x0F
      output.append(low < 10 ? Byte.zero + low : UInt8(ascii: "a") + low - 10)
    }
  }

  /// The letter for the lowest six bits.
  private static func base64Letter(_ bits: UInt32) -> UInt8 {
    let index = UInt8(truncatingIfNeeded: bits & 0x3F)
    switch index {
    case 0..<26: return UInt8(ascii: "A") + index
    case 26..<52: return UInt8(ascii: "a") + index - 26
    case 52..<62: return Byte.zero + index - 52
    case 62: return Byte.plus
    default: return UInt8(ascii: "/")
    }
  }
}

extension [UInt8] {
  /// Appends a part of a span in one copy.
  mutating func append(copying span: borrowing Span<UInt8>, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    let part = span.extracting(range)
    // The standard library has no bulk append from a span yet, and one append a byte is ten times
    // slower. The pointer is used within this call only, and `extracting` checked the range.
    unsafe part.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
