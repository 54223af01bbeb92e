// Base64url without padding (RFC 4648 section 5, RFC 7515 section 2): what tokens and keys on the web
// are written in. Decoding is strict for the reason that plain Base64 is: two texts for one signature
// would be two tokens for one, and lists of refused ones would miss the second.

extension Base64 {
  /// The Base64url text of the bytes without padding, as ASCII bytes.
  ///
  /// Any thread. Linear in the input.
  public static func encodeURL(_ bytes: borrowing Span<UInt8>) -> [UInt8] {
    var text = encode(bytes)
    while text.last == UInt8(ascii: "=") { text.removeLast() }
    for place in text.indices {
      if text[place] == UInt8(ascii: "+") { text[place] = UInt8(ascii: "-") }
      if text[place] == UInt8(ascii: "/") { text[place] = UInt8(ascii: "_") }
    }
    return text
  }

  /// The bytes that a Base64url text stands for; nil when `encodeURL` would not write it so.
  ///
  /// Refused are the other alphabet, padding, white space, a length that no bytes have, and bits
  /// that are set behind the last byte. Any thread. Linear.
  public static func decodeURL(_ text: borrowing Span<UInt8>) -> [UInt8]? {
    // One digit alone holds six bits of a byte.
    guard text.count % 4 != 1 else { return nil }
    var padded: [UInt8] = []
    padded.reserveCapacity(text.count + 2)
    for place in 0..<text.count {
      switch text[place] {
      case UInt8(ascii: "-"): padded.append(UInt8(ascii: "+"))
      case UInt8(ascii: "_"): padded.append(UInt8(ascii: "/"))
      case UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): return nil
      default: padded.append(text[place])
      }
    }
    while padded.count % 4 != 0 { padded.append(UInt8(ascii: "=")) }
    return decode(padded.span)
  }
}
