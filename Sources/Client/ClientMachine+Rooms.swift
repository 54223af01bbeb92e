// Rooms: wished until they are left, joined again on every connection from where their messages ended.
// Positions move by messages that were handed over, never by an `ok`; holes are told, not guessed away.

public import RoostEventLoop
public import RoostRooms

/// How far the messages of a room have come.
struct RoomPlace: Equatable {
  /// What a message is by its number.
  enum Verdict: Equatable {
    /// The next one.
    case next
    /// Something is missing in front of it, and nobody has said so.
    case behindHole
    /// It was handed over before.
    case repeated
  }

  /// The place of the last message; nil in a room without history.
  var position: RoomPosition?
  /// A hole in front of the next message has been told.
  var hasToldHole = false

  /// Whether everything up to a position has come.
  func covers(_ other: RoomPosition?) -> Bool {
    guard let position, let other, position.epoch == other.epoch else { return false }
    return position.offset >= other.offset
  }

  mutating func take(offset: UInt64?, epoch: String?) -> Verdict {
    guard let offset else { return .next }
    if let epoch, epoch != position?.epoch {
      // The server knows the seam between two lives of a log; where it does not, it sends `reset`.
      position = RoomPosition(epoch: epoch, offset: offset)
      hasToldHole = false
      return .next
    }
    guard let last = position?.offset else { return .next }
    guard offset > last else { return .repeated }
    defer { hasToldHole = false }
    position?.offset = offset
    return offset - last > 1 && !hasToldHole ? .behindHole : .next
  }
}

/// A room that the application wants to be in.
struct WishedRoom {
  enum Standing: Equatable {
    /// Its join is to be sent, though not before that time.
    case wanted(notBefore: MonotonicInstant)
    /// Its join was sent as that request.
    case joining(request: UInt64)
    /// The connection is in the room.
    case joined
  }

  /// The order of wishes.
  let order: UInt64
  var standing = Standing.wanted(notBefore: .zero)
  var place = RoomPlace()
  /// The place before the last message, which the application may not have taken.
  var before: RoomPlace?
  /// It was joined before, on this connection or another.
  var hasJoined = false
  /// On a move: the old connection is in the room and brings its messages.
  var isKept = false
  /// On a move: it was joined on the old connection, so that its next join changes nothing.
  var isMoving = false
  /// Whether the join that was sent said where to go on.
  var hasSince = false
  /// The application takes no more for now: nothing is handed over, and the place stays.
  var isBehind = false
  /// Members came or went meanwhile.
  var hasMissedPresence = false
  var backoff = Backoff()
  /// The join that was sent may be lost, and is to be sent once more.
  var isDoubtful = false
  /// The join that was sent once more.
  var repeatedJoin: UInt64?
  /// Who waits for the join.
  var tickets: [CallTicket] = []
}

/// A room that the server put this client into.
struct GivenRoom {
  var place = RoomPlace()
  /// False while the connection has not been put into it, as before.
  var isHere = true
  /// On a move: the old connection is in the room and brings its messages.
  var isKept = false
}

extension ClientMachine {
  // MARK: The application

  /// The application wants to be in a room, until `leave`.
  ///
  /// The outcome of `ticket`, if there is one, is an object when the room is joined.
  public mutating func join(
    _ room: RoomName, ticket: CallTicket?, now: MonotonicInstant
  ) {
    if let ticket, phase == .closed {
      return actions.append(.outcome(ticket, .failure(.closed)))
    }
    if rooms[room] == nil {
      rooms[room] = WishedRoom(order: nextWish)
      nextWish += 1
      unsentJoins += 1
      if let entry = given[room], entry.isHere {
        // The server has put this client into the room already, and would refuse a join.
        unsentJoins -= 1
        rooms[room]?.place = entry.place
        rooms[room]?.standing = .joined
        rooms[room]?.hasJoined = true
        tell(room, .entered(members: nil, recovered: nil))
      }
    }
    if let ticket {
      if rooms[room]?.standing == .joined {
        actions.append(.outcome(ticket, .success(JSONValue(validated: Array("{}".utf8)))))
      } else {
        rooms[room]?.tickets.append(ticket)
      }
    }
    pump(now)
  }

