// UTF-8 as RFC 3629 has it, checked as the bytes come: a text message must be refused at the first
// byte that no valid text could have there (RFC 6455 8.1), which may be in the middle of a frame.

/// A streaming validator of UTF-8.
///
/// Three bytes of state; a copy of it is a place in a text.
struct UTF8Check: Equatable, Sendable {
  /// Continuation bytes that the character under way still needs: 0...3.
  private var missing: UInt8 = 0
  /// What the next continuation byte must lie between.
  ///
  /// The first one behind E0, ED, F0 and F4 has a narrower range, which shuts out overlong forms,
  /// surrogates and what is beyond U+10FFFF.
  private var lowest: UInt8 = 0x80
  private var highest: UInt8 = 0xBF

  /// Whether a text may end here: no character is under way.
  var isComplete: Bool { missing == 0 }

  /// Reads a range of bytes on from where the last call ended.
  ///
  /// Returns whether the text is valid so far. After `false` the state must not be used again.
  /// Linear; ASCII goes eight bytes at a time.
  mutating func check(_ bytes: borrowing Span<UInt8>, in range: Range<Int>) -> Bool {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= bytes.count,
      "UTF-8 over \(range) of \(bytes.count) bytes")
    var offset = range.lowerBound
    while offset < range.upperBound {
      if missing == 0 {
        offset = Self.endOfASCII(bytes, in: offset..<range.upperBound)
        guard offset < range.upperBound else { return true }
      }
      guard accept(bytes[offset]) else { return false }
      offset &+= 1
    }
    return true
  }

  /// Takes one byte; returns whether it may stand here.
  private mutating func accept(_ byte: UInt8) -> Bool {
    guard missing == 0 else {
      guard byte >= lowest, byte <= highest else { return false }
      missing -= 1
      lowest = 0x80
      highest = 0xBF
      return true
    }
    // § RFC 3629 section 4: the first bytes and what may follow them.
    switch byte {
    case 0x00...0x7F: return true
    case 0xC2...0xDF: missing = 1
    case 0xE0: (missing, lowest) = (2, 0xA0)
    case 0xE1...0xEC, 0xEE...0xEF: missing = 2
    case 0xED: (missing, highest) = (2, 0x9F)
    case 0xF0: (missing, lowest) = (3, 0x90)
    case 0xF1...0xF3: missing = 3
    case 0xF4: (missing, highest) = (3, 0x8F)
    default: return false
    }
    return true
  }

  /// The offset of the first byte in the range that is not ASCII, or the end of the range.
  private static func endOfASCII(_ bytes: borrowing Span<UInt8>, in range: Range<Int>) -> Int {
    var offset = range.lowerBound
    // The caller has checked the range; word access has no safe spelling yet.
    let raw = unsafe bytes.bytes
    while offset &+ 8 <= range.upperBound {
      let word = unsafe raw.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self)
      let high = word.littleEndian & 0x8080_8080_8080_8080
      guard high == 0 else { return offset &+ high.trailingZeroBitCount / 8 }
      offset &+= 8
    }
    while offset < range.upperBound, bytes[offset] < 0x80 { offset &+= 1 }
    return offset
  }
}
