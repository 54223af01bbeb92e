// Server-Sent Events (HTML Living Standard, 9.2): a room's messages as one endless HTTP response, for
// what cannot speak WebSocket. A stream is a connection in a phase of its own and a member like any
// other; what members get is written once for all streams, as it is for all plain frames.

import Auth
import Backplane
public import RoostEventLoop
public import RoostHTTP
public import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

/// A connection that the admin port hands to a shard, its request read and judged.
struct AdoptionLetter: Sendable {
  /// The socket; it belongs to who has the letter.
  let descriptor: Int32
  let address: SocketAddress
  let room: RoomName
  let since: Position?
  /// Its TLS, if the admin port speaks that.
  let tls: TLSHandover?
}

extension Core {
  // MARK: Beginning

  /// A stream that was asked for on the public port, where the room's `join` applies.
  ///
  /// The origin was judged already.
  mutating func beginStream(
    _ slot: Int32, _ head: RequestHead, _ room: RoomName, _ claimant: Claimant,
    isCounted: Bool, _ now: MonotonicInstant
  ) {
    var isCounted = isCounted
    // Every refusal below gives a place back that was taken before the callback was asked.
    defer { if isCounted { shared.admission.ended() } }
    guard !room.isUserRoom else { return refuseStream(slot, .userRoom, now) }
    guard let policy = rules.policies.number(for: room) else {
      return refuseStream(slot, .unconfigured(room), now)
    }
    if !isCounted,
      let refused = refusalAtDoor(slot, now)
    {
      return refuse(slot, refused.refusal, refused.retryAfter, now)
    }
    isCounted = true
    guard let admitted = admitted(claimant, slot, now) else { return }
    let identity = admitted.identity
    let permission = rules.policies[policy].join
    guard permission.allows(identity, in: room, isMember: false, action: .join) else {
      return refuseStream(
        slot,
        ServerFailure(
          code: .forbidden, status: 403,
          message: "The namespace's `join` is \"\(permission.rawValue)\"."), now)
    }
    if let user = identity.user {
      guard admitUser(user, now) else {
        return refuse(slot, .userConnections, .seconds(5), now)
      }
      connections[slot].session.isUserCounted = true
      users[user, default: []].append(slot)
    }
    connections[slot].session.identity = identity
    connections[slot].session.term = admitted.term
    connections[slot].streamOrigin = head.fields.value(of: .origin)
    isCounted = false
    countInCluster(slot, now)
    becomeStream(
      slot, room, policy, EventStreamID.position(of: head), isJudged: false, now)
  }

  /// A stream that came in on the admin port, where an API key opens every room.
  mutating func adopt(_ letter: AdoptionLetter, _ now: MonotonicInstant) {
    _ = shared.admission.entered(letter.address, rules.limits)
    guard !isDraining, !isStopped, let policy = rules.policies.number(for: letter.room),
      shared.admission.adopt()
    else {
      shared.admission.left(letter.address)
      return refuseAtOnce(letter.descriptor, 503, isSecured: letter.tls != nil)
    }
    // The descriptor moves here from the admin port's share.
    guard shared.beginSocket(), let token = connections.acquire() else {
      shared.endSocket()
      shared.admission.ended()
      shared.admission.left(letter.address)
      return refuseAtOnce(letter.descriptor, 503, isSecured: letter.tls != nil)
    }
    let slot = token.index
    connections[slot].descriptor = letter.descriptor
    connections[slot].tls = letter.tls?.transport
    connections[slot].token = token
    connections[slot].address = letter.address
    connections[slot].peer = letter.address
    connections[slot].isAddressCounted = true
    connections[slot].openedAt = now
    connections[slot].lastActivity = now
    connections[slot].phase = .request
    metrics.sockets.add(1)
    do {
      try poller.add(letter.descriptor, .readable, token: token.packed)
    } catch {
      metrics.acceptShortages.add()
      shared.admission.ended()
      return end(slot)
    }
    becomeStream(slot, letter.room, policy, letter.since, isJudged: true, now)
  }

