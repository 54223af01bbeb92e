// Frames on their way out: RFC 6455 5.2. A server's frame is a header and the payload as it is, so
// that one encoded frame can serve every member of a room; a client's is masked while it is copied.

/// Encodes frames and the payload of close frames.
public enum FrameEncoder {
  /// The most bytes of a close reason: a control payload less the code.
  public static let closeReasonBytesMax = FrameHeader.controlPayloadBytesMax - 2

  /// One frame as bytes.
  ///
  /// The parameters are those of `append`.
  public static func frame(
    opcode: Opcode, payload: borrowing Span<UInt8>, isFinal: Bool = true,
    isCompressed: Bool = false, maskingKey: UInt32? = nil
  ) -> [UInt8] {
    var output: [UInt8] = []
    append(
      opcode: opcode, payload: payload, isFinal: isFinal, isCompressed: isCompressed,
      maskingKey: maskingKey, into: &output)
    return output
  }

  /// Appends one frame to `output`.
  ///
  /// - Parameters:
  ///   - opcode: what the frame is for; control frames are final, uncompressed, 125 bytes at most.
  ///   - payload: the payload, already compressed when `isCompressed` says so.
  ///   - isFinal: whether the message ends with this frame.
  ///   - isCompressed: sets RSV1, for the first frame of a compressed message (RFC 7692).
  ///   - maskingKey: fresh random bits for each frame of a client, nothing for a server's.
  ///   - output: grows by up to 14 bytes more than the payload.
  public static func append(
    opcode: Opcode, payload: borrowing Span<UInt8>, isFinal: Bool = true,
    isCompressed: Bool = false, maskingKey: UInt32? = nil, into output: inout [UInt8]
  ) {
    let header = FrameHeader(
      opcode: opcode, isFinal: isFinal, isCompressed: isCompressed, payloadBytes: payload.count,
      maskingKey: maskingKey)
    output.append(addingCapacity: header.count + payload.count) { span in
      for index in 0..<header.count { span.append(header.bytes[index]) }
    }
    let payloadStart = output.count
    output.append(copying: payload)
    guard let maskingKey else { return }
    var bytes = output.mutableSpan
    _ = Mask.apply(maskingKey, to: &bytes, in: payloadStart..<bytes.count)
  }

  /// Appends the header alone, for a payload that the caller queues by itself.
  public static func appendHeader(_ header: FrameHeader, into output: inout [UInt8]) {
    output.append(addingCapacity: header.count) { span in
      for index in 0..<header.count { span.append(header.bytes[index]) }
    }
  }

  /// The payload of a close frame: the code, then the reason cut to 123 bytes between two characters.
  ///
  /// RFC 6455 5.5.1. The code must be one that may stand on the wire.
  public static func closePayload(code: UInt16, reason: String) -> [UInt8] {
    precondition(CloseCode.isValidOnWire(code), "close code \(code) in a frame")
    var payload: [UInt8] = [UInt8(code >> 8), UInt8(code & 0xFF)]
    for character in reason.unicodeScalars {
      let bytes = UTF8.encode(character)
      guard let bytes, payload.count + bytes.count <= FrameHeader.controlPayloadBytesMax else {
        break
      }
      payload.append(contentsOf: bytes)
    }
    return payload
  }

  /// Appends a close frame; without a code its payload is empty.
  ///
  /// RFC 6455 5.5.1.
  public static func appendClose(
    code: UInt16?, reason: String, maskingKey: UInt32? = nil, into output: inout [UInt8]
  ) {
    let payload = code.map { closePayload(code: $0, reason: reason) } ?? []
    append(opcode: .close, payload: payload.span, maskingKey: maskingKey, into: &output)
  }
}
