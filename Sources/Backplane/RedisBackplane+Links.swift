// The two links: what is said first, what is subscribed, and what a loss means. Rules 9 and 14.

import RoostCrypto
import RoostEventLoop
import RoostRooms
import Telemetry

extension RedisBackplane {
  /// Subscriptions that may be unconfirmed at a time: Redis cuts a reader that is late by megabytes.
  static var unconfirmedMax: Int { 1000 }

  // MARK: Opening

  /// Whether the driver is to open a link now.
  mutating func takesOpening(_ link: RedisLinkKind, _ now: Duration) -> Bool {
    switch link {
    case .commands:
      guard case .closed(let until) = commandPhase, until <= now else { return false }
      commandPhase = .opening
    case .subscriptions:
      guard case .closed(let until) = channelPhase, until <= now else { return false }
      channelPhase = .opening
    }
    return true
  }

  /// A link is logged in.
  mutating func linkOpened(_ link: RedisLinkKind, _ now: Duration) {
    status.opened(link)
    switch link {
    case .commands:
      commandPhase = .greeting
      pipe.begin(2, .linkNumber, at: now)
      pipe.add("CLIENT")
      pipe.add("ID")
      askWho(now)
      loadScripts(now)
      selfTest(now)
    case .subscriptions:
      channelPhase = .greeting
      status.setReady(subscriptions: true)
      channelOpenedAt = now
      hearsProbe = false
      for channel in systemChannels { subscribe(channel: channel) }
      for room in rooms.values where room.memberCount > 0 || room.work != nil || room.isLingering {
        room.channel = .none
        subscribe(room)
      }
    }
  }

  /// Asks who answers at the other end.
  mutating func askWho(_ now: Duration) {
    pipe.begin(2, .serverInformation, at: now)
    pipe.add("INFO")
    pipe.add("server")
    pipe.begin(2, .replicationInformation, at: now)
    pipe.add("INFO")
    pipe.add("replication")
  }

  mutating func loadScripts(_ now: Duration) {
    guard scriptLoads == 0 else { return }
    scriptLoads = RedisScript.all.count
    for script in RedisScript.all {
      pipe.begin(3, .loadScript, at: now)
      pipe.add("SCRIPT")
      pipe.add("LOAD")
      pipe.add(script.text)
    }
  }

  /// Runs the publish script where nobody is: what this user may not do is known before it matters.
  private mutating func selfTest(_ now: Duration) {
    pipe.call(.publish, keys: 3, arguments: 15, .selfTest, at: now)
    for name in ["check:meta", "check:log", "check:keys"] { pipe.add(names.system(name)) }
    pipe.add("check:\(RandomBytes.uint64())")
    pipe.add(Self.freshEpoch())
    pipe.add(names.systemChannel("check"))
    for number in [1, 1000, 1000, 10_000, 10_000, 100] { pipe.add(number) }
    pipe.add("")
    pipe.add("K")
    pipe.add(0)
    pipe.add("")
    pipe.add(4)
    pipe.add("self")
  }

  mutating func selfTested(_ reply: RedisReply, _ now: Duration) {
    guard reply.kind(0) != .error else {
      let text = reply.string(0)
      status.noteError(text)
      // An era of an earlier start is no fault of this one.
      if RedisRefusal(reply) == .unknownScript || RedisRefusal(reply) == .supersededEra {
        return closeCommands("Redis forgot the scripts while the link was opened")
      }
      return closeCommands(
        "the user of the URL may not publish (it needs ~\(string(names.prefix))* "
          + "and &\(string(names.prefix))*): \(text)")
    }
    takeLease(now)
  }

