// From a message to what is to be done: requests are read one by one, rated, judged by the policy of
// their room, and handed to the backplane. What fails is answered here.

import Auth
import Backplane
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

extension Core {
  // MARK: Messages

  mutating func receiveText(_ slot: Int32, _ text: Span<UInt8>, _ now: MonotonicInstant) {
    var offset = 0
    var count = 0
    while connections[slot].phase == .open {
      switch requestReader.next(in: text, at: &offset) {
      case .end:
        if count == 0 {
          answer(slot, nil, ErrorReply(.badRequest, "an empty message holds no request"))
        }
        return
      case .syntaxError(let rejection):
        guard takeMessage(slot, nil, now) else { return }
        return answer(slot, nil, ErrorReply(rejection))
      case .request(let parsed):
        count += 1
        metrics.requests.add()
        guard count <= rules.limits.batchRequests else {
          return answer(
            slot, parsed.id,
            ErrorReply(
              .limitExceeded, "a message holds at most \(rules.limits.batchRequests) requests"))
        }
        guard takeMessage(slot, parsed.id, now) else { continue }
        switch parsed.result {
        case .success(let request): carryOut(request, parsed.id, slot, now)
        case .failure(let rejection): answer(slot, parsed.id, ErrorReply(rejection))
        }
      }
    }
  }

  mutating func receiveBinary(_ slot: Int32, _ message: Span<UInt8>, _ now: MonotonicInstant) {
    metrics.requests.add()
    guard takeMessage(slot, nil, now) else { return }
    if let refusal = standing(slot, for: nil, now) { return answer(slot, nil, refusal) }
    let room: RoomName
    let start: Int
    do {
      (room, start) = try BinaryMessage.publish(in: message)
    } catch {
      return answer(slot, nil, ErrorReply(error))
    }
    var payload: [UInt8] = []
    payload.reserveCapacity(message.count - start)
    message.extracting(start..<message.count).withUnsafeBufferPointer {
      payload.append(contentsOf: $0)
    }
    // A binary publish gets no `ok`, but its error.
    publish(room, .binary(payload), key: nil, id: nil, slot, now)
  }

  private mutating func carryOut(
    _ request: Request, _ id: [UInt8]?, _ slot: Int32, _ now: MonotonicInstant
  ) {
    if let refusal = standing(slot, for: request, now) { return answer(slot, id, refusal) }
    switch request {
    case .publish(let room, let data, let key):
      publish(room, .json(data), key: key, id: id, slot, now)
    case .join(let room, let since): join(room, since, id, slot, now)
    case .leave(let room): leave(room, id, slot, now)
    case .ping: send(slot) { Reply.pong(id: id, to: &$0) }
    case .send(let target, let data): sendDirect(target, data, id, slot, now)
    case .presence(let room, let limit, let after):
      presence(room, limit, after, id, slot, now)
    case .history(let room, let since, let limit, let reverse):
      history(room, since, limit, reverse, id, slot, now)
    case .auth(let token): authenticate(slot, token, id, now)
    }
  }

  // MARK: Requests

  /// - Parameter isDecided: whether the callback has allowed it already.
  mutating func publish(
    _ room: RoomName, _ payload: RoostRooms.Payload, key: [UInt8]?, id: [UInt8]?, _ slot: Int32,
    isDecided: Bool = false, _ now: MonotonicInstant
  ) {
    guard let policy = policyNumber(of: room, id, slot) else { return }
    let permission = rules.policies[policy].publish
    let isMember = isMember(slot, of: room)
    let identity = connections[slot].session.identity
    guard permission.allows(identity, in: room, isMember: isMember, action: .publish) else {
      let reply =
        permission == .member && !isMember
        ? ErrorReply(.notJoined, "join the room before publishing into it")
        : ErrorReply(.forbidden, "the namespace's `publish` is \"\(permission.rawValue)\"")
      return answer(slot, id, reply)
    }
    if !isDecided {
      guard fits(payload, policy, id, slot), takePublish(slot, policy, id, now) else { return }
      guard !rules.outbound.wishes.contains(.publish) else {
        return holdPublish(HeldPublish(room: room, payload: payload, key: key, id: id), slot)
      }
    }
    metrics.publishes.add()
    // On one shard a publish without id and key can neither fail nor be acknowledged.
    let needsAnswer = id != nil || key != nil || shared.shardCount > 1
    submit(
      .publish(
        PublishCommand(
          room: room, policy: policy, payload: payload, key: key.map { scoped($0, slot) },
          sender: rules.policies[policy].showsSender ? member(slot) : nil,
          ticket: needsAnswer ? ticket(slot, id, now) : nil)), now)
  }

  /// Whether data is no longer than the room's namespace takes; otherwise that is answered.
  private mutating func fits(
    _ payload: RoostRooms.Payload, _ policy: Int32, _ id: [UInt8]?, _ slot: Int32
  ) -> Bool {
    let bytesMax = rules.policies[policy].messageBytesMax
    guard bytesMax > 0, payload.bytes.count > bytesMax else { return true }
    answer(
      slot, id,
      ErrorReply(.tooLarge, "the room's namespace takes at most \(bytesMax) bytes of data"))
    return false
  }

