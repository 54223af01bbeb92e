// Decompression of one message at a time (RFC 7692 7.2.2). The size cap is checked while the bytes
// come out, because a few hundred bytes can hold a message a thousand times their size.

import RoostCZlib

/// Decompresses messages; keeps the window from one to the next until `reset`.
///
/// One thread at a time. Owns no heap before its first message and `memoryBytes(windowBits:)` after.
public struct Inflater: ~Copyable {
  /// RFC 7692 7.2.2: what the sender has left out at the end of each message.
  private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]

  private let windowBits: Int
  private var stream: DeflateStream?

  /// How a run of zlib over some input came to its end.
  private enum RunEnd {
    case inputConsumed
    case lastBlock
    case overflow
  }

  /// Prepares a decompressor for streams of any smaller or equal window.
  ///
  /// - Parameter windowBits: 9...15. With 15 it reads whatever a peer may send.
  public init(windowBits: Int) {
    precondition((9...15).contains(windowBits), "inflate window of \(windowBits) bits")
    self.windowBits = windowBits
  }

  /// Appends the inflated message to `output`.
  ///
  /// `bytesMax` (0 or more) bounds the bytes that this message may add. On an error `output` is as
  /// it was before, and the window is forgotten. RFC 7692 7.2.2. Linear in the output.
  public mutating func decompress(
    _ input: borrowing Span<UInt8>, into output: inout [UInt8], bytesMax: Int
  ) throws(DeflateViolation) {
    precondition(bytesMax >= 0, "a message of \(bytesMax) bytes")
    // An empty message ought to have one byte. Some senders leave that out too, and nothing is lost.
    guard input.count > 0 else { return }
    if stream == nil { stream = try begin() }
    guard let pointer = stream?.pointer else { return }
    let countBefore = output.count
    do {
      try Self.inflateMessage(input, with: pointer, into: &output, bytesMax: bytesMax)
    } catch {
      output.removeLast(output.count - countBefore)
      reset()
      throw error
    }
  }

  /// Forgets the window: the next message must refer to nothing before it.
  public mutating func reset() {
    guard let pointer = stream?.pointer else { return }
    let result = inflateReset(pointer)
    precondition(result == Z_OK, "inflate reset failed: \(result)")
  }

  /// Bytes of heap that a decompressor holds once it has been used, by zlib's own formula.
  public static func memoryBytes(windowBits: Int) -> Int {
    precondition((9...15).contains(windowBits), "inflate window of \(windowBits) bits")
    return (1 << windowBits) + 9_728
  }

  private func begin() throws(DeflateViolation) -> DeflateStream {
    let bits = Int32(windowBits)
    return try DeflateStream(.decompressing) { pointer in roost_inflate_init(pointer, bits) }
  }

  private static func inflateMessage(
    _ input: borrowing Span<UInt8>, with stream: UnsafeMutablePointer<z_stream>,
    into output: inout [UInt8], bytesMax: Int
  ) throws(DeflateViolation) {
    let countMax = output.count + min(bytesMax, Int.max - output.count)
    var offset = 0
    while offset < input.count {
      let rest = input.extracting(offset..<min(input.count, offset + Int(UInt32.max)))
      let end = try run(rest, from: &offset, with: stream, into: &output, countMax: countMax)
      if case .overflow = end { throw .tooLarge(bytesMax: bytesMax) }
      guard case .lastBlock = end else { continue }
      // § RFC 7692 7.2.3.4: a block may be marked as the last one. Another stream follows at the
      // next byte, and may still refer to what stands in the window.
      let result = roost_inflate_continue(stream)
      precondition(result == Z_OK, "inflate could not go on behind a last block: \(result)")
      // A sender that leaves out even the empty block behind its last one has nothing cut off.
      if offset == input.count { return }
    }
    var tailOffset = 0
    let end = try run(
      tail.span, from: &tailOffset, with: stream, into: &output, countMax: countMax)
    if case .overflow = end { throw .tooLarge(bytesMax: bytesMax) }
    // Behind the tail zlib waits for the header of a block and holds no bits back; in every other
    // case the message has ended in the middle of one. (128: at the end of a block, zlib.h.)
    guard case .inputConsumed = end, stream.pointee.data_type & 0xFF == 128 else {
      throw .corrupt
    }
  }

  /// Inflates until the input is used up or a block marked as the last has ended.
  private static func run(
    _ input: borrowing Span<UInt8>, from offset: inout Int,
    with stream: UnsafeMutablePointer<z_stream>, into output: inout [UInt8], countMax: Int
  ) throws(DeflateViolation) -> RunEnd {
    let result = input.withUnsafeBufferPointer { bytes in
      stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
      stream.pointee.avail_in = UInt32(bytes.count)
      var result = Z_OK
      repeat {
        result = inflateChunk(with: stream, into: &output, countMax: countMax)
        // A full chunk means that zlib may hold more output back, even with its input used up.
      } while result == Z_OK && stream.pointee.avail_out == 0 && output.count <= countMax
      offset += bytes.count - Int(stream.pointee.avail_in)
      stream.pointee.next_in = nil
      stream.pointee.next_out = nil
      return result
    }
    guard output.count <= countMax else { return .overflow }
    switch result {
    case Z_STREAM_END: return .lastBlock
    // A buffer error: the chunk before was filled exactly, and nothing was left to do.
    case Z_OK, Z_BUF_ERROR: return .inputConsumed
    case Z_MEM_ERROR: throw .outOfMemory
    default: throw .corrupt
    }
  }

  /// One call of zlib into a chunk that reaches at most one byte beyond the cap.
  private static func inflateChunk(
    with stream: UnsafeMutablePointer<z_stream>, into output: inout [UInt8], countMax: Int
  ) -> Int32 {
    // The one byte more tells a message of exactly the permitted size from a larger one.
    let room = min(DeflateStream.chunkBytes - 1, countMax - output.count) + 1
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: room) { chunk in
      stream.pointee.next_out = chunk.baseAddress
      stream.pointee.avail_out = UInt32(chunk.count)
      let result = inflate(stream, Z_SYNC_FLUSH)
      let written = chunk.count - Int(stream.pointee.avail_out)
      output.append(contentsOf: UnsafeBufferPointer(start: chunk.baseAddress, count: written))
      return result
    }
  }
}
