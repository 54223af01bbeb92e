// What the callback decides: a connection, a join or a publish is put aside, a question goes to the
// outbound thread, and its answer takes up the request where it stopped. What waits is bounded, and
// belongs to its connection: it goes with it.

import Auth
import Backplane
import RoostDeflate
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

extension Core {
  /// Bytes that a connection may send before its upgrade is answered.
  static let heldInputBytesMax = 16_384

  mutating func held(_ slot: Int32) -> HeldRequests {
    if let held = connections[slot].held { return held }
    let held = HeldRequests()
    connections[slot].held = held
    return held
  }

  mutating func letGo(_ slot: Int32) {
    if connections[slot].held?.isEmpty == true { connections[slot].held = nil }
  }

  /// Sends a question and returns its number.
  ///
  /// It is answered as by a callback that does not answer when the outbound thread does not keep up.
  private mutating func ask(_ act: HookAct, _ user: String?, _ slot: Int32) -> UInt64 {
    lastQuestion += 1
    let question = HookQuestion(
      ticket: HookTicket(
        shard: index, slot: connections[slot].token.packed, number: lastQuestion),
      act: act, connection: memberID(of: slot), user: user,
      address: connections[slot].address)
    if outboundLetters.count < Self.outgoingMax {
      outboundLetters.append(.ask(question))
    } else {
      let decision = rules.configuration.hooks.onFailure.decision(
        retryAfter: .milliseconds(100))
      unaskable.append(
        HookDesk.Answer(
          ticket: question.ticket, event: act.event, decision: decision, result: .unasked))
    }
    return lastQuestion
  }

  /// Carries out what could not even be asked.
  mutating func settleUnaskable(_ now: MonotonicInstant) {
    while !unaskable.isEmpty {
      let answers = unaskable
      unaskable = []
      for answer in answers { decided(answer, now) }
    }
  }

  /// An answer has come; the connection may be gone, or may have changed its mind.
  mutating func decided(_ answer: HookDesk.Answer, _ now: MonotonicInstant) {
    let token = SlotToken(packed: answer.ticket.slot)
    guard connections.isCurrent(token), connections[token.index].phase != .ended else { return }
    let slot = token.index
    switch answer.event {
    case .connect: upgradeDecided(slot, answer, now)
    case .join: joinDecided(slot, answer, now)
    case .publish: publishDecided(slot, answer, now)
    }
    letGo(slot)
  }

  // MARK: Connect

  /// Whether a connection's upgrade waits for a decision: what it sends meanwhile is kept.
  func awaitsUpgrade(_ slot: Int32) -> Bool { connections[slot].held?.upgrade != nil }

  /// Puts an upgrade aside until the callback has decided, if the doorkeeper would let it in.
  mutating func holdUpgrade(
    _ slot: Int32, _ head: RequestHead, _ claimant: Claimant, _ purpose: HeldUpgrade.Purpose,
    ticket: Ticket? = nil, _ now: MonotonicInstant
  ) {
    let judged = admittedAhead(slot, head, claimant, purpose, ticket, now)
    guard let admitted = judged else { return }
    let number = ask(.connect, admitted.identity.user, slot)
    held(slot).upgrade = HeldUpgrade(
      number: number, head: head, admitted: admitted, purpose: purpose, ticket: ticket)
    // The answer comes in time, or one is made up; this is for the case that nothing works.
    let patience = rules.configuration.hooks.timeout + .seconds(5)
    connections[slot].deadline = now.advanced(by: patience)
    arm(slot, at: connections[slot].deadline)
  }

