// Leaving: rules 22 and 23. Who goes is taken out behind what it published, and a room without members
// keeps its channel for a moment.

import RoostRooms

extension RedisBackplane {
  mutating func leave(
    _ name: RoomName, _ seat: ConnectionID, _ shard: Int, _ now: Duration,
    _ outbox: inout BackplaneOutbox
  ) {
    guard let room = rooms[name],
      refused.removeValue(forKey: RefusedJoin(room: name, seat: seat)) == nil
    else { return }
    if let work = room.work,
      let place = work.joins.lastIndex(where: {
        $0.command.seat == seat && !$0.isCancelled
      })
    {
      if case .waiting = work.joins[place].stage {
        // Redis never heard of it.
        let join = work.joins.remove(at: place)
        waitingJoins -= 1
        answer(
          join.command.ticket,
          .joined(
            join.command.ticket, name,
            JoinReceipt(
              members: nil, position: nil, recovered: join.command.since.map { _ in false },
              missed: [], isComplete: true)), &outbox)
        room.settleWork()
        return becameEmpty(room)
      }
      work.joins[place].isCancelled = true
    } else if room.shardCounts[shard] > 0,
      !shapes[room.policy].knowsMembers || room.members[seat] != nil
    {
      room.shardCounts[shard] -= 1
    } else {
      // A join that was refused, whose leave was on its way.
      return
    }
    room.memberCount -= 1
    if shapes[room.policy].knowsMembers {
      guard let member = room.unseat(seat) else { return }
      if room.holds(member.connection) {
        // It has moved within this node: nobody has left.
        countChanged(room)
      } else {
        // Who does not stand in Redis any more is told of by nobody else.
        if room.unsaid.remove(member.connection) != nil {
          tell(.memberLeft(name, member), room, &outbox)
        }
        if isCommandReady { enqueue(.leave(member), room, now) } else { needsRegistration(room) }
      }
    } else {
      countChanged(room)
    }
    becameEmpty(room)
  }

  mutating func sendLeave(_ room: RedisRoom, _ members: [Member], _ now: Duration) {
    let shape = shapes[room.policy]
    pipe.call(.leave, keys: 3, arguments: 6 + 2 * members.count, .leave(room), at: now)
    pipe.add(names.key(room.name, "meta"))
    pipe.add(names.key(room.name, "nodes"))
    pipe.add(names.key(room.name, "members:\(incarnation)"))
    pipe.add(names.channel(room.name))
    pipe.add(incarnation)
    pipe.add(room.memberCount)
    pipe.add(shape.hasEvents ? 1 : 0)
    pipe.add(settings.presenceEventsMax)
    pipe.add(shape.metaLife)
    for member in members { add(member) }
  }

  mutating func leaveAnswered(_ room: RedisRoom, _ reply: RedisReply, _ now: Duration) {
    if reply.kind(0) == .error {
      handleRefusal(reply, now)
      return doubt(room)
    }
    // Nothing was told in a crowd: its size is, perhaps to members on other nodes only.
    if shapes[room.policy].hasEvents, reply.integer(0) == 0 { crowded(room) }
  }

  /// The number of members in Redis is to be written again, once a tick.
  mutating func countChanged(_ room: RedisRoom) {
    guard !room.isCountStale else { return }
    room.isCountStale = true
    countedRooms.append(room)
  }

  mutating func sendCounts(_ now: Duration) {
    guard !countedRooms.isEmpty, isCommandReady else { return }
    let rooms = countedRooms
    countedRooms.removeAll(keepingCapacity: rooms.count <= 4096)
    for room in rooms {
      room.isCountStale = false
      let isGone = room.memberCount == 0
      pipe.begin(isGone ? 3 : 4, isGone ? .nothing : .written(room), at: now)
      if isGone { pipe.add("HDEL") } else { pipe.add("HSET") }
      pipe.add(names.key(room.name, "nodes"))
      pipe.add(incarnation)
      if !isGone { pipe.add(room.memberCount) }
    }
  }

  /// A room without members here keeps its channel for a moment: rule 9.
  mutating func becameEmpty(_ room: RedisRoom) {
    guard room.memberCount == 0, room.work == nil else { return }
    switch room.channel {
    case .live:
      room.channel = .lingering(until: nowMonotonic + settings.linger)
      lingering.append(room)
    case .none:
      // What it has in Redis goes with the next look at rooms that became empty.
      if room.listing != .none { lingering.append(room) } else { release(room) }
    case .subscribing, .lingering, .unsubscribing: break
    }
  }
}
