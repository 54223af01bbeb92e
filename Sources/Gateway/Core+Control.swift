// What the server API and other nodes ask of this one: questions are put to every shard that they
// concern, and the answers gathered on shard 0.

import Auth
import Backplane
import RoostCrypto
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

extension Core {
  // MARK: On the first shard

  /// A question of a node, perhaps this one.
  mutating func asked(_ question: QuestionID, _ text: [UInt8], _ now: MonotonicInstant) {
    let bytesMax = max(rules.limits.messageBytes, Bounds.serverBodyBytes) + 4096
    guard let control = ControlQuestion(reading: text, bytesMax: bytesMax) else {
      // From a newer node, or from nobody: without an answer this node counts as missing.
      shared.log.warning(
        "question_refused", "a question from another node was not understood",
        [.init("asker", question.asker), .init("bytes", text.count)])
      return submit(.answer(question, []), now)
    }
    if control.hasEffect {
      switch desk.note(question) {
      case .new: break
      case .underWay: return
      case .answered(let text): return submit(.answer(question, text), now)
      }
    }
    let number = desk.nextNumber()
    var gathering = Gathering(
      question: question, control: control,
      deadline: now.advanced(by: ServerDesk.patience), shardsLeft: 0)
    var asksHere = false
    for shard in shards(for: control) {
      gathering.shardsLeft += 1
      if shard == index {
        asksHere = true
      } else {
        post(.control(ControlLetter(number: number, question: control)), to: shard)
      }
    }
    desk.gatherings[number] = gathering
    if gathering.shardsLeft == 0 { return gathered(number, ControlAnswer(), now) }
    guard asksHere else { return }
    if case .top = control { return beginSurvey(number) }
    gathered(number, carryOut(control, now), now)
  }

  private func shards(for question: ControlQuestion) -> [Int] {
    switch question {
    case .send(.connection(let connection), _, _, _), .disconnect(.connection(let connection), _),
      .describe(.connection(let connection)), .evict(let connection):
      if shared.hasMovers { return Array(0..<shared.shardCount) }
      let isHere =
        connection.process == shared.process && Int(connection.shard) < shared.shardCount
      return isHere ? [Int(connection.shard)] : []
    // Whom it is not for says so at once: the others are waited for.
    case .top(_, let node?) where node != shared.nodeID: return []
    default: return Array(0..<shared.shardCount)
    }
  }

  /// A shard has answered its part of a question.
  mutating func gathered(_ number: UInt64, _ part: ControlAnswer, _ now: MonotonicInstant) {
    guard var gathering = desk.gatherings[number] else { return }
    gathering.answer.merge(part, for: gathering.control)
    gathering.shardsLeft -= 1
    guard gathering.shardsLeft <= 0 else { return desk.gatherings[number] = gathering }
    desk.gatherings.removeValue(forKey: number)
    if case .top(let limit, _) = gathering.control { gathering.answer.top.cut(to: limit) }
    let text = gathering.answer.json
    if case .revoke(let revocation) = gathering.control {
      logRevocation(revocation, closed: gathering.answer.count)
    }
    if gathering.control.hasEffect { desk.remember(gathering.question, text) }
    submit(.answer(gathering.question, text), now)
  }

  // MARK: On the shard that asked

  /// The answers to a question of a connection here: those of a `send`.
  mutating func answered(_ ticket: ReplyTicket, _ answers: ClusterAnswers) {
    guard let slot = slot(of: ticket) else { return }
    var delivered = 0
    var isComplete = answers.missing.isEmpty
    var isAboutOne = false
    for (node, text) in answers.answers {
      if let part = ControlAnswer(reading: text, from: node) {
        let (sum, overflow) = delivered.addingReportingOverflow(part.count)
        delivered = overflow ? .max : sum
        isAboutOne = isAboutOne || part.isAboutOne
      } else {
        isComplete = false
      }
    }
    // It is on its way from one node to the other: both have it.
    if isAboutOne { delivered = min(delivered, 1) }
    send(slot) { [delivered, isComplete] in
      Reply.sent(id: ticket.id, delivered: delivered, isComplete: isComplete, to: &$0)
    }
  }

  // MARK: On every shard

