// The header of an incoming frame, RFC 6455 5.2, checked for everything that can be known from the
// header alone and from what the handshake agreed on. Each byte is judged as soon as it is there, so
// that a peer which trickles an impossible header is refused at the byte that makes it so.

/// The header of a frame that has passed the checks.
struct DecodedHeader: Equatable, Sendable {
  /// What the frame is for.
  let opcode: Opcode
  /// Whether the message ends with it.
  let isFinal: Bool
  /// RSV1: the message is compressed.
  ///
  /// Never set without agreement, on control or continuation.
  let isCompressed: Bool
  /// 0 or more; at most 125 for control frames.
  let payloadBytes: Int
  /// Zero, which changes nothing, for frames of a server.
  let maskingKey: UInt32
  /// Bytes of the header itself: 2...14.
  let headerBytes: Int
}

/// What the bytes of a header so far amount to.
enum HeaderProgress: Equatable, Sendable {
  case needMore
  case complete(DecodedHeader)
}

/// Reads frame headers.
enum FrameDecoder {
  /// Reads the header whose first byte stands at `start`; the bytes behind it may lack.
  static func header(
    in bytes: borrowing Span<UInt8>, at start: Int, from sender: Role, isDeflateAgreed: Bool
  ) throws(WebSocketViolation) -> HeaderProgress {
    let available = bytes.count - start
    precondition(start >= 0 && available >= 0, "header at \(start) of \(bytes.count) bytes")
    guard available >= 1 else { return .needMore }
    let first = bytes[start]
    let opcode = try opcode(ofFirst: first, isDeflateAgreed: isDeflateAgreed)
    guard available >= 2 else { return .needMore }
    let second = bytes[start + 1]
    let shortLength = second & 0x7F
    // § 5.1: a server refuses frames without a mask, a client refuses frames with one.
    let isMasked = second & 0x80 != 0
    guard isMasked == (sender == .client) else {
      throw isMasked ? .maskUnexpected : .maskMissing
    }
    // § 5.5: control frames have 125 bytes at most.
    guard !opcode.isControl || shortLength <= 125 else { throw .controlTooLong }
    let lengthBytes = shortLength < 126 ? 0 : shortLength == 126 ? 2 : 8
    guard
      let length = try length(
        shortLength, extendedBytes: lengthBytes, in: bytes, at: start + 2)
    else { return .needMore }
    let headerBytes = 2 + lengthBytes + (isMasked ? 4 : 0)
    guard available >= headerBytes else { return .needMore }
    var maskingKey: UInt32 = 0
    if isMasked {
      for index in (start + headerBytes - 4)..<(start + headerBytes) {
        maskingKey = maskingKey << 8 | UInt32(bytes[index])
      }
    }
    return .complete(
      DecodedHeader(
        opcode: opcode, isFinal: first & 0x80 != 0, isCompressed: first & 0x40 != 0,
        payloadBytes: length, maskingKey: maskingKey, headerBytes: headerBytes))
  }

  /// Judges the first byte.
  private static func opcode(
    ofFirst first: UInt8, isDeflateAgreed: Bool
  ) throws(WebSocketViolation) -> Opcode {
    // § 5.2: bits that no agreed extension has defined must be zero.
    guard first & 0x30 == 0 else { throw .reservedBits }
    guard let opcode = Opcode(rawValue: first & 0x0F) else {
      throw .reservedOpcode(first & 0x0F)
    }
    if first & 0x40 != 0 {
      guard isDeflateAgreed else { throw .compressionNotAgreed }
      // § RFC 7692 6.1: only the first frame of a message carries the bit.
      guard opcode == .text || opcode == .binary else { throw .compressionMisplaced }
    }
    // § 5.5: control frames must not be fragmented.
    guard !opcode.isControl || first & 0x80 != 0 else { throw .controlFragmented }
    return opcode
  }

  /// The payload length, or nothing while bytes of it lack.
  private static func length(
    _ shortLength: UInt8, extendedBytes: Int, in bytes: borrowing Span<UInt8>, at start: Int
  ) throws(WebSocketViolation) -> Int? {
    guard extendedBytes > 0 else { return Int(shortLength) }
    // § 5.2: the highest bit of a 64-bit length must be zero.
    if extendedBytes == 8, bytes.count > start, bytes[start] & 0x80 != 0 {
      throw .lengthOutOfRange
    }
    guard bytes.count - start >= extendedBytes else { return nil }
    var length = 0
    for index in start..<(start + extendedBytes) { length = length << 8 | Int(bytes[index]) }
    // § 5.2: the minimal number of bytes must be used.
    guard length >= (extendedBytes == 2 ? 126 : 65_536) else { throw .lengthNotMinimal }
    return length
  }
}