  /// Nobody waits for a join any more; a room that was never joined is not wished then.
  public mutating func cancelJoin(_ room: RoomName, ticket: CallTicket, now: MonotonicInstant) {
    guard var wish = rooms[room], wish.tickets.contains(ticket) else { return }
    wish.tickets.removeAll { $0 == ticket }
    rooms[room] = wish
    if wish.tickets.isEmpty, !wish.hasJoined { leave(room, now: now) }
  }

  /// The application does not want to be in a room any more.
  public mutating func leave(_ room: RoomName, now: MonotonicInstant) {
    guard let wish = rooms.removeValue(forKey: room) else { return }
    for ticket in wish.tickets { actions.append(.outcome(ticket, .failure(.cancelled))) }
    withdraw(room, wish)
    pump(now)
  }

  /// The last event of a room was not taken: its reader is behind.
  ///
  /// Until `caughtUp` nothing more of the room is told but its end.
  public mutating func overflowed(_ room: RoomName) {
    guard var wish = rooms[room], !wish.isBehind else { return }
    wish.isBehind = true
    wish.isKept = false
    wish.isMoving = false
    if let before = wish.before { wish.place = before }
    wish.before = nil
    rooms[room] = wish
  }

  /// The reader of a room has taken all that there was: what it missed is recovered, or told missing.
  public mutating func caughtUp(_ room: RoomName, now: MonotonicInstant) {
    guard var wish = rooms[room], wish.isBehind else { return }
    wish.isBehind = false
    switch wish.standing {
    case .wanted: break
    case .joining, .joined:
      withdraw(room, wish)
      wish.standing = .wanted(notBefore: .zero)
      wish.isDoubtful = false
      wish.repeatedJoin = nil
      unsentJoins += 1
    }
    rooms[room] = wish
    pump(now)
  }

  /// Takes back what the connection knows of a wish.
  private mutating func withdraw(_ room: RoomName, _ wish: WishedRoom) {
    switch wish.standing {
    case .wanted: unsentJoins -= 1
    case .joining(let request):
      // A join that is overtaken by its leave may have no answer of its own.
      forgetJoin(wish, request)
      _ = self.request(ClientRequest.leave(room), .leave(room))
    case .joined: _ = self.request(ClientRequest.leave(room), .leave(room))
    }
  }

  /// Nobody waits for the answer of a join any more.
  private mutating func forgetJoin(_ wish: WishedRoom, _ request: UInt64) {
    if wish.isDoubtful { unsentJoins -= 1 }
    for id in [request, wish.repeatedJoin] {
      if let id, awaited.removeValue(forKey: id) != nil { unanswered -= 1 }
    }
  }

  /// A join was answered: false when nobody waits for that.
  mutating func endJoin(_ room: RoomName, request: UInt64) -> Bool {
    guard let wish = rooms[room], case .joining(let first) = wish.standing,
      request == first || request == wish.repeatedJoin
    else { return false }
    forgetJoin(wish, first)
    rooms[room]?.isDoubtful = false
    rooms[room]?.repeatedJoin = nil
    return true
  }

  /// Leaves what could not be left before.
  mutating func sendLeaves() {
    for (room, isForced) in unsentLeaves where isForced || rooms[room] == nil {
      _ = request(ClientRequest.leave(room), .leave(room))
    }
    for (room, isForced) in unsentLeaves where !isForced && rooms[room] != nil {
      staying.insert(room)
    }
    unsentLeaves = [:]
  }

  /// Whether the application wants to be in a room.
  public func wishes(_ room: RoomName) -> Bool { rooms[room] != nil }

  // MARK: Joining

  mutating func sendJoins(_ now: MonotonicInstant) {
    for (room, wish) in rooms.sorted(by: { $0.value.order < $1.value.order }) {
      guard unanswered < Self.requestsMax else { return }
      switch wish.standing {
      case .wanted(let notBefore) where notBefore > now:
        repeatDeadline = min(repeatDeadline, notBefore)
      case .wanted:
        let since = wish.place.position
        let request = sendJoin(room, since)
        rooms[room]?.standing = .joining(request: request)
        rooms[room]?.hasSince = since != nil
      case .joining where wish.isDoubtful:
        rooms[room]?.isDoubtful = false
        let request = sendJoin(room, wish.place.position)
        rooms[room]?.repeatedJoin = request
      case .joining, .joined: break
      }
    }
  }

