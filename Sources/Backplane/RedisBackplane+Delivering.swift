// Delivering: rules 4, 11 to 14. Live messages are given to members in the order of their offsets and
// only without a hole; a hole, another epoch or a doubt closes the room's gate until its log was read.

import RoostRooms
import Telemetry

extension RedisBackplane {
  /// What came on a room's channel.
  mutating func roomMessage(
    _ room: RedisRoom, _ payload: ArraySlice<UInt8>, _ now: Duration,
    _ outbox: inout BackplaneOutbox
  ) {
    var rest = payload
    guard let word = RedisEnvelope.word(of: payload, rest: &rest) else {
      status.malformed.add()
      return
    }
    switch word {
    case .history(let first):
      var offset = first.offset
      while !rest.isEmpty {
        guard let body = RedisEnvelope.nextBody(of: &rest) else { return status.malformed.add() }
        logged(room, Position(epoch: first.epoch, offset: offset), body, now, &outbox)
        offset += 1
      }
      if room.work != nil { settle(room, now, &outbox) }
    case .plain(let publisher, let session, let first):
      noteNumbers(room, publisher, session, first, rest, &outbox)
      plainBodies(room, &rest, &outbox)
    case .keyed: plainBodies(room, &rest, &outbox)
    case .joined(let sequence, let member):
      presenceEvent(room, sequence, [member], isJoin: true, &outbox)
      if room.work != nil { settle(room, now, &outbox) }
    case .left(let sequence, let members):
      presenceEvent(room, sequence, members, isJoin: false, &outbox)
      if room.work != nil { settle(room, now, &outbox) }
    case .count(let count):
      // Several nodes may have told the same.
      guard shapes[room.policy].hasEvents, room.toldCount != count else { return }
      room.toldCount = count
      tell(.memberCount(room.name, count), room, &outbox)
    case .question(let asker, let number):
      outbox.items.append(
        .event(shard: 0, .asked(QuestionID(asker: asker, number: number), Array(rest))))
    }
  }

  func tell(_ event: BackplaneEvent, _ room: RedisRoom, _ outbox: inout BackplaneOutbox) {
    for shard in room.shardCounts.indices where room.shardCounts[shard] > 0 {
      outbox.items.append(.event(shard: shard, event))
    }
  }

  // MARK: Rooms without history

  private mutating func plainBodies(
    _ room: RedisRoom, _ rest: inout ArraySlice<UInt8>, _ outbox: inout BackplaneOutbox
  ) {
    let policy = shapes[room.policy].policy
    while !rest.isEmpty {
      guard let body = RedisEnvelope.nextBody(of: &rest) else { return status.malformed.add() }
      status.received.add()
      tell(
        .envelope(
          Envelope(
            room: room.name, position: nil, payload: body.payload,
            sender: policy.showsSender ? body.sender : nil,
            wallMilliseconds: policy.showsTime ? body.wallMilliseconds : nil,
            mid: body.identifier, publishedAt: publishTime(of: body))), room, &outbox)
    }
  }

  /// Counts a publisher's messages: a number that is missing was lost on the way.
  private mutating func noteNumbers(
    _ room: RedisRoom, _ publisher: UInt64, _ session: UInt32, _ first: UInt64,
    _ bodies: ArraySlice<UInt8>, _ outbox: inout BackplaneOutbox
  ) {
    var count: UInt64 = 0
    var rest = bodies
    while !rest.isEmpty, rest.count >= 4 {
      let size = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      guard size <= rest.count - 4 else { break }
      rest = rest.dropFirst(4 + size)
      count += 1
    }
    let last = first &+ count &- 1
    guard
      let place = room.publishers.firstIndex(where: {
        $0.publisher == publisher && $0.session == session
      })
    else {
      // The first of this publisher: nobody can tell what was before.
      if room.publishers.count >= 32 { room.publishers.removeFirst() }
      room.publishers.append(
        PublisherMark(publisher: publisher, session: session, number: last))
      return
    }
    if room.publishers[place].number &+ 1 != first {
      status.gaps.add()
      tell(.gap(room.name), room, &outbox)
    }
    room.publishers[place].number = last
  }

