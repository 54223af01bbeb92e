// Publishing: rules 1 to 8. What is published into a room within a tick leaves together. A script
// may be refused before it ran, and another node may load it meanwhile: so a room has one script in
// flight, and everything behind it waits for the answer. Waiting is also what makes batches.

import RoostCrypto
import RoostRooms
import Telemetry

extension RedisBackplane {
  /// Messages of one room in one command.
  static var batchMax: Int { 128 }
  /// Bytes of one room in one command.
  static var batchBytesMax: Int { 262_144 }

  mutating func publish(
    _ command: PublishCommand, _ now: Moment, _ outbox: inout BackplaneOutbox
  ) {
    guard isCommandReady else {
      return fail(command.ticket, command.room, unavailable(), &outbox)
    }
    let shape = shapes[Int(command.policy)]
    lastMid &+= 1
    publishTimes.note(
      lastMid, nanoseconds: command.ticket?.askedAt ?? nanoseconds(now.monotonic))
    let body = RedisEnvelope.lengthPrefixed(
      RedisEnvelope.Body(
        mid: (publisher, lastMid), payload: command.payload,
        sender: shape.policy.showsSender ? command.sender : nil,
        wallMilliseconds: shape.policy.showsTime ? now.wallMilliseconds : nil))
    guard waitingBytes + body.count <= settings.waitingBytesMax else {
      status.shed.add()
      return fail(command.ticket, command.room, unavailable(), &outbox)
    }
    let item = OutgoingPublish(
      body: body, dataBytes: command.payload.bytes.count,
      key: command.key.map { Self.outgoing($0, command.payload) },
      ticket: command.ticket, since: now.monotonic)
    enqueue(.publish(item), room(command.room, command.policy), now.monotonic)
  }

  /// Keys and data stand in Redis as hashes: a key may be a secret, and may be long.
  private static func outgoing(_ key: ScopedKey, _ payload: Payload) -> OutgoingKey {
    var text: [UInt8] = []
    for part in [key.scope, key.key] {
      text.append(contentsOf: "\(part.count):".utf8)
      text += part
    }
    let name = hexadecimal(Digest.sha256(text.span)[0..<16])
    return OutgoingKey(
      name: "key:" + String(decoding: name, as: UTF8.self),
      data: hexadecimal(Digest.sha256(payload.bytes.span)[0..<12]))
  }

  static func hexadecimal(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    bytes.flatMap { byte in [byte >> 4, byte & 15].map { $0 < 10 ? 48 + $0 : 87 + $0 } }
  }

  /// Puts something behind what the room already waits to send.
  mutating func enqueue(_ item: OutgoingItem, _ room: RedisRoom, _ now: Duration) {
    if case .publish(let publish) = item { waitingBytes += publish.body.count }
    if room.outgoing == nil {
      lastSession &+= 1
      room.outgoing = RoomOutgoing(session: lastSession, now: now)
    }
    room.outgoing?.waiting.append(item)
    room.outgoing?.lastUsed = now
    due(room)
  }

  private mutating func due(_ room: RedisRoom) {
    guard let outgoing = room.outgoing, !outgoing.isDue else { return }
    outgoing.isDue = true
    dueRooms.append(room)
  }

  /// Writes the commands of all rooms that have something to send.
  mutating func sendDue(_ now: Duration) {
    guard !dueRooms.isEmpty, isCommandReady else { return }
    let rooms = dueRooms
    dueRooms.removeAll(keepingCapacity: rooms.count <= 4096)
    for room in rooms {
      room.outgoing?.isDue = false
      send(room, now)
    }
  }

  private mutating func send(_ room: RedisRoom, _ now: Duration) {
    guard let outgoing = room.outgoing else { return }
    var next = 0
    while next < outgoing.waiting.count, outgoing.inFlight.isEmpty {
      switch outgoing.waiting[next] {
      case .leave:
        var members: [Member] = []
        while next < outgoing.waiting.count, members.count < Self.batchMax,
          case .leave(let member) = outgoing.waiting[next]
        {
          // Who came back meanwhile, over another connection, has not left.
          if !room.holds(member.connection) { members.append(member) }
          next += 1
        }
        sendLeave(room, members, now)
      case .publish(let first):
        let isScript = shapes[room.policy].hasHistory || first.key != nil
        var batch: [OutgoingPublish] = []
        var size = 0
        while next < outgoing.waiting.count, batch.count < Self.batchMax,
          case .publish(let item) = outgoing.waiting[next],
          (shapes[room.policy].hasHistory || item.key != nil) == isScript,
          batch.isEmpty || size + item.body.count <= Self.batchBytesMax
        {
          batch.append(item)
          size += item.body.count
          next += 1
        }
        waitingBytes -= size
        if isScript {
          outgoing.inFlight = batch.map { .publish($0) }
          sendScript(room, batch, now)
        } else {
          sendPlain(room, outgoing, batch, size, now)
        }
      }
    }
    outgoing.waiting.removeFirst(next)
  }