  private mutating func sendJoin(_ room: RoomName, _ since: RoomPosition?) -> UInt64 {
    unanswered += 1
    unsentJoins -= 1
    return request(ClientRequest.join(room, since: since), .join(room))
  }

  /// A join was answered.
  mutating func joined(
    _ room: RoomName, _ object: ServerObject, _ text: borrowing Span<UInt8>,
    _ now: MonotonicInstant
  ) {
    enter(
      room, members: object.count("members", text), recovered: object.bool("recovered", text),
      object.position(text), now)
  }

  private mutating func enter(
    _ room: RoomName, members: Int?, recovered: Bool?, _ position: RoomPosition?,
    _ now: MonotonicInstant
  ) {
    guard var wish = rooms[room] else { return }
    let wasJoined = wish.hasJoined
    let isMoving = wish.isMoving
    staying.remove(room)
    wish.standing = .joined
    wish.hasJoined = true
    wish.isMoving = false
    wish.backoff.reset()
    let tickets = wish.tickets
    wish.tickets = []
    if wish.isKept { lingerOnOld(now) }
    if !isMoving { tell(room, .entered(members: members, recovered: recovered)) }
    if !wish.isBehind {
      // What the old connection has brought is not missing.
      let isWhole = wish.hasSince && (recovered == true || isMoving && wish.place.covers(position))
      if !isWhole {
        wish.place = RoomPlace(position: position)
        if wish.hasSince, let position { tell(room, .reset(position)) }
      } else if recovered == true, let position {
        // The log may have gone on in another life, which messages behind this need not say again.
        wish.place.position?.epoch = position.epoch
      }
      if wasJoined, position == nil || !wish.hasSince, !wish.isKept { tell(room, .gap) }
      wish.place.hasToldHole = false
      if wish.hasMissedPresence {
        wish.hasMissedPresence = false
        tell(room, .presenceReset)
      }
    }
    wish.before = nil
    rooms[room] = wish
    for ticket in tickets {
      actions.append(.outcome(ticket, .success(JSONValue(validated: Array("{}".utf8)))))
    }
  }

  /// A join was refused.
  mutating func joinFailed(_ room: RoomName, _ refusal: Refusal, _ now: MonotonicInstant) {
    guard var wish = rooms[room] else { return }
    switch RepeatRule(join: refusal.code) {
    case .never:
      // The server put this connection into the room before: it is where it wants to be.
      if refusal.code == "bad_request", let given = given[room], given.isHere {
        return enter(room, members: nil, recovered: nil, given.place.position, now)
      }
      if refusal.code == "bad_request", staying.remove(room) != nil {
        // It is in the room still, from before: out, and in again.
        unsentLeaves[room] = true
        rooms[room]?.standing = .wanted(notBefore: .zero)
        unsentJoins += 1
        return
      }
      rooms[room] = nil
      tell(room, .failed(code: refusal.code))
      for ticket in wish.tickets {
        actions.append(.outcome(ticket, .failure(refusal.failure)))
      }
    case .after, .holding:
      var notBefore = MonotonicInstant.zero
      if RepeatRule(join: refusal.code) == .after {
        let pause = wish.backoff.fail(
          retryAfter: refusal.retryAfter, random: randomness.fraction())
        notBefore = now.advanced(by: pause)
        repeatDeadline = min(repeatDeadline, notBefore)
      }
      wish.standing = .wanted(notBefore: notBefore)
      unsentJoins += 1
      rooms[room] = wish
    }
  }

  /// The connection is gone: all rooms are to be joined on the next one.
  mutating func leaveRooms() {
    for room in rooms.keys {
      rooms[room]?.standing = .wanted(notBefore: .zero)
      rooms[room]?.backoff.reset()
      rooms[room]?.isDoubtful = false
      rooms[room]?.repeatedJoin = nil
      rooms[room]?.isKept = false
      rooms[room]?.isMoving = false
    }
    unsentJoins = rooms.count
    for room in given.keys {
      given[room]?.isHere = false
      given[room]?.isKept = false
    }
  }

