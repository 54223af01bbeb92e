// The one place that holds a `z_stream`. zlib keeps a pointer from its state back to the stream, so
// the stream lives on the heap and never moves, whatever happens to the value that owns it.

import RoostCZlib

/// What can go wrong with a compressed message.
public enum DeflateViolation: Error, Equatable, Sendable {
  /// The message inflates to more bytes than it may.
  case tooLarge(bytesMax: Int)
  /// The bytes are no raw deflate stream, or one that ends in the middle of a block.
  case corrupt
  /// zlib got no memory for its window.
  case outOfMemory
}

/// A `z_stream` at an address that does not change.
struct DeflateStream: ~Copyable {
  /// Which of zlib's two ends has to free what the stream holds.
  enum Direction {
    case compressing
    case decompressing
  }

  /// How many bytes of output are asked for at once: large enough that calls do not count, small
  /// enough for the stack.
  static let chunkBytes = 16_384

  let pointer: UnsafeMutablePointer<z_stream>
  private let direction: Direction

  /// Allocates a stream and lets `begin`, one of zlib's init functions, prepare it.
  init(
    _ direction: Direction, begin: (UnsafeMutablePointer<z_stream>) -> Int32
  ) throws(DeflateViolation) {
    let pointer = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    pointer.initialize(to: z_stream())
    let result = begin(pointer)
    guard result == Z_OK else {
      pointer.deallocate()
      // Only memory can be short: the parameters were checked, the versions are the package's.
      precondition(result == Z_MEM_ERROR, "zlib refused to begin a stream: \(result)")
      throw .outOfMemory
    }
    self.pointer = pointer
    self.direction = direction
  }

  deinit {
    switch direction {
    case .compressing: deflateEnd(pointer)
    case .decompressing: inflateEnd(pointer)
    }
    pointer.deallocate()
  }
}
