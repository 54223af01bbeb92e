// Connections that move between nodes: a ticket is given with `welcome` and with `draining`; who
// shows it on another node goes on there as who it was. Backplane rules 27 and 28.

import Auth
import Backplane
import RoostCrypto
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWire
import Telemetry

extension Core {
  /// The element of `Sec-WebSocket-Protocol` that holds a ticket.
  static let ticketPrefix = "roost.ticket."

  // MARK: Giving

  /// A ticket for a connection; nil where there is no other node, and before Redis was reached.
  func newTicket(_ slot: Int32, _ now: MonotonicInstant) -> [UInt8]? {
    guard let terms = resumption, let secret = ticketSecrets.first else { return nil }
    let issuedAt = moment(now).wallMilliseconds / 1000
    var id: [UInt8] = []
    for number in [RandomBytes.uint64(), RandomBytes.uint64()] {
      for shift in stride(from: UInt64(56), through: 0, by: -8) {
        id.append(UInt8(truncatingIfNeeded: number >> shift))
      }
    }
    let ticket = Ticket(
      issuedAt: issuedAt, expiresAt: issuedAt + Ticket.lifetimeMax.components.seconds, id: id,
      incarnation: terms.incarnation, member: memberID(of: slot),
      user: connections[slot].session.identity.user)
    return ticket.text(signedBy: secret.span)
  }

  /// The secrets that verify tickets; the first one signs.
  private var ticketSecrets: [[UInt8]] {
    guard rules.ticketSecrets.isEmpty else { return rules.ticketSecrets }
    return [resumption?.secret, earlierSecret].compactMap { $0 }
  }

  /// Takes up what tickets are made with.
  mutating func follow(_ terms: ResumptionTerms) {
    // A Redis that lost its data has another one; tickets of before are good all the same.
    if let secret = resumption?.secret, secret != terms.secret { earlierSecret = secret }
    resumption = terms
  }

  // MARK: Taking

  /// Whether a client says with its request that it reads the marks of binary messages; on a node that
  /// stands alone there are none.
  func readsBinaryMids(_ head: RequestHead) -> Bool {
    guard shared.redis != nil else { return false }
    let offer = head.fields.firstElement(of: .webSocketProtocol, among: [BinaryMessage.midOffer])
    return offer != nil
  }

  /// The ticket that a request shows, if it is signed and its time has not passed.
  ///
  /// Anything else counts as none: whoever shows it connects as everybody does.
  func ticket(of head: RequestHead, _ now: MonotonicInstant) -> Ticket? {
    guard let text = head.fields.firstElement(of: .webSocketProtocol, behind: Self.ticketPrefix)
    else { return nil }
    let secrets = ticketSecrets
    guard !secrets.isEmpty else {
      count(.undecided)
      return nil
    }
    do throws(Ticket.Rejection) {
      return try Ticket(
        text.span, secrets: secrets, wallSeconds: moment(now).wallMilliseconds / 1000,
        leeway: Bounds.clockLeeway)
    } catch {
      switch error {
      case .malformed: count(.malformed)
      case .forged: count(.forged)
      case .expired: count(.expired)
      }
      return nil
    }
  }

  private func count(_ result: TicketResult) {
    guard let place = TicketResult.allCases.firstIndex(of: result) else { return }
    metrics.tickets.add(place)
  }

  /// Puts an upgrade aside until Redis has said whether its ticket is still good.
  mutating func claim(
    _ slot: Int32, _ head: RequestHead, _ admitted: Admitted, _ ticket: Ticket,
    _ now: MonotonicInstant
  ) {
    let (user, owner) = (admitted.identity.user, ticket.user)
    guard (user.map { Array($0.utf8) }) == (owner.map { Array($0.utf8) }) else {
      count(.otherUser)
      return finishHeld(slot, head, admitted, nil, now)
    }
    lastQuestion += 1
    held(slot).upgrade = HeldUpgrade(
      number: lastQuestion, head: head, admitted: admitted, purpose: .socket, ticket: ticket,
      isClaim: true)
    connections[slot].deadline = now.advanced(by: Bounds.claimPatience)
    arm(slot, at: connections[slot].deadline)
    submit(
      .claim(
        TicketClaim(
          id: ticket.id, incarnation: ticket.incarnation, member: ticket.member,
          expiresAt: ticket.expiresAt),
        ReplyTicket(
          shard: index, slot: connections[slot].token.packed, id: nil, askedAt: now.nanoseconds,
          join: lastQuestion)), now)
  }

  /// Redis has said what a ticket is worth; the connection may be gone, or may not have waited.
  mutating func claimed(
    _ ticket: ReplyTicket, _ outcome: TicketOutcome, _ now: MonotonicInstant
  ) {
    let token = SlotToken(packed: ticket.slot)
    guard connections.isCurrent(token), connections[token.index].phase == .request,
      let held = connections[token.index].held?.upgrade, held.isClaim, held.number == ticket.join
    else { return }
    claimSettled(token.index, outcome, now)
  }