  /// Who waits for a join of a closed client is told; a room that was never joined is forgotten.
  mutating func rejectJoins() {
    for (room, wish) in rooms where !wish.tickets.isEmpty {
      for ticket in wish.tickets { actions.append(.outcome(ticket, .failure(.closed))) }
      rooms[room]?.tickets = []
      if !wish.hasJoined {
        rooms[room] = nil
        unsentJoins -= 1
      }
    }
  }

  // MARK: What the server does

  /// The server put this client into a room.
  mutating func added(_ room: RoomName, _ position: RoomPosition?) {
    let before = given[room]
    if let before, before.isKept, before.place.position?.epoch == position?.epoch {
      // On a move nothing changes, and the old connection may bring something still.
      given[room]?.isHere = true
      return
    }
    if before == nil, given.count >= Self.givenRoomsMax {
      for (old, entry) in given where !entry.isHere { given[old] = nil }
    }
    tell(room, .added)
    guard before != nil || given.count < Self.givenRoomsMax else { return }
    if let before, !before.isHere, position == nil || before.place.position != position {
      tell(room, .gap)
    }
    given[room] = GivenRoom(place: RoomPlace(position: position))
  }

  /// The server took this client out of a room.
  mutating func removed(_ room: RoomName, code: UInt16) {
    let wasGiven = given.removeValue(forKey: room) != nil
    let wish = rooms.removeValue(forKey: room)
    guard wasGiven || wish != nil else { return }
    if let wish {
      switch wish.standing {
      case .wanted: unsentJoins -= 1
      case .joining(let request): forgetJoin(wish, request)
      case .joined: break
      }
      for ticket in wish.tickets {
        let failure = ClientFailure.refused(
          code: "removed", message: "the server took this client out of the room")
        actions.append(.outcome(ticket, .failure(failure)))
      }
    }
    tell(room, .removed(code: code))
  }

  /// A message in a room.
  ///
  /// - Parameters:
  ///   - mark: what it is known again by on another connection.
  ///   - isOld: the connection that the client moves away from brought it.
  mutating func received(
    _ room: RoomName, _ message: RoomMessage, epoch: String?, mark: String?, isOld: Bool,
    _ now: MonotonicInstant
  ) {
    if var wish = rooms[room], isOld ? wish.isKept : wish.standing == .joined {
      guard !wish.isBehind else { return }
      let isLate = isOld && wish.standing == .joined
      guard move.takes(message.offset, after: wish.place, mark, isLate: isLate, now) else { return }
      let before = wish.place
      let verdict = wish.place.take(offset: message.offset, epoch: epoch)
      guard verdict != .repeated else { return }
      wish.before = before
      rooms[room] = wish
      if verdict == .behindHole { tell(room, .gap) }
      tell(room, .message(message))
    } else if var entry = given[room], isOld ? entry.isKept : entry.isHere {
      let isLate = isOld && entry.isHere
      guard move.takes(message.offset, after: entry.place, mark, isLate: isLate, now) else {
        return
      }
      let verdict = entry.place.take(offset: message.offset, epoch: epoch)
      guard verdict != .repeated else { return }
      given[room] = entry
      if verdict == .behindHole { tell(room, .gap) }
      tell(room, .message(message))
    }
    // Anything else was left: the server did not know yet.
  }

  /// Something else in a room.
  mutating func received(
    _ room: RoomName, _ event: RoomEvent, isOld: Bool, _ now: MonotonicInstant
  ) {
    if var wish = rooms[room], isOld ? wish.isKept : wish.standing == .joined {
      guard move.takes(event, room, isLate: isOld && wish.standing == .joined, now) else { return }
      switch event {
      case .joined, .left, .members, .presenceReset:
        if wish.isBehind { wish.hasMissedPresence = true }
        wish.before = nil
      case .gap where !wish.isBehind: wish.place.hasToldHole = true
      case .reset(let position) where !wish.isBehind:
        wish.place = RoomPlace(position: position)
        wish.before = nil
      default: break
      }
      rooms[room] = wish
      if !wish.isBehind { tell(room, event) }
    } else if var entry = given[room], isOld ? entry.isKept : entry.isHere {
      guard move.takes(event, room, isLate: isOld && entry.isHere, now) else { return }
      if event == .gap { entry.place.hasToldHole = true }
      if case .reset(let position) = event { entry.place = RoomPlace(position: position) }
      given[room] = entry
      tell(room, event)
    }
  }
}
