// What comes in: each object finds its concern. A type that is not known is of a later version and is
// passed over, and so is what is not as the protocol says: a client has nobody to complain to.

public import RoostEventLoop
import RoostJSON
import RoostRooms
import RoostWire

/// An `error` that answers a request.
struct Refusal {
  let code: String
  let message: String
  let retryAfter: Duration?

  var failure: ClientFailure { .refused(code: code, message: message) }
}

extension ClientMachine {
  /// A text message came: one object.
  public mutating func received(
    _ link: ClientLink, text: borrowing Span<UInt8>, now: MonotonicInstant
  ) {
    heard(link, now: now)
    guard let source = source(of: link) else { return }
    guard let object = ServerObject(text), let kind = object.kind else { return }
    switch source {
    case .dialled:
      guard kind == .welcome else { return }
      ticket = object.ticket(text)
      if isOpen {
        takeOver(session(object, text), now)
      } else {
        welcomed(session(object, text), now)
      }
      return
    case .old: receivedFromOld(kind, object, text, now)
    case .current: received(kind, object, text, now)
    }
    pump(now)
  }

  private mutating func received(
    _ kind: ServerObject.Kind, _ object: ServerObject, _ text: borrowing Span<UInt8>,
    _ now: MonotonicInstant
  ) {
    switch kind {
    case .ok: answered(object, text, now)
    case .error: failed(object, text, isOld: false, now)
    case .message: message(object, text, isOld: false, now)
    case .direct: direct(object, text, now)
    case .expiring:
      if let time = object.milliseconds("in_ms", text) { tokenExpires(in: time, now) }
    case .draining:
      isDraining = true
      let time = object.milliseconds("reconnect_after_ms", text) ?? .zero
      if let ticket = object.ticket(text) { planMove(with: ticket, at: now.advanced(by: time)) }
      tell(.draining(reconnectAfter: time))
    case .joined, .left, .members, .added, .removed, .gap, .presenceReset, .reset:
      guard let room = room(object, text) else { return }
      happened(kind, room, object, text, isOld: false, now)
    case .pong, .welcome: break
    }
  }

  /// The connection that the client moves away from answers what it was asked, and brings what it has.
  private mutating func receivedFromOld(
    _ kind: ServerObject.Kind, _ object: ServerObject, _ text: borrowing Span<UInt8>,
    _ now: MonotonicInstant
  ) {
    switch kind {
    case .ok: answered(object, text, now)
    case .error: failed(object, text, isOld: true, now)
    case .message: message(object, text, isOld: true, now)
    case .direct: direct(object, text, now)
    case .joined, .left, .members, .removed, .gap, .presenceReset, .reset:
      guard let room = room(object, text) else { return }
      happened(kind, room, object, text, isOld: true, now)
    // The new connection has its own.
    case .expiring, .draining, .added, .pong, .welcome: break
    }
  }

  /// A binary message came: a room's.
  public mutating func received(
    _ link: ClientLink, binary: borrowing Span<UInt8>, now: MonotonicInstant
  ) {
    heard(link, now: now)
    guard let source = source(of: link), source != .dialled else { return }
    guard let message = DeliveredBinary(binary) else { return }
    received(
      message.room, RoomMessage(.binary(message.payload), offset: message.offset), epoch: nil,
      mark: message.mark, isOld: source == .old, now)
  }

  private enum Source {
    case dialled, current, old
  }

  /// What a connection is to this client; nil for one that was let go.
  private func source(of link: ClientLink) -> Source? {
    if case .dialing = phase { return link == self.link ? .dialled : nil }
    guard isOpen else { return nil }
    if link == self.link { return .current }
    if link == move.dialledLink { return .dialled }
    return link == move.old?.link ? .old : nil
  }

  // MARK: Answers

  private mutating func answered(
    _ object: ServerObject, _ text: borrowing Span<UInt8>, _ now: MonotonicInstant
  ) {
    guard let id = object.id, let purpose = awaited.removeValue(forKey: id) else { return }
    switch purpose {
    case .join(let room):
      unanswered -= 1
      guard endJoin(room, request: id) else { return }
      joined(room, object, text, now)
    case .call(let ticket):
      unanswered -= 1
      succeeded(ticket, text)
    case .leave: break
    case .authentication: tokenTaken()
    }
  }

