// Moving from a node that drains: the next connection is made while the old one works, and takes over
// once it is welcome; the old one stays until it has brought and answered what was on its way. Nothing
// of that is told but its end: each message is handed over once, in order, and nobody sees a client go.

import RoostEventLoop
import RoostRooms

/// A move from one connection to the next.
struct Move {
  /// The next connection on its way.
  enum Next {
    /// It waits for a token.
    case asking(until: MonotonicInstant)
    /// It was dialled.
    case dialing(ClientLink, until: MonotonicInstant)
  }

  /// The connection that is moved away from.
  struct Old {
    let link: ClientLink
    let session: ClientSession?
    let since: MonotonicInstant
    /// Kept no longer than this.
    let until: MonotonicInstant
    /// When it is looked whether it is of use still.
    var look: MonotonicInstant
  }

  /// When the next connection is to be made; nothing is planned in the distant future.
  var at = MonotonicInstant.distantFuture
  var next: Next?
  var old: Old?
  /// Whether the server takes the new connection for the old one.
  var isResumed = false
  var seen = Seen()

  var deadline: MonotonicInstant {
    var deadline = min(at, old?.look ?? .distantFuture)
    switch next {
    case .asking(let until), .dialing(_, let until): deadline = min(deadline, until)
    case nil: break
    }
    return deadline
  }

  var isAsking: Bool {
    if case .asking = next { true } else { false }
  }

  /// The connection that was dialled beside the open one.
  var dialledLink: ClientLink? {
    if case .dialing(let link, _) = next { link } else { nil }
  }

  /// Forgets a move that came to its end or to nothing.
  mutating func end() {
    at = .distantFuture
    next = nil
    old = nil
  }

  /// Whether a message is to be looked at.
  ///
  /// - Parameter isLate: the old connection brings it for a room that the new one is in, too. Then it is
  ///   taken only where it is sure to be neither twice nor too early.
  mutating func takes(
    _ offset: UInt64?, after place: RoomPlace, _ mark: String?, isLate: Bool,
    _ now: MonotonicInstant
  ) -> Bool {
    guard let offset else {
      if isLate, mark == nil || !isResumed { return false }
      guard let mark else { return true }
      return !seen.isDouble(mark, at: now)
    }
    guard isLate, let last = place.position?.offset else { return true }
    return offset <= last || offset - last == 1
  }

  /// Whether something else in a room is to be told.
  mutating func takes(
    _ event: RoomEvent, _ room: RoomName, isLate: Bool, _ now: MonotonicInstant
  ) -> Bool {
    let (isComing, connection): (Bool, String)
    switch event {
    case .joined(let member): (isComing, connection) = (true, member.connection)
    case .left(let member): (isComing, connection) = (false, member.connection)
    default: return !isLate
    }
    guard old != nil else { return true }
    // Who came is told again only after having gone.
    if seen.isDouble("\(isComing) \(connection) \(room)", at: now) { return false }
    seen.remove("\(!isComing) \(connection) \(room)")
    return true
  }
}

/// What both connections of a move may bring, and one has brought.
struct Seen {
  /// So many are remembered.
  static let marksMax = 512
  /// For so long after the last one.
  static let life = Duration.seconds(60)

  private var marks: [String: UInt64] = [:]
  /// The same in their order; those that were removed are passed over.
  private var order: [(mark: String, number: UInt64)] = []
  private var first = 0
  private var next: UInt64 = 1
  /// When all is to be forgotten.
  private(set) var forgetAt = MonotonicInstant.distantFuture

  /// Remembers a mark; true when it is remembered already.
  mutating func isDouble(_ mark: String, at now: MonotonicInstant) -> Bool {
    forgetAt = now.advanced(by: Self.life)
    guard marks[mark] == nil else { return true }
    marks[mark] = next
    order.append((mark, next))
    next += 1
    while marks.count > Self.marksMax || order.count - first > 2 * Self.marksMax {
      let oldest = order[first]
      first += 1
      if marks[oldest.mark] == oldest.number { marks[oldest.mark] = nil }
    }
    if first > 2 * Self.marksMax {
      order.removeFirst(first)
      first = 0
    }
    return false
  }

  mutating func remove(_ mark: String) { marks[mark] = nil }

  mutating func forget() { self = Seen() }
}

extension ClientMachine {
  /// How long the old connection stays when all rooms are joined on the new one, for what is on its way.
  static let moveLinger = Duration.milliseconds(250)
  /// How long it stays at most.
  static let moveTimeout = Duration.seconds(5)

  /// The node drains and has given a ticket: the next connection is to be made then.
  mutating func planMove(with ticket: String, at time: MonotonicInstant) {
    self.ticket = ticket
    if move.next == nil { move.at = time }
  }

  /// What is due.
  mutating func watchMove(_ now: MonotonicInstant) {
    if now >= move.at { beginMove(now) }
    switch move.next {
    case .asking(let until) where now >= until: move.next = nil
    case .dialing(let link, let until) where now >= until:
      actions.append(.hangUp(link, code: nil))
      move.next = nil
    default: break
    }
    if let old = move.old, now >= old.look { lookAtOld(old, now) }
  }

