// The vocabulary of RFC 6455 section 5: roles, opcodes and the header of a frame as bytes. The
// header has an encoder here because it is the same few lines for every way to send a payload.

/// Which end of the connection this side is.
public enum Role: Sendable {
  /// Accepts connections: frames that come in are masked, frames that go out are not.
  case server
  /// Opens connections: frames that go out are masked, frames that come in are not.
  case client
}

/// What a frame is for; RFC 6455 5.2.
///
/// The other ten values are reserved.
public enum Opcode: UInt8, Sendable {
  /// A further part of the message that is under way.
  case continuation = 0x0
  /// The first part of a message of UTF-8 text.
  case text = 0x1
  /// The first part of a message of any bytes.
  case binary = 0x2
  /// The last frame of its sender.
  case close = 0x8
  /// Asks for a pong with the same payload.
  case ping = 0x9
  /// Answers a ping, or says unasked that its sender is alive.
  case pong = 0xA

  /// Whether frames of this kind are short, unfragmented and may stand inside a message.
  public var isControl: Bool { rawValue & 0x8 != 0 }
}

/// The two kinds of message; RFC 6455 5.6.
public enum MessageKind: Sendable {
  /// UTF-8 text.
  case text
  /// Any bytes.
  case binary

  /// The opcode of a message's first frame.
  public var opcode: Opcode { self == .text ? .text : .binary }
}

/// The header of one frame as it goes onto the wire, its length in the shortest encoding.
///
/// RFC 6455 5.2. Owns no heap.
public struct FrameHeader: Sendable {
  /// The most payload bytes that a control frame may carry; RFC 6455 5.5.
  public static let controlPayloadBytesMax = 125

  /// The first `count` of these bytes are the header; the rest is zero.
  public let bytes: InlineArray<14, UInt8>

  /// 2...14.
  public let count: Int

  /// Builds the header of a frame.
  ///
  /// - Parameters:
  ///   - opcode: what the frame is for; control frames must be final and short.
  ///   - isFinal: whether the message ends with this frame.
  ///   - isCompressed: the RSV1 bit, RFC 7692 section 6: first frame of a compressed message.
  ///   - payloadBytes: 0 or more.
  ///   - maskingKey: for frames of a client; the first byte on the wire is the highest one.
  public init(
    opcode: Opcode, isFinal: Bool, isCompressed: Bool, payloadBytes: Int, maskingKey: UInt32?
  ) {
    precondition(payloadBytes >= 0, "a frame of \(payloadBytes) bytes")
    precondition(
      !opcode.isControl
        || (isFinal && !isCompressed && payloadBytes <= Self.controlPayloadBytesMax),
      "\(opcode) frame: final \(isFinal), compressed \(isCompressed), \(payloadBytes) bytes")
    precondition(!(isCompressed && opcode == .continuation), "RSV1 on a continuation")
    var bytes = InlineArray<14, UInt8>(repeating: 0)
    bytes[0] = (isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue
    let maskBit: UInt8 = maskingKey == nil ? 0 : 0x80
    var count: Int
    // § RFC 6455 5.2: the minimal number of bytes must be used to encode the length.
    if payloadBytes < 126 {
      bytes[1] = maskBit | UInt8(payloadBytes)
      count = 2
    } else if payloadBytes < 65_536 {
      bytes[1] = maskBit | 126
      bytes[2] = UInt8(payloadBytes >> 8)
      bytes[3] = UInt8(payloadBytes & 0xFF)
      count = 4
    } else {
      bytes[1] = maskBit | 127
      for index in 0..<8 {
        bytes[2 + index] = UInt8(truncatingIfNeeded: payloadBytes >> (56 - 8 * index))
      }
      count = 10
    }
    if let maskingKey {
      for index in 0..<4 {
        bytes[count + index] = UInt8(truncatingIfNeeded: maskingKey >> UInt32(24 - 8 * index))
      }
      count += 4
    }
    self.bytes = bytes
    self.count = count
  }
}
