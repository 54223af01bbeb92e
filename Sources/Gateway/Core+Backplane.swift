// Between the shard and its backplane: commands go in, and every event that comes back is answered
// to the connection whose ticket it carries or delivered to the members of its room.

import Backplane
import RoostEventLoop
import RoostRooms
import RoostWire
import Telemetry

extension Core {
  /// Hands a command to the backplane and handles what comes of it at once.
  mutating func submit(_ command: BackplaneCommand, _ now: MonotonicInstant) {
    if case .publish(let publish) = command,
      outgoingCount + backplaneLetters.count >= Self.outgoingMax
    {
      // Another shard does not keep up: nothing is accepted that could not be delivered.
      if let ticket = publish.ticket {
        tell(
          ticket.shard,
          .failed(ticket, publish.room, .unavailable(retryAfter: .milliseconds(100))), now)
      }
      return
    }
    if shared.backplaneMailbox != nil {
      backplaneLetters.append(.command(command))
    } else {
      let moment = moment(now)
      local?.submit(command, at: moment, into: &outbox)
      redis?.driver.submit(command, at: moment, into: &outbox)
      settleOutbox(now)
    }
  }

  /// Sizes of the backplane's part here.
  var backplaneFigures: BackplaneFigures {
    switch local {
    case .some(let local): return local.figures
    case .none: break
    }
    return redis?.driver.figures ?? BackplaneFigures()
  }

  /// Empties the outbox in order.
  ///
  /// What handling an event adds is handled behind what is there, so a call from within has nothing
  /// to do.
  mutating func settleOutbox(_ now: MonotonicInstant) {
    guard !isSettlingOutbox else { return }
    isSettlingOutbox = true
    defer { isSettlingOutbox = false }
    while !outbox.items.isEmpty {
      var items: [BackplaneOutbox.Item] = []
      swap(&items, &outbox.items)
      for item in items {
        switch item {
        case .event(let shard, let event): tell(shard, event, now)
        case .command(let shard, let command): post(.command(command), to: shard)
        }
      }
      if outbox.items.isEmpty {
        items.removeAll(keepingCapacity: true)
        swap(&items, &outbox.items)
      }
    }
  }

  private mutating func tell(_ shard: Int, _ event: BackplaneEvent, _ now: MonotonicInstant) {
    if shard == index { handle(event, now) } else { post(.event(event), to: shard) }
  }

  /// An event for this shard.
  mutating func handle(_ event: BackplaneEvent, _ now: MonotonicInstant) {
    switch event {
    case .envelope(let envelope): return deliver(envelope)
    default: break
    }
    if case .claimed(let ticket, let outcome) = event { return claimed(ticket, outcome, now) }
    if let ticket = event.ticket {
      if ticket.server > 0 { return serverAnswered(ticket, event, now) }
      requestAnswered(ticket)
    }
    switch event {
    case .envelope: break
    case .published(let ticket, let position):
      guard ticket.id != nil, let slot = slot(of: ticket) else { return }
      metrics.publishAcknowledgement.observe(
        MonotonicInstant.now().nanoseconds &- ticket.askedAt)
      send(slot) { Reply.published(id: ticket.id, position: position, to: &$0) }
    case .joined(let ticket, let room, let receipt): joined(ticket, room, receipt, now)
    case .replayed(let ticket, let room, let page): replayed(ticket, room, page)
    case .memberJoined(let room, let member):
      // It may be one of this node that is in the room already; that it came is news to the others.
      tellMembers(of: room, but: member.connection) { Push.joined(room, member, to: &$0) }
    case .memberLeft(let room, let member):
      tellMembers(of: room) { Push.left(room, member, to: &$0) }
    case .memberCount(let room, let count):
      tellMembers(of: room) { Push.members(room, count: count, to: &$0) }
    case .presence(let ticket, let members, let next):
      guard let slot = slot(of: ticket) else { return }
      send(slot) { Reply.presence(id: ticket.id, members: members, next: next, to: &$0) }
    case .history(let ticket, let entries, let position, let recovered):
      guard let slot = slot(of: ticket) else { return }
      send(slot) {
        Reply.history(
          id: ticket.id, messages: entries, position: position, recovered: recovered, to: &$0)
      }
    case .gap(let room):
      tellMembers(of: room, as: { .gap($0) }) { Push.gap(room, to: &$0) }
    case .reset(let room, let position):
      tellMembers(of: room, position: position, as: { .reset($0) }) {
        Push.reset(room, position: position, to: &$0)
      }
    case .presenceReset(let room): tellMembers(of: room) { Push.presenceReset(room, to: &$0) }
    case .asked(let question, let text): asked(question, text, now)
    case .answered(let ticket, let answers): answered(ticket, answers)
    case .counted(let kind, let connection, let place):
      counted(kind, connection, place: place, now)
    case .told(let text): told(text, now)
    case .revocations(let records, let isLast): remembered(records, isLast: isLast, now)
    case .resumption(let terms): follow(terms)
    case .described, .cleared, .nodes, .revoked, .claimed:
      preconditionFailure("only the server API asks for this")
    case .failed(let ticket, _, let failure):
      guard let slot = slot(of: ticket) else { return }
      if let place = pendingPlace(slot, of: ticket),
        !connections[slot].session.pending[place].isSeated
      {
        let pending = connections[slot].session.pending.remove(at: place)
        // The client did not ask for it: a refusal would tell it nothing.
        if pending.isServerJoin { return }
      }
      if connections[slot].phase == .stream { return streamFailed(slot, failure, now) }
      answer(slot, ticket.id, ErrorReply(failure))
    }
  }

