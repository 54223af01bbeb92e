// The character classes of RFC 9110, 5.6 and RFC 3986, and comparisons on spans that allocate
// nothing.

/// The bytes that the grammar of HTTP/1.1 names.
enum Byte {
  static let tab = UInt8(ascii: "\t")
  static let lineFeed: UInt8 = 0x0A
  static let carriageReturn: UInt8 = 0x0D
  static let space = UInt8(ascii: " ")
  static let quote = UInt8(ascii: "\"")
  static let percent = UInt8(ascii: "%")
  static let comma = UInt8(ascii: ",")
  static let slash = UInt8(ascii: "/")
  static let colon = UInt8(ascii: ":")
  static let semicolon = UInt8(ascii: ";")
  static let question = UInt8(ascii: "?")
  static let backslash = UInt8(ascii: "\\")
}

/// `0` to `9`.
func isDigit(_ byte: UInt8) -> Bool {
  byte &- UInt8(ascii: "0") < 10
}

/// `A` to `Z`, `a` to `z`.
func isLetter(_ byte: UInt8) -> Bool {
  (byte | 0x20) &- UInt8(ascii: "a") < 26
}

/// RFC 9110, 5.6.2: what methods, field names and list tokens are made of.
func isTokenCharacter(_ byte: UInt8) -> Bool {
  // One bit a character, because every byte of every name comes by here: digits and
  // !#$%&'*+-. in the lower half, letters and ^_`|~ in the upper.
  let half: UInt64 =
    switch byte >> 6 {
    case 0: 0x03FF_6CFA_0000_0000
    case 1: 0x57FF_FFFF_C7FF_FFFE
    default: 0
    }
  return half >> UInt64(byte & 63) & 1 == 1
}

/// Space or horizontal tab, RFC 9110, 5.6.3.
func isOptionalSpace(_ byte: UInt8) -> Bool {
  byte == Byte.space || byte == Byte.tab
}

/// Whether a field value may hold this byte: RFC 9110, 5.5, tabs and bytes above ASCII included.
func isFieldValueByte(_ byte: UInt8) -> Bool {
  byte >= 0x20 && byte != 0x7F || byte == Byte.tab
}

/// One byte in all eight lanes.
private func lanes(_ byte: UInt8) -> UInt64 {
  0x0101_0101_0101_0101 &* UInt64(byte)
}

/// Why a byte that ``isFieldValueByte(_:)`` refuses is refused.
func violation(ofByte byte: UInt8) -> HTTPViolation {
  switch byte {
  case 0: .nulByte
  case Byte.lineFeed: .bareLineFeed
  case Byte.carriageReturn: .bareCarriageReturn
  default: .controlCharacter(byte)
  }
}

/// The value of one hexadecimal digit of either case.
func hexadecimalValue(_ digit: UInt8) -> UInt8? {
  if isDigit(digit) { return digit - UInt8(ascii: "0") }
  let lower = digit | 0x20
  guard lower >= UInt8(ascii: "a"), lower <= UInt8(ascii: "f") else { return nil }
  return lower - UInt8(ascii: "a") + 10
}

/// `A` to `Z` as `a` to `z`, everything else as it is.
func lowercased(_ byte: UInt8) -> UInt8 {
  byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
}

extension Span<UInt8> {
  /// Whether these bytes are `expected`, letter case included.
  func equals(_ expected: String) -> Bool {
    // The length first: it tells most names apart, and asking for it is cheap.
    guard count == expected.utf8.count else { return false }
    let expected = expected.utf8.span
    for place in 0..<count where self[place] != expected[place] { return false }
    return true
  }

  /// Whether these bytes are `expected` when the case of ASCII letters is set aside.
  func equalsIgnoringCase(_ expected: String) -> Bool {
    // The length first: it tells most names apart, and asking for it is cheap.
    guard count == expected.utf8.count else { return false }
    let expected = expected.utf8.span
    for place in 0..<count where lowercased(self[place]) != lowercased(expected[place]) {
      return false
    }
    return true
  }

  /// The offset of the first byte from `start` on that ends a line or may not stand in one, `end`
  /// when there is none before it.
  func lineBytesEnd(from start: Int, to end: Int) -> Int {
    var offset = start
    // Eight bytes at a time, because heads are read twice: by the scanner and by the parser. A
    // lane's top bit ends up set where its byte is a control character; a borrow can only spoil
    // lanes above the first one that is set, and only the first one is used.
    while end - offset >= 8 {
      let word = word(at: offset)
      let controls = (word &- lanes(0x20)) & ~word
      let deletes = word ^ lanes(0x7F)
      let marks = (controls | (deletes &- lanes(1)) & ~deletes) & lanes(0x80)
      guard marks != 0 else {
        offset += 8
        continue
      }
      offset += marks.trailingZeroBitCount / 8
      guard self[offset] == Byte.tab else { return offset }
      offset += 1
    }
    while offset < end, isFieldValueByte(self[offset]) { offset += 1 }
    return offset
  }

  /// Eight bytes, the first in the lowest lane.
  private func word(at offset: Int) -> UInt64 {
    // The load checks its bounds; it is called unsafe because it could make a type that not every
    // pattern of bits is valid for, and an integer has none such.
    UInt64(littleEndian: unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }

  /// These bytes as text; what is not UTF-8 becomes U+FFFD.
  var string: String {
    // One copy straight into the string; the pointer is used within this call only.
    unsafe withUnsafeBufferPointer { unsafe String(decoding: $0, as: UTF8.self) }
  }

  /// A copy of a part of these bytes.
  func copied(_ range: Range<Int>) -> [UInt8] {
    let part = extracting(range)
    // The pointer is used within this call only, and `extracting` checked the range.
    return unsafe part.withUnsafeBufferPointer { unsafe [UInt8]($0) }
  }
}

extension [UInt8] {
  /// Appends a part of a span in one copy.
  mutating func append(copying span: borrowing Span<UInt8>, _ range: Range<Int>) {
    guard !range.isEmpty else { return }
    let part = span.extracting(range)
    // Bodies pass through here, and one append a byte is ten times slower. The pointer is used
    // within this call only, and `extracting` checked the range.
    unsafe part.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
  /// Appends the UTF-8 bytes of a string in one copy.
  mutating func append(text: String) {
    let span = text.utf8.span
    append(copying: span, 0..<span.count)
  }
}
