// The one way in which bytes of a span are copied into an array: the standard library has none yet
// that takes a span, and a loop over single bytes is several times slower than a block copy.

extension [UInt8] {
  /// Appends the bytes of a span. Grows by doubling, like every append.
  mutating func append(copying bytes: borrowing Span<UInt8>) {
    // The pointer is used inside the closure only, for exactly the bytes of the span.
    unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
  }
}
