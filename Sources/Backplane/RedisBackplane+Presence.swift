// Presence: rules 20 to 24. Members stand in Redis under their node's incarnation; events carry a
// number, so that a missing one is noticed; large rooms are told their size only.

import RoostRooms
import Telemetry

extension RedisBackplane {
  mutating func presenceEvent(
    _ room: RedisRoom, _ sequence: UInt64, _ members: [Member], isJoin: Bool,
    _ outbox: inout BackplaneOutbox
  ) {
    guard shapes[room.policy].hasEvents else { return }
    if let last = room.sequence {
      // Read already, by a join or a comparison.
      guard sequence > last else { return }
      if sequence != last + 1 { tellPresenceReset(room, &outbox) }
    } else if room.isDoubtful, room.liveCount > 0 {
      // Whether there was one before it while no link was there, no comparison behind it can tell.
      tellPresenceReset(room, &outbox)
    }
    room.sequence = sequence
    room.toldCount = nil
    for member in members {
      if isJoin {
        // That one of ours has come may be told late: it came while Redis was away.
        room.unsaid.remove(member.connection)
        tell(.memberJoined(room.name, member), room, &outbox)
      } else if isOurs(room, member) {
        room.unsaid.insert(member.connection)
      } else {
        tell(.memberLeft(room.name, member), room, &outbox)
      }
    }
  }

  private func tellPresenceReset(_ room: RedisRoom, _ outbox: inout BackplaneOutbox) {
    status.presenceResets.add()
    tell(.presenceReset(room.name), room, &outbox)
  }

  /// Whether a member is a live one of this node, which has not left whatever another node says.
  private func isOurs(_ room: RedisRoom, _ member: Member) -> Bool {
    guard room.holds(member.connection) else { return false }
    return room.work?.joins.contains {
      $0.command.member.connection == member.connection
    } != true
  }

  /// The number of the newest event, as Redis has it.
  ///
  /// Members that have had no event have missed one only if the link was lost meanwhile.
  mutating func noteSequence(
    _ room: RedisRoom, _ sequence: UInt64, isDoubtful: Bool, _ now: Duration,
    _ outbox: inout BackplaneOutbox
  ) {
    let isAnother = room.sequence.map { $0 != sequence } ?? (isDoubtful && sequence > 0)
    if isAnother || room.isRenumbered, room.liveCount > 0 {
      // Who missed nothing reads the same list once too often.
      tellPresenceReset(room, &outbox)
    }
    room.isRenumbered = false
    room.sequence = sequence
    guard let work = room.work else { return }
    for place in work.joins.indices {
      // Redis has lost the event that it waits for.
      guard case .arrived(var answer) = work.joins[place].stage, answer.sequence > sequence else {
        continue
      }
      answer.sequence = sequence
      work.joins[place].stage = .arrived(answer)
    }
    settle(room, now, &outbox)
  }

  /// A large room's size is told, at most once a second.
  mutating func crowded(_ room: RedisRoom) {
    crowdedRooms.insert(room.name)
  }

  mutating func tellCounts(_ now: Duration) {
    guard isCommandReady else { return }
    let rooms = crowdedRooms
    crowdedRooms = []
    for room in rooms {
      pipe.call(.tellCount, keys: 1, arguments: 1 + dead.count, .nothing, at: now)
      pipe.add(names.key(room, "nodes"))
      pipe.add(names.channel(room))
      for node in dead { pipe.add(node) }
    }
  }

  // MARK: Registration

  /// Puts the room into this incarnation's set, before anything of it is written: rule 22.
  mutating func list(_ room: RedisRoom, _ now: Duration) {
    guard room.listing != .listed else { return }
    room.listing = .listed
    pipe.begin(3, .written(room), at: now)
    pipe.add("SADD")
    pipe.add(names.system("node:\(incarnation):rooms"))
    pipe.add(room.name.bytes)
  }

  mutating func unlist(_ room: RedisRoom, _ now: Duration) {
    guard room.listing != .none, isCommandReady, !room.needsRegistration else { return }
    room.listing = .none
    pipe.begin(3, .nothing, at: now)
    pipe.add("HDEL")
    pipe.add(names.key(room.name, "nodes"))
    pipe.add(incarnation)
    pipe.begin(3, .nothing, at: now)
    pipe.add("SREM")
    pipe.add(names.system("node:\(incarnation):rooms"))
    pipe.add(room.name.bytes)
  }

  mutating func needsRegistration(_ room: RedisRoom) {
    guard !room.needsRegistration else { return }
    room.needsRegistration = true
    registerQueue.append(room)
  }

  /// Has written what Redis may have otherwise, though nobody is there any more: it would outlive the
  /// last member.
  mutating func doubt(_ room: RedisRoom) {
    // It may have been forgotten here since.
    if rooms[room.name] == nil { rooms[room.name] = room }
    let known = rooms[room.name] ?? room
    known.listing = .doubtful
    needsRegistration(known)
  }

  /// Has what Redis refused written again; once a second.
  mutating func registerRefused() {
    for room in refusedRegistrations { doubt(room) }
    refusedRegistrations = []
  }

  mutating func sendRegistrations(_ now: Duration) {
    guard isCommandReady, !registerQueue.isEmpty else { return }
    var taken = 0
    while taken < registerQueue.count, registersInFlight < 1024 {
      let room = registerQueue[taken]
      taken += 1
      guard room.needsRegistration else { continue }
      room.needsRegistration = false
      guard room.memberCount > 0 || room.listing != .none else { continue }
      list(room, now)
      registersInFlight += 1
      room.registersInFlight += 1
      sendRegister(room, now)
    }
    registerQueue.removeFirst(taken)
  }