  private mutating func failed(
    _ object: ServerObject, _ text: borrowing Span<UInt8>, isOld: Bool, _ now: MonotonicInstant
  ) {
    let refusal = Refusal(
      code: object.string("code", text) ?? "internal",
      message: object.string("message", text) ?? "",
      retryAfter: object.milliseconds("retry_after_ms", text))
    let isHeld = refusal.code == "rate_limited" && !isOld
    if isHeld { hold(refusal.retryAfter, now) }
    guard let id = object.id else {
      // A message was dropped, and the server could not say which.
      if isHeld { repeatUnanswered() }
      return tell(.error(code: refusal.code, message: refusal.message))
    }
    guard let purpose = awaited.removeValue(forKey: id) else { return }
    switch purpose {
    case .join(let room):
      unanswered -= 1
      // Two joins were sent because one seemed lost: the second one is refused, and the first counts.
      if refusal.code == "bad_request", rooms[room]?.repeatedJoin == id {
        rooms[room]?.repeatedJoin = nil
        return
      }
      guard endJoin(room, request: id) else { return }
      joinFailed(room, refusal, now)
    case .call(let ticket):
      unanswered -= 1
      refusedCall(ticket, refusal, now)
    case .leave(let room):
      // Any other refusal says that it was not in the room any more: so much the better.
      guard refusal.code == "rate_limited" else { return }
      if rooms[room] == nil {
        unsentLeaves[room] = false
      } else {
        staying.insert(room)
      }
    case .authentication: tokenRefused(refusal.code, refusal.message, now)
    }
  }

  // MARK: Pushes

  private mutating func message(
    _ object: ServerObject, _ text: borrowing Span<UInt8>, isOld: Bool, _ now: MonotonicInstant
  ) {
    guard let room = room(object, text), let data = object.value("data", text) else { return }
    let message = RoomMessage(
      .json(data), offset: object.unsigned("offset", text), sender: object.member("from", text),
      wallMilliseconds: object.count("time", text))
    received(
      room, message, epoch: object.string("epoch", text), mark: object.mark(text), isOld: isOld, now
    )
  }

  private mutating func direct(
    _ object: ServerObject, _ text: borrowing Span<UInt8>, _ now: MonotonicInstant
  ) {
    guard let data = object.value("data", text) else { return }
    if let mark = object.mark(text), move.seen.isDouble(mark, at: now) { return }
    tell(.direct(data, from: object.member("from", text)))
  }

  private mutating func happened(
    _ kind: ServerObject.Kind, _ room: RoomName, _ object: ServerObject,
    _ text: borrowing Span<UInt8>, isOld: Bool, _ now: MonotonicInstant
  ) {
    switch kind {
    case .joined:
      if let member = object.member("member", text) {
        received(room, .joined(member), isOld: isOld, now)
      }
    case .left:
      if let member = object.member("member", text) {
        received(room, .left(member), isOld: isOld, now)
      }
    case .members:
      if let count = object.count("count", text) {
        received(room, .members(count), isOld: isOld, now)
      }
    case .gap: received(room, .gap, isOld: isOld, now)
    case .presenceReset: received(room, .presenceReset, isOld: isOld, now)
    case .reset:
      if let position = object.position(text) {
        received(room, .reset(position), isOld: isOld, now)
      }
    case .added: added(room, object.position(text))
    case .removed:
      let code = object.integer("code", text).flatMap { UInt16(exactly: $0) }
      removed(room, code: code ?? CloseCode.kicked.rawValue)
    case .ok, .pong, .error, .welcome, .message, .direct, .expiring, .draining: break
    }
  }

  private func room(_ object: ServerObject, _ text: borrowing Span<UInt8>) -> RoomName? {
    object.bytes("room", text).flatMap { try? RoomName($0) }
  }

  private func session(
    _ object: ServerObject, _ text: borrowing Span<UInt8>
  ) -> ClientSession {
    ClientSession(
      connection: object.string("connection", text) ?? "",
      node: object.string("node", text) ?? "", user: object.string("user", text),
      version: object.string("version", text) ?? "",
      pingInterval: object.milliseconds("ping_ms", text) ?? .zero,
      messageBytesMax: object.count("max_message_bytes", text) ?? .max,
      isResumed: object.bool("resumed", text) ?? false)
  }
}

/// A binary message as members get it.
struct DeliveredBinary {
  let room: RoomName
  let offset: UInt64?
  /// What it is known again by on another connection.
  let mark: String?
  let payload: [UInt8]

  /// Nil when the bytes are none.
  init?(_ message: borrowing Span<UInt8>) {
    guard message.count >= 3, message[0] == BinaryMessage.version else { return nil }
    var start = 3 + Int(message[2])
    guard message.count >= start else { return nil }
    var name: [UInt8] = []
    for index in 3..<start { name.append(message[index]) }
    guard let room = try? RoomName(name) else { return nil }
    self.room = room
    let hasOffset = message[1] & BinaryMessage.hasOffset != 0
    let hasMid = message[1] & BinaryMessage.hasMid != 0
    let numbers = (hasOffset ? 8 : 0) + (hasMid ? 8 : 0)
    guard message.count - start >= numbers else { return nil }
    offset = hasOffset ? Self.number(in: message, at: start) : nil
    start += numbers
    mark = hasMid ? String(Self.number(in: message, at: start - 8), radix: 16) : nil
    payload = message.extracting(start...).withUnsafeBufferPointer { Array($0) }
  }

  private static func number(in message: borrowing Span<UInt8>, at place: Int) -> UInt64 {
    var number: UInt64 = 0
    for index in place..<place + 8 { number = number << 8 | UInt64(message[index]) }
    return number
  }
}
