// The server API on the first shard: each request becomes a command of the backplane or a question to
// nodes, with a ticket that carries its number, and is answered when the ticket comes back.

import Backplane
import RoostCrypto
import RoostEventLoop
import RoostRooms
import Telemetry

extension Core {
  /// Begins a request.
  mutating func serverAsked(_ letter: ServerLetter, _ now: MonotonicInstant) {
    let number = desk.nextNumber()
    desk.requests[number] = PendingServerRequest(
      letter: letter, deadline: now.advanced(by: ServerDesk.patience),
      question: question(for: letter.request, now))
    guard !isStopped, !shared.isFlushing else {
      return finishServer(number, .failed(.stopping))
    }
    switch letter.request {
    case .publish(let room, let payload, let key):
      guard let policy = serverPolicy(room, number) else { return }
      metrics.publishes.add()
      submit(.publish(publishCommand(room, policy, payload, key, number, 0, now)), now)
    case .broadcast(let rooms, let data, let key): broadcast(rooms, data, key, number, now)
    case .room(let room):
      guard let policy = serverPolicy(room, number) else { return }
      submit(.describe(room, policy: policy, ticket: serverTicket(number, now)), now)
    case .presence(let room, let limit, let after):
      guard let policy = serverPolicy(room, number) else { return }
      guard rules.policies[policy].presence else {
        return finishServer(number, .failed(.presenceIsOff))
      }
      let page = min(limit ?? rules.limits.presencePage, rules.limits.presencePage)
      submit(
        .presence(room, limit: page, after: after, ticket: serverTicket(number, now)), now)
    case .history(let room, let since, let limit, let reverse):
      guard let policy = serverPolicy(room, number) else { return }
      let page = min(limit ?? rules.limits.historyPage, rules.limits.historyPage)
      submit(
        .history(
          room, policy: policy, since: since, limit: page, reverse: reverse,
          ticket: serverTicket(number, now)), now)
    case .clearHistory(let room):
      guard let policy = serverPolicy(room, number) else { return }
      submit(.clear(room, policy: policy, ticket: serverTicket(number, now)), now)
    case .join(_, let room), .kick(_, let room):
      guard !room.isUserRoom else { return finishServer(number, .failed(.userRoom)) }
      guard serverPolicy(room, number) != nil else { return }
      ask(number, now)
    case .nodes:
      if desk.announcedAt == .zero { announce(now) }
      submit(.nodes(serverTicket(number, now)), now)
    case .revoke:
      guard case .revoke(let revocation) = desk.requests[number]?.question else { return }
      // Nodes that come later must know it before anybody is told that it is done.
      submit(.revoke(RevocationRecord(revocation), serverTicket(number, now)), now)
    case .broadcastAll, .rooms, .send, .connections, .disconnectUser, .connection, .disconnect,
      .top:
      ask(number, now)
    }
  }

  /// Puts a request's question to the nodes that it is for.
  private mutating func ask(_ number: UInt64, _ now: MonotonicInstant) {
    guard let pending = desk.requests[number] else { return }
    guard let question = pending.question else {
      preconditionFailure("no question for \(pending.letter.request)")
    }
    submit(
      .ask(
        ClusterQuestion(
          audience: pending.letter.request.audience, text: question.json,
          ticket: serverTicket(number, now))), now)
  }

  private func question(
    for request: ServerRequest, _ now: MonotonicInstant
  ) -> ControlQuestion? {
    guard case .revoke(let target, let issuedBefore) = request else { return request.question }
    return .revoke(revocation(of: target, issuedBefore: issuedBefore, now))
  }

  private mutating func broadcast(
    _ rooms: [RoomName], _ data: [UInt8], _ key: ScopedKey?, _ number: UInt64,
    _ now: MonotonicInstant
  ) {
    // All of them are looked at before anything is published.
    var policies: [Int32] = []
    for room in rooms {
      guard let policy = serverPolicy(room, number) else { return }
      policies.append(policy)
    }
    guard !rooms.isEmpty else { return finishServer(number, .broadcast([])) }
    desk.requests[number]?.outcomes = Array(repeating: nil, count: rooms.count)
    for (place, room) in rooms.enumerated() {
      metrics.publishes.add()
      submit(
        .publish(publishCommand(room, policies[place], .json(data), key, number, place, now)), now)
    }
  }

  private func publishCommand(
    _ room: RoomName, _ policy: Int32, _ payload: RoostRooms.Payload, _ key: ScopedKey?,
    _ number: UInt64, _ place: Int, _ now: MonotonicInstant
  ) -> PublishCommand {
    PublishCommand(
      room: room, policy: policy, payload: payload, key: key, sender: nil,
      ticket: serverTicket(number, now, place: place))
  }

