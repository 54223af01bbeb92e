// The mask of RFC 6455 5.3, applied in place, eight bytes at a time. It is an exclusive or, so that
// masking and unmasking are one operation.

/// The masking transformation.
enum Mask {
  /// Masks or unmasks a range of bytes in place.
  ///
  /// The key's highest byte goes with the first byte of the range. Returns the key turned so that
  /// its highest byte goes with the byte behind the range: a payload that comes in pieces is
  /// unmasked piece by piece, each with the key that the last one returned. Linear.
  static func apply(
    _ key: UInt32, to bytes: inout MutableSpan<UInt8>, in range: Range<Int>
  ) -> UInt32 {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= bytes.count,
      "mask over \(range) of \(bytes.count) bytes")
    // The key as it lies in memory, twice, so that a word of the payload meets it whole.
    let half = UInt64(key.bigEndian)
    let word = half | half << 32
    var offset = range.lowerBound
    // The range was checked above; word access has no safe spelling in the standard library yet.
    do {
      var raw = unsafe bytes.mutableBytes
      let lastPair = range.upperBound - 16
      while offset <= lastPair {
        let first = unsafe raw.unsafeLoadUnaligned(
          fromUncheckedByteOffset: offset, as: UInt64.self)
        let second = unsafe raw.unsafeLoadUnaligned(
          fromUncheckedByteOffset: offset &+ 8, as: UInt64.self)
        unsafe raw.storeBytes(of: first ^ word, toUncheckedByteOffset: offset, as: UInt64.self)
        unsafe raw.storeBytes(
          of: second ^ word, toUncheckedByteOffset: offset &+ 8, as: UInt64.self)
        offset &+= 16
      }
      if offset <= range.upperBound - 8 {
        let first = unsafe raw.unsafeLoadUnaligned(
          fromUncheckedByteOffset: offset, as: UInt64.self)
        unsafe raw.storeBytes(of: first ^ word, toUncheckedByteOffset: offset, as: UInt64.self)
        offset &+= 8
      }
    }
    // Fewer than eight bytes are left, and the key has been used a whole number of times.
    var turned = key
    while offset < range.upperBound {
      bytes[offset] ^= UInt8(truncatingIfNeeded: turned >> 24)
      turned = turned << 8 | turned >> 24
      offset &+= 1
    }
    return turned
  }
}
