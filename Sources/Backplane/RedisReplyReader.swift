// From bytes to replies: hiredis parses (RESP2), the tokens are ours. See CHiredis/shim.h.
//
// Bytes wait here and go to hiredis in small pieces, because it moves everything that is left in its
// buffer to the front after each kilobyte that it has read: given a megabyte at once, it would move
// that megabyte a thousand times.

import RoostCHiredis

/// What a peer sent is not RESP2, or more than the caller's bounds allow.
public struct RedisProtocolViolation: Error, Equatable, Sendable, CustomStringConvertible {
  /// A sentence without its full stop; bytes of the peer in it are escaped.
  public let description: String

  /// Wraps a sentence.
  public init(description: String) {
    self.description = description
  }
}

/// Reads replies from bytes in pieces of any size.
///
/// Owner: one link. After a violation it is of no use; its link is to be closed.
public struct RedisReplyReader: ~Copyable {
  /// The version of hiredis that this was compiled with, such as `0.14.1`.
  public static let hiredisVersion =
    "\(roost_hiredis_version(0)).\(roost_hiredis_version(1)).\(roost_hiredis_version(2))"

  private static let pieceBytes = 4096
  private static let firstCapacity = 16_384
  private static let keptCapacity = 65_536

  private let reader: UnsafeMutablePointer<roost_reply_reader>
  private var waiting: [UInt8]
  private var start = 0
  private var end = 0
  private var violation: RedisProtocolViolation?

  /// A reader for one connection.
  ///
  /// - Parameter replyBytesMax: bytes of all strings in one reply, 1...2^30.
  /// - Parameter tokensMax: tokens of one reply, 1...2^26.
  public init(replyBytesMax: Int, tokensMax: Int) {
    precondition((1...1 << 30).contains(replyBytesMax), "replyBytesMax: \(replyBytesMax)")
    precondition((1...1 << 26).contains(tokensMax), "tokensMax: \(tokensMax)")
    guard let reader = roost_reply_reader_create(replyBytesMax, tokensMax) else {
      preconditionFailure("no memory for a reader of replies")
    }
    self.reader = reader
    waiting = []
  }

  deinit { roost_reply_reader_free(reader) }

  /// Bytes that were fed and not looked at yet; the caller bounds them by when it feeds.
  public var waitingBytes: Int { end - start }

  /// Takes bytes in.
  ///
  /// Throws only what `next` has thrown before.
  public mutating func feed(_ bytes: borrowing Span<UInt8>) throws(RedisProtocolViolation) {
    if let violation { throw violation }
    let count = bytes.count
    makeRoom(for: count)
    let position = end
    bytes.withUnsafeBytes { source in
      waiting.withUnsafeMutableBytes { target in
        guard count > 0 else { return }
        UnsafeMutableRawBufferPointer(rebasing: target[position..<position + count])
          .copyMemory(from: source)
      }
    }
    end += count
  }

  /// Lets `body` write at most `room` bytes behind what waits; it returns what came of that and how
  /// many bytes it wrote.
  mutating func fill<Outcome>(
    upTo room: Int, _ body: (UnsafeMutableRawBufferPointer) -> (Outcome, Int)
  ) -> Outcome {
    makeRoom(for: room)
    let position = end
    let (outcome, count) = waiting.withUnsafeMutableBytes {
      body(UnsafeMutableRawBufferPointer(rebasing: $0[position..<position + room]))
    }
    precondition((0...room).contains(count), "\(count) of \(room) bytes were written")
    end += count
    return outcome
  }

  /// Reads the next reply into `reply`.
  ///
  /// False: more bytes are needed, and `reply` is what it was.
  public mutating func next(into reply: inout RedisReply) throws(RedisProtocolViolation) -> Bool {
    if let violation { throw violation }
    while true {
      switch roost_reply_reader_next(reader) {
      case 0:
        guard start < end else {
          forgetWaiting()
          return false
        }
        let piece = start..<min(end, start + Self.pieceBytes)
        let isTaken = waiting.withUnsafeBytes {
          roost_reply_reader_feed(reader, $0.baseAddress.map { $0 + piece.lowerBound }, piece.count)
        }
        guard isTaken == 1 else { throw refuse() }
        start = piece.upperBound
      case 1:
        reply.take(
          UnsafeBufferPointer(start: reader.pointee.tokens, count: reader.pointee.token_count),
          UnsafeRawBufferPointer(start: reader.pointee.bytes, count: reader.pointee.byte_count))
        roost_reply_reader_reset(reader)
        return true
      default:
        throw refuse()
      }
    }
  }

  private mutating func refuse() -> RedisProtocolViolation {
    let text = String(cString: roost_reply_reader_failure(reader))
    let violation = RedisProtocolViolation(description: text)
    self.violation = violation
    forgetWaiting()
    return violation
  }

  private mutating func makeRoom(for count: Int) {
    guard waiting.count - end < count else { return }
    // What is left moves to the front, of a longer buffer when it has to be.
    let left = end - start
    var shorter: [UInt8] = []
    if left + count > waiting.count {
      let capacity = max(Self.firstCapacity, waiting.count * 2, left + count)
      shorter = [UInt8](repeating: 0, count: capacity)
      swap(&shorter, &waiting)
    }
    let hasMoved = !shorter.isEmpty
    waiting.withUnsafeMutableBytes { bytes in
      let front = UnsafeMutableRawBufferPointer(rebasing: bytes[..<left])
      if hasMoved {
        shorter.withUnsafeBytes {
          front.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<end]))
        }
      } else if left > 0 {
        front.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
      }
    }
    start = 0
    end = left
  }

  /// All bytes are with hiredis: the memory is kept, unless it was far too large this time.
  private mutating func forgetWaiting() {
    if waiting.count > Self.keptCapacity, end < waiting.count / 8 { waiting = [] }
    start = 0
    end = 0
  }
}