  /// Sends the connection into its room; the response begins when it is there.
  private mutating func becomeStream(
    _ slot: Int32, _ room: RoomName, _ policy: Int32, _ since: Position?, isJudged: Bool,
    _ now: MonotonicInstant
  ) {
    metrics.streams.add(1)
    admittedCount += 1
    connections[slot].isAdmitted = true
    endHandshake(slot)
    connections[slot].phase = .stream
    connections[slot].variant = .events
    connections[slot].head = nil
    connections[slot].input.removeAll()
    connections[slot].limitQueue(to: UInt32(clamping: rules.limits.outboundBytes))
    connections[slot].deadline = now.advanced(byNanoseconds: rules.timing.handshake)
    arm(slot, at: connections[slot].deadline)
    // Whoever has an API key is asked no further.
    guard isJudged || !rules.outbound.wishes.contains(.join) else {
      return holdJoin(room, since, nil, slot)
    }
    enter(room, policy, since, nil, slot, isServerJoin: false, now)
  }

  mutating func refuseStream(
    _ slot: Int32, _ failure: ServerFailure, _ now: MonotonicInstant
  ) {
    var fields: [(String, String)] = []
    if let retryAfter = failure.retryAfter {
      fields.append(("Retry-After", String(max((retryAfter.millisecondsClamped + 999) / 1000, 1))))
    }
    respond(slot, failure.status, failure.message, fields: fields, keepAlive: false, now)
  }

  // MARK: Its room

  /// The join is done: the response begins, with what a WebSocket client reads in its `ok`.
  mutating func streamJoined(_ slot: Int32, _ room: RoomName, _ receipt: JoinReceipt) {
    var fields = [
      ("Content-Type", "text/event-stream"), ("Cache-Control", "no-store"),
      ("X-Accel-Buffering", "no"),
    ]
    if let origin = connections[slot].streamOrigin {
      fields += [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
      connections[slot].streamOrigin = nil
    }
    connections[slot].isStreamOpen = true
    metrics.httpResponses.add(2)
    enqueueBytes(ResponseWriter.head(status: 200, fields: fields, keepAlive: false).span, slot)
    // Rule 11 of the backplane: while missed messages are on their way, the client's own position
    // stands; otherwise it begins here.
    let position = receipt.recovered == true ? nil : receipt.position
    send(slot, position: position) {
      Reply.streaming(
        room: room, members: receipt.members, position: receipt.position,
        recovered: receipt.recovered, isDegraded: receipt.isDegraded, to: &$0)
    }
    scheduleHeartbeat(slot, MonotonicInstant.now())
  }

  /// The join was refused.
  mutating func streamFailed(_ slot: Int32, _ failure: BackplaneFailure, _ now: MonotonicInstant) {
    guard !connections[slot].isStreamOpen else { return }
    refuseStream(slot, ServerFailure(failure), now)
  }

  /// Ends the response; what is queued still goes out.
  mutating func endStream(_ slot: Int32, _ now: MonotonicInstant) {
    leaveAllRooms(slot, now)
    linger(slot, now)
  }

  // MARK: Time

  /// The join takes too long, or a comment is due that tells both ends that the other is there.
  mutating func streamDue(_ slot: Int32, _ now: MonotonicInstant) {
    guard connections[slot].isStreamOpen else {
      guard connections[slot].deadline <= now else {
        connections[slot].timerAt = connections[slot].deadline
        return
      }
      leaveAllRooms(slot, now)
      return refuseStream(
        slot, ServerFailure(.unavailable(retryAfter: .seconds(1))), now)
    }
    // A response cannot take a fresh token: its client asks anew.
    if let term = connections[slot].session.term, term.expiresAt <= now {
      return endStream(slot, now)
    }
    if connections[slot].queue.count < Int(connections[slot].queueMax) {
      let comment: [UInt8] = Array(":\n\n".utf8)
      enqueueBytes(comment.span, slot)
    }
    scheduleHeartbeat(slot, now)
  }

  private mutating func scheduleHeartbeat(_ slot: Int32, _ now: MonotonicInstant) {
    var next = connections[slot].session.term?.expiresAt ?? .distantFuture
    if rules.timing.ping > 0 {
      let interval = rules.timing.ping / 1000 * jitter.next(in: 950...1050)
      next = min(next, now.advanced(byNanoseconds: interval))
    }
    connections[slot].timerAt = .distantFuture
    if next != .distantFuture { arm(slot, at: next) }
  }

  // MARK: Writing

  /// Writes an object as an event into the arena; nil when there is no room for it.
  ///
  /// The object stands on one line and begins with its type, as all that the server sends does.
  mutating func writeEvent(_ object: Span<UInt8>, _ position: Position?) -> ArenaSlice? {
    guard arena.room >= object.count + 256 else { return nil }
    let mark = arena.mark()
    if let position {
      append("id: ")
      arena.append(position.epoch.digits.span)
      append(":\(position.offset)\n")
    }
    append("event: ")
    let start = 9
    var end = start
    while end < object.count, end < start + 32, object[end] != UInt8(ascii: "\"") { end += 1 }
    if end > start { arena.append(object.extracting(start..<end)) }
    append("\ndata: ")
    arena.append(object)
    append("\n\n")
    return arena.slice(from: mark)
  }

  private mutating func append(_ text: String) {
    arena.append(text.utf8.span)
  }

  /// An event for the streams among a room's members.
  mutating func eventSlice(
    _ kind: MessageKind, _ payload: Span<UInt8>, _ envelope: Envelope?, _ position: Position?
  ) -> ArenaSlice? {
    guard kind == .binary, let envelope else {
      return writeEvent(payload, envelope?.position ?? position)
    }
    // Opaque bytes go as base64 in an object, as in history.
    var object: [UInt8] = []
    Push.message(envelope, to: &object)
    return writeEvent(object.span, envelope.position)
  }
}

/// The id of an event: `EPOCH:OFFSET`.
public enum EventStreamID {
  /// The path's room; nil when the path is no event stream's.
  static func room(in head: RequestHead) -> [UInt8]? {
    guard let segments = head.pathSegments(), segments.count == 4,
      segments[0] == Array("v1".utf8), segments[1] == Array("rooms".utf8),
      segments[3] == Array("events".utf8)
    else { return nil }
    return segments[2]
  }

