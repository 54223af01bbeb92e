// Why a text was refused, and at which byte, so that a message to a person can name line and column.

/// The first rule of RFC 8259, or limit of the caller, that a text breaks.
///
/// Every offset counts bytes from the start of the scanned text.
public enum JSONViolation: Error, Equatable, Sendable {
  /// The text ends inside a value, or where a value must stand.
  case unexpectedEnd(offset: Int)
  /// A byte that the grammar does not allow here.
  case unexpectedByte(UInt8, offset: Int)
  /// A backslash with something behind it that is no escape (RFC 8259, 7).
  case badEscape(offset: Int)
  /// A `\u` escape of half a surrogate pair, which no UTF-8 can say.
  case loneSurrogate(offset: Int)
  /// Bytes in a string that are not UTF-8: overlong, surrogate, too large, cut off or stray.
  case invalidUTF8(offset: Int)
  /// A byte below 0x20 in a string, which must be escaped.
  case controlCharacter(UInt8, offset: Int)
  /// Something that starts like a number and is none, such as `01`, `1.` or `+1`.
  case badNumber(offset: Int)
  /// Objects and arrays nest deeper than the scanner was told to follow.
  case tooDeep(offset: Int)
  /// Something other than white space stands behind a document's value.
  case trailingBytes(offset: Int)
  /// An object was asked for and another value stands there.
  case notAnObject(offset: Int)
  /// An array was asked for and another value stands there.
  case notAnArray(offset: Int)
  /// A key occurs twice in one object; only ``JSONTree`` minds.
  case duplicateKey(offset: Int)
  /// The text is longer than the caller allows; nothing of it was looked at.
  case tooLarge(bytesMax: Int)

  /// The byte at which the text went wrong; 0 for a text that is too large.
  public var offset: Int {
    switch self {
    case .unexpectedEnd(let offset), .unexpectedByte(_, let offset), .badEscape(let offset),
      .loneSurrogate(let offset), .invalidUTF8(let offset), .controlCharacter(_, let offset),
      .badNumber(let offset), .tooDeep(let offset), .trailingBytes(let offset),
      .notAnObject(let offset), .notAnArray(let offset), .duplicateKey(let offset):
      offset
    case .tooLarge:
      0
    }
  }

  /// One short sentence part for a person, without the place; printable ASCII only.
  public var reason: String {
    switch self {
    case .unexpectedEnd: "the text ends too early"
    case .unexpectedByte(let byte, _): "unexpected \(Self.name(of: byte))"
    case .badEscape: "unknown escape in a string"
    case .loneSurrogate: "half a surrogate pair in a string"
    case .invalidUTF8: "a string is not valid UTF-8"
    case .controlCharacter: "a control character in a string must be escaped"
    case .badNumber: "malformed number"
    case .tooDeep: "objects and arrays nest too deeply"
    case .trailingBytes: "something follows the value"
    case .notAnObject: "an object is expected"
    case .notAnArray: "an array is expected"
    case .duplicateKey: "the key occurs twice in this object"
    case .tooLarge(let bytesMax): "the text is longer than \(bytesMax) bytes"
    }
  }

  /// `'x'` for what prints, `byte 0x07` for the rest, since the message may end in a log line.
  private static func name(of byte: UInt8) -> String {
    guard byte > 0x20, byte < 0x7F else {
      let digits = String(byte, radix: 16, uppercase: true)
      return "byte 0x" + (byte < 16 ? "0" : "") + digits
    }
    return "'\(Character(Unicode.Scalar(byte)))'"
  }
}
