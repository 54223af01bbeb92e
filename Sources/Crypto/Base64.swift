// Base64 of RFC 4648 section 4: the standard alphabet, always padded, no line breaks. Encoding is
// OpenSSL's. Decoding asks OpenSSL too, but only after the text was found to be in the one form that
// an encoder would have written: EVP_DecodeBlock alone forgives white space and stray bits.

import RoostCOpenSSL

/// Base64 with the standard alphabet and padding.
public enum Base64 {
  /// The Base64 text of the bytes, as ASCII bytes.
  ///
  /// Any thread. Linear in the input, which must be shorter than 1 GiB.
  public static func encode(_ bytes: borrowing Span<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    append(bytes, to: &text)
    return text
  }

  /// Appends the Base64 text of the bytes.
  ///
  /// Any thread. Linear in the input, which must be shorter than 1 GiB.
  public static func append(_ bytes: borrowing Span<UInt8>, to output: inout [UInt8]) {
    precondition(bytes.count < 1 << 30, "Base64 of \(bytes.count) bytes in one piece")
    guard bytes.count > 0 else { return }
    let textCount = (bytes.count + 2) / 3 * 4
    // EVP_EncodeBlock ends its text with a zero byte, which needs a place of its own.
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: textCount + 1) { text in
      let written = bytes.withUnsafeBufferPointer { input in
        EVP_EncodeBlock(text.baseAddress, input.baseAddress, Int32(input.count))
      }
      precondition(Int(written) == textCount, "Base64 wrote \(written) bytes, not \(textCount)")
      output.append(contentsOf: UnsafeBufferPointer(rebasing: text[..<textCount]))
    }
  }

  /// The bytes that a Base64 text stands for, or nothing when it is not exactly what `encode` writes.
  ///
  /// Refused are other alphabets, white space, missing or misplaced padding, and bits that are set
  /// behind the last byte, so that each byte string has one text only. Any thread. Linear.
  public static func decode(_ text: borrowing Span<UInt8>) -> [UInt8]? {
    guard let decodedCount = decodedCount(of: text) else { return nil }
    guard decodedCount > 0 else { return [] }
    var bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { output, count in
      let written = text.withUnsafeBufferPointer { input in
        EVP_DecodeBlock(output.baseAddress, input.baseAddress, Int32(input.count))
      }
      precondition(Int(written) == text.count / 4 * 3, "Base64 of \(text.count) bytes: \(written)")
      count = Int(written)
    }
    // EVP_DecodeBlock counts the padding as zero bytes.
    bytes.removeLast(bytes.count - decodedCount)
    return bytes
  }

  /// How many bytes `decode` would return, or nothing where it would.
  ///
  /// Any thread. Linear, without allocation: for texts whose bytes do not matter.
  public static func decodedCount(of text: borrowing Span<UInt8>) -> Int? {
    guard text.count % 4 == 0, text.count < 1 << 30 else { return nil }
    guard let padding = paddingOfCanonicalText(text) else { return nil }
    return text.count / 4 * 3 - padding
  }

  /// The number of padding characters (0...2), or nothing when the text is not canonical.
  private static func paddingOfCanonicalText(_ text: borrowing Span<UInt8>) -> Int? {
    let equals = UInt8(ascii: "=")
    var digits = text.count
    while digits > 0, text.count - digits < 2, text[digits - 1] == equals { digits -= 1 }
    for index in 0..<digits where value(of: text[index]) == nil { return nil }
    let padding = text.count - digits
    guard padding > 0 else { return 0 }
    // The last digit before the padding holds 2 or 4 bits that belong to no byte.
    let strayBits: UInt8 = padding == 1 ? 0b11 : 0b1111
    guard digits > 0, let last = value(of: text[digits - 1]), last & strayBits == 0 else {
      return nil
    }
    return padding
  }

  /// The six bits of one digit, or nothing for a byte outside the alphabet.
  private static func value(of digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): digit - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): digit - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