  // MARK: Rooms with history

  private mutating func logged(
    _ room: RedisRoom, _ position: Position, _ body: RedisEnvelope.Body, readings: Int = 0,
    _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    if readings == 0 { status.received.add() }
    guard let reached = room.position else {
      // Before the first join has read where the room is; without one nobody will ever want it.
      guard room.work?.joins.isEmpty == false else { return }
      return hold(room, position, body, readings)
    }
    if position.epoch == reached.epoch, position.offset <= reached.offset {
      return status.duplicates.add()
    }
    // What follows is given also while the log is read for a hole that there may be further on.
    guard position.epoch == reached.epoch, position.offset == reached.offset + 1 else {
      if room.work?.isRepairing == true { return hold(room, position, body, readings) }
      // What does not follow although the log was read twice was never published by a node.
      guard readings < 2 else { return status.malformed.add() }
      hold(room, position, body, readings)
      return repair(room)
    }
    give(
      room,
      LogEntry(
        offset: position.offset, payload: body.payload, sender: body.sender,
        wallMilliseconds: body.wallMilliseconds, mid: body.identifier), position.epoch,
      publishedAt: publishTime(of: body), &outbox)
    // A joiner waits for just this one: nothing may come between it and the next.
    if room.work?.joins.isEmpty == false { settle(room, now, &outbox) }
  }

  /// When this node was asked to publish a message, if it was this node.
  private func publishTime(of body: RedisEnvelope.Body) -> PublishTime {
    body.mid.publisher == publisher ? publishTimes.time(of: body.mid.number) : .unknown
  }

  /// Gives the next message to all live members.
  private mutating func give(
    _ room: RedisRoom, _ entry: LogEntry, _ epoch: Epoch, publishedAt: PublishTime = .unknown,
    _ outbox: inout BackplaneOutbox
  ) {
    let policy = shapes[room.policy].policy
    room.position = Position(epoch: epoch, offset: entry.offset)
    let sender = policy.showsSender ? entry.sender : nil
    let time = policy.showsTime ? entry.wallMilliseconds : nil
    if let work = room.work, work.reads > 0, !work.isRecentLost {
      work.recent.append(
        LogEntry(
          offset: entry.offset, payload: entry.payload, sender: sender, wallMilliseconds: time,
          mid: entry.mid))
      work.recentBytes += entry.payload.bytes.count + 64
      if work.recentBytes > settings.pageBytesMax {
        work.isRecentLost = true
        work.recent = []
      }
    }
    tell(
      .envelope(
        Envelope(
          room: room.name, position: room.position, payload: entry.payload, sender: sender,
          wallMilliseconds: time, startsEpoch: room.tellsEpoch, mid: entry.mid,
          publishedAt: publishedAt)), room, &outbox)
    room.tellsEpoch = false
  }

  private mutating func hold(
    _ room: RedisRoom, _ position: Position, _ body: RedisEnvelope.Body, _ readings: Int
  ) {
    let work = room.working()
    guard work.heldBytes + body.payload.bytes.count + 64 <= settings.pageBytesMax else {
      // They are in the log.
      work.held = []
      work.heldBytes = 0
      work.hasDroppedHeld = true
      return
    }
    work.held.append(HeldMessage(readings: readings, position: position, body: body))
    work.heldBytes += body.payload.bytes.count + 64
  }

  /// Gives what was held and now follows; what does not follow closes the gate again.
  mutating func releaseHeld(_ room: RedisRoom, _ now: Duration) {
    guard let work = room.work, !work.held.isEmpty || work.hasDroppedHeld else { return }
    let held = work.held
    work.held = []
    work.heldBytes = 0
    var outbox = BackplaneOutbox()
    for message in held {
      logged(
        room, message.position, message.body, readings: message.readings + 1, now, &outbox)
    }
    late.items += outbox.items
    if work.hasDroppedHeld {
      work.hasDroppedHeld = false
      repair(room)
    }
  }

  // MARK: Repair

