// Commands in, replies in, time in: what each leads to. The order in which a tick writes its commands
// is here.

import RoostEventLoop
import RoostRooms
import Telemetry

extension RedisBackplane: MessageBackplane {
  mutating func submit(
    _ command: BackplaneCommand, at now: Moment, into outbox: inout BackplaneOutbox
  ) {
    nowMonotonic = now.monotonic
    wallMilliseconds = now.wallMilliseconds
    if let lastRenewal, now.monotonic - lastRenewal > settings.leaseLife {
      // This process stood still: nothing more may be written under what the others cleared away.
      renewLease(now.monotonic)
    }
    switch command {
    case .publish(let publish): self.publish(publish, now, &outbox)
    case .join(let join): self.join(join, now, &outbox)
    case .leave(let room, let connection, let shard):
      leave(room, connection, shard, now.monotonic, &outbox)
    case .replay(let room, let after, let pageBytesMax, let ticket):
      replay(room, after, pageBytesMax, ticket, now.monotonic, &outbox)
    case .presence(let room, let limit, let after, let ticket):
      guard isCommandReady else { return fail(ticket, room, unavailable(), &outbox) }
      presence(room, limit, after, ticket, now.monotonic)
    case .history(let room, let policy, let since, let limit, let reverse, let ticket):
      guard isCommandReady else { return fail(ticket, room, unavailable(), &outbox) }
      history(room, policy, since, limit, reverse, ticket, now.monotonic, &outbox)
    case .describe(let room, let policy, let ticket):
      guard isCommandReady else { return fail(ticket, room, unavailable(), &outbox) }
      sendRead(
        room, shapes[Int(policy)], after: 0, bytes: 0, count: 0, backwards: false, creates: false,
        .describe(ticket, room, policy: policy), now.monotonic)
    case .clear(let room, let policy, let ticket):
      guard shapes[Int(policy)].hasHistory else {
        return fail(ticket, room, .historyIsOff, &outbox)
      }
      guard isCommandReady else { return fail(ticket, room, unavailable(), &outbox) }
      pipe.begin(2, .clear(ticket, room), at: now.monotonic)
      pipe.add("DEL")
      pipe.add(names.key(room, "log"))
    case .ask(let question): ask(question, now.monotonic, &outbox)
    case .answer(let question, let text): answerQuestion(question, text, now.monotonic)
    case .announce(let text):
      announcement = text
      announcedAt = now.monotonic
      isAnnouncementDue = true
    case .nodes(let ticket): listNodes(ticket, now.monotonic, &outbox)
    case .revoke(let record, let ticket): revoke(record, ticket, now.monotonic, &outbox)
    case .count(let key, let connection, let shard): count(key, connection, shard)
    case .uncount(let key, let connection): uncount(key, connection)
    case .tell(let text): tell(text, now.monotonic)
    case .claim(let claim, let ticket): self.claim(claim, ticket, now.monotonic, &outbox)
    }
    drainLate(&outbox)
  }

