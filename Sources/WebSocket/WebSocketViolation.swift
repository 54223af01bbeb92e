// Everything that a peer can do wrong after the handshake, with the close code that RFC 6455 7.4.1
// has for it and a reason that fits into a close frame.

/// A breach of RFC 6455 or RFC 7692 by the peer; the connection cannot go on.
public enum WebSocketViolation: Error, Equatable, Sendable {
  // Of a frame by itself.
  /// RSV2 or RSV3 is set, and no extension gives them a meaning.
  case reservedBits
  /// An opcode that RFC 6455 5.2 reserves: 3...7 or 11...15.
  case reservedOpcode(UInt8)
  /// RSV1 is set, and compression was not agreed on.
  case compressionNotAgreed
  /// RSV1 is set on a control frame or on a continuation.
  case compressionMisplaced
  /// A control frame without the final bit.
  case controlFragmented
  /// A control frame with more than 125 bytes.
  case controlTooLong
  /// A frame of a client without a mask.
  case maskMissing
  /// A frame of a server with a mask.
  case maskUnexpected
  /// A length that fits into a shorter encoding.
  case lengthNotMinimal
  /// A 64-bit length with the highest bit set.
  case lengthOutOfRange

  // Of a frame where it stands.
  /// A continuation, and no message is under way.
  case continuationWithoutMessage
  /// A new message before the one under way has ended.
  case messageInterrupted
  /// A message of more bytes than this side takes.
  case messageTooLarge(bytesMax: Int)

  // Of a payload.
  /// Text that is not UTF-8.
  case invalidUTF8
  /// A compressed message that does not inflate.
  case compressedPayloadCorrupt
  /// A close frame with a payload of one byte.
  case closePayloadTooShort
  /// A close code that must not stand on the wire.
  case closeCodeInvalid(UInt16)
  /// A close reason that is not UTF-8.
  case closeReasonNotUTF8

  // Of this side.
  /// There was no memory to inflate a message.
  case outOfMemory

  /// The close code to answer with: 1002, 1007, 1009 or 1011.
  public var closeCode: UInt16 {
    switch self {
    case .invalidUTF8, .closeReasonNotUTF8, .compressedPayloadCorrupt: 1007
    case .messageTooLarge: 1009
    case .outOfMemory: 1011
    default: 1002
    }
  }

  /// The reason to close with: one clause of ASCII, at most 123 bytes.
  public var reason: String {
    switch self {
    case .reservedBits: "reserved bit set in frame header"
    case .reservedOpcode(let opcode): "reserved opcode \(opcode)"
    case .compressionNotAgreed: "compressed frame without agreed compression"
    case .compressionMisplaced: "compression bit on a control frame or continuation"
    case .controlFragmented: "fragmented control frame"
    case .controlTooLong: "control frame longer than 125 bytes"
    case .maskMissing: "frame from client is not masked"
    case .maskUnexpected: "frame from server is masked"
    case .lengthNotMinimal: "payload length not in its shortest encoding"
    case .lengthOutOfRange: "payload length with its highest bit set"
    case .continuationWithoutMessage: "continuation frame without a message"
    case .messageInterrupted: "new message before the last one ended"
    case .messageTooLarge(let bytesMax): "message larger than \(bytesMax) bytes"
    case .invalidUTF8: "text is not valid UTF-8"
    case .compressedPayloadCorrupt: "compressed message does not inflate"
    case .closePayloadTooShort: "close frame with one byte of payload"
    case .closeCodeInvalid(let code): "invalid close code \(code)"
    case .closeReasonNotUTF8: "close reason is not valid UTF-8"
    case .outOfMemory: "out of memory"
    }
  }
}