  /// The slot of a ticket's connection, when it is still there and may be answered.
  func slot(of ticket: ReplyTicket) -> Int32? {
    let token = SlotToken(packed: ticket.slot)
    guard connections.isCurrent(token), connections[token.index].isLive else { return nil }
    return token.index
  }

  private func pendingPlace(_ slot: Int32, _ room: RoomName) -> Int? {
    connections[slot].session.pending.firstIndex { $0.room == room }
  }

  /// Where the join of a ticket waits; nil when the connection has left meanwhile, even when it has
  /// joined the room again since: that join has an answer of its own.
  private func pendingPlace(_ slot: Int32, of ticket: ReplyTicket) -> Int? {
    guard ticket.join > 0 else { return nil }
    return connections[slot].session.pending.firstIndex { $0.join == ticket.join }
  }

  // MARK: Joining

  private mutating func joined(
    _ ticket: ReplyTicket, _ room: RoomName, _ receipt: JoinReceipt, _ now: MonotonicInstant
  ) {
    // A connection that went away meanwhile has sent its leave behind the join.
    guard let slot = slot(of: ticket) else { return }
    let place = pendingPlace(slot, of: ticket)
    let isServerJoin = place.map { connections[slot].session.pending[$0].isServerJoin } ?? false
    if connections[slot].phase == .stream {
      streamJoined(slot, room, receipt)
    } else {
      send(slot) {
        if isServerJoin {
          Push.added(room, position: receipt.position, to: &$0)
        } else {
          Reply.joined(
            id: ticket.id, room: room, members: receipt.members, position: receipt.position,
            recovered: receipt.recovered, isDegraded: receipt.isDegraded, to: &$0)
        }
      }
    }
    // Left again before the answer came: the request has its `ok`, the connection no membership.
    guard let place else { return }
    logJoined(room, slot)
    let sent =
      receipt.position.map {
        sendEntries(receipt.missed, room, $0.epoch, tellsEpoch: false, slot)
      } ?? 0
    if receipt.isComplete, sent == receipt.missed.count {
      becomeLive(slot, room, place)
    } else if let position = receipt.position {
      // The rest is read page by page, behind what was sent.
      connections[slot].session.pending[place].stage = .replaying(
        Position(epoch: position.epoch, offset: receipt.after + UInt64(sent)))
      guard !connections[slot].session.isReplayListed else { return }
      connections[slot].session.isReplayListed = true
      replaying.append(connections[slot].token)
    }
  }