  /// Judges an upgrade that has to wait for somebody, as far as it can be judged before, and counts
  /// it; nil when it was refused and answered.
  mutating func admittedAhead(
    _ slot: Int32, _ head: RequestHead, _ claimant: Claimant, _ purpose: HeldUpgrade.Purpose,
    _ ticket: Ticket?, _ now: MonotonicInstant
  ) -> Admitted? {
    if case .socket = purpose {
      // What is no handshake is refused without asking anybody.
      var response: [UInt8] = []
      let result = ServerHandshake.evaluate(
        head, subprotocols: shared.subprotocols, deflate: shared.deflate, response: &response)
      if case .refuse(let refusal) = result {
        respond(
          slot, refusal.status, refusal.message,
          fields: refusal.fields.map { ($0.name, $0.value) }, keepAlive: false, now)
        return nil
      }
    }
    if let refused = refusalAtDoor(slot, holdsTicket: ticket != nil, now) {
      refuse(slot, refused.refusal, refused.retryAfter, now)
      return nil
    }
    guard let admitted = admitted(claimant, slot, now) else {
      shared.admission.ended()
      return nil
    }
    return admitted
  }

  /// Keeps what came behind a request that is not answered yet; who sends too much is gone.
  mutating func holdInput(_ slot: Int32, _ bytes: Span<UInt8>) {
    guard connections[slot].input.count + bytes.count <= Self.heldInputBytesMax else {
      return end(slot)
    }
    bytes.withUnsafeBytes { connections[slot].input.append($0) }
  }

  /// A connection ends whose upgrade waits: it was counted already.
  mutating func forgetHeld(_ slot: Int32) {
    if connections[slot].held?.upgrade != nil { shared.admission.ended() }
    connections[slot].held = nil
  }

  private mutating func upgradeDecided(
    _ slot: Int32, _ answer: HookDesk.Answer, _ now: MonotonicInstant
  ) {
    guard let held = connections[slot].held?.upgrade, held.number == answer.ticket.number,
      !held.isClaim
    else { return }
    connections[slot].held?.upgrade = nil
    guard connections[slot].phase == .request else { return shared.admission.ended() }
    let addition: HookAddition
    switch answer.decision {
    case .denied(let reason):
      shared.admission.ended()
      metrics.count(.denied)
      return respond(
        slot, AdmissionRefusal.denied.status, reason ?? AdmissionRefusal.denied.message,
        keepAlive: false, now)
    case .undecided(let retryAfter):
      shared.admission.ended()
      return refuse(slot, .undecided, retryAfter, now)
    case .allowed(let added): addition = added
    }
    guard !isDraining, shared.acceptsUpgrades else {
      shared.admission.ended()
      return refuse(slot, .draining, .seconds(1), now)
    }
    let identity = held.admitted.identity.adding(addition)
    // Whom the callback gives a user need not say any more who it is.
    let admitted = Admitted(
      identity: identity, term: held.admitted.term,
      awaitsAuth: held.admitted.awaitsAuth && identity.user == nil)
    switch held.purpose {
    case .stream(let room):
      beginStream(slot, held.head, room, .verified(admitted), isCounted: true, now)
    case .socket:
      guard let ticket = held.ticket else { return finishHeld(slot, held.head, admitted, nil, now) }
      claim(slot, held.head, admitted, ticket, now)
    }
  }

  /// Answers an upgrade that was put aside, and reads what came behind it.
  mutating func finishHeld(
    _ slot: Int32, _ head: RequestHead, _ admitted: Admitted, _ resumption: Resumption?,
    _ now: MonotonicInstant
  ) {
    var input: [UInt8] = []
    connections[slot].input.withBytes { input.append(contentsOf: $0) }
    connections[slot].input.removeAll()
    completeUpgrade(
      slot, head, .verified(admitted), echoes: false, isCounted: true, resuming: resumption,
      now)
    guard !input.isEmpty, connections[slot].phase == .open else { return }
    takeFrames(slot, &input, 0..<input.count, now)
  }

  // MARK: Join

  /// Puts a join aside until the callback has decided; the room is on its way in meanwhile.
  mutating func holdJoin(_ room: RoomName, _ since: Position?, _ id: [UInt8]?, _ slot: Int32) {
    let number = ask(.join(room), connections[slot].session.identity.user, slot)
    held(slot).joins.append(HeldJoin(number: number, room: room, since: since, id: id))
    connections[slot].session.pending.append(
      PendingRoom(
        room: room, join: 0, stage: .asking, awaitsPage: false, isServerJoin: false))
  }