  func string(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  /// Everything that opens the command link has been answered.
  mutating func commandsReady(_ now: Duration, _ outbox: inout BackplaneOutbox) {
    guard commandPhase == .greeting else { return }
    guard isPrimary else { return closeCommands("this Redis is a replica") }
    commandPhase = .ready
    status.setReady(commands: true)
    backoff[RedisLinkKind.commands.rawValue].succeed()
    nextProbe = now
    nextStreamRead = now
    readRevocations(now)
    readTicketSecret(now)
    for room in rooms.values {
      if room.work?.joins.isEmpty == false, room.channel == .live { sendJoins(room, now) }
      if shapes[room.policy].hasHistory, room.position != nil, room.channel == .live {
        compareQueue.append(room)
      }
    }
  }

  // MARK: Losing

  mutating func closeCommands(_ reason: String) {
    closeWishes.append((.commands, reason))
  }

  /// A link is gone, whoever ended it.
  mutating func linkLost(
    _ link: RedisLinkKind, _ reason: String, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    let again = now + backoff[link.rawValue].next(random(below: 1 << 32))
    status.lost(link, reason)
    healthySince = nil
    if awaySince == nil { awaySince = now }
    switch link {
    case .commands:
      commandPhase = .closed(until: again)
      status.setReady(commands: false)
      probeSentAt = nil
      commandsLost(now, &outbox)
    case .subscriptions:
      channelPhase = .closed(until: again)
      status.setReady(subscriptions: false)
      hearsProbe = false
      channelOutput = []
      confirmations = []
      confirmationsHead = 0
      subscribeQueue = []
      probeSentAt = nil
      for room in rooms.values {
        if room.isHeard { room.mayHaveMissed = true }
        if room.memberCount == 0, room.work == nil, room.liveCount == 0 {
          // Nobody is here; whoever comes begins anew.
          room.position = nil
          room.sequence = nil
        }
        room.channel = .none
      }
    }
  }

  private mutating func commandsLost(_ now: Duration, _ outbox: inout BackplaneOutbox) {
    if let linkNumber { earlierLinks = earlierLinks.suffix(15) + [linkNumber] }
    linkNumber = nil
    redisClock = nil
    isPrimary = false
    eraRefusals = 0
    repairsInFlight = 0
    comparesInFlight = 0
    registersInFlight = 0
    isReadingStream = false
    scriptLoads = 0
    for pending in pipe.reset() {
      switch pending {
      case .plain(let tickets):
        status.unknown.add(UInt64(tickets.count))
        for ticket in tickets { fail(ticket, nil, .unknown, &outbox) }
      case .enter(let room, let number):
        // Whether it was written is unknown; it is written again, and the difference told.
        doubt(room)
        if shapes[room.policy].hasHistory { endRead(room) }
        guard let work = room.work,
          let place = work.joins.firstIndex(where: { $0.number == number })
        else { continue }
        let join = work.joins[place]
        if join.isCancelled {
          work.joins.remove(at: place)
          waitingJoins -= 1
          fail(join.command.ticket, room.name, unavailable(), &outbox)
        } else {
          room.memberCount -= 1
          room.unseat(join.command.seat)
          work.joins[place].stage = .waiting
        }
      case .leave(let room), .written(let room): doubt(room)
      case .register(let room):
        room.registersInFlight -= 1
        doubt(room)
      case .repair(let room, after: _): repairQueue.append(room)
      case .page(let room, let ticket, let after):
        endRead(room)
        answer(
          ticket, .replayed(ticket, room.name, .entries([], position: after, isComplete: false)),
          &outbox)
      case .presence(let ticket, let room), .describe(let ticket, let room, _),
        .clear(let ticket, let room):
        fail(ticket, room, unavailable(), &outbox)
      case .history(let question): fail(question.ticket, question.room, unavailable(), &outbox)
      case .compare(let comparisons): compareQueue += comparisons.map(\.room)
      case .question(let number): closeQuestion(number, &outbox)
      // Written or not: it is no harm to write it again.
      case .revoked(let ticket?): fail(ticket, nil, unavailable(), &outbox)
      case .claim(_, let ticket): answer(ticket, .claimed(ticket, .undecided), &outbox)
      case .reapRooms(let node), .reap(let node, _, _):
        reaping.remove(node)
        failedReaps.remove(node)
      case .announcements:
        for ticket in nodeTickets { fail(ticket, nil, unavailable(), &outbox) }
        nodeTickets = []
      case .script, .nothing, .loadScript, .serverInformation, .replicationInformation, .selfTest,
        .linkNumber, .linkEnd, .takeName, .probe, .renewLease, .renewName, .nodeTable, .lease,
        .announcementAge, .streamEnd, .stream, .revoked(nil), .revocations, .counted, .ticketSecret:
        break
      }
    }
    countsLost()
    for room in rooms.values where room.outgoing != nil { outgoingLost(room, &outbox) }
    for room in countedRooms { room.isCountStale = false }
    countedRooms = []
    // Their number in Redis may be stale now.
    for room in rooms.values where room.listing != .none && !shapes[room.policy].knowsMembers {
      countChanged(room)
    }
  }

  // MARK: Subscribing

  /// Wants a room's channel.
  mutating func subscribe(_ room: RedisRoom) {
    room.channel = .subscribing
    subscribeQueue.append(room)
  }

  private mutating func subscribe(channel: [UInt8]) {
    RedisCommandWriter.begin(2, to: &channelOutput)
    RedisCommandWriter.argument("SUBSCRIBE", to: &channelOutput)
    RedisCommandWriter.argument(channel, to: &channelOutput)
    confirmations.append(Confirmation(room: nil, isSubscribe: true))
  }

  /// Writes as many subscriptions as may be unconfirmed.
  mutating func sendSubscriptions(_ now: Duration) {
    guard channelPhase == .greeting || channelPhase == .ready, !subscribeQueue.isEmpty else {
      return
    }
    let free = Self.unconfirmedMax - (confirmations.count - confirmationsHead)
    guard free > 0 else { return }
    let batch = Array(subscribeQueue.suffix(free)).filter { $0.channel == .subscribing }
    subscribeQueue.removeLast(min(free, subscribeQueue.count))
    guard !batch.isEmpty else { return }
    RedisCommandWriter.begin(1 + batch.count, to: &channelOutput)
    RedisCommandWriter.argument("SUBSCRIBE", to: &channelOutput)
    for room in batch {
      RedisCommandWriter.argument(names.channel(room.name), to: &channelOutput)
      confirmations.append(Confirmation(room: room, isSubscribe: true))
    }
  }

  private mutating func unsubscribe(_ room: RedisRoom) {
    room.channel = .unsubscribing
    // A repair that was begun while nobody was here is nobody's any more.
    room.work = nil
    room.position = nil
    room.sequence = nil
    room.publishers = []
    RedisCommandWriter.begin(2, to: &channelOutput)
    RedisCommandWriter.argument("UNSUBSCRIBE", to: &channelOutput)
    RedisCommandWriter.argument(names.channel(room.name), to: &channelOutput)
    confirmations.append(Confirmation(room: room, isSubscribe: false))
  }

  /// The n-th confirmation answers the n-th command of this link.
  private mutating func confirmed(
    isSubscribe: Bool, channel: ArraySlice<UInt8>, _ now: Duration
  ) {
    guard confirmationsHead < confirmations.count else {
      return closeWishes.append((.subscriptions, "Redis confirmed what was not asked for"))
    }
    let expected = confirmations[confirmationsHead]
    confirmationsHead += 1
    if confirmationsHead == confirmations.count {
      confirmations.removeAll(keepingCapacity: true)
      confirmationsHead = 0
    }
    guard expected.isSubscribe == isSubscribe,
      expected.room.map({ names.channel($0.name)[...] == channel }) ?? true
    else {
      return closeWishes.append((.subscriptions, "Redis confirmed out of order"))
    }
    guard let room = expected.room else {
      if channel.elementsEqual(names.systemChannel("probe:\(incarnation)")) {
        hearsProbe = true
        nextProbe = now
      }
      return
    }
    if !isSubscribe {
      // Somebody may have come meanwhile, who waits for a confirmation behind this one.
      if room.channel == .unsubscribing {
        room.channel = .none
        release(room)
      }
      return
    }
    guard room.channel == .subscribing else { return }
    room.channel = .live
    afterSubscription(room, now)
    sendJoins(room, now)
    becameEmpty(room)
  }

  /// What may have been missed while the channel was not there: rule 14.
  private mutating func afterSubscription(_ room: RedisRoom, _ now: Duration) {
    guard room.mayHaveMissed else { return }
    room.mayHaveMissed = false
    room.isDoubtful = true
    if isComparable(room) || room.work?.joins.isEmpty == false { compareQueue.append(room) }
    if !shapes[room.policy].hasHistory, room.liveCount > 0 {
      status.gaps.add()
      room.publishers = []
      var outbox = BackplaneOutbox()
      tell(.gap(room.name), room, &outbox)
      late.items += outbox.items
    }
  }

  /// Gives up channels whose members went a while ago.
  mutating func expireLingering(_ now: Duration) {
    guard !lingering.isEmpty, channelPhase == .ready || channelPhase == .greeting else { return }
    var left: [RedisRoom] = []
    for room in lingering {
      if room.channel == .none, room.memberCount == 0, room.work == nil {
        // Its channel went with the link.
        guard isCommandReady else {
          left.append(room)
          continue
        }
        unlist(room, now)
        release(room)
        continue
      }
      guard case .lingering(let until) = room.channel else { continue }
      guard until <= now, confirmations.count - confirmationsHead < Self.unconfirmedMax else {
        left.append(room)
        continue
      }
      guard isCommandReady else {
        left.append(room)
        continue
      }
      unlist(room, now)
      unsubscribe(room)
    }
    lingering = left
  }

  // MARK: What comes over the subscription link

  mutating func channelReply(
    _ reply: RedisReply, _ now: Moment, _ outbox: inout BackplaneOutbox
  ) {
    nowMonotonic = now.monotonic
    wallMilliseconds = now.wallMilliseconds
    guard reply.kind(0) == .array, reply.elementCount(0) == 3 else {
      let text = reply.kind(0) == .error ? reply.string(0) : "a reply that is none"
      return closeWishes.append((.subscriptions, text))
    }
    if reply.equals(1, "message") {
      let channel = reply.bytes(2)
      if let name = names.room(ofChannel: channel) {
        // Nobody is here any more, or it came before its confirmation.
        if let room = rooms[name] { roomMessage(room, reply.bytes(3), now.monotonic, &outbox) }
      } else {
        systemMessage(channel, reply.bytes(3), now.monotonic, &outbox)
      }
    } else if reply.equals(1, "subscribe") {
      confirmed(isSubscribe: true, channel: reply.bytes(2), now.monotonic)
    } else if reply.equals(1, "unsubscribe") {
      confirmed(isSubscribe: false, channel: reply.bytes(2), now.monotonic)
    }
    drainLate(&outbox)
  }

  private mutating func systemMessage(
    _ channel: ArraySlice<UInt8>, _ payload: ArraySlice<UInt8>, _ now: Duration,
    _ outbox: inout BackplaneOutbox
  ) {
    if channel.elementsEqual(names.systemChannel("probe:\(incarnation)")) {
      probeReturned(payload, now)
    } else if channel.elementsEqual(names.inbox(incarnation)) {
      inboxMessage(payload, &outbox)
    } else {
      controlMessage(payload, now, &outbox)
    }
  }
}
