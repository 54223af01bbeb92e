// The payload of a close frame on its way in; RFC 6455 5.5.1. `FrameEncoder` writes the other way.

/// Reads the payload of close frames.
enum ClosePayload {
  /// The code, or nothing for an empty payload; the reason behind it is then valid UTF-8.
  static func code(of payload: borrowing Span<UInt8>) throws(WebSocketViolation) -> UInt16? {
    guard payload.count > 0 else { return nil }
    guard payload.count >= 2 else { throw .closePayloadTooShort }
    let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
    // § 7.4: the other numbers are reserved, or stand for what never was on the wire.
    guard CloseCode.isValidOnWire(code) else { throw .closeCodeInvalid(code) }
    var reason = UTF8Check()
    guard reason.check(payload, in: 2..<payload.count), reason.isComplete else {
      throw .closeReasonNotUTF8
    }
    return code
  }
}