  private mutating func sendPlain(
    _ room: RedisRoom, _ outgoing: RoomOutgoing, _ batch: [OutgoingPublish], _ size: Int,
    _ now: Duration
  ) {
    let tickets = batch.compactMap(\.ticket)
    pipe.begin(3, tickets.isEmpty ? .nothing : .plain(tickets), at: now)
    pipe.add("PUBLISH")
    pipe.add(names.channel(room.name))
    var payload: [UInt8] = []
    payload.reserveCapacity(size + 24)
    RedisEnvelope.appendPlainHead(
      publisher: publisher, session: outgoing.session, first: outgoing.number + 1, to: &payload)
    for item in batch { payload += item.body }
    outgoing.number += UInt64(batch.count)
    pipe.add(payload)
    status.publishes.add(UInt64(batch.count))
    status.publishCommands.add()
  }

  private mutating func sendScript(_ room: RedisRoom, _ batch: [OutgoingPublish], _ now: Duration) {
    let shape = shapes[room.policy]
    status.publishes.add(UInt64(batch.count))
    status.publishCommands.add()
    let keys = batch.compactMap(\.key)
    if keys.isEmpty {
      pipe.call(.append, keys: 2, arguments: 9 + batch.count, .script(room), at: now)
      pipe.add(names.key(room.name, "meta"))
      pipe.add(names.key(room.name, "log"))
      pipe.add(era)
      pipe.add(freshEpoch)
      pipe.add(names.channel(room.name))
      pipe.add(shape.messages)
      pipe.add(shape.lifetime)
      pipe.add(shape.bytes)
      pipe.add(shape.metaLife)
      pipe.add(clockText)
      pipe.add(batch.map { String($0.dataBytes) }.joined(separator: " "))
      for item in batch { pipe.add(item.body) }
      return
    }
    pipe.call(
      .publish, keys: 3 + keys.count, arguments: 11 + 4 * batch.count, .script(room), at: now)
    pipe.add(names.key(room.name, "meta"))
    pipe.add(names.key(room.name, "log"))
    pipe.add(names.key(room.name, "keys"))
    for key in keys { pipe.add(names.key(room.name, key.name)) }
    pipe.add(era)
    pipe.add(Self.freshEpoch())
    pipe.add(names.channel(room.name))
    pipe.add(shape.messages)
    pipe.add(shape.lifetime)
    pipe.add(shape.bytes)
    pipe.add(shape.metaLife)
    pipe.add(Int(milliseconds(settings.keyWindow)))
    pipe.add(settings.keysPerRoom)
    pipe.add(clockText)
    pipe.add("K")
    var place = 0
    for item in batch {
      if item.key != nil { place += 1 }
      pipe.add(item.key == nil ? 0 : place)
      pipe.add(item.key?.data ?? [])
      pipe.add(item.dataBytes)
      pipe.add(item.body)
    }
  }

  /// 128 random bits for a room whose log begins: Lua's own random numbers repeat; rule 2.
  static func freshEpoch() -> [UInt8] {
    Epoch(high: RandomBytes.uint64(), low: RandomBytes.uint64()).digits
  }

  /// The time for scripts: Redis's own, which counts for all nodes, as the last probe told it; nothing
  /// before the first, and the script asks.
  var clockText: [UInt8] {
    sharedMilliseconds.map { Array(String($0).utf8) } ?? []
  }

  /// Seconds since 1970 by Redis's clock, or the node's own where Redis does not tell.
  ///
  /// For what all nodes see: one whose clock is wrong must not throw away what the others need.
  var sharedSeconds: Int64 {
    (sharedMilliseconds ?? wallMilliseconds) / 1000
  }

  private var sharedMilliseconds: Int64? {
    if settings.usesOwnClock { return wallMilliseconds }
    return redisClock.map { $0.milliseconds + milliseconds(nowMonotonic - $0.at) }
  }

  // MARK: Answers

  mutating func plainAnswered(
    _ tickets: [ReplyTicket], _ reply: RedisReply, _ outbox: inout BackplaneOutbox
  ) {
    guard reply.kind(0) == .error else {
      for ticket in tickets { answer(ticket, .published(ticket, nil), &outbox) }
      return
    }
    let failure = self.failure(of: reply)
    for ticket in tickets { fail(ticket, nil, failure, &outbox) }
  }