  private mutating func sendRegister(_ room: RedisRoom, _ now: Duration) {
    let shape = shapes[room.policy]
    // Whose join is in flight is written by it. Guests come last, and once each.
    let guests = room.guests.compactMap { room.members[$0.value[0]] }
    let others = room.members.filter {
      $0.key == $0.value.connection && room.guests[$0.key] == nil
    }
    let gone = dead + ownIncarnations
    pipe.call(
      .register, keys: 3,
      arguments: 8 + 2 * (others.count + guests.count) + gone.count, .register(room), at: now)
    pipe.add(names.key(room.name, "meta"))
    pipe.add(names.key(room.name, "nodes"))
    pipe.add(names.key(room.name, "members:\(incarnation)"))
    pipe.add(names.channel(room.name))
    pipe.add(incarnation)
    pipe.add(room.memberCount)
    pipe.add(shape.hasEvents ? 1 : 0)
    pipe.add(settings.presenceEventsMax)
    pipe.add(shape.metaLife)
    pipe.add(others.count)
    pipe.add(guests.count)
    for member in Array(others.values) + guests { add(member) }
    for name in gone { pipe.add(name) }
  }

  /// Adds a member to a script's arguments: its connection, and what is to stand under that.
  mutating func add(_ member: Member) {
    var encoded: [UInt8] = []
    RedisEnvelope.append(member, to: &encoded)
    pipe.add(member.connection.description)
    pipe.add(encoded)
  }

  mutating func registered(_ room: RedisRoom, _ reply: RedisReply, _ now: Duration) {
    registersInFlight -= 1
    room.registersInFlight -= 1
    written(room, reply, now)
  }

  /// Something that is to stand in Redis was written, or refused.
  mutating func written(_ room: RedisRoom, _ reply: RedisReply, _ now: Duration) {
    guard reply.kind(0) == .error else { return }
    handleRefusal(reply, now)
    guard RedisRefusal(reply) != .unknownScript else { return doubt(room) }
    // It is full, say, for longer than a round trip.
    room.listing = .doubtful
    refusedRegistrations.append(room)
  }

  // MARK: Reading

  mutating func presence(
    _ name: RoomName, _ limit: Int, _ after: UInt64, _ ticket: ReplyTicket, _ now: Duration
  ) {
    pipe.call(.presence, keys: 1, arguments: 3 + dead.count, .presence(ticket, name), at: now)
    pipe.add(names.key(name, "nodes"))
    pipe.add(names.key(name, "members:"))
    pipe.add(after)
    pipe.add(limit)
    for node in dead { pipe.add(node) }
  }

  mutating func presenceRead(
    _ ticket: ReplyTicket, _ name: RoomName, _ reply: RedisReply, _ outbox: inout BackplaneOutbox
  ) {
    guard reply.kind(0) == .array, reply.elementCount(0) == 2, let cursor = reply.child(0, of: 0),
      let list = reply.child(1, of: 0), reply.kind(list) == .array
    else { return fail(ticket, name, failure(of: reply), &outbox) }
    var members: [Member] = []
    for place in 0..<reply.elementCount(list) {
      let bytes = reply.array(list + 1 + place)
      if let member = RedisEnvelope.member(of: bytes[...]) { members.append(member) }
    }
    let next = reply.decimal(cursor) ?? 0
    answer(ticket, .presence(ticket, members, next: next == 0 ? nil : next), &outbox)
  }

  mutating func history(
    _ name: RoomName, _ policy: Int32, _ since: Position?, _ limit: Int, _ reverse: Bool,
    _ ticket: ReplyTicket, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    let shape = shapes[Int(policy)]
    guard shape.hasHistory else { return fail(ticket, name, .historyIsOff, &outbox) }
    sendHistory(
      RedisHistoryQuestion(
        ticket: ticket, room: name, policy: policy, since: since, limit: limit, reverse: reverse,
        recovered: nil), now)
  }

  private mutating func sendHistory(_ question: RedisHistoryQuestion, _ now: Duration) {
    let newest: UInt64 = 9_007_199_254_740_991
    sendRead(
      question.room, shapes[Int(question.policy)],
      after: question.since?.offset ?? (question.reverse ? newest : 0),
      bytes: settings.pageBytesMax, count: question.limit, backwards: question.reverse,
      creates: true, .history(question), now)
  }

  mutating func historyRead(
    _ question: RedisHistoryQuestion, _ reply: RedisReply, _ now: Duration,
    _ outbox: inout BackplaneOutbox
  ) {
    let ticket = question.ticket
    guard reply.kind(0) == .array, let log = readLog(reply, shapes[Int(question.policy)]),
      let newest = log.newest
    else { return fail(ticket, question.room, failure(of: reply), &outbox) }
    var recovered = question.recovered
    if let since = question.since {
      guard Self.isOnTheWay(since, to: newest, log.seams) else {
        // A position of a life that is over is none: reading begins at the end that was asked for.
        var again = question
        again.since = nil
        again.recovered = question.reverse ? nil : false
        return sendHistory(again, now)
      }
      if !question.reverse {
        recovered = Self.isUnbroken(log.entries, after: since.offset, to: newest.offset)
      }
    }
    answer(ticket, .history(ticket, log.entries, newest, recovered: recovered), &outbox)
  }
}

/// A question for a room's log.
struct RedisHistoryQuestion {
  let ticket: ReplyTicket
  let room: RoomName
  let policy: Int32
  var since: Position?
  let limit: Int
  let reverse: Bool
  /// What is known already about what the asker missed.
  var recovered: Bool?
}
