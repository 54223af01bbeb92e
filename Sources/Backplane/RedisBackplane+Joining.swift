// Joining and recovering: rules 9 to 15. A join waits for the channel's confirmation, then
// for its script's answer, then for the live messages and events to come as far as that answer: from
// there on the new member and the old ones get the same.

import RoostRooms
import Telemetry

extension RedisBackplane {
  mutating func join(_ command: JoinCommand, _ now: Moment, _ outbox: inout BackplaneOutbox) {
    let room = room(command.room, command.policy)
    refused.removeValue(forKey: RefusedJoin(room: command.room, seat: command.seat))
    guard waitingJoins < settings.waitingJoinsMax else {
      status.shed.add()
      refuse(command)
      fail(command.ticket, command.room, unavailable(), &outbox)
      return release(room)
    }
    if isAway(now.monotonic) { return joinAlone(room, command, now.monotonic, &outbox) }
    lastJoin &+= 1
    room.working().joins.append(
      PendingJoin(
        number: lastJoin, command: command, since: now.monotonic,
        nextLook: now.monotonic + Self.joinPatience))
    waitingJoins += 1
    busyRooms.append(room)
    switch room.channel {
    case .live: sendJoins(room, now.monotonic)
    case .lingering:
      room.channel = .live
      sendJoins(room, now.monotonic)
    case .none, .unsubscribing:
      subscribe(room)
    case .subscribing: break
    }
  }

  /// Remembers for a moment that a join failed: the connection's leave may be on its way.
  private mutating func refuse(_ command: JoinCommand) {
    let join = RefusedJoin(room: command.room, seat: command.seat)
    refused[join] = nowMonotonic
  }

  /// How long a join waits for live messages before Redis is asked where they are.
  static var joinPatience: Duration { .milliseconds(200) }

  /// Whether Redis has been away for so long that waiting for it is no answer.
  func isAway(_ now: Duration) -> Bool {
    guard let awaySince else { return false }
    return now - awaySince > .seconds(1)
  }

  /// Sends the scripts of all joins that waited for the channel.
  mutating func sendJoins(_ room: RedisRoom, _ now: Duration) {
    guard isCommandReady, let work = room.work else { return }
    for place in work.joins.indices {
      guard case .waiting = work.joins[place].stage else { continue }
      work.joins[place].stage = .sent
      sendEnter(room, work.joins[place], now)
    }
  }

  private mutating func sendEnter(_ room: RedisRoom, _ join: PendingJoin, _ now: Duration) {
    let shape = shapes[room.policy]
    list(room, now)
    room.memberCount += 1
    let member = join.command.member
    var encoded: [UInt8] = []
    if shape.knowsMembers {
      room.seat(member, in: join.command.seat)
      RedisEnvelope.append(member, to: &encoded)
    }
    if shape.hasHistory { beginRead(room) }
    pipe.call(
      .enter, keys: 4, arguments: 19 + dead.count, .enter(room, join: join.number), at: now)
    pipe.add(names.key(room.name, "meta"))
    pipe.add(names.key(room.name, "log"))
    pipe.add(names.key(room.name, "nodes"))
    pipe.add(names.key(room.name, "members:\(incarnation)"))
    pipe.add(era)
    pipe.add(Self.freshEpoch())
    pipe.add(names.channel(room.name))
    pipe.add(shape.messages)
    pipe.add(shape.lifetime)
    pipe.add(shape.metaLife)
    pipe.add(clockText)
    pipe.add(incarnation)
    pipe.add(room.memberCount)
    pipe.add(member.connection.description)
    pipe.add(encoded)
    pipe.add(shape.hasEvents ? 1 : 0)
    pipe.add(settings.presenceEventsMax)
    pipe.add(shape.policy.membersMax)
    pipe.add(join.command.since?.epoch.digits ?? [])
    pipe.add(Self.exact(join.command.since?.offset ?? 0))
    pipe.add(min(join.command.pageBytesMax, settings.pageBytesMax))
    pipe.add(4096)
    pipe.add(join.command.seat == member.connection ? 0 : 1)
    for node in dead { pipe.add(node) }
  }