  /// Closes the room's gate and has its log read from where the members are.
  mutating func repair(_ room: RedisRoom) {
    guard shapes[room.policy].hasHistory, room.position != nil else { return }
    let work = room.working()
    guard !work.isRepairing else { return }
    work.isRepairing = true
    repairQueue.append(room)
  }

  mutating func sendRepairs(_ now: Duration) {
    guard isCommandReady, !repairQueue.isEmpty else { return }
    var taken = 0
    while taken < repairQueue.count, repairsInFlight < 256 {
      let room = repairQueue[taken]
      taken += 1
      guard room.work?.isRepairing == true else { continue }
      guard let position = room.position else {
        room.work?.isRepairing = false
        continue
      }
      repairsInFlight += 1
      sendRead(
        room.name, shapes[room.policy], after: position.offset, bytes: settings.pageBytesMax,
        count: 4096, backwards: false, creates: true,
        .repair(room, after: position), now)
    }
    repairQueue.removeFirst(taken)
  }

  mutating func repaired(
    _ room: RedisRoom, _ after: Position, _ reply: RedisReply, _ now: Duration,
    _ outbox: inout BackplaneOutbox
  ) {
    repairsInFlight -= 1
    guard let work = room.work, work.isRepairing else { return }
    guard let reached = room.position else { return work.isRepairing = false }
    guard reply.kind(0) == .array, let log = readLog(reply, shapes[room.policy]),
      let newest = log.newest
    else {
      // Still closed; another try with the next tick.
      if reply.kind(0) == .error { handleRefusal(reply, now) }
      repairQueue.append(room)
      return
    }
    guard reached.epoch == after.epoch, reached.offset >= after.offset else {
      // A join has read further meanwhile; what was read now begins too early.
      repairQueue.append(room)
      return
    }
    work.isRepairing = false
    if reached.epoch == newest.epoch, after.offset <= newest.offset,
      newest.offset <= reached.offset
    {
      // Live messages were faster.
      releaseHeld(room, now)
      drainLate(&outbox)
      return settle(room, now, &outbox)
    }
    let missed = Array(log.entries.drop { $0.offset <= reached.offset })
    if Self.isOnTheWay(reached, to: newest, log.seams),
      Self.isUnbroken(missed, after: reached.offset, to: newest.offset)
    {
      if reached.epoch != newest.epoch {
        room.position = Position(epoch: newest.epoch, offset: reached.offset)
        room.tellsEpoch = true
        moveOn(work, to: newest, log.seams)
      }
      status.repaired.add(UInt64(missed.count))
      for entry in missed { give(room, entry, newest.epoch, &outbox) }
      if let last = missed.last, last.offset < newest.offset { repair(room) }
    } else {
      status.resets.add()
      room.position = newest
      room.tellsEpoch = false
      // A joiner that read the old life must read the new one.
      work.isRecentLost = true
      work.recent = []
      tell(.reset(room.name, newest), room, &outbox)
      moveOn(work, to: newest, log.seams)
    }
    if !work.isRepairing { releaseHeld(room, now) }
    drainLate(&outbox)
    settle(room, now, &outbox)
  }

  /// Joins and pages that were read in a life that is over: where the log goes on from it they keep
  /// what they have, else they begin at the newest.
  func moveOn(_ work: RoomWork, to newest: Position, _ seams: [Position]) {
    for place in work.joins.indices {
      guard case .arrived(let answer) = work.joins[place].stage, let read = answer.position,
        read.epoch != newest.epoch || read.offset > newest.offset
      else { continue }
      let goesOn = Self.isOnTheWay(read, to: newest, seams)
      work.joins[place].stage = .arrived(
        JoinAnswer(
          members: answer.members,
          position: goesOn ? Position(epoch: newest.epoch, offset: read.offset) : newest,
          recovered: goesOn ? answer.recovered : answer.recovered.map { _ in false },
          missed: goesOn ? answer.missed : [], sequence: answer.sequence))
    }
    for place in work.pages.indices where work.pages[place].newest.epoch != newest.epoch {
      let page = work.pages[place]
      work.pages[place].isLost = !Self.isOnTheWay(page.newest, to: newest, seams)
      work.pages[place].newest = Position(epoch: newest.epoch, offset: page.newest.offset)
    }
  }

