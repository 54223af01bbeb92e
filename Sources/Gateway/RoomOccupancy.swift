// Which rooms have members on this node: each shard tells about its own, and what the whole node has
// is the union. The first member and the last one are told, whichever shard they are on.

import RoostRooms

/// The shards that have members of each room.
///
/// Pure. Shards say how things are, not what has changed, so that a lost word is put right by the
/// next one about the room.
struct RoomOccupancy: Sendable {
  // One bit a shard.
  private var shards: [RoomName: UInt64] = [:]

  /// Rooms with a member.
  var count: Int { shards.count }

  /// Notes whether a shard (0...63) has members of a room; the event when that matters to the node.
  mutating func note(_ room: RoomName, isOccupied: Bool, shard: Int) -> WebhookEvent? {
    precondition((0..<64).contains(shard), "shard \(shard)")
    let bit: UInt64 = 1 << UInt64(shard)
    let before = shards[room] ?? 0
    let after = isOccupied ? before | bit : before & ~bit
    guard after != before else { return nil }
    shards[room] = after == 0 ? nil : after
    if before == 0 { return .roomOccupied(room) }
    if after == 0 { return .roomVacated(room) }
    return nil
  }
}