  /// An offset that a script can count with; what is larger was never given.
  static func exact(_ offset: UInt64) -> UInt64 { min(offset, 9_007_199_254_740_000) }

  mutating func entered(
    _ room: RedisRoom, _ number: UInt64, _ reply: RedisReply, _ now: Duration,
    _ outbox: inout BackplaneOutbox
  ) {
    let shape = shapes[room.policy]
    guard let work = room.work,
      let place = work.joins.firstIndex(where: { $0.number == number })
    else { return }
    let join = work.joins[place]
    if reply.kind(0) == .array, let answer = joinAnswer(reply, join.command, shape) {
      status.joinTime.observe(nanoseconds(now - join.since))
      work.joins[place].stage = .arrived(answer)
      takePosition(
        room, answer, Self.seams(reply.child(3, of: 0).map { reply.array($0) } ?? []), now)
      // Held messages that now follow come before who joins behind them.
      drainLate(&outbox)
      return settle(room, now, &outbox)
    }
    // It was not let in: what was counted for it is taken back.
    if shape.hasHistory { endRead(room) }
    switch RedisRefusal(reply) {
    case .unknownScript, .supersededEra:
      handleRefusal(reply, now)
      takeBack(room, join)
      work.joins[place].stage = .waiting
      if join.isCancelled {
        finish(room, place, .unavailable(retryAfter: retryAfter()), &outbox)
      } else {
        sendJoins(room, now)
      }
    default:
      takeBack(room, join)
      let isFull = reply.kind(0) == .bulk || reply.kind(0) == .status
      finish(room, place, isFull ? .roomIsFull : failure(of: reply), &outbox)
    }
  }

  private mutating func takeBack(_ room: RedisRoom, _ join: PendingJoin) {
    guard !join.isCancelled else { return }
    room.memberCount -= 1
    room.unseat(join.command.seat)
    if room.registersInFlight > 0 {
      // It was written by that already.
      needsRegistration(room)
    } else {
      countChanged(room)
    }
    becameEmpty(room)
  }

  private mutating func finish(
    _ room: RedisRoom, _ place: Int, _ failure: BackplaneFailure, _ outbox: inout BackplaneOutbox
  ) {
    guard let work = room.work else { return }
    let join = work.joins.remove(at: place)
    waitingJoins -= 1
    if !join.isCancelled { refuse(join.command) }
    fail(join.command.ticket, room.name, failure, &outbox)
    room.settleWork()
    becameEmpty(room)
  }

  private func joinAnswer(
    _ reply: RedisReply, _ command: JoinCommand, _ shape: PolicyShape
  ) -> JoinAnswer? {
    guard reply.elementCount(0) == 6, let total = reply.child(0, of: 0),
      let sequence = reply.child(4, of: 0), reply.kind(total) == .integer
    else { return nil }
    let number =
      reply.kind(sequence) == .integer
      ? UInt64(max(reply.integer(sequence), 0)) : reply.decimal(sequence) ?? 0
    guard shape.hasHistory else {
      return JoinAnswer(
        members: Int(reply.integer(total)), position: nil,
        recovered: command.since == nil ? nil : false, missed: [], sequence: number)
    }
    guard let epochToken = reply.child(1, of: 0),
      let epoch = Epoch(text: reply.array(epochToken).span),
      let offset = reply.child(2, of: 0).flatMap({ reply.decimal($0) }),
      let seamToken = reply.child(3, of: 0),
      let missed = entries(reply, reply.child(5, of: 0), shape)
    else { return nil }
    let newest = Position(epoch: epoch, offset: offset)
    var recovered: Bool?
    if let since = command.since {
      recovered =
        Self.isOnTheWay(since, to: newest, Self.seams(reply.array(seamToken)))
        && Self.isUnbroken(missed, after: since.offset, to: offset)
    }
    return JoinAnswer(
      members: Int(reply.integer(total)), position: newest, recovered: recovered,
      missed: recovered == true ? missed : [], sequence: number)
  }