  /// The slot of a ticket is free for our use: it holds the place of the room in a broadcast.
  private func serverTicket(
    _ number: UInt64, _ now: MonotonicInstant, place: Int = 0
  ) -> ReplyTicket {
    ReplyTicket(
      shard: index, slot: UInt64(place), id: nil, askedAt: now.nanoseconds, server: number)
  }

  /// The policy of a room; when its namespace has none, the request is answered.
  private mutating func serverPolicy(_ room: RoomName, _ number: UInt64) -> Int32? {
    if let policy = rules.policies.number(for: room) { return policy }
    finishServer(number, .failed(.unconfigured(room)))
    return nil
  }

  // MARK: Answers

  /// An answer of the backplane to a request of the server API.
  mutating func serverAnswered(
    _ ticket: ReplyTicket, _ event: BackplaneEvent, _ now: MonotonicInstant
  ) {
    if roomAnswered(ticket, event, now) { return }
    let number = ticket.server
    guard number != ServerDesk.moveNumber else { return moveAnswered(ticket, event, now) }
    guard number != ServerDesk.rebalanceNumber else { return surroundingsAnswered(event, now) }
    guard number != ServerDesk.drainNumber else { return neighboursAnswered(event, now) }
    // Answered already, because its time was up.
    guard let pending = desk.requests[number] else { return }
    switch event {
    case .published(_, let position):
      metrics.publishAcknowledgement.observe(
        MonotonicInstant.now().nanoseconds &- ticket.askedAt)
      published(pending, ticket, .success(position))
    case .failed(_, _, let failure): published(pending, ticket, .failure(ServerFailure(failure)))
    case .described(_, let members, let position):
      guard case .room(let room) = pending.letter.request else { return }
      finishServer(number, .room(room, members: members, position))
    case .cleared: finishServer(number, .cleared)
    case .presence(_, let members, let next):
      finishServer(number, .presence(members, next: next))
    case .history(_, let entries, let position, let recovered):
      finishServer(number, .history(entries, position, recovered: recovered))
    case .nodes(_, let nodes, let missing):
      finishServer(number, .nodes(nodes, missing: missing))
    case .revoked: ask(number, now)
    case .answered(_, let answers):
      let (answer, missing) = combined(answers, pending)
      guard case .top(_, let node?) = pending.letter.request else {
        return finishServer(number, pending.letter.request.answer(answer, missing: missing))
      }
      guard !missing.contains(node) else {
        return finishServer(number, .failed(.unanswered([node])))
      }
      let isThere = answers.answers.contains { $0.node == node }
      guard isThere else { return finishServer(number, .failed(.noNode)) }
      finishServer(number, pending.letter.request.answer(answer, missing: []))
    case .joined, .replayed, .envelope, .memberJoined, .memberLeft, .memberCount, .gap, .reset,
      .presenceReset, .asked, .revocations, .counted, .told, .claimed, .resumption:
      preconditionFailure("no answer to a request of the server API: \(event)")
    }
  }

  /// One publish is decided; a broadcast waits for all of its rooms.
  private mutating func published(
    _ pending: PendingServerRequest, _ ticket: ReplyTicket,
    _ result: Result<Position?, ServerFailure>
  ) {
    guard case .broadcast(let rooms, _, _) = pending.letter.request else {
      switch result {
      case .success(let position): return finishServer(ticket.server, .published(position))
      case .failure(let failure): return finishServer(ticket.server, .failed(failure))
      }
    }
    let place = Int(ticket.slot)
    guard place < rooms.count else { return }
    desk.requests[ticket.server]?.outcomes[place] = BroadcastOutcome(
      room: rooms[place], result: result)
    guard let outcomes = desk.requests[ticket.server]?.outcomes,
      outcomes.allSatisfy({ $0 != nil })
    else { return }
    finishServer(ticket.server, .broadcast(outcomes.compactMap { $0 }))
  }

  private func combined(
    _ answers: ClusterAnswers, _ pending: PendingServerRequest
  ) -> (ControlAnswer, missing: [String]) {
    var whole = ControlAnswer()
    var missing = answers.missing
    guard let question = pending.question else { return (whole, missing) }
    for (node, text) in answers.answers {
      if let part = ControlAnswer(reading: text, from: node) {
        whole.merge(part, for: question)
      } else {
        missing.append(node)
      }
    }
    return (whole, missing.sorted())
  }

  /// Answers a request, once.
  private mutating func finishServer(_ number: UInt64, _ answer: ServerAnswer) {
    guard let pending = desk.requests.removeValue(forKey: number) else { return }
    shared.endServerRequest()
    pending.letter.answer(answer)
  }

  // MARK: Time

