// What comes in goes to the judge first, as it was on the wire, and then to the client's own logic.

import RoostClient
import RoostEventLoop
import RoostRooms
import RoostWebSocket

extension EngineCore {
  mutating func read(
    _ client: SoakClient, _ link: SoakLink, _ now: MonotonicInstant
  ) {
    let connection = link.connection
    link.heardAt = now
    let isSlow = client.kind == .slow && link.isWelcome && !isCalm
    let limit = isSlow ? 256 : Self.readBytes
    let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<limit])
    // The messages are copied out: what they lead to may need all of the core.
    var messages: [[UInt8]] = []
    let end = connection.read(into: part, &inflater, mask: { RandomBits.mask() }) { kind, bytes in
      guard kind == .text else { return }
      messages.append(bytes.withUnsafeBufferPointer { Array($0) })
    }
    for message in messages {
      take(client, link, message, now)
      // A machine may have hung up over it.
      guard client.links.contains(where: { $0 === link }) else { return }
    }
    markDirty(client)
    ended(client, link, end, now)
    if isSlow, client.connection === connection {
      connection.setReading(false, poller)
    }
  }

  private mutating func take(
    _ client: SoakClient, _ link: SoakLink, _ text: [UInt8], _ now: MonotonicInstant
  ) {
    guard let object = WireObject(text.span) else {
      return judge.findings.add(.corrupted, "client \(client.index) was given what is no object")
    }
    if object.kind == .welcome {
      link.node = object.node ?? ""
      welcomed(client, link, as: object.connection, now)
    }
    guard client.kind.isJudged else { return }
    // The harness asked, so that the client's own logic is not told.
    if object.id == Judge.presenceRequest {
      return toldPresence(link.member, object.members(in: text.span), now)
    }
    judge(client, link.member, object, text, now)
    if object.kind == .ok || object.kind == .presenceReset { askForPresence(client, now) }
    switch client.logic {
    case .ours:
      client.machine.received(link.number, text: text.span, now: now)
      settle(client, now)
    case .stock: follow(client, link, object, now)
    }
  }

  /// Whether an object is about the room that the client has joined.
  private func isOfRoom(_ client: SoakClient, _ object: WireObject) -> Bool {
    object.room == client.roomName.bytes
  }

  private mutating func judge(
    _ client: SoakClient, _ member: Int, _ object: WireObject, _ text: [UInt8],
    _ now: MonotonicInstant
  ) {
    guard isOfRoom(client, object) else { return }
    switch object.kind {
    case .message:
      guard let data = object.data else { return }
      let receipt = judge.received(
        member, text[data], epoch: object.epoch, offset: object.offset, at: now)
      note(receipt, client, now)
    case .ok:
      // The answers to publishes name no room.
      var position: (epoch: String, offset: Int64)?
      if let epoch = object.epoch, let offset = object.offset { position = (epoch, offset) }
      judge.joined(member, position: position, recovered: object.recovered, at: now)
      judge.entered(member, at: now)
    case .gap: judge.gap(member, at: now)
    case .reset:
      judge.reset(
        member, epoch: object.epoch ?? "", offset: object.offset ?? 0, at: now)
    case .joined, .left:
      guard let id = object.connection else { return }
      judge.told(member, id, isIn: object.kind == .joined, at: now)
    case .presenceReset: judge.presenceReset(member, at: now)
    case .welcome, .error, .draining, .other: break
    }
  }

  // MARK: Presence

  /// Asks for the lists that are wanted.
  mutating func askForPresence(_ now: MonotonicInstant) {
    for client in clients where !client.members.isEmpty { askForPresence(client, now) }
  }

  private mutating func askForPresence(_ client: SoakClient, _ now: MonotonicInstant) {
    for link in client.links where judge.wantsPresence(link.member, at: now) {
      let request = Judge.presenceRequest
      send(
        client, link,
        Array(#"{"type":"presence","id":\#(request),"room":"\#(client.roomName)"}"#.utf8))
      judge.askedPresence(link.member)
    }
  }

  private mutating func toldPresence(
    _ member: Int, _ list: [String]?, _ now: MonotonicInstant
  ) {
    guard let list else { return judge.refusedPresence(member, at: now) }
    judge.told(member, list, at: now)
  }

  private mutating func note(
    _ receipt: Judge.Receipt, _ client: SoakClient, _ now: MonotonicInstant
  ) {
    switch receipt {
    case .live(let parcel):
      second.delivered += 1
      let time = now.since(MonotonicInstant(nanoseconds: parcel.dueNanoseconds))
      // Slow and frozen clients measure themselves.
      guard client.kind != .slow, client.kind != .frozen else { return }
      figures.live.add(time)
      second.live.add(time)
    case .recovered(let parcel):
      second.recovered += 1
      figures.late.add(now.since(MonotonicInstant(nanoseconds: parcel.dueNanoseconds)))
    case .other: break
    }
  }

  // MARK: Stock clients

  private mutating func follow(
    _ client: SoakClient, _ link: SoakLink, _ object: WireObject, _ now: MonotonicInstant
  ) {
    switch object.kind {
    case .welcome: join(client, link)
    case .ok where object.id > 0:
      guard let number = client.outstanding.removeValue(forKey: UInt64(object.id)) else { return }
      acknowledged(client, number, object.epoch, object.offset, now)
    case .error where object.id > 0:
      guard let number = client.outstanding.removeValue(forKey: UInt64(object.id)) else { return }
      switch object.code {
      case "unknown", "internal": judge.unknown(room: client.room, number: number)
      default: judge.refused(room: client.room, number: number, code: object.code ?? "no code")
      }
    case .error where object.id == 0:
      // The join: as most programs do, it begins anew.
      let retryAfter = object.retryAfterMilliseconds.map { Duration.milliseconds($0) }
      link.connection.close(code: 1000, mask: makeMask())
      _ = link.connection.flush(poller)
      forget(client, link, now)
      comeBack(client, retryAfter, now)
    default: break
    }
  }

  private mutating func join(_ client: SoakClient, _ link: SoakLink) {
    var text = #"{"type":"join","id":0,"room":"\#(client.roomName)""#
    if let position = judge.position(of: link.member) {
      text += #","since":{"epoch":"\#(position.epoch)","offset":\#(position.offset)}"#
    }
    send(client, link, Array((text + "}").utf8))
  }
}

/// Fresh bits for masks (RFC 6455, 5.3).
enum RandomBits {
  static func mask() -> UInt32 { UInt32.random(in: .min ... .max) }
}