  /// A reply to the oldest command without one.
  mutating func commandReply(
    _ reply: RedisReply, _ now: Moment, _ outbox: inout BackplaneOutbox
  ) {
    nowMonotonic = now.monotonic
    wallMilliseconds = now.wallMilliseconds
    guard let (pending, since) = pipe.take() else {
      return closeCommands("Redis answered what was not asked")
    }
    let time = now.monotonic
    switch pending {
    case .plain(let tickets):
      status.publishTime.observe(nanoseconds(time - since))
      plainAnswered(tickets, reply, &outbox)
    case .script(let room):
      status.publishTime.observe(nanoseconds(time - since))
      scriptAnswered(room, reply, time, &outbox)
    case .enter(let room, let number): entered(room, number, reply, time, &outbox)
    case .leave(let room): leaveAnswered(room, reply, time)
    case .register(let room): registered(room, reply, time)
    case .written(let room): written(room, reply, time)
    case .repair(let room, let after): repaired(room, after, reply, time, &outbox)
    case .page(let room, let ticket, let after): pageRead(room, ticket, after, reply, time, &outbox)
    case .presence(let ticket, let room): presenceRead(ticket, room, reply, &outbox)
    case .history(let question): historyRead(question, reply, time, &outbox)
    case .describe(let ticket, let room, let policy):
      guard reply.kind(0) == .array, let log = readLog(reply, shapes[Int(policy)]) else {
        return fail(ticket, room, failure(of: reply), &outbox)
      }
      answer(ticket, .described(ticket, members: log.members, log.newest), &outbox)
    case .clear(let ticket, let room):
      guard reply.kind(0) == .integer else {
        return fail(ticket, room, failure(of: reply), &outbox)
      }
      answer(ticket, .cleared(ticket), &outbox)
    case .compare(let comparisons): compared(comparisons, reply, time, &outbox)
    case .loadScript:
      scriptLoads -= 1
      if reply.kind(0) == .error { handleRefusal(reply, time) }
    case .nothing, .takeName: if reply.kind(0) == .error { handleRefusal(reply, time) }
    case .serverInformation: informed(reply, isReplication: false, time)
    case .replicationInformation: informed(reply, isReplication: true, time)
    case .selfTest: selfTested(reply, time)
    case .linkNumber: linkNumber = reply.kind(0) == .integer ? Int64(reply.integer(0)) : nil
    case .linkEnd(let number): linkEnded(number, reply, time)
    case .probe: probeAnswered(reply, time, &outbox)
    case .renewLease: leaseRenewed(reply, time)
    case .renewName: nameAnswered(reply, time, &outbox)
    case .nodeTable: nodeTable(reply, time)
    case .lease(let name): leaseSeen(name, reply, time)
    case .reapRooms(let name): reapRooms(name, reply, time)
    case .reap(let name, let room, let isLast): reaped(name, room, reply, isLast: isLast, time)
    case .announcementAge(let name): announcementAged(name, reply)
    case .announcements(let listed): announcementsRead(listed, reply, &outbox)
    case .streamEnd: streamEndFound(reply)
    case .stream: streamRead(reply, time, &outbox)
    case .question(let number): questionSent(number, reply, time, &outbox)
    case .revoked(let ticket): revoked(ticket, reply, time, &outbox)
    case .counted(let key, let number, let placed):
      counted(key, number, placed, reply, time, &outbox)
    case .revocations(let reading): revocationsRead(reading, reply, time, &outbox)
    case .ticketSecret: ticketSecretRead(reply, time, &outbox)
    case .claim(let claim, let ticket): claimAnswered(claim, ticket, reply, time, &outbox)
    }
    drainLate(&outbox)
  }

  /// Lets time pass: deadlines, the probe, leases.
  ///
  /// Called at every tick, cheap when nothing is due.
  mutating func tick(at now: Moment, into outbox: inout BackplaneOutbox) {
    nowMonotonic = now.monotonic
    wallMilliseconds = now.wallMilliseconds
    let time = now.monotonic
    if let oldest = pipe.oldest, commandPhase == .ready || commandPhase == .greeting,
      time - oldest > settings.replyTimeout
    {
      closeCommands("no reply in \(milliseconds(settings.replyTimeout)) ms")
    }
    expireProbe(time)
    if nextDeadlines <= time {
      nextDeadlines = time + .milliseconds(50)
      expireBusy(time, &outbox)
      expireExpected(time, &outbox)
      expireOutgoing(time, &outbox)
      expireQuestions(time, &outbox)
    }
    if nextLinger <= time {
      nextLinger = time + .milliseconds(250)
      expireLingering(time)
    }
    sendProbe(time)
    renewLease(time)
    look(time)
    readStream(time)
    announce(time)
    drainLate(&outbox)
  }