  /// A room is left whose join is not decided: the join is answered, and nobody else ever knew.
  mutating func forgetJoin(_ room: RoomName, _ slot: Int32) {
    guard let join = connections[slot].held?.takeJoin(of: room) else { return }
    letGo(slot)
    guard connections[slot].phase == .open else { return }
    answer(slot, join.id, ErrorReply(.notJoined, "the room was left before it was joined"))
  }

  private mutating func joinDecided(
    _ slot: Int32, _ answered: HookDesk.Answer, _ now: MonotonicInstant
  ) {
    guard let join = connections[slot].held?.takeJoin(answered.ticket.number) else { return }
    connections[slot].session.pending.removeAll { $0.room == join.room && $0.stage == .asking }
    guard connections[slot].isLive else { return }
    let isStream = connections[slot].phase == .stream
    switch answered.decision {
    case .allowed:
      guard let policy = rules.policies.number(for: join.room) else { return }
      guard !isMember(slot, of: join.room) else {
        // The server was quicker.
        return answer(slot, join.id, ErrorReply(.badRequest, "already in the room"))
      }
      enter(join.room, policy, join.since, join.id, slot, isServerJoin: false, now)
    case .denied(let reason):
      let reply = ErrorReply(.forbidden, reason ?? "the application does not allow it")
      guard isStream else { return answer(slot, join.id, reply) }
      refuseStream(
        slot, ServerFailure(code: reply.code, status: 403, message: reply.message), now)
    case .undecided(let retryAfter):
      guard isStream else { return answer(slot, join.id, .undecided(retryAfter)) }
      refuseStream(slot, ServerFailure(.unavailable(retryAfter: retryAfter)), now)
    }
  }

  // MARK: Publish

  /// Puts a publish aside until the callback has decided it and those before it.
  mutating func holdPublish(_ publish: HeldPublish, _ slot: Int32) {
    let bytesMax = 2 * rules.limits.messageBytes
    guard held(slot).append(publish, bytesMax: bytesMax) else {
      return answer(
        slot, publish.id,
        ErrorReply(
          .rateLimited, "too many publishes wait for the application's decision",
          retryAfter: .milliseconds(100)))
    }
    if held(slot).publishes.count == 1 { askAboutPublish(slot) }
  }

  private mutating func askAboutPublish(_ slot: Int32) {
    guard let held = connections[slot].held, let next = held.publishes.first else { return }
    let user = connections[slot].session.identity.user
    held.publishNumber = ask(.publish(next.room, next.payload), user, slot)
  }

  private mutating func publishDecided(
    _ slot: Int32, _ answered: HookDesk.Answer, _ now: MonotonicInstant
  ) {
    guard let publish = connections[slot].held?.takePublish(answered.ticket.number) else { return }
    guard connections[slot].phase == .open else { return connections[slot].held = nil }
    switch answered.decision {
    case .allowed:
      // The connection may have left the room meanwhile: policies are asked once more.
      self.publish(
        publish.room, publish.payload, key: publish.key, id: publish.id, slot, isDecided: true,
        now)
    case .denied(let reason):
      answer(
        slot, publish.id,
        ErrorReply(.forbidden, reason ?? "the application does not allow it"))
    case .undecided(let retryAfter): answer(slot, publish.id, .undecided(retryAfter))
    }
    askAboutPublish(slot)
  }
}

extension ErrorReply {
  /// Nobody decided, so nothing was done.
  static func undecided(_ retryAfter: Duration) -> ErrorReply {
    ErrorReply(
      .unavailable, "not done: the application did not decide; try again", retryAfter: retryAfter)
  }
}

extension Identity {
  /// This identity with what the callback says: a user only where there is none, `info` in any case.
  func adding(_ addition: HookAddition) -> Identity {
    guard addition != .none else { return self }
    return Identity(
      user: user ?? addition.user, info: addition.info ?? info, rights: rights)
  }
}