  /// Answers an upgrade that waited for its ticket.
  mutating func claimSettled(_ slot: Int32, _ outcome: TicketOutcome, _ now: MonotonicInstant) {
    guard let held = connections[slot].held?.upgrade, let ticket = held.ticket else { return }
    connections[slot].held?.upgrade = nil
    letGo(slot)
    // A first `auth` has the time that it has without a ticket.
    connections[slot].deadline = now.advanced(byNanoseconds: rules.timing.handshake)
    guard !isDraining, shared.acceptsUpgrades else {
      shared.admission.ended()
      return refuse(slot, .draining, .seconds(1), now)
    }
    var resumption: Resumption?
    switch outcome {
    case .accepted(let issuer):
      count(.accepted)
      resumption = Resumption(member: ticket.member, issuer: issuer)
    case .used: count(.used)
    case .outlived: count(.outlived)
    case .undecided: count(.undecided)
    }
    finishHeld(slot, held.head, held.admitted, resumption, now)
  }

  // MARK: The one who came

  /// Notes a connection that came from elsewhere, and has the one before it looked for.
  mutating func welcomeGuest(_ slot: Int32, _ now: MonotonicInstant) {
    guard let resumption = connections[slot].resumption else { return }
    let token = connections[slot].token
    shared.countGuests(1)
    moves.welcome(resumption.member, token, now)
    showMids(slot)
    if resumption.countsLater { moves.countLater(token, now) }
    guard let issuer = resumption.issuer else { return tellConnected(slot) }
    let question = ControlQuestion.move(resumption.member, to: connectionID(of: slot))
    submit(
      .ask(
        ClusterQuestion(
          audience: .incarnation(issuer), text: question.json,
          ticket: ReplyTicket(
            shard: index, slot: token.packed, id: nil, askedAt: now.nanoseconds,
            server: ServerDesk.moveNumber))), now)
  }

  /// The node of the connection before has said whether that is still there, and to which rooms the
  /// server had joined it.
  mutating func moveAnswered(
    _ ticket: ReplyTicket, _ event: BackplaneEvent, _ now: MonotonicInstant
  ) {
    let token = SlotToken(packed: ticket.slot)
    guard connections.isCurrent(token), connections[token.index].phase == .open else { return }
    let slot = token.index
    var found = ControlAnswer()
    if case .answered(_, let answers) = event, let (node, text) = answers.answers.first {
      found = ControlAnswer(reading: text, from: node) ?? found
    }
    // Whoever listens to webhooks has not been told that it was gone.
    if found.count == 0 { tellConnected(slot) }
    for room in found.rooms.map(\.room) where !room.isUserRoom && mayBeJoined(slot, to: room) {
      guard let policy = rules.policies.number(for: room) else { continue }
      enterByServer(room, policy, slot, now)
    }
  }

  private mutating func tellConnected(_ slot: Int32) {
    let user = connections[slot].session.identity.user
    tell(.connected(memberID(of: slot), user: user, connections[slot].address), .connected)
  }

  /// Joins a connection to a room because the server API says so.
  mutating func enterByServer(
    _ room: RoomName, _ policy: Int32, _ slot: Int32, _ now: MonotonicInstant
  ) {
    if shared.redis != nil { moves.note(room, of: slot) }
    enter(room, policy, nil, nil, slot, isServerJoin: true, now)
  }

  // MARK: The one before

  /// The client of a connection has another one now.
  ///
  /// It may keep this one for a while, to miss nothing; it counts no more.
  mutating func supersede(_ slot: Int32, _ now: MonotonicInstant) {
    guard !connections[slot].isSuperseded else { return }
    connections[slot].isSuperseded = true
    showMids(slot)
    moves.supersede(connections[slot].token, now)
  }

  // MARK: Both

  /// From now on messages tell a connection which they are.
  mutating func showMids(_ slot: Int32) {
    guard shared.redis != nil, !connections[slot].showsMids else { return }
    connections[slot].showsMids = true
    moves.markedCount += 1
  }

  /// Does what a while after a move is to be done; once a second.
  mutating func settleMoves(_ now: MonotonicInstant) {
    let due = moves.settle(now)
    for token in due.unmarked where connections.isCurrent(token) {
      let slot = token.index
      let isMoving = connections[slot].departure != .staying || connections[slot].isSuperseded
      guard connections[slot].showsMids, !isMoving else { continue }
      connections[slot].showsMids = false
      moves.markedCount -= 1
    }
    for token in due.counted where connections.isCurrent(token) {
      if connections[token.index].phase == .open { countInCluster(token.index, now) }
    }
    for token in due.ended where connections.isCurrent(token) {
      if connections[token.index].phase == .open { close(token.index, .goingAway, now) }
    }
  }

  /// Takes a connection that has ended out of the notes.
  mutating func forgetMove(_ slot: Int32) {
    moves.forgetRooms(of: slot)
    if connections[slot].showsMids { moves.markedCount -= 1 }
    guard let resumption = connections[slot].resumption else { return }
    moves.forget(resumption.member, slot)
    shared.countGuests(-1)
  }
}
