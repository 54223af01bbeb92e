// The binary form: version, room name, payload. What comes from a client has no flags byte; what goes
// to members has one, and the offset and the mark where its first two bits say so.

public import RoostRooms

/// Why a binary message is refused.
public enum BinaryMessageViolation: Error, Equatable, Sendable {
  /// Shorter than its own header.
  case truncated
  /// The first byte is not 1.
  case version(UInt8)
  /// The room's name is none.
  case roomName(RoomNameViolation)

  /// A sentence for the client.
  public var reason: String {
    switch self {
    case .truncated: "a binary message is: version 1, name length, room name, payload"
    case .version(let version): "binary version \(version) is not known; this is version 1"
    case .roomName(let violation): violation.reason
    }
  }
}

/// Reads and writes binary messages.
///
/// Pure.
public enum BinaryMessage {
  /// The version that this page describes.
  public static let version: UInt8 = 1

  /// Bit 0 of the flags: an offset of eight bytes, big-endian, follows the room's name.
  public static let hasOffset: UInt8 = 1

  /// Bit 1 of the flags: a mark of eight bytes follows, behind the offset where there is one.
  ///
  /// It is the number that `mid` writes as 16 hexadecimal digits.
  public static let hasMid: UInt8 = 2

  /// What a client offers as a subprotocol to say that it reads marks: without it none are sent.
  public static let midOffer = "roost.mid"

  /// Reads a client's publish: the room and where the payload begins.
  public static func publish(in message: borrowing Span<UInt8>) throws(BinaryMessageViolation)
    -> (room: RoomName, payloadStart: Int)
  {
    guard message.count >= 1 else { throw .truncated }
    guard message[0] == version else { throw .version(message[0]) }
    guard message.count >= 2 else { throw .truncated }
    let end = 2 + Int(message[1])
    guard message.count >= end else { throw .truncated }
    var name: [UInt8] = []
    name.reserveCapacity(end - 2)
    for index in 2..<end { name.append(message[index]) }
    do {
      return (try RoomName(name), end)
    } catch {
      throw .roomName(error)
    }
  }

  /// Writes what members get.
  ///
  /// - Parameter mid: which message it is, for who may get it over two connections; 0 for others.
  public static func deliver(
    room: RoomName, offset: UInt64?, mid: UInt64 = 0, payload: [UInt8], to output: inout [UInt8]
  ) {
    output.append(version)
    output.append((offset == nil ? 0 : hasOffset) | (mid == 0 ? 0 : hasMid))
    output.append(UInt8(room.bytes.count))
    output.append(contentsOf: room.bytes)
    if let offset { append(offset, to: &output) }
    if mid != 0 { append(mid, to: &output) }
    output.append(contentsOf: payload)
  }

  private static func append(_ number: UInt64, to output: inout [UInt8]) {
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      output.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }
}
