// Copies and comparisons of bytes that the standard library does not offer for spans yet.

extension [UInt8] {
  /// Appends the bytes of a span.
  ///
  /// Grows by doubling, like every append.
  mutating func append(copying bytes: borrowing Span<UInt8>) {
    // A loop over single bytes is several times slower than this block copy. The pointer is used
    // inside the closure only, for exactly the bytes of the span.
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }

  /// Appends the UTF-8 bytes of a text.
  mutating func append(text: String) {
    append(copying: text.utf8.span)
  }
}

extension Span<UInt8> {
  /// Whether these are the UTF-8 bytes of a text.
  ///
  /// Allocates nothing.
  func equals(_ text: String) -> Bool {
    let expected = text.utf8.span
    guard count == expected.count else { return false }
    for index in 0..<count where self[index] != expected[index] { return false }
    return true
  }
}
