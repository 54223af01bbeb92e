// Time: logs that age, rooms without members and messages, counts that are due, memory that goes
// back.

public import RoostRooms

extension LocalBackplane {
  /// Expires logs and idle rooms a part at a time, and sends the member counts that are due.
  public mutating func sweep(at now: Moment, into outbox: inout BackplaneOutbox) {
    keys.expire(now: now.monotonic)
    let due = countsDue
    countsDue = []
    for name in due {
      // A room that came and went since the last sweep may be due twice, and is told once.
      guard let index = indices[name], rooms[index]?.countIsDue == true,
        let count = rooms[index]?.memberCount
      else { continue }
      rooms[index]?.countIsDue = false
      tell(.memberCount(name, count), to: index, &outbox)
    }
    compact()
    // A thirtieth of the rooms each second: every room is looked at twice a minute.
    let portion = min(rooms.count, max(1000, rooms.count / 30 + 1))
    for _ in 0..<portion {
      sweepCursor = sweepCursor + 1 < rooms.count ? sweepCursor + 1 : 0
      guard let policyNumber = rooms[sweepCursor]?.policy else { continue }
      let policy = policies[Int(policyNumber)]
      trim(sweepCursor, policy.history, now)
      guard let room = rooms[sweepCursor], room.memberCount == 0, room.log.isEmpty else { continue }
      if let since = room.idleSince {
        if now.monotonic - since >= policy.history.lifetime * 10 { remove(sweepCursor) }
      } else {
        becomeIdle(sweepCursor, now)
      }
    }
  }

  /// Gives memory back after a crowd has left.
  mutating func compact() {
    if indices.isEmpty {
      guard rooms.count > 64 else { return }
      rooms = []
      tenants = []
      free = []
      indices = [:]
      appended = []
      appendedHead = 0
      sweepCursor = 0
    } else if indices.capacity > 4 * indices.count + 1024 {
      indices = Dictionary(uniqueKeysWithValues: indices.map { ($0.key, $0.value) })
    }
  }

  mutating func trim(_ index: Int, _ policy: HistoryPolicy, _ now: Moment) {
    guard let trimmed = rooms[index]?.log.trim(to: policy, now: now.monotonic) else { return }
    logEntries -= trimmed.messages
    logBytes -= trimmed.bytes
  }

  /// A room without members and messages stays for a while for its epoch and offset.
  mutating func becomeIdle(_ index: Int, _ now: Moment) {
    guard let room = rooms[index], room.memberCount == 0, room.idleSince == nil else { return }
    guard policies[Int(room.policy)].history.isOn else { return remove(index) }
    guard room.log.isEmpty else { return }
    guard room.lastOffset > 0, idleRooms < limits.idleRoomsMax else { return remove(index) }
    rooms[index]?.idleSince = now.monotonic
    idleRooms += 1
  }

  mutating func endIdleness(_ index: Int) {
    guard rooms[index]?.idleSince != nil else { return }
    rooms[index]?.idleSince = nil
    idleRooms -= 1
  }
}