  /// Keys belong to their user; those of anonymous publishers to the room.
  private func scoped(_ key: [UInt8], _ slot: Int32) -> ScopedKey {
    let scope = connections[slot].session.identity.user.map { Array("user:\($0)".utf8) } ?? []
    return ScopedKey(scope: scope, key: key)
  }

  private mutating func join(
    _ room: RoomName, _ since: Position?, _ id: [UInt8]?, _ slot: Int32, _ now: MonotonicInstant
  ) {
    guard !room.isUserRoom else {
      return answer(
        slot, id, ErrorReply(.forbidden, "rooms `user:…` are joined by the server only"))
    }
    guard let policy = policyNumber(of: room, id, slot) else { return }
    let permission = rules.policies[policy].join
    let identity = connections[slot].session.identity
    guard permission.allows(identity, in: room, isMember: false, action: .join) else {
      return answer(
        slot, id, ErrorReply(.forbidden, "the namespace's `join` is \"\(permission.rawValue)\""))
    }
    guard !isMember(slot, of: room), !isAsking(slot, about: room) else {
      return answer(
        slot, id,
        ErrorReply(.badRequest, "already in the room; leave it first to join from a position"))
    }
    let max = rules.limits.roomsPerConnection
    guard
      max == 0 || connections[slot].session.roomCount < max
        || !shared.admission.holds(.rooms, rules.limits)
    else {
      return answer(
        slot, id,
        ErrorReply(.limitExceeded, "a connection is in at most \(max) rooms at a time"))
    }
    guard !rules.outbound.wishes.contains(.join) else {
      return holdJoin(room, since, id, slot)
    }
    enter(room, policy, since, id, slot, isServerJoin: false, now)
  }

  /// Sends a connection on its way into a room.
  mutating func enter(
    _ room: RoomName, _ policy: Int32, _ since: Position?, _ id: [UInt8]?, _ slot: Int32,
    isServerJoin: Bool, _ now: MonotonicInstant
  ) {
    metrics.joins.add()
    lastJoin += 1
    connections[slot].session.pending.append(
      PendingRoom(
        room: room, join: lastJoin, stage: .joining, awaitsPage: false,
        isServerJoin: isServerJoin))
    submit(
      .join(
        JoinCommand(
          room: room, policy: policy, member: member(slot), seat: connectionID(of: slot),
          since: since, pageBytesMax: pageBytes(slot), ticket: ticket(slot, id, now, join: lastJoin)
        )), now)
  }

  private mutating func leave(
    _ room: RoomName, _ id: [UInt8]?, _ slot: Int32, _ now: MonotonicInstant
  ) {
    guard !room.isUserRoom else {
      return answer(slot, id, ErrorReply(.forbidden, "rooms `user:…` are left by the server only"))
    }
    guard leaveRoom(room, slot, now) else {
      return answer(slot, id, ErrorReply(.notJoined, "not in the room"))
    }
    send(slot) { Reply.done(id: id, to: &$0) }
  }

  private mutating func presence(
    _ room: RoomName, _ limit: Int?, _ after: UInt64?, _ id: [UInt8]?, _ slot: Int32,
    _ now: MonotonicInstant
  ) {
    guard let policy = policyNumber(of: room, id, slot) else { return }
    guard rules.policies[policy].presence else {
      return answer(slot, id, ErrorReply(.forbidden, "the room's namespace keeps no presence"))
    }
    guard mayRead(rules.policies[policy].readPresence, .presence, room, id, slot) else { return }
    let page = min(limit ?? rules.limits.presencePage, rules.limits.presencePage)
    submit(.presence(room, limit: page, after: after ?? 0, ticket: ticket(slot, id, now)), now)
  }

  private mutating func history(
    _ room: RoomName, _ since: Position?, _ limit: Int?, _ reverse: Bool, _ id: [UInt8]?,
    _ slot: Int32, _ now: MonotonicInstant
  ) {
    guard let policy = policyNumber(of: room, id, slot) else { return }
    guard rules.policies[policy].history.isOn else {
      return answer(slot, id, ErrorReply(BackplaneFailure.historyIsOff))
    }
    guard mayRead(rules.policies[policy].readHistory, .history, room, id, slot) else { return }
    let page = min(limit ?? rules.limits.historyPage, rules.limits.historyPage)
    submit(
      .history(
        room, policy: policy, since: since, limit: page, reverse: reverse,
        ticket: ticket(slot, id, now)), now)
  }

  private mutating func mayRead(
    _ permission: Permission, _ action: RoomAction, _ room: RoomName, _ id: [UInt8]?, _ slot: Int32
  ) -> Bool {
    let isMember = isMember(slot, of: room)
    let identity = connections[slot].session.identity
    if permission.allows(identity, in: room, isMember: isMember, action: action) {
      return true
    }
    answer(
      slot, id,
      permission == .member
        ? ErrorReply(.notJoined, "join the room before reading it")
        : ErrorReply(.forbidden, "the namespace's policy is \"\(permission.rawValue)\""))
    return false
  }

  // MARK: Direct messages

