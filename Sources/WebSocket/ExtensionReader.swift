// The value of Sec-WebSocket-Extensions, RFC 6455 9.1: a list of extensions with parameters. It is
// read in place, without a string for every word of it, because every browser sends one.

/// Reads one field value from its beginning to its end.
///
/// Throws `.extensionsMalformed` and nothing else: § 9.1 wants the connection refused then.
struct ExtensionReader: Sendable {
  /// A parameter; the name as a range of the text.
  struct Parameter: Equatable, Sendable {
    let name: Range<Int>
    let value: Value
  }

  /// What stands behind a parameter's name.
  ///
  /// Numbers are all that this project's extensions know.
  enum Value: Equatable, Sendable {
    case none
    /// A decimal number of one or two digits without a leading zero.
    case number(Int)
    case other
  }

  private var offset = 0

  /// The name of the next extension, or nothing at the end of the list.
  ///
  /// To be called when `nextParameter` has answered that there are no more.
  mutating func nextExtension(
    in text: borrowing Span<UInt8>
  ) throws(HandshakeViolation) -> Range<Int>? {
    // RFC 9110 5.6.1: empty elements of a list are to be skipped.
    skipWhiteSpace(in: text)
    while offset < text.count, text[offset] == UInt8(ascii: ",") {
      offset += 1
      skipWhiteSpace(in: text)
    }
    guard offset < text.count else { return nil }
    return try token(in: text)
  }

  /// The next parameter of the extension, or nothing when it has no more.
  mutating func nextParameter(
    in text: borrowing Span<UInt8>
  ) throws(HandshakeViolation) -> Parameter? {
    skipWhiteSpace(in: text)
    guard offset < text.count, text[offset] != UInt8(ascii: ",") else { return nil }
    guard text[offset] == UInt8(ascii: ";") else { throw .extensionsMalformed }
    offset += 1
    skipWhiteSpace(in: text)
    let name = try token(in: text)
    skipWhiteSpace(in: text)
    guard offset < text.count, text[offset] == UInt8(ascii: "=") else {
      return Parameter(name: name, value: .none)
    }
    offset += 1
    skipWhiteSpace(in: text)
    let isQuoted = offset < text.count && text[offset] == UInt8(ascii: "\"")
    let value = isQuoted ? try quotedValue(in: text) : Self.number(text, in: try token(in: text))
    return Parameter(name: name, value: value)
  }

  private mutating func skipWhiteSpace(in text: borrowing Span<UInt8>) {
    while offset < text.count, text[offset] == 0x20 || text[offset] == 0x09 { offset += 1 }
  }

  private mutating func token(
    in text: borrowing Span<UInt8>
  ) throws(HandshakeViolation) -> Range<Int> {
    let start = offset
    while offset < text.count, Self.isTokenByte(text[offset]) { offset += 1 }
    guard offset > start else { throw .extensionsMalformed }
    return start..<offset
  }

  /// § 9.1: what a quoted value stands for must itself be a token.
  private mutating func quotedValue(
    in text: borrowing Span<UInt8>
  ) throws(HandshakeViolation) -> Value {
    offset += 1
    var content: [UInt8] = []
    while offset < text.count, text[offset] != UInt8(ascii: "\"") {
      if text[offset] == UInt8(ascii: "\\") { offset += 1 }
      guard offset < text.count, Self.isTokenByte(text[offset]) else {
        throw .extensionsMalformed
      }
      content.append(text[offset])
      offset += 1
    }
    guard offset < text.count, !content.isEmpty else { throw .extensionsMalformed }
    offset += 1
    return Self.number(content.span, in: 0..<content.count)
  }

  private static func number(_ text: borrowing Span<UInt8>, in range: Range<Int>) -> Value {
    let zero = UInt8(ascii: "0")
    guard range.count <= 2, text[range.lowerBound] != zero else { return .other }
    var number = 0
    for index in range {
      guard text[index] >= zero, text[index] <= zero + 9 else { return .other }
      number = number * 10 + Int(text[index] - zero)
    }
    return .number(number)
  }

  /// Whether a byte may stand in a token; RFC 9110 5.6.2.
  ///
  /// One bit for each byte of ASCII, since every character of an offer passes through here.
  static func isTokenByte(_ byte: UInt8) -> Bool {
    let digitsAndMarks: UInt64 = 0x03FF_6CFA_0000_0000
    let lettersAndMarks: UInt64 = 0x57FF_FFFF_C7FF_FFFE
    switch byte {
    case 0..<64: return digitsAndMarks >> UInt64(byte) & 1 == 1
    case 64..<128: return lettersAndMarks >> UInt64(byte - 64) & 1 == 1
    default: return false
    }
  }
}