  mutating func scriptAnswered(
    _ room: RedisRoom, _ reply: RedisReply, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard let outgoing = room.outgoing else { return }
    let items = outgoing.inFlight
    outgoing.inFlight = []
    if reply.kind(0) == .error {
      switch RedisRefusal(reply) {
      case .unknownScript, .supersededEra:
        // Refused before it ran: all of it goes again, before anything behind it.
        outgoing.waiting.insert(contentsOf: items, at: 0)
        for case .publish(let item) in items { waitingBytes += item.body.count }
        handleRefusal(reply, now)
        due(room)
        return
      default:
        let failure = self.failure(of: reply)
        for case .publish(let item) in items { fail(item.ticket, room.name, failure, &outbox) }
      }
    } else {
      let isAppend = reply.kind(0) == .bulk
      let first = isAppend ? Self.position(reply.array(0)) : nil
      let epoch =
        first?.epoch ?? reply.child(0, of: 0).flatMap { Epoch(text: reply.array($0).span) }
      // Used up: another life of this room must bear another name.
      if let epoch, epoch.digits == freshEpoch { freshEpoch = Self.freshEpoch() }
      if isAppend {
        appended(items, first, &outbox, room.name)
        if !outgoing.waiting.isEmpty { due(room) }
        return
      }
      for (place, item) in items.enumerated() {
        guard case .publish(let publish) = item, let ticket = publish.ticket else { continue }
        guard let token = reply.child(place + 1, of: 0) else {
          fail(ticket, room.name, .unknown, &outbox)
          continue
        }
        switch reply.kind(token) {
        case .integer where reply.integer(token) >= 0:
          let offset = UInt64(reply.integer(token))
          let position = epoch.flatMap { offset > 0 ? Position(epoch: $0, offset: offset) : nil }
          answer(ticket, .published(ticket, position), &outbox)
        case .integer where reply.integer(token) == -1:
          fail(ticket, room.name, .keyConflict, &outbox)
        case .integer where reply.integer(token) == -2:
          fail(ticket, room.name, .keysExhausted, &outbox)
        case .integer: fail(ticket, room.name, unavailable(), &outbox)
        default:
          // Used before: the first result, `epoch:offset`.
          status.repeatedKeys.add()
          answer(ticket, .published(ticket, Self.position(reply.array(token))), &outbox)
        }
      }
    }
    if !outgoing.waiting.isEmpty { due(room) }
  }

  /// Tells each of a batch without keys its place.
  private func appended(
    _ items: [OutgoingItem], _ first: Position?, _ outbox: inout BackplaneOutbox, _ room: RoomName
  ) {
    for (place, item) in items.enumerated() {
      guard case .publish(let publish) = item, let ticket = publish.ticket else { continue }
      guard let first else {
        fail(ticket, room, .unknown, &outbox)
        continue
      }
      let position = Position(epoch: first.epoch, offset: first.offset + UInt64(place))
      answer(ticket, .published(ticket, position), &outbox)
    }
  }

  /// `epoch:offset`; nil without an epoch.
  static func position(_ text: [UInt8]) -> Position? {
    guard text.count > 33, let epoch = Epoch(text: Array(text[0..<32]).span),
      let offset = UInt64(String(decoding: text[33...], as: UTF8.self))
    else { return nil }
    return Position(epoch: epoch, offset: offset)
  }

  /// The command link is gone: what was handed over is unknown, what was not is not done.
  mutating func outgoingLost(_ room: RedisRoom, _ outbox: inout BackplaneOutbox) {
    guard let outgoing = room.outgoing else { return }
    var kept: [OutgoingItem] = []
    for item in outgoing.inFlight {
      guard case .publish(var publish) = item else { continue }
      if publish.key != nil {
        // A key makes it safe to say it again.
        publish.wasSent = true
        waitingBytes += publish.body.count
        kept.append(.publish(publish))
      } else {
        status.unknown.add()
        fail(publish.ticket, room.name, .unknown, &outbox)
      }
    }
    outgoing.inFlight = []
    for item in outgoing.waiting {
      switch item {
      case .publish(let publish) where publish.wasSent: kept.append(item)
      case .publish(let publish):
        waitingBytes -= publish.body.count
        fail(publish.ticket, room.name, unavailable(), &outbox)
      case .leave: needsRegistration(room)
      }
    }
    outgoing.waiting = kept
    if !kept.isEmpty { due(room) }
  }

  /// Gives up on publishes that were handed over long ago, while no link came back.
  mutating func expireOutgoing(_ now: Duration, _ outbox: inout BackplaneOutbox) {
    guard !isCommandReady, !dueRooms.isEmpty else { return }
    var left: [RedisRoom] = []
    for room in dueRooms {
      guard let outgoing = room.outgoing else { continue }
      outgoing.waiting.removeAll { item in
        guard case .publish(let publish) = item,
          now - publish.since > settings.replyTimeout + settings.replyTimeout
        else { return false }
        waitingBytes -= publish.body.count
        fail(
          publish.ticket, room.name, publish.wasSent ? .unknown : unavailable(), &outbox)
        return true
      }
      if outgoing.waiting.isEmpty { outgoing.isDue = false } else { left.append(room) }
    }
    dueRooms = left
  }
}
