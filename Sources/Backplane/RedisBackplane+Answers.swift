// From a reply of Redis to what it means, and from there to the one who waits.

import RoostRooms
import Telemetry

/// An error reply that is understood: rule 5 and the table of refusals.
enum RedisRefusal: Equatable {
  /// NOSCRIPT: the scripts were flushed. Load them and send again.
  case unknownScript
  /// ERA: the room has been in a newer era than this link. Ask who this is, and send again.
  case supersededEra
  /// LOADING, MASTERDOWN, READONLY, CLUSTERDOWN, TRYAGAIN, MOVED, ASK, BUSY: not now, or not here.
  case notServing
  /// OOM, NOREPLICAS, MISCONF: it serves, and takes no writes.
  case full
  /// NOAUTH, NOPERM, WRONGPASS: it does not let this node do that.
  case forbidden
  /// Anything else.
  case other

  init(_ reply: RedisReply) {
    switch reply.errorCode {
    case "NOSCRIPT": self = .unknownScript
    case "ERA": self = .supersededEra
    case "LOADING", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "TRYAGAIN", "MOVED", "ASK", "BUSY",
      "UNBLOCKED":
      self = .notServing
    case "OOM", "NOREPLICAS", "MISCONF": self = .full
    case "NOAUTH", "NOPERM", "WRONGPASS": self = .forbidden
    default: self = .other
    }
  }
}

extension RedisBackplane {
  func answer(
    _ ticket: ReplyTicket, _ event: BackplaneEvent, _ outbox: inout BackplaneOutbox
  ) {
    outbox.items.append(.event(shard: ticket.shard, event))
  }

  func fail(
    _ ticket: ReplyTicket?, _ room: RoomName?, _ failure: BackplaneFailure,
    _ outbox: inout BackplaneOutbox
  ) {
    guard let ticket else { return }
    outbox.items.append(.event(shard: ticket.shard, .failed(ticket, room, failure)))
  }

  mutating func unavailable() -> BackplaneFailure { .unavailable(retryAfter: retryAfter()) }

  /// What an error reply means to who asked; what it means to the link is done here, too.
  mutating func failure(of reply: RedisReply) -> BackplaneFailure {
    handleRefusal(reply, nowMonotonic)
    switch RedisRefusal(reply) {
    case .unknownScript, .supersededEra, .notServing, .full, .forbidden: return unavailable()
    case .other:
      status.unknown.add()
      return .unknown
    }
  }

  /// Does about an error what concerns the link.
  mutating func handleRefusal(_ reply: RedisReply, _ now: Duration) {
    let text = reply.string(0)
    status.noteError(text)
    switch RedisRefusal(reply) {
    case .unknownScript: loadScripts(now)
    case .supersededEra:
      askWho(now)
      // What is sent again before that answer is refused once more; what comes after it is not.
      eraRefusals += 1
      if eraRefusals > 1000 { closeCommands("Redis refuses its own era: \(text)") }
    case .notServing:
      // Another server may serve by now, behind the same name.
      closeCommands("Redis does not serve: \(text)")
    case .full, .forbidden, .other: break
    }
  }

  func milliseconds(_ duration: Duration) -> Int64 {
    let (seconds, attoseconds) = duration.components
    return seconds * 1000 + attoseconds / 1_000_000_000_000_000
  }

  /// Log entries of a script: offset, time, value of each, flat.
  ///
  /// Nil when one is not readable.
  func entries(_ reply: RedisReply, _ token: Int?, _ shape: PolicyShape) -> [LogEntry]? {
    guard let token, reply.kind(token) == .array else { return nil }
    var entries: [LogEntry] = []
    entries.reserveCapacity(reply.elementCount(token) / 3)
    var place = token + 1
    for _ in 0..<(reply.elementCount(token) / 3) {
      guard let offset = reply.decimal(place),
        let value = Self.body(inValue: reply.array(place + 2))
      else { return nil }
      entries.append(
        LogEntry(
          offset: offset, payload: value.payload,
          sender: shape.policy.showsSender ? value.sender : nil,
          wallMilliseconds: shape.policy.showsTime ? value.wallMilliseconds : nil,
          mid: value.identifier))
      place += 3
    }
    return entries
  }

  /// The body of an entry, behind its length.
  private static func body(inValue value: [UInt8]) -> RedisEnvelope.Body? {
    value.count >= 5 ? RedisEnvelope.body(of: value[4...]) : nil
  }

  /// The seams of a room, newest first: rule 3.
  static func seams(_ text: [UInt8]) -> [Position] {
    text.split(separator: UInt8(ascii: ";")).compactMap { seam in
      let parts = seam.split(separator: UInt8(ascii: ":"), maxSplits: 2)
      guard parts.count == 3, let epoch = Epoch(text: Array(parts[0]).span),
        let last = UInt64(String(decoding: parts[1], as: UTF8.self))
      else { return nil }
      return Position(epoch: epoch, offset: last)
    }
  }

  /// Whether a position lies on the way to the newest: in its epoch, or before the end of an earlier
  /// one that the log remembers.
  static func isOnTheWay(_ position: Position, to newest: Position, _ seams: [Position]) -> Bool {
    if position.epoch == newest.epoch { return position.offset <= newest.offset }
    return seams.contains { $0.epoch == position.epoch && position.offset <= $0.offset }
  }

  /// Whether entries run from behind an offset to another without a hole, as far as they go.
  static func isUnbroken(_ entries: [LogEntry], after offset: UInt64, to newest: UInt64) -> Bool {
    guard let first = entries.first, let last = entries.last else { return offset >= newest }
    return first.offset == offset + 1 && last.offset == offset + UInt64(entries.count)
      && last.offset <= newest
  }
}