  /// Does what a question asks to the connections of this shard.
  mutating func carryOut(_ question: ControlQuestion, _ now: MonotonicInstant) -> ControlAnswer {
    var answer = ControlAnswer()
    switch question {
    case .send(let target, let data, let sender, let mid):
      answer.count = deliverDirect(to: target, data, sender, mid: mid)
      if case .connection = target { answer.isAboutOne = true }
    case .disconnect(let target, let reason):
      for slot in slots(of: target) {
        answer.count += connections[slot].isSuperseded ? 0 : 1
        close(slot, .kicked, reason: reason, now)
      }
    case .evict(let connection):
      for slot in slots(of: .connection(connection)) where !connections[slot].isSuperseded {
        answer.count += 1
        close(slot, .connectionLimit, now)
      }
    case .join(let user, let room):
      guard let policy = rules.policies.number(for: room) else { break }
      for slot in slots(of: .user(user))
      where connections[slot].phase == .open && mayBeJoined(slot, to: room)
        && !connections[slot].isSuperseded
      {
        answer.count += 1
        enterByServer(room, policy, slot, now)
      }
    case .kick(let user, let room):
      for slot in slots(of: .user(user)) where leaveRoom(room, slot, now) {
        answer.count += connections[slot].isSuperseded ? 0 : 1
        send(slot) { Push.removed(room, code: .kicked, to: &$0) }
        if connections[slot].phase == .stream { endStream(slot, now) }
      }
    case .revoke(let revocation): answer.count = revoke(revocation, now)
    case .describe(let target):
      let found = slots(of: target).filter { !connections[$0].isSuperseded }
      answer.count += found.count
      for slot in found.prefix(ControlQuestion.listMax) {
        answer.connections.append(details(of: slot, now))
      }
    case .rooms(let after, let limit):
      let page = rooms.page(after: after, limit: limit)
      answer.rooms = page.rooms
      answer.hasMoreRooms = page.hasMore
    case .move(let member, let connection):
      for slot in slots(of: .connection(member))
      where connections[slot].phase == .open && connectionID(of: slot) != connection {
        answer.count += 1
        answer.rooms += moves.serverRooms(of: slot).map { RoomSize(room: $0, members: 1) }
        supersede(slot, now)
      }
    case .top: preconditionFailure("a survey takes more than one round")
    }
    return answer
  }

  /// The slots of live connections that a target names.
  private func slots(of target: ControlTarget) -> [Int32] {
    switch target {
    case .user(let user): return (users[user] ?? []).filter { connections[$0].isLive }
    case .connection(let connection):
      let token = SlotToken(
        index: Int32(truncatingIfNeeded: connection.slot), generation: connection.generation)
      // Those who came from elsewhere with this id, and the one whose own it is.
      let guests = moves.guests(connection).filter { connections[$0].isLive }
      guard connection.process == shared.process, Int(connection.shard) == index,
        connections.isCurrent(token), connections[token.index].isLive,
        connections[token.index].resumption == nil
      else { return guests }
      return [token.index] + guests
    case .everyone:
      return (0..<connections.slotsUsed).filter {
        connections.token(at: $0) != nil && connections[$0].isLive
          && !connections[$0].session.awaitsAuth
      }
    }
  }

  /// Queues a direct message for the connections here that it is for; returns how many.
  ///
  /// Who has two connections while it moves counts once.
  mutating func deliverDirect(
    to target: ControlTarget, _ data: [UInt8], _ sender: Member?, mid: UInt64
  ) -> Int {
    let targets = slots(of: target).filter { connections[$0].phase == .open }
    guard !targets.isEmpty else { return 0 }
    let (plain, marked) =
      moves.markedCount == 0 ? (targets, []) : parted(targets, for: .json(data))
    for (slots, shown) in [(plain, 0), (marked, mid)] where !slots.isEmpty {
      withScratch { core, output in
        Push.direct(data: data, sender: sender, mid: shown, to: &output)
        core.deliver(.text, output.span, to: slots)
      }
    }
    if case .connection = target { return 1 }
    return targets.count { !connections[$0].isSuperseded }
  }

  /// A number for a direct message that nobody has who may get it twice.
  func newMid() -> UInt64 { shared.redis == nil ? 0 : max(RandomBytes.uint64(), 1) }

  /// Whether the server may put a connection into a room: the cap on rooms holds for it, too.
  mutating func mayBeJoined(_ slot: Int32, to room: RoomName) -> Bool {
    let max = rules.limits.roomsPerConnection
    return !isMember(slot, of: room) && (max == 0 || connections[slot].session.roomCount < max)
  }

  private func details(of slot: Int32, _ now: MonotonicInstant) -> ConnectionDetails {
    let wall = moment(now).wallMilliseconds
    var names = connections[slot].session.seats.map { rooms.name(of: $0.room) }
    names += connections[slot].session.pending.filter { !$0.isSeated && $0.stage != .asking }.map(
      \.room)
    let roundTrip = connections[slot].roundTrip
    return ConnectionDetails(
      connection: memberID(of: slot), user: connections[slot].session.identity.user,
      address: connections[slot].address.hostText, node: shared.nodeID,
      isEventStream: connections[slot].phase == .stream,
      openedAt: wall - now.since(connections[slot].openedAt).millisecondsClamped,
      lastActivityAt: wall - now.since(connections[slot].lastActivity).millisecondsClamped,
      rooms: Array(names.prefix(ControlQuestion.listMax)),
      queueBytes: queuedBytes(slot),
      roundTrip: roundTrip > 0 ? Int(roundTrip) : nil)
  }
}
