// The judge: what was promised, held against what every member was given, as it comes. Pure:
// whoever drives it tells what was sent, answered and received, with the time, and gets sentences
// back.
//
// For rooms with history the offset is the proof: each member's next message must be the next
// offset, the same offset must be the same publish for all, and an acknowledged publish must stand
// where its answer said. Then nothing can be lost, doubled or out of order without a member's
// cursor seeing it, and the memory is that of the publishes and the members. Rooms without history
// have no offsets: there each member's messages of one publisher must come in order and without a
// hole.

public import RoostEventLoop

/// A room of a run.
public struct SoakRoom: Equatable, Sendable {
  /// Its name.
  public let name: String
  /// Whether its namespace keeps a history.
  public let keepsHistory: Bool
  /// Whether its members are told who is there.
  public let hasPresence: Bool

  /// Puts a room together.
  public init(name: String, keepsHistory: Bool, hasPresence: Bool = false) {
    self.name = name
    self.keepsHistory = keepsHistory
    self.hasPresence = hasPresence
  }
}

/// What happened, in numbers.
public struct JudgeCounts: Equatable, Sendable {
  /// Publishes that were sent.
  public var published = 0
  /// Those that were acknowledged.
  public var acknowledged = 0
  /// Those that were refused.
  public var refused = 0
  /// Those that may have been done.
  public var unknown = 0
  /// Messages that members were given live.
  public var delivered = 0
  /// Messages that members were given behind a join, because they had missed them.
  public var recovered = 0
  /// Joins that were answered.
  public var joins = 0
  /// Joins that went on where the member had stopped.
  public var recoveries = 0
  /// Holes that were announced with a cause.
  public var announced = 0
  /// Lists of who is there that observers were told.
  public var presenceLists = 0
  /// Comings and goings that observers were told.
  public var presenceEvents = 0
  /// Times that an observer was told to read the list again.
  public var presenceResets = 0

  /// Nothing.
  public init() {}
}

/// The judge of one run, or of the rooms of one thread.
///
/// One thread at a time. Members are named by the numbers that `addMember` gives.
public struct Judge: Sendable {
  let rooms: [SoakRoom]
  var records: [RoomRecord]
  var members: [MemberRecord] = []
  /// What happened so far.
  public internal(set) var counts = JudgeCounts()
  /// What is wrong so far.
  public internal(set) var findings: Findings
  /// When something may be announced as missing.
  public var causes = Causes()
  /// Messages that a room keeps, at least: who missed more may be reset.
  let historyMessages: Int
  /// Who is in which room, and who was told what about it.
  var presence: PresenceBook

  /// A judge of these rooms.
  ///
  /// - Parameters:
  ///   - historyMessages: messages that a room with history keeps.
  ///   - findingsMax: findings of a kind that are kept with their sentences.
  public init(rooms: [SoakRoom], historyMessages: Int, findingsMax: Int) {
    self.rooms = rooms
    self.historyMessages = historyMessages
    records = rooms.map { RoomRecord(name: $0.name, keepsHistory: $0.keepsHistory) }
    findings = Findings(keptMax: findingsMax)
    presence = PresenceBook(rooms: rooms)
  }

  /// Adds a client as a member of a room; it is not in it before `joined`.
  ///
  /// - Parameter observes: whether what it is told of others is kept, in rooms with presence.
  public mutating func addMember(client: Int, room: Int, observes: Bool = false) -> Int {
    members.append(MemberRecord(room: Int32(room), client: Int32(client)))
    let member = members.count - 1
    if observes, presence.rooms[room] != nil {
      presence.rooms[room]?.observers.append(member)
      presence.views[member] = PresenceView()
    }
    return member
  }

  // MARK: Publishing

  /// A client is about to publish into a room: the number of the publish.
  public mutating func publish(room: Int, publisher: Int) -> Int {
    var record = PublishRecord(publisher: Int32(publisher))
    let life = records[room].newestLife
    if life < records[room].lives.count {
      record.floor = UInt32(clamping: records[room].lives[life].acknowledgedTop)
      record.floorLife = UInt16(clamping: life)
    }
    records[room].publishes.append(record)
    counts.published += 1
    return records[room].publishes.count - 1
  }

