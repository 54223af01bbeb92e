// The backplane of a single node: no thread, no Redis. Every room has a home shard, found by its
// name; the home numbers its messages, keeps its log and knows its members, and sends one event to
// each shard that has members. With one shard everything happens in place.

import RoostCrypto
public import RoostRooms

/// Bounds of the in-process backplane, per shard.
public struct LocalBackplaneLimits: Sendable, Equatable {
  /// Bytes of message data in all logs together; the oldest messages go first.
  public let logBytesMax: Int
  /// Idempotency keys remembered.
  public let keysMax: Int
  /// How long a key is remembered.
  public let keyWindow: Duration
  /// Rooms that are kept without members and messages, so that positions stay valid.
  public let idleRoomsMax: Int
  /// Members above which a room gets counts instead of single presence events.
  public let presenceEventsMax: Int
  /// Bytes of message data in one answer.
  public let pageBytesMax: Int

  /// Puts limits together.
  public init(
    logBytesMax: Int, keysMax: Int, keyWindow: Duration, idleRoomsMax: Int,
    presenceEventsMax: Int, pageBytesMax: Int
  ) {
    self.logBytesMax = logBytesMax
    self.keysMax = keysMax
    self.keyWindow = keyWindow
    self.idleRoomsMax = idleRoomsMax
    self.presenceEventsMax = presenceEventsMax
    self.pageBytesMax = pageBytesMax
  }
}

/// One shard's part of the in-process backplane.
///
/// Owned by that shard.
public struct LocalBackplane: MessageBackplane, ~Copyable {
  private struct Room: Sendable {
    let name: RoomName
    let policy: Int32
    var memberCounts: [UInt32]
    var memberCount = 0
    var members = MemberList()
    var epoch: Epoch?
    var lastOffset: UInt64 = 0
    var log = RoomLog()
    var idleSince: Duration?
    var countIsDue = false
  }

  /// Where a message stands: the place of its room, the number of that place's tenant, the offset.
  private struct AppendNote: Sendable {
    let index: Int
    let tenant: UInt64
    let offset: UInt64
  }

  // Who this is.
  private let shard: Int
  private let shardCount: Int
  private let node: String
  private let policies: [RoomPolicy]
  private let limits: LocalBackplaneLimits

  // Rooms whose home is here.
  private var rooms: [Room?] = []
  private var tenants: [UInt64] = []
  private var free: [Int] = []
  private var indices: [RoomName: Int] = [:]
  private var nextTenant: UInt64 = 0
  private var idleRooms = 0

  // Over all rooms.
  private var keys: KeyWindow
  private var appended: [AppendNote] = []
  private var appendedHead = 0
  private var logBytes = 0
  private var logEntries = 0
  private var countsDue: [RoomName] = []
  private var sweepCursor = 0

  // The cluster, which is this node; on shard 0.
  private var questions: [UInt64: ReplyTicket] = [:]
  private var lastQuestion: UInt64 = 0
  private var announcement: [UInt8] = []

  /// The part of shard `shard` of `shardCount`.
  ///
  /// - Parameters:
  ///   - node: the node's id.
  ///   - policies: the table that the commands' policy numbers refer to.
  public init(
    shard: Int, shardCount: Int, node: String, policies: [RoomPolicy], limits: LocalBackplaneLimits
  ) {
    precondition(shard >= 0 && shard < shardCount && shardCount <= 64, "shard \(shard)")
    self.node = node
    self.shard = shard
    self.shardCount = shardCount
    self.policies = policies
    self.limits = limits
    keys = KeyWindow(window: limits.keyWindow, keysMax: limits.keysMax)
  }

  /// The shard that is the home of a room.
  public static func home(of room: RoomName, shardCount: Int) -> Int {
    guard shardCount > 1 else { return 0 }
    // FNV-1a: the same on every shard, which Swift's seeded hashes within one process also are,
    // but stable in tests. Nobody gains by choosing names for one shard.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in room.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return Int((hash ^ (hash >> 32)) % UInt64(shardCount))
  }