  private mutating func sendDirect(
    _ target: SendTarget, _ data: [UInt8], _ id: [UInt8]?, _ slot: Int32, _ now: MonotonicInstant
  ) {
    guard let room = RoomName(text: "user:x"), let policy = rules.policies.number(for: room) else {
      return answer(slot, id, ErrorReply(.forbidden, "the namespace `user` is not configured"))
    }
    let permission = rules.policies[policy].send
    let identity = connections[slot].session.identity
    guard permission.allows(identity, in: nil, isMember: false, action: nil) else {
      return answer(
        slot, id,
        ErrorReply(.forbidden, "`send` of the namespace `user` is \"\(permission.rawValue)\""))
    }
    metrics.directs.add()
    let asked = ticket(slot, id, now)
    let audience: ClusterAudience
    let controlTarget: ControlTarget
    switch target {
    case .user(let user):
      // Nobody can have such a name, so nobody has to be asked.
      guard Identity.isValidUser(Array(user.utf8)) else { return directDelivered(asked, 0) }
      audience = .nodes(ofUser: user)
      controlTarget = .user(user)
    case .connection(let text):
      guard let connection = ConnectionID(text: text) else { return directDelivered(asked, 0) }
      if connection.process == shared.process, !shared.hasMovers {
        return sendHere(connection, data, asked, slot)
      }
      audience = .connection(connection)
      controlTarget = .connection(connection)
    }
    let question = ControlQuestion.send(
      controlTarget, data: data, sender: member(slot), mid: newMid())
    submit(.ask(ClusterQuestion(audience: audience, text: question.json, ticket: asked)), now)
  }

  /// A direct message for a connection of this node goes straight to its shard.
  private mutating func sendHere(
    _ connection: ConnectionID, _ data: [UInt8], _ asked: ReplyTicket, _ slot: Int32
  ) {
    let sender = member(slot)
    let shard = Int(connection.shard)
    guard shard != index else {
      return directDelivered(
        asked, deliverDirect(to: .connection(connection), data, sender, mid: newMid()))
    }
    guard shard < shared.shardCount else { return directDelivered(asked, 0) }
    guard outgoingCount < Self.outgoingMax else {
      requestAnswered(asked)
      return answer(
        slot, asked.id, ErrorReply(BackplaneFailure.unavailable(retryAfter: .milliseconds(100))))
    }
    post(
      .direct(
        DirectLetter(
          target: connection, data: data, mid: newMid(), sender: sender, ticket: asked)),
      to: shard)
  }

  /// A direct message for a connection of this node was queued, or there is no such connection.
  mutating func directDelivered(_ ticket: ReplyTicket, _ count: Int) {
    requestAnswered(ticket)
    guard let slot = slot(of: ticket) else { return }
    send(slot) { Reply.sent(id: ticket.id, delivered: count, isComplete: true, to: &$0) }
  }

  // MARK: What they share

  /// The policy of a room's namespace; when there is none, that is answered.
  private mutating func policyNumber(of room: RoomName, _ id: [UInt8]?, _ slot: Int32) -> Int32? {
    if let number = rules.policies.number(for: room) { return number }
    let namespace = room.namespace
    let setting = namespace.isEmpty ? "namespaces.\"\"" : "namespaces.\(namespace)"
    answer(
      slot, id,
      ErrorReply(
        .forbidden, "the room's namespace is not configured; the setting \(setting) would allow it")
    )
    return nil
  }

  /// Whether a connection is in a room or on its way in.
  mutating func isMember(_ slot: Int32, of room: RoomName) -> Bool {
    if let known = rooms.find(room), connections[slot].session.seat(in: known) != nil {
      return true
    }
    return connections[slot].session.pending.contains { $0.room == room && $0.stage != .asking }
  }

  /// Whether a join of a connection waits for the callback's decision.
  func isAsking(_ slot: Int32, about room: RoomName) -> Bool {
    connections[slot].session.pending.contains { $0.room == room && $0.stage == .asking }
  }

  func member(_ slot: Int32) -> Member {
    let identity = connections[slot].session.identity
    return Member(connection: memberID(of: slot), user: identity.user, info: identity.info)
  }

  private mutating func ticket(
    _ slot: Int32, _ id: [UInt8]?, _ now: MonotonicInstant, join: UInt64 = 0
  ) -> ReplyTicket {
    if join == 0 { connections[slot].session.unanswered &+= 1 }
    return ReplyTicket(
      shard: index, slot: connections[slot].token.packed, id: id, askedAt: now.nanoseconds,
      join: join)
  }

  /// Message data that fits a connection's queue without filling it.
  func pageBytes(_ slot: Int32) -> Int {
    min(Bounds.replayPageBytes, Int(connections[slot].queueMax) / 4)
  }

  /// Sends an `error`.
  mutating func answer(_ slot: Int32, _ id: [UInt8]?, _ error: ErrorReply) {
    metrics.count(error.code)
    logRefused(error.code, slot)
    send(slot) {
      Reply.error(
        id: id, code: error.code, message: error.message, retryAfter: error.retryAfter, to: &$0)
    }
  }
}