  /// A publish was acknowledged, in rooms with history with its place.
  public mutating func acknowledged(
    room: Int, number: Int, epoch: String?, offset: Int64?, at now: MonotonicInstant
  ) {
    guard var record = take(room, number, as: .acknowledged) else { return }
    counts.acknowledged += 1
    defer { records[room].publishes[number] = record }
    guard records[room].keepsHistory else { return }
    guard let epoch, let offset, offset > 0, offset < Int64(UInt32.max),
      let life = records[room].life(epoch)
    else {
      return findings.add(
        .contradiction, "\(publishName(room, number)) was acknowledged without a place")
    }
    record.acknowledged = UInt32(offset)
    if record.delivered == 0 { record.life = UInt16(clamping: life) }
    let top = records[room].lives[life].acknowledgedTop
    records[room].lives[life].acknowledgedTop = max(top, offset)
    let isLate = record.floorLife == life && offset <= Int64(record.floor)
    if isLate, record.delivered == 0 || Int64(record.delivered) == offset {
      findings.add(
        .reordered,
        "\(publishName(room, number)) was acknowledged at offset \(offset), although offset "
          + "\(record.floor) had been acknowledged before it was sent")
    }
    if record.delivered > 0, Int64(record.delivered) != offset,
      !causes.hasHad(.dataLoss)
    {
      findings.add(
        .contradiction,
        "\(publishName(room, number)) was acknowledged at offset \(offset) and delivered at "
          + "\(record.delivered)")
    }
    if let other = records[room].lives[life].number(at: offset), other != number,
      !causes.hasHad(.dataLoss)
    {
      findings.add(
        .lost,
        "\(publishName(room, number)) was acknowledged at offset \(offset), where members were "
          + "given publish \(other)")
    }
  }

  /// A publish was refused: it was certainly not done.
  public mutating func refused(room: Int, number: Int, code: String) {
    guard let record = take(room, number, as: .refused) else { return }
    counts.refused += 1
    if record.delivered > 0 {
      findings.add(
        .refusedDelivered,
        "\(publishName(room, number)) was refused with \(code) and had been delivered at offset "
          + "\(record.delivered)")
    }
  }

  /// Nobody knows what became of a publish.
  public mutating func unknown(room: Int, number: Int) {
    guard take(room, number, as: .unknown) != nil else { return }
    counts.unknown += 1
  }

  private mutating func take(
    _ room: Int, _ number: Int, as standing: PublishRecord.Standing
  ) -> PublishRecord? {
    guard records[room].publishes.indices.contains(number) else { return nil }
    guard records[room].publishes[number].standing == .pending else {
      findings.add(.contradiction, "\(publishName(room, number)) was answered twice")
      return nil
    }
    records[room].publishes[number].standing = standing
    return records[room].publishes[number]
  }

  // MARK: Names

  func publishName(_ room: Int, _ number: Int) -> String {
    let publisher = records[room].publishes[number].publisher
    return "publish \(number) of client \(publisher) in \(records[room].name)"
  }

  func memberName(_ member: Int) -> String {
    "client \(members[member].client) in \(records[Int(members[member].room)].name)"
  }

  // MARK: Looking

  /// Whether a member is in its room.
  public func isIn(_ member: Int) -> Bool { members[member].isIn }

  /// Where a member goes on after a cut, as a careful client keeps it; nil before its first join
  /// and in rooms without history.
  public func position(of member: Int) -> (epoch: String, offset: Int64)? {
    let record = members[member]
    let room = records[Int(record.room)]
    guard record.life >= 0, record.offset >= 0, room.keepsHistory else { return nil }
    return (room.lives[record.life].epoch, record.offset)
  }

  /// Whether a member has all that was acknowledged in its room.
  public func isLevel(_ member: Int) -> Bool {
    let record = members[member]
    let room = records[Int(record.room)]
    guard record.isIn else { return false }
    guard room.keepsHistory else {
      return missing(of: member).isEmpty
    }
    guard record.life >= 0 else { return false }
    let life = room.lives[record.life]
    return record.offset >= max(life.acknowledgedTop, life.seenTop)
  }
}