  /// Sizes, for metrics.
  public var figures: BackplaneFigures {
    var figures = BackplaneFigures()
    figures.rooms = indices.count
    figures.logEntries = logEntries
    figures.logBytes = logBytes
    figures.keys = keys.count
    return figures
  }

  /// Carries out a command here, or passes it on to the home of its room.
  public mutating func submit(
    _ command: BackplaneCommand, at now: Moment, into outbox: inout BackplaneOutbox
  ) {
    let home = command.room.map { Self.home(of: $0, shardCount: shardCount) } ?? 0
    guard home == shard else {
      outbox.items.append(.command(shard: home, command))
      return
    }
    switch command {
    case .publish(let publish): self.publish(publish, now, &outbox)
    case .join(let join): self.join(join, now, &outbox)
    case .replay(let room, let after, let pageBytesMax, let ticket):
      let page = replay(room, after, min(pageBytesMax, limits.pageBytesMax), now)
      outbox.items.append(.event(shard: ticket.shard, .replayed(ticket, room, page)))
    case .leave(let room, let connection, let shard): leave(room, connection, shard, now, &outbox)
    case .presence(let room, let limit, let after, let ticket):
      let page = presence(room, limit, after)
      outbox.items.append(
        .event(shard: ticket.shard, .presence(ticket, page.members, next: page.next)))
    case .history(let room, let policy, let since, let limit, let reverse, let ticket):
      history(room, policy, since, limit, reverse, ticket, now, &outbox)
    case .describe(let room, let policy, let ticket): describe(room, policy, ticket, now, &outbox)
    case .clear(let room, let policy, let ticket): clear(room, policy, ticket, &outbox)
    case .ask(let question):
      // Nobody else is there to be asked.
      lastQuestion += 1
      questions[lastQuestion] = question.ticket
      let id = QuestionID(asker: node, number: lastQuestion)
      outbox.items.append(.event(shard: 0, .asked(id, question.text)))
    case .answer(let question, let text):
      guard let ticket = questions.removeValue(forKey: question.number) else { return }
      let answers = ClusterAnswers(answers: [(node, text)], missing: [])
      outbox.items.append(.event(shard: ticket.shard, .answered(ticket, answers)))
    case .announce(let text): announcement = text
    case .nodes(let ticket):
      let listing = NodeListing(
        id: node, incarnation: node, isSelf: true, leaseAge: nil, announcement: announcement)
      outbox.items.append(.event(shard: ticket.shard, .nodes(ticket, [listing])))
    }
  }

  // MARK: Publishing