  /// Writes what the tick has left for Redis.
  mutating func write(at now: Moment) {
    let time = now.monotonic
    sendRegistrations(time)
    sendDue(time)
    sendCounts(time)
    sendConnectionCounts(time)
    sendRepairs(time)
    sendComparisons(time)
    sendSubscriptions(time)
  }

  /// Whether `write` has something to do.
  var hasDue: Bool {
    (isCommandReady
      && !(dueRooms.isEmpty && countedRooms.isEmpty && repairQueue.isEmpty && compareQueue.isEmpty
        && registerQueue.isEmpty && !hasDueCounts))
      || !subscribeQueue.isEmpty
  }

  /// Whether both links are there, no answer of Redis is awaited and nothing waits to be sent.
  ///
  /// Messages may still be on their way over the subscription link; a probe that comes back tells
  /// that they are not.
  var isQuiet: Bool {
    commandPhase == .ready && channelPhase == .ready && closeWishes.isEmpty && pipe.count == 0
      && channelOutput.isEmpty && confirmations.isEmpty && probeSentAt == nil && !hasDue
      && repairsInFlight == 0 && expected.isEmpty && late.items.isEmpty && questions.isEmpty
      && busyRooms.allSatisfy { $0.work.map { $0.joins.isEmpty && $0.pages.isEmpty } ?? true }
  }

  private mutating func expireBusy(_ now: Duration, _ outbox: inout BackplaneOutbox) {
    guard !busyRooms.isEmpty else { return }
    var left: [RedisRoom] = []
    var seen: Set<ObjectIdentifier> = []
    for room in busyRooms where room.work != nil && seen.insert(ObjectIdentifier(room)).inserted {
      expireJoins(room, now, &outbox)
      if let work = room.work, !work.joins.isEmpty || !work.pages.isEmpty { left.append(room) }
    }
    busyRooms = left
  }

  /// What once a second is enough for.
  mutating func sweep(at now: Moment, into outbox: inout BackplaneOutbox) {
    nowMonotonic = now.monotonic
    wallMilliseconds = now.wallMilliseconds
    let time = now.monotonic
    tellCounts(time)
    refreshCounts()
    registerRefused()
    sweeps += 1
    if sweeps % 10 == 0 { sweepDead(time) }
    refused = refused.filter { time - $0.value < .seconds(10) }
    seenQuestions = seenQuestions.filter { time - $0.value < .seconds(3600) }
    status.waitingBytes.set(Int64(waitingBytes))
    status.subscribedRooms.set(Int64(rooms.count))
    // A thirtieth of the rooms a second: each is looked at twice a minute; rule 14.
    if sweepNames.isEmpty { sweepNames = Array(rooms.keys) }
    let portion = min(sweepNames.count, max(1000, rooms.count / 30 + 1))
    for name in sweepNames.suffix(portion) {
      guard let room = rooms[name] else { continue }
      if let outgoing = room.outgoing, outgoing.isIdle, time - outgoing.lastUsed > .seconds(60) {
        room.outgoing = nil
      }
      if isCommandReady, room.channel == .live, isComparable(room) {
        compareQueue.append(room)
      }
      room.settleWork()
      if room.channel == .live { becameEmpty(room) }
      if room.memberCount == 0, room.channel == .none, room.work == nil { unlist(room, time) }
      release(room)
    }
    sweepNames.removeLast(portion)
  }

  /// When `tick` has something to do again.
  func nextDeadline(at now: Duration) -> Duration {
    var next = now + .milliseconds(250)
    if !busyRooms.isEmpty || !questions.isEmpty || !expected.isEmpty {
      next = min(next, now + .milliseconds(50))
    }
    for phase in [commandPhase, channelPhase] {
      if case .closed(let until) = phase { next = min(next, until) }
    }
    if isCommandReady {
      next = min(next, nextRenewal, nextLook)
      if !isReadingStream, streamPosition != nil { next = min(next, nextStreamRead) }
      if probeSentAt == nil, hearsProbe { next = min(next, nextProbe) }
    }
    return max(next, now)
  }
}