  /// Answers what has waited too long; once a second.
  mutating func expireServerRequests(_ now: MonotonicInstant) {
    for (number, gathering) in desk.gatherings where gathering.deadline <= now {
      // A shard is stuck. Without an answer this node counts as missing.
      desk.gatherings.removeValue(forKey: number)
      if gathering.control.hasEffect { desk.remember(gathering.question, []) }
      submit(.answer(gathering.question, []), now)
    }
    for (number, pending) in desk.requests where pending.deadline <= now {
      finishServer(number, late(pending))
    }
  }

  private func late(_ pending: PendingServerRequest) -> ServerAnswer {
    guard case .broadcast(let rooms, _, _) = pending.letter.request else {
      return .failed(ServerFailure(.unknown))
    }
    return .broadcast(
      rooms.indices.map { place in
        pending.outcomes[place]
          ?? BroadcastOutcome(room: rooms[place], result: .failure(ServerFailure(.unknown)))
      })
  }

  /// Answers everything that waits: the shard ends.
  mutating func abandonServerRequests() {
    for number in desk.requests.keys { finishServer(number, .failed(.stopping)) }
  }
}

extension ServerRequest {
  /// What nodes are asked for this; nil for what the backplane does by itself, and for a revocation,
  /// whose times the node adds.
  var question: ControlQuestion? {
    switch self {
    case .broadcastAll(let data):
      .send(.everyone, data: data, sender: nil, mid: RandomBytes.uint64())
    case .send(let user, let data):
      .send(.user(user), data: data, sender: nil, mid: RandomBytes.uint64())
    case .rooms(let after, let limit): .rooms(after: after, limit: limit)
    case .connections(let user): .describe(.user(user))
    case .connection(let connection): .describe(.connection(connection))
    case .disconnectUser(let user, let reason): .disconnect(.user(user), reason: reason)
    case .disconnect(let connection, let reason):
      .disconnect(.connection(connection), reason: reason)
    case .join(let user, let room): .join(user: user, room)
    case .kick(let user, let room): .kick(user: user, room)
    // More than are told: a room that is large only with all nodes together shows up, too.
    case .top(let limit, let node): .top(limit: min(2 * limit + 10, TopSurvey.limit), node: node)
    case .publish, .broadcast, .room, .presence, .history, .clearHistory, .nodes, .revoke: nil
    }
  }

  /// Which nodes are asked.
  ///
  /// A change must reach a node that is cut off just now, later; what is read or sent need not.
  var audience: ClusterAudience {
    switch self {
    case .disconnectUser, .disconnect, .join, .kick, .revoke: .everyNode
    case .send(let user, _): .nodes(ofUser: user)
    case .connection(let connection): .connection(connection)
    default: .reachableNodes
    }
  }

  /// What the nodes' answers come to.
  func answer(_ answer: ControlAnswer, missing: [String]) -> ServerAnswer {
    switch self {
    case .broadcastAll, .send: return .delivered(answer.count, missing: missing)
    case .rooms: return .rooms(answer.rooms, hasMore: answer.hasMoreRooms, missing: missing)
    case .connections: return .connections(answer.connections, missing: missing)
    case .connection:
      if let details = answer.connections.first { return .connection(details) }
      return .failed(missing.isEmpty ? .noConnection : .unanswered(missing))
    case .disconnect:
      if answer.count > 0 { return .changed(answer.count, missing: []) }
      return missing.isEmpty ? .failed(.noConnection) : .changed(0, missing: missing)
    case .disconnectUser, .join, .kick, .revoke: return .changed(answer.count, missing: missing)
    case .top(let limit, _):
      var top = answer.top
      top.cut(to: limit)
      return .top(top, missing: missing)
    case .publish, .broadcast, .room, .presence, .history, .clearHistory, .nodes:
      preconditionFailure("no question was asked for \(self)")
    }
  }
}

extension Node {
  /// Puts a request of the server API to the cluster.
  ///
  /// Any thread. `answer` is called once, on a thread of the node or at once on the caller's: it must
  /// not block. When too many requests are under way, and when the node has stopped, the answer is
  /// `unavailable`.
  public func ask(
    _ request: ServerRequest, answer: @escaping @Sendable (ServerAnswer) -> Void
  ) {
    guard shared.phase != .stopped, !shared.isFlushing else {
      return answer(.failed(.stopping))
    }
    guard shared.beginServerRequest() else { return answer(.failed(.tooManyRequests)) }
    let letter = ShardLetter.server(ServerLetter(request: request, answer: answer))
    guard shared.mailboxes[0].post([letter]) == 1 else {
      shared.endServerRequest()
      return answer(.failed(.tooManyRequests))
    }
  }
}