  private mutating func becomeLive(_ slot: Int32, _ room: RoomName, _ place: Int) {
    let pending = connections[slot].session.pending.remove(at: place)
    guard !pending.isSeated else { return caughtUp(slot, room) }
    guard let policy = rules.policies.number(for: room) else {
      preconditionFailure("joined \(room), which has no policy")
    }
    let seat = rooms.join(room, policy: policy, slot: slot)
    connections[slot].session.add(seat)
    if seat.position == 0 { tellOccupancy(of: room, isOccupied: true) }
    if rules.policies[policy].slowConsumer != .disconnect {
      connections[slot].sparingRooms += 1
      settleMark(slot)
    }
  }

  /// Sends missed messages until the queue is half full; returns how many.
  ///
  /// Small messages are larger on the wire than in the log, and many rooms may be recovered at once:
  /// what does not fit is read again when the client has taken what came before.
  private mutating func sendEntries(
    _ entries: [LogEntry], _ room: RoomName, _ epoch: Epoch, tellsEpoch: Bool, _ slot: Int32
  ) -> Int {
    let half = Int(connections[slot].queueMax) / 2
    for (place, entry) in entries.enumerated() {
      let queued = connections[slot].queue.count + entry.payload.bytes.count
      guard connections[slot].queue.isEmpty || queued <= half else { return place }
      let envelope = Envelope(
        room: room, position: Position(epoch: epoch, offset: entry.offset),
        payload: entry.payload, sender: entry.sender, wallMilliseconds: entry.wallMilliseconds,
        startsEpoch: tellsEpoch && place == 0, mid: entry.mid)
      withScratch { core, output in
        let showsMid = core.showsMid(slot, of: envelope.payload)
        let kind = encode(envelope, showsMid: showsMid, to: &output)
        core.enqueueMessage(
          kind, output.span, slot, compressesAlways: false, envelope: envelope)
      }
      metrics.deliveries.add()
    }
    return entries.count
  }

  // MARK: Reading on

  /// Whether a connection could take its next page at once.
  ///
  /// One that does not read has a full queue, and costs nothing until its socket is writable again;
  /// one that waits for its page is woken by the letter that brings it.
  var canResumeReplays: Bool {
    for token in replaying
    where connections.isCurrent(token) && connections[token.index].isLive
      && placeOfNextPage(token.index) != nil
    {
      return true
    }
    return false
  }

  /// The pending room whose next page is to be asked for.
  ///
  /// One page at a time, however many rooms, because each may fill what is free.
  private func placeOfNextPage(_ slot: Int32) -> Int? {
    guard connections[slot].hasDrained,
      !connections[slot].session.pending.contains(where: \.awaitsPage)
    else { return nil }
    let isEmpty = connections[slot].queue.isEmpty
    return connections[slot].session.pending.firstIndex {
      $0.isReplaying && !$0.pauses && (isEmpty || !$0.awaitsEmptyQueue)
    }
  }

  /// Asks for the next page for every connection whose queue is under a quarter.
  mutating func resumeReplays(_ now: MonotonicInstant) {
    guard !replaying.isEmpty else { return }
    let waiting = replaying
    replaying = []
    for token in waiting {
      guard connections.isCurrent(token), connections[token.index].isLive else { continue }
      let slot = token.index
      // Submitting may answer at once, which fills the queue or changes the list.
      while let place = placeOfNextPage(slot) {
        let pending = connections[slot].session.pending[place]
        guard case .replaying(let position) = pending.stage else { break }
        connections[slot].session.pending[place].awaitsPage = true
        submit(
          .replay(
            pending.room, after: position, pageBytesMax: pageBytes(slot),
            ticket: ReplyTicket(
              shard: index, slot: token.packed, id: nil, askedAt: now.nanoseconds,
              join: pending.join)), now)
      }
      // A seated member whose queue is full is listed again when it has drained.
      let hasDrained = connections[slot].hasDrained
      connections[slot].session.isReplayListed = connections[slot].session.pending.contains {
        $0.isReplaying && (hasDrained || !$0.isSeated || $0.awaitsPage)
      }
      if connections[slot].session.isReplayListed { replaying.append(token) }
    }
  }