  /// What was found out in the middle of something else goes out behind it.
  mutating func drainLate(_ outbox: inout BackplaneOutbox) {
    guard !late.items.isEmpty else { return }
    outbox.items += late.items
    late.items.removeAll()
  }

  // MARK: Comparing

  /// Whether there is something here that Redis may be ahead of.
  func isComparable(_ room: RedisRoom) -> Bool {
    room.position != nil || room.sequence != nil
      || shapes[room.policy].hasEvents && room.liveCount > 0
  }

  /// Has positions compared with Redis, in batches; rule 14.
  mutating func sendComparisons(_ now: Duration) {
    guard isCommandReady else { return }
    while !compareQueue.isEmpty, comparesInFlight < 8 {
      let batch = Array(compareQueue.suffix(256))
      compareQueue.removeLast(batch.count)
      comparesInFlight += 1
      pipe.call(
        .compare, keys: 2 * batch.count, arguments: 2 * batch.count,
        .compare(batch.map { Comparison(room: $0, reached: $0.position) }), at: now)
      for room in batch {
        pipe.add(names.key(room.name, "meta"))
        pipe.add(names.key(room.name, "log"))
      }
      for room in batch {
        pipe.add(shapes[room.policy].lifetime)
        pipe.add(shapes[room.policy].metaLife)
      }
    }
  }

  mutating func compared(
    _ comparisons: [Comparison], _ reply: RedisReply, _ now: Duration,
    _ outbox: inout BackplaneOutbox
  ) {
    comparesInFlight -= 1
    guard reply.kind(0) == .array, reply.elementCount(0) == 3 * comparisons.count else {
      if reply.kind(0) == .error {
        handleRefusal(reply, now)
        compareQueue += comparisons.map(\.room)
      }
      return
    }
    for (place, comparison) in comparisons.enumerated() {
      let room = comparison.room
      let token = 1 + 3 * place
      let shape = shapes[room.policy]
      let isDoubtful = room.isDoubtful
      room.isDoubtful = false
      if shape.hasHistory, let position = room.position {
        let epoch = Epoch(text: reply.array(token).span)
        let offset = reply.decimal(token + 1) ?? 0
        if epoch == position.epoch, offset > position.offset, !isDoubtful {
          // A short log may have lost by now what is still on its way.
          expect(room, .message(Position(epoch: position.epoch, offset: offset)), now, &outbox)
        } else if epoch != position.epoch || offset > position.offset
          || comparison.isBehind(epoch, offset)
        {
          repair(room)
        }
      }
      if shape.hasEvents, let sequence = reply.decimal(token + 2) {
        if !isDoubtful, !room.isRenumbered, sequence > room.sequence ?? 0 {
          expect(room, .event(sequence), now, &outbox)
        } else {
          noteSequence(room, sequence, isDoubtful: isDoubtful, now, &outbox)
        }
      }
    }
  }

  /// Gives what Redis has, and what may still be on its way, the time to come.
  private mutating func expect(
    _ room: RedisRoom, _ what: Expectation.What, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    let expectation = Expectation(room: room, what: what, until: now + Self.joinPatience)
    guard expected.count < 65_536 else { return miss(expectation, now, &outbox) }
    expected.append(expectation)
  }

  mutating func expireExpected(_ now: Duration, _ outbox: inout BackplaneOutbox) {
    let due = expected.prefix { $0.until <= now }
    guard !due.isEmpty else { return }
    expected.removeFirst(due.count)
    for expectation in due { miss(expectation, now, &outbox) }
  }

  /// What has not come after all is read.
  private mutating func miss(
    _ expectation: Expectation, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    let room = expectation.room
    switch expectation.what {
    case .message(let position):
      guard let reached = room.position, reached.epoch == position.epoch,
        reached.offset < position.offset
      else { return }
      repair(room)
    case .event(let sequence):
      guard sequence > room.sequence ?? 0, room.isHeard else { return }
      noteSequence(room, sequence, isDoubtful: false, now, &outbox)
    }
  }
}
