// Reading a room's log: a page of a recovery waits for the live messages to come as far as it goes.

import RoostRooms

extension RedisBackplane {
  mutating func replay(
    _ name: RoomName, _ after: Position, _ pageBytesMax: Int, _ ticket: ReplyTicket,
    _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard let room = rooms[name] else {
      return answer(ticket, .replayed(ticket, name, .lost(after)), &outbox)
    }
    guard isCommandReady else {
      return answer(
        ticket, .replayed(ticket, name, .entries([], position: after, isComplete: false)), &outbox)
    }
    let shape = shapes[room.policy]
    beginRead(room)
    sendRead(
      name, shape, after: after.offset, bytes: min(pageBytesMax, settings.pageBytesMax),
      count: 4096, backwards: false, creates: false, .page(room, ticket, after: after), now)
  }

  /// Writes the command that reads a log.
  mutating func sendRead(
    _ name: RoomName, _ shape: PolicyShape, after: UInt64, bytes: Int, count: Int,
    backwards: Bool, creates: Bool, _ reply: PendingReply, _ now: Duration
  ) {
    pipe.call(.read, keys: 3, arguments: 10 + dead.count, reply, at: now)
    pipe.add(names.key(name, "meta"))
    pipe.add(names.key(name, "log"))
    pipe.add(names.key(name, "nodes"))
    pipe.add(shape.lifetime)
    pipe.add(clockText)
    pipe.add(Self.exact(after))
    pipe.add(bytes)
    pipe.add(count)
    pipe.add(backwards ? 1 : 0)
    pipe.add(creates ? era : [])
    pipe.add(Self.freshEpoch())
    pipe.add(shape.metaLife)
    pipe.add(shape.messages)
    for node in dead { pipe.add(node) }
  }

  mutating func pageRead(
    _ room: RedisRoom, _ ticket: ReplyTicket, _ after: Position, _ reply: RedisReply,
    _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard reply.kind(0) == .array, let log = readLog(reply, shapes[room.policy]) else {
      endRead(room)
      if reply.kind(0) == .error { handleRefusal(reply, now) }
      room.settleWork()
      // Nothing is lost: the shard asks again.
      return answer(
        ticket, .replayed(ticket, room.name, .entries([], position: after, isComplete: false)),
        &outbox)
    }
    guard let newest = log.newest, Self.isOnTheWay(after, to: newest, log.seams),
      Self.isUnbroken(log.entries, after: after.offset, to: newest.offset)
    else {
      endRead(room)
      room.settleWork()
      let position = room.position ?? log.newest ?? after
      return answer(ticket, .replayed(ticket, room.name, .lost(position)), &outbox)
    }
    room.working().pages.append(
      PendingPage(
        ticket: ticket, after: after, newest: newest, entries: log.entries, since: now))
    busyRooms.append(room)
    settle(room, now, &outbox)
  }

  mutating func settlePages(_ room: RedisRoom, _ outbox: inout BackplaneOutbox) {
    guard let work = room.work else { return }
    var place = 0
    while place < work.pages.count {
      let page = work.pages[place]
      let reached = page.entries.last?.offset ?? page.after.offset
      let isLast = reached == page.newest.offset
      if page.isLost, let position = room.position {
        work.pages.remove(at: place)
        endRead(room)
        answer(page.ticket, .replayed(page.ticket, room.name, .lost(position)), &outbox)
        continue
      }
      if isLast {
        guard let position = room.position, position.epoch == page.newest.epoch,
          position.offset >= page.newest.offset
        else {
          place += 1
          continue
        }
      }
      work.pages.remove(at: place)
      var entries = page.entries
      var newest = page.newest
      var isComplete = false
      if isLast, let position = room.position {
        isComplete = catchUp(
          room, &entries, after: page.after.offset, read: page.newest, position)
        if isComplete { newest = position }
      }
      endRead(room)
      answer(
        page.ticket,
        .replayed(
          page.ticket, room.name, .entries(entries, position: newest, isComplete: isComplete)),
        &outbox)
    }
  }

  /// What the read script says.
  struct ReadLog {
    let newest: Position?
    let seams: [Position]
    let sequence: UInt64
    let members: Int
    let entries: [LogEntry]
  }

  func readLog(_ reply: RedisReply, _ shape: PolicyShape) -> ReadLog? {
    guard reply.elementCount(0) == 6, let epochToken = reply.child(0, of: 0),
      let offset = reply.child(1, of: 0).flatMap({ reply.decimal($0) }),
      let seams = reply.child(2, of: 0), let sequence = reply.child(3, of: 0),
      let members = reply.child(4, of: 0), reply.kind(members) == .integer,
      let entries = entries(reply, reply.child(5, of: 0), shape)
    else { return nil }
    return ReadLog(
      newest: Epoch(text: reply.array(epochToken).span).map {
        Position(epoch: $0, offset: offset)
      },
      seams: Self.seams(reply.array(seams)), sequence: reply.decimal(sequence) ?? 0,
      members: Int(reply.integer(members)), entries: entries)
  }
}