  private mutating func beginMove(_ now: MonotonicInstant) {
    // One move after the other.
    move.at = move.old == nil ? .distantFuture : now.advanced(by: Self.moveLinger)
    guard move.old == nil else { return }
    guard options.hasTokenProvider, !tokens.isUsable(at: now) else { return dialBeside(now) }
    move.next = .asking(until: now.advanced(by: Self.connectTimeout))
    askToken()
  }

  /// Dials beside the open connection.
  mutating func dialBeside(_ now: MonotonicInstant) {
    move.next = .dialing(nextDial(), until: now.advanced(by: Self.connectTimeout))
  }

  /// The next connection did not come about: the old one stays to its end.
  mutating func loseMove(to code: UInt16) {
    move.next = nil
    if case .withNewToken = RetryRule(closeCode: code), options.hasTokenProvider { tokens.forget() }
  }

  /// The old connection has ended while the next one is on its way.
  mutating func goOn(_ next: Move.Next) {
    switch next {
    case .asking(let until): phase = .asking(until: until)
    case .dialing(let link, let until):
      self.link = link
      phase = .dialing(until: until)
    }
    tell(.connecting)
  }

  // MARK: Two connections

  /// The next connection is welcome: requests go over it from now on.
  mutating func takeOver(_ session: ClientSession, _ now: MonotonicInstant) {
    guard case .open(let since) = phase, let link = move.dialledLink else { return }
    move.old = Move.Old(
      link: self.link, session: self.session, since: since,
      until: now.advanced(by: Self.moveTimeout), look: now.advanced(by: Self.moveLinger))
    move.next = nil
    move.isResumed = session.isResumed
    self.link = link
    leaveLink()
    begin(session, now)
    for (room, wish) in rooms {
      let isJoined = wish.standing == .joined && !wish.isBehind
      rooms[room]?.isKept = isJoined
      rooms[room]?.isMoving = isJoined
      want(room)
    }
    unsentJoins = rooms.count
    for (room, entry) in given {
      given[room]?.isKept = entry.isHere
      given[room]?.isHere = false
    }
    rejectLargeCalls()
    pump(now)
  }

  /// Forgets what holds for one connection, while another one is there.
  private mutating func leaveLink() {
    heldUntil = .zero
    isDraining = false
    tokens.disconnected()
    unsentLeaves = [:]
    staying = []
    for (id, purpose) in awaited {
      switch purpose {
      case .call: break
      case .join:
        awaited[id] = nil
        unanswered -= 1
      case .leave, .authentication: awaited[id] = nil
      }
    }
  }

  private mutating func want(_ room: RoomName) {
    rooms[room]?.standing = .wanted(notBefore: .zero)
    rooms[room]?.backoff.reset()
    rooms[room]?.isDoubtful = false
    rooms[room]?.repeatedJoin = nil
  }

  /// A room is joined on the new connection: what was said before is on its way over the old one.
  mutating func lingerOnOld(_ now: MonotonicInstant) {
    move.old?.look = now.advanced(by: Self.moveLinger)
  }

  private mutating func lookAtOld(_ old: Move.Old, _ now: MonotonicInstant) {
    let isBusy = rooms.values.contains { $0.isMoving } || hasCalls(on: old.link)
    guard isBusy, now < old.until else { return letOldGo(now, hangsUp: true) }
    lingerOnOld(now)
  }

  /// The old connection is of no use any more, or gone.
  mutating func letOldGo(_ now: MonotonicInstant, hangsUp: Bool) {
    guard let old = move.old else { return }
    move.old = nil
    if hangsUp { actions.append(.hangUp(old.link, code: 1000)) }
    for room in rooms.keys { rooms[room]?.isKept = false }
    for room in given.keys { given[room]?.isKept = false }
    takeBackCalls(from: old.link)
    if let session { tell(.moved(session)) }
    pump(now)
  }

  /// The new connection is gone, and the old one is there still.
  mutating func goBack(_ now: MonotonicInstant) {
    guard let old = move.old else { return }
    let lost = link
    move.end()
    link = old.link
    phase = .open(since: old.since)
    leaveLink()
    isDraining = true
    if let session = old.session { keep(session, now) }
    unsentJoins = 0
    for (room, wish) in rooms {
      want(room)
      if wish.isKept { rooms[room]?.standing = .joined } else { unsentJoins += 1 }
      rooms[room]?.isKept = false
      rooms[room]?.isMoving = false
    }
    for (room, entry) in given {
      given[room]?.isHere = entry.isKept
      given[room]?.isKept = false
    }
    takeBackCalls(from: lost)
    pump(now)
  }

  /// Lets everything go that a move holds beside the one connection.
  mutating func endMoving() {
    if let link = move.dialledLink { actions.append(.hangUp(link, code: 1000)) }
    if let old = move.old { actions.append(.hangUp(old.link, code: 1000)) }
    move.end()
  }
}
