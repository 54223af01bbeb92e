// What the scanner hands out: where a value stands in the scanned text, and what is known about it,
// so that a message's data can be forwarded byte for byte without being decoded.

/// Which of RFC 8259's values a range holds.
public enum JSONKind: UInt8, Sendable {
  /// `{…}`.
  case object
  /// `[…]`.
  case array
  /// `"…"`.
  case string
  /// A number of any size and precision.
  case number
  /// The literal `true`.
  case boolTrue
  /// The literal `false`.
  case boolFalse
  /// The literal `null`.
  case null
}

/// A validated value as it stands in the scanned text; nothing is copied.
///
/// The offsets count bytes and are good for exactly the text that was scanned.
public struct RawRange: Sendable, Equatable {
  /// Offset of the value's first byte; for a string that is its opening quote.
  public let start: Int
  /// Offset of the byte behind the value.
  public let end: Int
  /// What the value is.
  public let kind: JSONKind
  /// Whether a backslash occurs in this string; false for every other kind.
  public let hasEscapes: Bool
  /// Whether a raw CR or LF stands between tokens inside this object or array.
  public let hasLineBreak: Bool

  /// Makes a range; the scanner does this, and tests that need an expected value.
  public init(
    start: Int, end: Int, kind: JSONKind, hasEscapes: Bool = false, hasLineBreak: Bool = false
  ) {
    self.start = start
    self.end = end
    self.kind = kind
    self.hasEscapes = hasEscapes
    self.hasLineBreak = hasLineBreak
  }

  /// Number of bytes, quotes and brackets included.
  public var count: Int { end - start }
}

/// The bytes that the grammar of RFC 8259 names.
enum Byte {
  static let tab = UInt8(ascii: "\t")
  static let lineFeed = UInt8(ascii: "\n")
  static let carriageReturn = UInt8(ascii: "\r")
  static let space = UInt8(ascii: " ")
  static let quote = UInt8(ascii: "\"")
  static let backslash = UInt8(ascii: "\\")
  static let comma = UInt8(ascii: ",")
  static let colon = UInt8(ascii: ":")
  static let minus = UInt8(ascii: "-")
  static let plus = UInt8(ascii: "+")
  static let point = UInt8(ascii: ".")
  static let zero = UInt8(ascii: "0")
  static let nine = UInt8(ascii: "9")
  static let openBrace = UInt8(ascii: "{")
  static let closeBrace = UInt8(ascii: "}")
  static let openBracket = UInt8(ascii: "[")
  static let closeBracket = UInt8(ascii: "]")
}
