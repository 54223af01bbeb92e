// Compression of one message at a time as RFC 7692 7.2.1 wants it: raw deflate, flushed to a byte
// boundary, without the four bytes that every such flush ends with.

import RoostCZlib

/// Compresses messages; keeps the window from one to the next until `reset`.
///
/// One thread at a time. Holds `memoryBytes(windowBits:memoryLevel:)` bytes of heap.
public struct Deflater: ~Copyable {
  /// RFC 7692 7.2.1: what a sync flush ends with, and what the wire does without.
  private static let tail: [UInt8] = [0x00, 0x00, 0xFF, 0xFF]

  private let stream: DeflateStream

  /// Prepares a compressor; throws `.outOfMemory` and nothing else.
  ///
  /// - Parameters:
  ///   - windowBits: 9...15; the window is 2 to that power bytes. zlib has no raw deflate with 8.
  ///   - level: 0 (stored) ... 9 (smallest).
  ///   - memoryLevel: 1 (least memory) ... 9 (fastest).
  public init(windowBits: Int, level: Int, memoryLevel: Int) throws(DeflateViolation) {
    precondition((9...15).contains(windowBits), "deflate window of \(windowBits) bits")
    precondition((0...9).contains(level), "deflate level \(level)")
    precondition((1...9).contains(memoryLevel), "deflate memory level \(memoryLevel)")
    stream = try DeflateStream(.compressing) { pointer in
      roost_deflate_init(pointer, Int32(level), Int32(windowBits), Int32(memoryLevel))
    }
  }

  /// Appends the compressed message to `output`, without the final 00 00 FF FF.
  ///
  /// RFC 7692 7.2.1. Linear in the input. The result is never empty.
  public mutating func compress(_ input: borrowing Span<UInt8>, into output: inout [UInt8]) {
    guard input.count > 0 else {
      // § RFC 7692 7.2.3.6: an empty message is an empty stored block, of which the header byte is
      // left. zlib would answer a second flush without input with nothing at all.
      output.append(0x00)
      return
    }
    precondition(input.count <= Int(UInt32.max), "message of \(input.count) bytes in one piece")
    let countBefore = output.count
    let stream = stream.pointer
    input.withUnsafeBufferPointer { bytes in
      stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
      stream.pointee.avail_in = UInt32(bytes.count)
      repeat {
        // Nearly always all of it: stored blocks add less than an eighth and a few bytes.
        let rest = Int(stream.pointee.avail_in)
        let room = min(DeflateStream.chunkBytes, rest + rest / 8 + 64)
        output.append(addingCapacity: room) { span in
          span.withUnsafeMutableBufferPointer { chunk, initializedCount in
            stream.pointee.next_out = chunk.baseAddress
            stream.pointee.avail_out = UInt32(chunk.count)
            let result = deflate(stream, Z_SYNC_FLUSH)
            // A buffer error says only that the call before had filled its chunk exactly.
            precondition(result == Z_OK || result == Z_BUF_ERROR, "deflate failed: \(result)")
            initializedCount = chunk.count - Int(stream.pointee.avail_out)
          }
        }
      } while stream.pointee.avail_out == 0
      stream.pointee.next_in = nil
      stream.pointee.next_out = nil
    }
    let written = output.count - countBefore
    precondition(
      written >= 5 && output.suffix(4).elementsEqual(Self.tail),
      "a flush of \(input.count) bytes ended without its mark after \(written) bytes")
    output.removeLast(4)
  }

  /// Forgets the window: the next message refers to nothing before it.
  public mutating func reset() {
    let result = deflateReset(stream.pointer)
    precondition(result == Z_OK, "deflate reset failed: \(result)")
  }

  /// Bytes of heap that a compressor with these parameters holds, by zlib's own formula.
  public static func memoryBytes(windowBits: Int, memoryLevel: Int) -> Int {
    precondition((9...15).contains(windowBits), "deflate window of \(windowBits) bits")
    precondition((1...9).contains(memoryLevel), "deflate memory level \(memoryLevel)")
    // zconf.h gives the first two terms; the third is the state itself with its code tables.
    return (1 << (windowBits + 2)) + (1 << (memoryLevel + 9)) + 6_144
  }
}
