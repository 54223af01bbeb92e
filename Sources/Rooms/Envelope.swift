// A message on its way through the backplane: what was published, where it stands, who sent it.

/// Names a connection for its whole life: the process that accepted it and its place there.
public struct ConnectionID: Hashable, Sendable, CustomStringConvertible {
  /// Random bits of the process that accepted the connection.
  public let process: UInt64
  /// The shard's index in that process.
  public let shard: UInt16
  /// The connection's slot on its shard, below 2^24, and the count of the slot's tenants.
  public let slot: UInt32
  /// Counts the tenants of the slot.
  public let generation: UInt32

  /// Puts an id together.
  public init(process: UInt64, shard: UInt16, slot: UInt32, generation: UInt32) {
    self.process = process
    self.shard = shard
    self.slot = slot
    self.generation = generation
  }

  /// `<process>-<shard>.<slot>.<generation>` in hexadecimal digits.
  public var description: String {
    var text: [UInt8] = []
    append(to: &text)
    return String(decoding: text, as: UTF8.self)
  }

  /// Appends `description`, without a string on the way: every `welcome` carries one.
  public func append(to output: inout [UInt8]) {
    Self.appendHexadecimal(process, to: &output)
    output.append(UInt8(ascii: "-"))
    Self.appendHexadecimal(UInt64(shard), to: &output)
    output.append(UInt8(ascii: "."))
    Self.appendHexadecimal(UInt64(slot), to: &output)
    output.append(UInt8(ascii: "."))
    Self.appendHexadecimal(UInt64(generation), to: &output)
  }

  private static func appendHexadecimal(_ number: UInt64, to output: inout [UInt8]) {
    var shift = max(0, (63 - number.leadingZeroBitCount) / 4 * 4)
    while shift >= 0 {
      let nibble = UInt8(truncatingIfNeeded: number >> UInt64(shift)) & 15
      output.append(nibble < 10 ? 48 + nibble : 87 + nibble)
      shift -= 4
    }
  }

  /// Reads what `description` writes; nil for anything else.
  public init?(text: String) {
    guard text.utf8.count <= 40 else { return nil }
    let halves = text.split(separator: "-", omittingEmptySubsequences: false)
    guard halves.count == 2, let process = UInt64(halves[0], radix: 16) else { return nil }
    let parts = halves[1].split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let shard = UInt16(parts[0], radix: 16),
      let slot = UInt32(parts[1], radix: 16), let generation = UInt32(parts[2], radix: 16)
    else { return nil }
    self.init(process: process, shard: shard, slot: slot, generation: generation)
    guard description == text else { return nil }
  }
}

/// A connection as a room sees it.
public struct Member: Hashable, Sendable {
  /// The connection.
  public let connection: ConnectionID
  /// Its user; nil when anonymous.
  public let user: String?
  /// What the token says about the user, JSON text; nil when nothing.
  public let info: [UInt8]?

  /// Puts a member together.
  public init(connection: ConnectionID, user: String?, info: [UInt8]?) {
    self.connection = connection
    self.user = user
    self.info = info
  }
}

/// What was published.
public enum Payload: Hashable, Sendable {
  /// A JSON value, forwarded byte for byte.
  case json([UInt8])
  /// Opaque bytes.
  case binary([UInt8])

  /// The bytes without their kind.
  public var bytes: [UInt8] {
    switch self {
    case .json(let bytes), .binary(let bytes): bytes
    }
  }
}

/// When this node was asked to publish a message, on its monotonic clock.
///
/// A measurement and no part of the message: all values are equal, so that messages are compared by
/// what they say.
public struct PublishTime: Hashable, Sendable {
  /// Nanoseconds since an arbitrary start; 0 for a message that was not published here.
  public let nanoseconds: UInt64

  /// A time of the monotonic clock, 0 for none.
  public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// That of a message that came from elsewhere.
  public static let unknown = PublishTime(nanoseconds: 0)

  /// Always.
  public static func == (left: PublishTime, right: PublishTime) -> Bool { true }

  /// Adds nothing.
  public func hash(into hasher: inout Hasher) {}
}

/// A message of a room on its way to the members.
public struct Envelope: Hashable, Sendable {
  /// The room.
  public let room: RoomName
  /// Its place in the room's log; nil in rooms without history.
  public let position: Position?
  /// What was published.
  public let payload: Payload
  /// Who published it; nil for the server API and where the policy does not show senders.
  public let sender: Member?
  /// When it was published, in milliseconds since 1970; nil where the policy does not show it.
  public let wallMilliseconds: Int64?
  /// Whether this is the first message that members get after the room's epoch changed.
  public let startsEpoch: Bool
  /// Tells the message from others, alike on every node; 0 where nobody may get it twice.
  public let mid: UInt64
  /// When it was published, where that was here.
  public let publishedAt: PublishTime

  /// Puts an envelope together.
  public init(
    room: RoomName, position: Position?, payload: Payload, sender: Member?,
    wallMilliseconds: Int64?, startsEpoch: Bool = false, mid: UInt64 = 0,
    publishedAt: PublishTime = .unknown
  ) {
    self.room = room
    self.position = position
    self.payload = payload
    self.sender = sender
    self.wallMilliseconds = wallMilliseconds
    self.startsEpoch = startsEpoch
    self.mid = mid
    self.publishedAt = publishedAt
  }
}
