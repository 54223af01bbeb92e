// The rooms whose home is here: found by name, kept by index, told by shard.

import RoostCrypto
import RoostRooms

extension LocalBackplane {
  mutating func room(_ name: RoomName, _ policy: Int32, _ now: Moment) -> Int {
    if let index = indices[name] { return index }
    let room = Room(
      name: name, policy: policy, memberCounts: Array(repeating: 0, count: shardCount))
    nextTenant += 1
    let index: Int
    if let reused = free.popLast() {
      index = reused
      rooms[index] = room
      tenants[index] = nextTenant
    } else {
      index = rooms.count
      rooms.append(room)
      tenants.append(nextTenant)
    }
    indices[name] = index
    return index
  }

  mutating func remove(_ index: Int) {
    guard let room = rooms[index] else { return }
    precondition(room.memberCount == 0 && room.log.isEmpty, "room \(room.name) is in use")
    if room.idleSince != nil { idleRooms -= 1 }
    indices.removeValue(forKey: room.name)
    rooms[index] = nil
    tenants[index] = 0
    free.append(index)
  }

  mutating func epoch(of index: Int) -> Epoch {
    if let epoch = rooms[index]?.epoch { return epoch }
    let epoch = Epoch(high: RandomBytes.uint64(), low: RandomBytes.uint64())
    rooms[index]?.epoch = epoch
    return epoch
  }

  func tell(_ event: BackplaneEvent, to index: Int, _ outbox: inout BackplaneOutbox) {
    guard let room = rooms[index] else { return }
    for (shard, count) in room.memberCounts.enumerated() where count > 0 {
      outbox.items.append(.event(shard: shard, event))
    }
  }

  func fail(
    _ ticket: ReplyTicket?, _ room: RoomName, _ failure: BackplaneFailure,
    _ outbox: inout BackplaneOutbox
  ) {
    guard let ticket else { return }
    outbox.items.append(.event(shard: ticket.shard, .failed(ticket, room, failure)))
  }
}