  /// Lets pages be asked for again that came with nothing in them; once a second.
  mutating func endReplayPauses() {
    for token in replaying where connections.isCurrent(token) {
      for place in connections[token.index].session.pending.indices {
        connections[token.index].session.pending[place].pauses = false
      }
    }
  }

  private mutating func replayed(_ ticket: ReplyTicket, _ room: RoomName, _ page: ReplayPage) {
    guard let slot = slot(of: ticket), let place = pendingPlace(slot, of: ticket),
      connections[slot].session.pending[place].awaitsPage
    else { return }
    connections[slot].session.pending[place].awaitsPage = false
    switch page {
    case .entries(let entries, let newest, let isComplete):
      let pending = connections[slot].session.pending[place]
      var tellsEpoch = pending.tellsEpoch
      if case .replaying(let reached) = pending.stage, reached.epoch != newest.epoch {
        tellsEpoch = true
      }
      let sent = sendEntries(entries, room, newest.epoch, tellsEpoch: tellsEpoch, slot)
      if isComplete, sent == entries.count {
        becomeLive(slot, room, place)
        return
      }
      // Nothing came: asking at once would come to the same.
      connections[slot].session.pending[place].pauses = entries.isEmpty
      // Nothing fitted: asking again before the queue is empty would give the same page.
      connections[slot].session.pending[place].awaitsEmptyQueue = !entries.isEmpty && sent == 0
      guard sent > 0 else { return }
      connections[slot].session.pending[place].tellsEpoch = false
      connections[slot].session.pending[place].stage = .replaying(
        Position(epoch: newest.epoch, offset: entries[sent - 1].offset))
    case .lost(let newest):
      // Trimming overtook the replay: say so, and go on from the newest.
      send(slot, position: newest) { Push.reset(room, position: newest, to: &$0) }
      becomeLive(slot, room, place)
    }
  }

  // MARK: Leaving

  /// Takes a connection out of a room; false when it is not in it.
  mutating func leaveRoom(_ room: RoomName, _ slot: Int32, _ now: MonotonicInstant) -> Bool {
    moves.forget(room, of: slot)
    if let known = rooms.index(of: room),
      let seat = connections[slot].session.removeSeat(in: known)
    {
      vacate(seat, slot, now)
      return true
    }
    guard let place = pendingPlace(slot, room) else { return false }
    let pending = connections[slot].session.pending.remove(at: place)
    guard pending.stage != .asking else {
      forgetJoin(room, slot)
      return true
    }
    metrics.leaves.add()
    logLeft(room, slot)
    submit(.leave(room, connectionID(of: slot), shard: index), now)
    return true
  }

  /// Takes a connection out of all its rooms.
  mutating func leaveAllRooms(_ slot: Int32, _ now: MonotonicInstant) {
    while let seat = connections[slot].session.removeAnySeat() { vacate(seat, slot, now) }
    while let pending = connections[slot].session.pending.popLast() {
      guard pending.stage != .asking else { continue }
      metrics.leaves.add()
      logLeft(pending.room, slot)
      submit(.leave(pending.room, connectionID(of: slot), shard: index), now)
    }
  }

  private mutating func vacate(_ seat: RoomSeat, _ slot: Int32, _ now: MonotonicInstant) {
    let room = rooms.name(of: seat.room)
    if connections[slot].sparingRooms > 0 { spareNoMore(seat.room, room, slot) }
    if let moved = rooms.leave(seat, slot: slot) {
      connections[moved.slot].session.move(in: seat.room, to: moved.position)
    }
    if rooms.index(of: room) == nil { tellOccupancy(of: room, isOccupied: false) }
    metrics.leaves.add()
    logLeft(room, slot)
    submit(.leave(room, connectionID(of: slot), shard: index), now)
  }
}
