// Reading without joining: who is there, what was said; and what the server API asks and clears.

import RoostRooms

extension LocalBackplane {
  func presence(
    _ name: RoomName, _ limit: Int, _ after: UInt64
  ) -> (members: [Member], next: UInt64?) {
    guard let index = indices[name], let room = rooms[index], policies[Int(room.policy)].presence
    else { return ([], nil) }
    return room.members.page(after: after, limit: limit)
  }

  mutating func history(
    _ name: RoomName, _ policyNumber: Int32, _ since: Position?, _ limit: Int, _ reverse: Bool,
    _ ticket: ReplyTicket, _ now: Moment, _ outbox: inout BackplaneOutbox
  ) {
    let policy = policies[Int(policyNumber)]
    guard policy.history.isOn else { return fail(ticket, name, .historyIsOff, &outbox) }
    let index = room(name, policyNumber, now)
    trim(index, policy.history, now)
    let newest = Position(epoch: epoch(of: index), offset: rooms[index]?.lastOffset ?? 0)
    guard let room = rooms[index] else { preconditionFailure("room \(index) is not in use") }
    var recovered: Bool?
    var entries: [LogEntry] = []
    if let since, !reverse {
      recovered = isUnbroken(room, since, newest)
      if since.epoch == newest.epoch, since.offset <= newest.offset {
        entries = room.log.entries(
          after: since.offset, bytesMax: limits.pageBytesMax, countMax: limit)
      } else {
        entries = room.log.entries(after: 0, bytesMax: limits.pageBytesMax, countMax: limit)
      }
    } else if reverse {
      // Backwards from behind `since`, exclusive, or from the newest.
      if let since, since.epoch == newest.epoch {
        if since.offset > 0 {
          entries = room.log.entriesReversed(
            upTo: since.offset - 1, bytesMax: limits.pageBytesMax, countMax: limit)
        }
      } else {
        entries = room.log.entriesReversed(
          upTo: newest.offset, bytesMax: limits.pageBytesMax, countMax: limit)
      }
    } else {
      entries = room.log.entries(after: 0, bytesMax: limits.pageBytesMax, countMax: limit)
    }
    outbox.items.append(
      .event(shard: ticket.shard, .history(ticket, entries, newest, recovered: recovered)))
    if room.memberCount == 0, room.log.isEmpty { becomeIdle(index, now) }
  }

  mutating func describe(
    _ name: RoomName, _ policyNumber: Int32, _ ticket: ReplyTicket, _ now: Moment,
    _ outbox: inout BackplaneOutbox
  ) {
    var position: Position?
    // A room without a log yet gets none by being looked at.
    if let index = indices[name], policies[Int(policyNumber)].history.isOn {
      position = Position(epoch: epoch(of: index), offset: rooms[index]?.lastOffset ?? 0)
    }
    let members = indices[name].flatMap { rooms[$0]?.memberCount } ?? 0
    outbox.items.append(
      .event(shard: ticket.shard, .described(ticket, members: members, position)))
  }

  mutating func clear(
    _ name: RoomName, _ policyNumber: Int32, _ ticket: ReplyTicket,
    _ outbox: inout BackplaneOutbox
  ) {
    guard policies[Int(policyNumber)].history.isOn else {
      return fail(ticket, name, .historyIsOff, &outbox)
    }
    if let index = indices[name] {
      while rooms[index]?.log.isEmpty == false {
        logBytes -= rooms[index]?.log.removeFirst() ?? 0
        logEntries -= 1
      }
    }
    outbox.items.append(.event(shard: ticket.shard, .cleared(ticket)))
  }
}
