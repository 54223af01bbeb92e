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
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 4 * 3 + 2)
    var waiting: UInt32 = 0
    var waitingBits: UInt32 = 0
    for place in 0..<text.count {
      guard let digit = valueURL(of: text[place]) else { return nil }
      waiting = waiting << 6 | UInt32(digit)
      waitingBits += 6
      guard waitingBits >= 8 else { continue }
      waitingBits -= 8
      bytes.append(UInt8(truncatingIfNeeded: waiting >> waitingBits))
      waiting &= 1 << waitingBits - 1
    }
    return waiting == 0 ? bytes : nil
  }

  /// The six bits of one digit, or nothing for a byte outside the alphabet.
  private static func valueURL(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
    case UInt8(ascii: "-"): 62
    case UInt8(ascii: "_"): 63
    default: nil
    }
  }
}