  // MARK: Arriving

  /// What a join has read of the room's position, against what live members have been given.
  private mutating func takePosition(
    _ room: RedisRoom, _ answer: JoinAnswer, _ seams: [Position], _ now: Duration
  ) {
    guard let read = answer.position else { return }
    let position = room.position
    guard let position, room.liveCount > 0 else {
      // Nobody here has been given anything.
      if position.map({ $0.epoch != read.epoch || $0.offset < read.offset }) ?? true {
        if let work = room.work, position?.epoch != read.epoch { moveOn(work, to: read, seams) }
        room.position = read
        room.work?.recent = []
        room.work?.recentBytes = 0
      }
      return releaseHeld(room, now)
    }
    if position.epoch != read.epoch { repair(room) }
  }

  /// Answers the joins and pages that live messages and events have caught up with.
  mutating func settle(_ room: RedisRoom, _ now: Duration, _ outbox: inout BackplaneOutbox) {
    guard let work = room.work else { return }
    var place = 0
    while place < work.joins.count {
      guard case .arrived(let answer) = work.joins[place].stage, isReached(room, answer) else {
        place += 1
        continue
      }
      let join = work.joins.remove(at: place)
      waitingJoins -= 1
      arrive(room, join, answer, now, &outbox)
    }
    settlePages(room, &outbox)
    room.settleWork()
    becameEmpty(room)
  }

  private func isReached(_ room: RedisRoom, _ answer: JoinAnswer) -> Bool {
    if let read = answer.position {
      guard let position = room.position, position.epoch == read.epoch,
        position.offset >= read.offset
      else { return false }
    }
    return answer.sequence == 0 || (room.sequence ?? 0) >= answer.sequence
  }

  private mutating func arrive(
    _ room: RedisRoom, _ join: PendingJoin, _ answer: JoinAnswer, _ now: Duration,
    _ outbox: inout BackplaneOutbox
  ) {
    let command = join.command
    var missed = answer.missed
    var isComplete = true
    if answer.recovered == true, let since = command.since, let position = room.position {
      isComplete = catchUp(room, &missed, after: since.offset, read: answer.position, position)
    }
    if shapes[room.policy].hasHistory { endRead(room) }
    if !join.isCancelled { room.shardCounts[command.ticket.shard] += 1 }
    self.answer(
      command.ticket,
      .joined(
        command.ticket, room.name,
        JoinReceipt(
          members: answer.members, position: room.position, recovered: answer.recovered,
          missed: missed, after: answer.recovered == true ? command.since?.offset ?? 0 : 0,
          isComplete: isComplete)), &outbox)
    // Nobody was told of it: the room's size is, unless it was in the room already.
    let isGuest = command.seat != command.member.connection
    if shapes[room.policy].hasEvents, answer.sequence == 0,
      !isGuest || answer.members > settings.presenceEventsMax
    {
      crowded(room)
    }
  }

  /// Adds what came live after a log was read; false when it must be read on instead.
  func catchUp(
    _ room: RedisRoom, _ entries: inout [LogEntry], after: UInt64, read: Position?,
    _ position: Position
  ) -> Bool {
    let reached = entries.last?.offset ?? after
    guard let read, reached == read.offset else { return false }
    guard position.offset > reached else { return true }
    guard let work = room.work, !work.isRecentLost else { return false }
    let rest = work.recent.drop { $0.offset <= reached }
    guard rest.first?.offset == reached + 1, rest.last?.offset == position.offset else {
      return false
    }
    entries += rest
    return true
  }