  private mutating func publish(
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
      wallMilliseconds: time)
    tell(.envelope(envelope), to: index, &outbox)
  }

  private mutating func append(
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
  private mutating func evictOldest() {
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
  private func isKept(_ note: AppendNote) -> Bool {
    guard tenants[note.index] == note.tenant, let first = rooms[note.index]?.log.firstOffset
    else { return false }
    return first <= note.offset
  }

  // MARK: Membership

  private mutating func join(
    _ command: JoinCommand, _ now: Moment, _ outbox: inout BackplaneOutbox
  ) {
    let policy = policies[Int(command.policy)]
    let shard = command.ticket.shard
    if policy.membersMax > 0, let known = indices[command.room],
      let count = rooms[known]?.memberCount, count >= policy.membersMax
    {
      return fail(command.ticket, command.room, .roomIsFull, &outbox)
    }
    let index = room(command.room, command.policy, now)
    let epoch: Epoch? = policy.history.isOn ? self.epoch(of: index) : nil
    if Self.knowsMembers(policy) {
      let isNew = rooms[index]?.members.add(command.member) ?? false
      precondition(isNew, "\(command.member.connection) joined \(command.room) twice")
    }
    // The others are told first: the newcomer learns of itself by its own `ok`.
    if policy.presence {
      announce(.memberJoined(command.room, command.member), index, policy, &outbox)
    }
    rooms[index]?.memberCounts[shard] += 1
    rooms[index]?.memberCount += 1
    endIdleness(index)
    trim(index, policy.history, now)
    guard let room = rooms[index] else { preconditionFailure("room \(index) is not in use") }
    let position = epoch.map { Position(epoch: $0, offset: room.lastOffset) }
    var recovered: Bool?
    var missed: [LogEntry] = []
    var isComplete = true
    if let since = command.since {
      if let position, isUnbroken(room, since, position) {
        recovered = true
        missed = room.log.entries(
          after: since.offset, bytesMax: min(command.pageBytesMax, limits.pageBytesMax),
          countMax: .max)
        isComplete = (missed.last?.offset ?? since.offset) == position.offset
      } else {
        recovered = false
      }
    }
    let receipt = JoinReceipt(
      members: room.memberCount, position: position, recovered: recovered, missed: missed,
      after: recovered == true ? command.since?.offset ?? 0 : 0, isComplete: isComplete)
    outbox.items.append(
      .event(shard: shard, .joined(command.ticket, command.room, receipt)))
  }

  /// Whether the log still has everything after `since`.
  private func isUnbroken(_ room: Room, _ since: Position, _ newest: Position) -> Bool {
    guard since.epoch == newest.epoch, since.offset <= newest.offset else { return false }
    if since.offset == newest.offset { return true }
    guard let first = room.log.firstOffset else { return false }
    return first <= since.offset + 1
  }

  private mutating func replay(
    _ name: RoomName, _ after: Position, _ pageBytesMax: Int, _ now: Moment
  ) -> ReplayPage {
    guard let index = indices[name], let policy = rooms[index]?.policy else {
      return .lost(Position(epoch: after.epoch, offset: after.offset))
    }
    trim(index, policies[Int(policy)].history, now)
    let newest = Position(epoch: epoch(of: index), offset: rooms[index]?.lastOffset ?? 0)
    guard let room = rooms[index], isUnbroken(room, after, newest) else { return .lost(newest) }
    let entries = room.log.entries(
      after: after.offset, bytesMax: pageBytesMax, countMax: .max)
    let reached = entries.last?.offset ?? after.offset
    return .entries(entries, position: newest, isComplete: reached == newest.offset)
  }

  private mutating func leave(
    _ name: RoomName, _ connection: ConnectionID, _ shard: Int, _ now: Moment,
    _ outbox: inout BackplaneOutbox
  ) {
    let index = indices[name]
    // No copy of the room may be alive while its members change: the change would copy them all.
    let policy = index.flatMap { rooms[$0]?.policy }.map { policies[Int($0)] }
    let member = index.flatMap { rooms[$0]?.members.remove(connection) }
    if member == nil, policy.map(Self.knowsMembers) ?? true {
      // The leave of a join that found the room full was on its way before the refusal was known;
      // the room may have gone since. Where joins cannot fail, the counts below must be right.
      return
    }
    guard let index, let policy, let count = rooms[index]?.memberCounts[shard], count > 0 else {
      preconditionFailure("shard \(shard) left room \(name), which it had not joined")
    }
    rooms[index]?.memberCounts[shard] -= 1
    rooms[index]?.memberCount -= 1
    if policy.presence, let member {
      announce(.memberLeft(name, member), index, policy, &outbox)
    }
    if rooms[index]?.memberCount == 0 { becomeIdle(index, now) }
  }

  /// Whether a room keeps a list of its members: to tell who is in it, or to know whose join failed.
  private static func knowsMembers(_ policy: RoomPolicy) -> Bool {
    policy.presence || policy.membersMax > 0
  }

  private mutating func announce(
    _ event: BackplaneEvent, _ index: Int, _ policy: RoomPolicy, _ outbox: inout BackplaneOutbox
  ) {
    guard policy.presenceEvents, let room = rooms[index] else { return }
    guard room.memberCount <= limits.presenceEventsMax else {
      if !room.countIsDue {
        rooms[index]?.countIsDue = true
        countsDue.append(room.name)
      }
      return
    }
    tell(event, to: index, &outbox)
  }

  // MARK: Reading

  private func presence(
    _ name: RoomName, _ limit: Int, _ after: UInt64
  ) -> (members: [Member], next: UInt64?) {
    guard let index = indices[name], let room = rooms[index], policies[Int(room.policy)].presence
    else { return ([], nil) }
    return room.members.page(after: after, limit: limit)
  }

  private mutating func history(
    _ name: RoomName, _ policyNumber: Int32, _ since: Position?, _ limit: Int, _ reverse: Bool,
    _ ticket: ReplyTicket, _ now: Moment, _ outbox: inout BackplaneOutbox
  ) {
    let policy = policies[Int(policyNumber)]
    guard policy.history.isOn else { return fail(ticket, name, .historyIsOff, &outbox) }
    let index = room(name, policyNumber, now)
    trim(index, policy.history, now)
    let newest = Position(epoch: epoch(of: index), offset: rooms[index]?.lastOffset ?? 0)
    guard let room = rooms[index] else { preconditionFailure("room \(index) is not in use") }
    var recovered: Bool?
    var entries: [LogEntry] = []
    if let since, !reverse {
      recovered = isUnbroken(room, since, newest)
      if since.epoch == newest.epoch, since.offset <= newest.offset {
        entries = room.log.entries(
          after: since.offset, bytesMax: limits.pageBytesMax, countMax: limit)
      } else {
        entries = room.log.entries(after: 0, bytesMax: limits.pageBytesMax, countMax: limit)
      }
    } else if reverse {
      // Backwards from behind `since`, exclusive, or from the newest.
      if let since, since.epoch == newest.epoch {
        if since.offset > 0 {
          entries = room.log.entriesReversed(
            upTo: since.offset - 1, bytesMax: limits.pageBytesMax, countMax: limit)
        }
      } else {
        entries = room.log.entriesReversed(
          upTo: newest.offset, bytesMax: limits.pageBytesMax, countMax: limit)
      }
    } else {
      entries = room.log.entries(after: 0, bytesMax: limits.pageBytesMax, countMax: limit)
    }
    outbox.items.append(
      .event(shard: ticket.shard, .history(ticket, entries, newest, recovered: recovered)))
    if room.memberCount == 0, room.log.isEmpty { becomeIdle(index, now) }
  }

  private mutating func describe(
    _ name: RoomName, _ policyNumber: Int32, _ ticket: ReplyTicket, _ now: Moment,
    _ outbox: inout BackplaneOutbox
  ) {
    var position: Position?
    // A room without a log yet gets none by being looked at.
    if let index = indices[name], policies[Int(policyNumber)].history.isOn {
      position = Position(epoch: epoch(of: index), offset: rooms[index]?.lastOffset ?? 0)
    }
    let members = indices[name].flatMap { rooms[$0]?.memberCount } ?? 0
    outbox.items.append(
      .event(shard: ticket.shard, .described(ticket, members: members, position)))
  }

  private mutating func clear(
    _ name: RoomName, _ policyNumber: Int32, _ ticket: ReplyTicket,
    _ outbox: inout BackplaneOutbox
  ) {
    guard policies[Int(policyNumber)].history.isOn else {
      return fail(ticket, name, .historyIsOff, &outbox)
    }
    if let index = indices[name] {
      while rooms[index]?.log.isEmpty == false {
        logBytes -= rooms[index]?.log.removeFirst() ?? 0
        logEntries -= 1
      }
    }
    outbox.items.append(.event(shard: ticket.shard, .cleared(ticket)))
  }

  // MARK: Time

  /// Expires logs and idle rooms a part at a time, and sends the member counts that are due.
  public mutating func sweep(at now: Moment, into outbox: inout BackplaneOutbox) {
    keys.expire(now: now.monotonic)
    let due = countsDue
    countsDue = []
    for name in due {
      // A room that came and went since the last sweep may be due twice, and is told once.
      guard let index = indices[name], rooms[index]?.countIsDue == true,
        let count = rooms[index]?.memberCount
      else { continue }
      rooms[index]?.countIsDue = false
      tell(.memberCount(name, count), to: index, &outbox)
    }
    compact()
    // A thirtieth of the rooms each second: every room is looked at twice a minute.
    let portion = min(rooms.count, max(1000, rooms.count / 30 + 1))
    for _ in 0..<portion {
      sweepCursor = sweepCursor + 1 < rooms.count ? sweepCursor + 1 : 0
      guard let policyNumber = rooms[sweepCursor]?.policy else { continue }
      let policy = policies[Int(policyNumber)]
      trim(sweepCursor, policy.history, now)
      guard let room = rooms[sweepCursor], room.memberCount == 0, room.log.isEmpty else { continue }
      if let since = room.idleSince {
        if now.monotonic - since >= policy.history.lifetime * 10 { remove(sweepCursor) }
      } else {
        becomeIdle(sweepCursor, now)
      }
    }
  }

  /// Gives memory back after a crowd has left.
  private mutating func compact() {
    if indices.isEmpty {
      guard rooms.count > 64 else { return }
      rooms = []
      tenants = []
      free = []
      indices = [:]
      appended = []
      appendedHead = 0
      sweepCursor = 0
    } else if indices.capacity > 4 * indices.count + 1024 {
      indices = Dictionary(uniqueKeysWithValues: indices.map { ($0.key, $0.value) })
    }
  }

  private mutating func trim(_ index: Int, _ policy: HistoryPolicy, _ now: Moment) {
    guard let trimmed = rooms[index]?.log.trim(to: policy, now: now.monotonic) else { return }
    logEntries -= trimmed.messages
    logBytes -= trimmed.bytes
  }

  /// A room without members and messages stays for a while for its epoch and offset.
  private mutating func becomeIdle(_ index: Int, _ now: Moment) {
    guard let room = rooms[index], room.memberCount == 0, room.idleSince == nil else { return }
    guard policies[Int(room.policy)].history.isOn else { return remove(index) }
    guard room.log.isEmpty else { return }
    guard room.lastOffset > 0, idleRooms < limits.idleRoomsMax else { return remove(index) }
    rooms[index]?.idleSince = now.monotonic
    idleRooms += 1
  }

  private mutating func endIdleness(_ index: Int) {
    guard rooms[index]?.idleSince != nil else { return }
    rooms[index]?.idleSince = nil
    idleRooms -= 1
  }

  // MARK: Rooms

  private mutating func room(_ name: RoomName, _ policy: Int32, _ now: Moment) -> Int {
    if let index = indices[name] { return index }
    let room = Room(
      name: name, policy: policy, memberCounts: Array(repeating: 0, count: shardCount))
    nextTenant += 1
    let index: Int
    if let reused = free.popLast() {
      index = reused
      rooms[index] = room
      tenants[index] = nextTenant
    } else {
      index = rooms.count
      rooms.append(room)
      tenants.append(nextTenant)
    }
    indices[name] = index
    return index
  }

  private mutating func remove(_ index: Int) {
    guard let room = rooms[index] else { return }
    precondition(room.memberCount == 0 && room.log.isEmpty, "room \(room.name) is in use")
    if room.idleSince != nil { idleRooms -= 1 }
    indices.removeValue(forKey: room.name)
    rooms[index] = nil
    tenants[index] = 0
    free.append(index)
  }

  private mutating func epoch(of index: Int) -> Epoch {
    if let epoch = rooms[index]?.epoch { return epoch }
    let epoch = Epoch(high: RandomBytes.uint64(), low: RandomBytes.uint64())
    rooms[index]?.epoch = epoch
    return epoch
  }

  private func tell(_ event: BackplaneEvent, to index: Int, _ outbox: inout BackplaneOutbox) {
    guard let room = rooms[index] else { return }
    for (shard, count) in room.memberCounts.enumerated() where count > 0 {
      outbox.items.append(.event(shard: shard, event))
    }
  }

  private func fail(
    _ ticket: ReplyTicket?, _ room: RoomName, _ failure: BackplaneFailure,
    _ outbox: inout BackplaneOutbox
  ) {
    guard let ticket else { return }
    outbox.items.append(.event(shard: ticket.shard, .failed(ticket, room, failure)))
  }
}
