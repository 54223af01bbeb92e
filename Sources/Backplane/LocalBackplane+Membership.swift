// Membership: joins, with what the newcomer missed, leaves, and what the others are told of both.

import RoostRooms

extension LocalBackplane {
  mutating func join(
    _ command: JoinCommand, _ now: Moment, _ outbox: inout BackplaneOutbox
  ) {
    let policy = policies[Int(command.policy)]
    let shard = command.ticket.shard
    if policy.membersMax > 0, let known = indices[command.room],
      let count = rooms[known]?.memberCount, count >= policy.membersMax
    {
      return fail(command.ticket, command.room, .roomIsFull, &outbox)
    }
    let index = room(command.room, command.policy, now)
    let epoch: Epoch? = policy.history.isOn ? self.epoch(of: index) : nil
    if Self.knowsMembers(policy) {
      let isNew = rooms[index]?.members.add(command.member) ?? false
      precondition(isNew, "\(command.member.connection) joined \(command.room) twice")
    }
    // The others are told first: the newcomer learns of itself by its own `ok`.
    if policy.presence {
      announce(.memberJoined(command.room, command.member), index, policy, &outbox)
    }
    rooms[index]?.memberCounts[shard] += 1
    rooms[index]?.memberCount += 1
    endIdleness(index)
    trim(index, policy.history, now)
    guard let room = rooms[index] else { preconditionFailure("room \(index) is not in use") }
    let position = epoch.map { Position(epoch: $0, offset: room.lastOffset) }
    var recovered: Bool?
    var missed: [LogEntry] = []
    var isComplete = true
    if let since = command.since {
      if let position, isUnbroken(room, since, position) {
        recovered = true
        missed = room.log.entries(
          after: since.offset, bytesMax: min(command.pageBytesMax, limits.pageBytesMax),
          countMax: .max)
        isComplete = (missed.last?.offset ?? since.offset) == position.offset
      } else {
        recovered = false
      }
    }
    let receipt = JoinReceipt(
      members: room.memberCount, position: position, recovered: recovered, missed: missed,
      after: recovered == true ? command.since?.offset ?? 0 : 0, isComplete: isComplete)
    outbox.items.append(
      .event(shard: shard, .joined(command.ticket, command.room, receipt)))
  }

  /// Whether the log still has everything after `since`.
  func isUnbroken(_ room: Room, _ since: Position, _ newest: Position) -> Bool {
    guard since.epoch == newest.epoch, since.offset <= newest.offset else { return false }
    if since.offset == newest.offset { return true }
    guard let first = room.log.firstOffset else { return false }
    return first <= since.offset + 1
  }

  mutating func replay(
    _ name: RoomName, _ after: Position, _ pageBytesMax: Int, _ now: Moment
  ) -> ReplayPage {
    guard let index = indices[name], let policy = rooms[index]?.policy else {
      return .lost(Position(epoch: after.epoch, offset: after.offset))
    }
    trim(index, policies[Int(policy)].history, now)
    let newest = Position(epoch: epoch(of: index), offset: rooms[index]?.lastOffset ?? 0)
    guard let room = rooms[index], isUnbroken(room, after, newest) else { return .lost(newest) }
    let entries = room.log.entries(
      after: after.offset, bytesMax: pageBytesMax, countMax: .max)
    let reached = entries.last?.offset ?? after.offset
    return .entries(entries, position: newest, isComplete: reached == newest.offset)
  }

  mutating func leave(
    _ name: RoomName, _ connection: ConnectionID, _ shard: Int, _ now: Moment,
    _ outbox: inout BackplaneOutbox
  ) {
    let index = indices[name]
    // No copy of the room may be alive while its members change: the change would copy them all.
    let policy = index.flatMap { rooms[$0]?.policy }.map { policies[Int($0)] }
    let member = index.flatMap { rooms[$0]?.members.remove(connection) }
    if member == nil, policy.map(Self.knowsMembers) ?? true {
      // The leave of a join that found the room full was on its way before the refusal was known;
      // the room may have gone since. Where joins cannot fail, the counts below must be right.
      return
    }
    guard let index, let policy, let count = rooms[index]?.memberCounts[shard], count > 0 else {
      preconditionFailure("shard \(shard) left room \(name), which it had not joined")
    }
    rooms[index]?.memberCounts[shard] -= 1
    rooms[index]?.memberCount -= 1
    if policy.presence, let member {
      announce(.memberLeft(name, member), index, policy, &outbox)
    }
    if rooms[index]?.memberCount == 0 { becomeIdle(index, now) }
  }

  /// Whether a room keeps a list of its members: to tell who is in it, or to know whose join failed.
  static func knowsMembers(_ policy: RoomPolicy) -> Bool {
    policy.presence || policy.membersMax > 0
  }

  mutating func announce(
    _ event: BackplaneEvent, _ index: Int, _ policy: RoomPolicy, _ outbox: inout BackplaneOutbox
  ) {
    guard policy.presenceEvents, let room = rooms[index] else { return }
    guard room.memberCount <= limits.presenceEventsMax else {
      if !room.countIsDue {
        rooms[index]?.countIsDue = true
        countsDue.append(room.name)
      }
      return
    }
    tell(event, to: index, &outbox)
  }
}