  /// From here on live messages are kept for the answers that they may overtake.
  mutating func beginRead(_ room: RedisRoom) {
    let work = room.working()
    if work.reads == 0 {
      work.recent = []
      work.recentBytes = 0
      work.isRecentLost = false
    }
    work.reads += 1
  }

  mutating func endRead(_ room: RedisRoom) {
    guard let work = room.work, work.reads > 0 else { return }
    work.reads -= 1
    if work.reads == 0 {
      work.recent = []
      work.recentBytes = 0
    }
  }

  // MARK: Without Redis

  /// A join while Redis is away: what the node remembers, and the word that it is no more; rule 15.
  private mutating func joinAlone(
    _ room: RedisRoom, _ command: JoinCommand, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    let shape = shapes[room.policy]
    if shape.hasHistory {
      guard let position = room.position, command.since.map({ $0 == position }) ?? true else {
        refuse(command)
        fail(command.ticket, command.room, unavailable(), &outbox)
        return release(room)
      }
    }
    room.memberCount += 1
    if shape.knowsMembers { room.seat(command.member, in: command.seat) }
    room.shardCounts[command.ticket.shard] += 1
    room.mayHaveMissed = true
    needsRegistration(room)
    switch room.channel {
    case .lingering: room.channel = .live
    case .none, .unsubscribing: subscribe(room)
    case .subscribing, .live: break
    }
    answer(
      command.ticket,
      .joined(
        command.ticket, room.name,
        JoinReceipt(
          members: nil, position: shape.hasHistory ? room.position : nil,
          recovered: command.since.map { _ in shape.hasHistory }, missed: [], isComplete: true,
          isDegraded: true)), &outbox)
  }

  /// Answers joins that have waited too long, with what the node knows.
  mutating func expireJoins(_ room: RedisRoom, _ now: Duration, _ outbox: inout BackplaneOutbox) {
    guard let work = room.work else { return }
    var place = 0
    while place < work.joins.count {
      let join = work.joins[place]
      switch join.stage {
      case .waiting where now - join.since > settings.replyTimeout || isAway(now):
        work.joins.remove(at: place)
        waitingJoins -= 1
        joinAlone(room, join.command, now, &outbox)
      case .arrived where isAway(now): giveUp(room, work, place, &outbox)
      case .arrived where join.nextLook <= now:
        // The messages or the event that it waits for are late: perhaps they are lost.
        work.joins[place].nextLook = now + Self.joinPatience
        catchUpLate(room)
        place += 1
      default: place += 1
      }
    }
    expirePages(room, now, &outbox)
    settle(room, now, &outbox)
    release(room)
  }

  /// Answers pages whose messages do not come while Redis is away: there is more to read later.
  private mutating func expirePages(
    _ room: RedisRoom, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard let work = room.work else { return }
    guard isAway(now) else {
      if work.pages.contains(where: { now - $0.since > Self.joinPatience }) { catchUpLate(room) }
      return
    }
    let pages = work.pages
    work.pages = []
    for page in pages {
      endRead(room)
      let entries = ReplayPage.entries(page.entries, position: page.newest, isComplete: false)
      answer(page.ticket, .replayed(page.ticket, room.name, entries), &outbox)
    }
  }

  /// Takes back a join that Redis let in and whose messages do not come, because it went away.
  private mutating func giveUp(
    _ room: RedisRoom, _ work: RoomWork, _ place: Int, _ outbox: inout BackplaneOutbox
  ) {
    let join = work.joins.remove(at: place)
    waitingJoins -= 1
    if shapes[room.policy].hasHistory { endRead(room) }
    if !join.isCancelled {
      room.memberCount -= 1
      room.unseat(join.command.seat)
      refuse(join.command)
    }
    needsRegistration(room)
    fail(join.command.ticket, room.name, unavailable(), &outbox)
  }

  private mutating func catchUpLate(_ room: RedisRoom) {
    guard isCommandReady, room.channel == .live else { return }
    repair(room)
    if shapes[room.policy].hasEvents { compareQueue.append(room) }
  }
}
