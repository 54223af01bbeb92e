// Publishing: a message gets its number and its place in the room's log, and all logs together keep
// within their bound.

import RoostRooms

extension LocalBackplane {
  mutating func publish(
    _ command: PublishCommand, _ now: Moment, _ outbox: inout BackplaneOutbox
  ) {
    let policy = policies[Int(command.policy)]
    var key: Fingerprint?
    var data: Fingerprint?
    if let scoped = command.key {
      keys.expire(now: now.monotonic)
      let keyPrint = Fingerprint([command.room.bytes, scoped.scope, scoped.key])
      let dataPrint = Fingerprint([command.payload.bytes])
      switch keys.outcome(of: keyPrint, data: dataPrint, now: now.monotonic) {
      case .unused: break
      case .repeated(let position):
        if let ticket = command.ticket {
          outbox.items.append(.event(shard: ticket.shard, .published(ticket, position)))
        }
        return
      case .conflict: return fail(command.ticket, command.room, .keyConflict, &outbox)
      }
      guard keys.hasRoom else { return fail(command.ticket, command.room, .keysExhausted, &outbox) }
      key = keyPrint
      data = dataPrint
    }
    var position: Position?
    let sender = policy.showsSender ? command.sender : nil
    let time = policy.showsTime ? now.wallMilliseconds : nil
    if policy.history.isOn {
      let index = room(command.room, command.policy, now)
      position = append(command.payload, sender, time, to: index, policy.history, now)
    }
    if let key, let data {
      keys.remember(key, data: data, position: position, now: now.monotonic)
    }
    if let ticket = command.ticket {
      outbox.items.append(.event(shard: ticket.shard, .published(ticket, position)))
    }
    guard let index = indices[command.room] else { return }
    let envelope = Envelope(
      room: command.room, position: position, payload: command.payload, sender: sender,
      wallMilliseconds: time,
      publishedAt: PublishTime(nanoseconds: command.ticket?.askedAt ?? 0))
    tell(.envelope(envelope), to: index, &outbox)
  }

  mutating func append(
    _ payload: Payload, _ sender: Member?, _ time: Int64?, to index: Int,
    _ history: HistoryPolicy, _ now: Moment
  ) -> Position {
    let epoch = epoch(of: index)
    endIdleness(index)
    guard var room = rooms[index].take() else { preconditionFailure("room \(index) is not in use") }
    room.lastOffset += 1
    let position = Position(epoch: epoch, offset: room.lastOffset)
    room.log.append(
      LogEntry(offset: position.offset, payload: payload, sender: sender, wallMilliseconds: time),
      at: now.monotonic)
    logEntries += 1
    logBytes += payload.bytes.count
    appended.append(
      AppendNote(index: index, tenant: tenants[index], offset: position.offset))
    let trimmed = room.log.trim(to: history, now: now.monotonic)
    logEntries -= trimmed.messages
    logBytes -= trimmed.bytes
    rooms[index] = room
    evictOldest()
    return position
  }

  /// Keeps all logs together within their bound: the oldest message of the shard goes first.
  mutating func evictOldest() {
    while logBytes > limits.logBytesMax, appendedHead < appended.count {
      let note = appended[appendedHead]
      appendedHead += 1
      // Messages that age or count removed leave their note behind.
      guard isKept(note) else { continue }
      logBytes -= rooms[note.index]?.log.removeFirst() ?? 0
      logEntries -= 1
    }
    // Notes of messages that are gone go once they outnumber the others. Afterwards each message
    // has one note, so as many publishes pass until the next time as this one looked at.
    guard appended.count > 2 * logEntries + 4096 else { return }
    appended = appended[appendedHead...].filter { isKept($0) }
    appendedHead = 0
  }

  /// Whether the message is still in its room's log.
  func isKept(_ note: AppendNote) -> Bool {
    guard tenants[note.index] == note.tenant, let first = rooms[note.index]?.log.firstOffset
    else { return false }
    return first <= note.offset
  }
}