  /// The position behind which a client goes on, from `Last-Event-ID` or the query.
  ///
  /// An id that nobody here ever wrote is not an error: it cannot be recovered, which the client is
  /// told.
  public static func position(of head: RequestHead) -> Position? {
    let value = head.fields.valueBytes(of: "Last-Event-ID") ?? head.queryValue("last_event_id")
    guard let value, !value.isEmpty else { return nil }
    let unknown = Position(epoch: Epoch(high: 0, low: 0), offset: 0)
    guard value.count <= 64, let colon = value.firstIndex(of: UInt8(ascii: ":")),
      let epoch = Epoch(text: Array(value[..<colon]).span),
      let offset = UInt64(String(decoding: value[(colon + 1)...], as: UTF8.self))
    else { return unknown }
    return Position(epoch: epoch, offset: offset)
  }
}

extension Node {
  /// Why a room cannot be streamed to a holder of an API key; nil when it can.
  ///
  /// Any thread.
  public func streamRefusal(_ room: RoomName) -> ServerFailure? {
    if !shared.acceptsUpgrades { return .stopping }
    return shared.rules.policies.number(for: room) == nil ? .unconfigured(room) : nil
  }

  /// Gives a connection whose request for an event stream was judged to one of the shards.
  ///
  /// Any thread. False when no shard takes it: then the descriptor still belongs to the caller.
  public func adopt(
    descriptor: Int32, address: SocketAddress, room: RoomName, since: Position?,
    tls: TLSHandover?
  ) -> Bool {
    let shard = shared.nextAdopter()
    let letter = AdoptionLetter(
      descriptor: descriptor, address: address, room: room, since: since, tls: tls)
    return shared.mailboxes[shard].post([.adopt(letter)]) == 1
  }
}
