// What members are given, message by message, and what they are told about holes.

public import RoostEventLoop

extension Judge {
  /// What a message was to a member.
  public enum Receipt: Equatable, Sendable {
    /// It came as it should, when it was published.
    case live(Parcel)
    /// It came as it should, behind a join.
    case recovered(Parcel)
    /// It is none of the run, or there is something against it.
    case other
  }

  // MARK: Coming and going

  /// A client joins over this connection from a place that it has by its own account, or from none.
  ///
  /// For clients that keep their position themselves; others go on from where the judge has them.
  public mutating func begin(_ member: Int, since: (epoch: String, offset: Int64)?) {
    let room = Int(members[member].room)
    closeHoles(of: member)
    members[member].isIn = false
    members[member].hasJoined = since != nil
    members[member].offset = since?.offset ?? -1
    members[member].life = since.flatMap { records[room].life($0.epoch) } ?? -1
    members[member].recoveredTo = -1
  }

  /// A join was answered.
  ///
  /// - Parameters:
  ///   - position: the room's newest place, in rooms with history.
  ///   - recovered: what the answer says, when the join said where to go on.
  public mutating func joined(
    _ member: Int, position: (epoch: String, offset: Int64)?, recovered: Bool?,
    at now: MonotonicInstant
  ) {
    counts.joins += 1
    let room = Int(members[member].room)
    closeHoles(of: member)
    let before = members[member]
    members[member].isIn = true
    members[member].hasJoined = true
    guard records[room].keepsHistory else {
      members[member].last = [:]
      members[member].skipped = []
      members[member].from = records[room].publishes.count
      return
    }
    guard let position, let life = records[room].life(position.epoch) else {
      return findings.add(.contradiction, "\(memberName(member)) joined without a place")
    }
    members[member].life = life
    guard before.hasJoined else {
      members[member].offset = position.offset
      return
    }
    if recovered == true {
      counts.recoveries += 1
      members[member].recoveredTo = position.offset
      guard before.offset > position.offset else { return }
      return findings.add(
        .contradiction,
        "\(memberName(member)) had offset \(before.offset) and was told that it had recovered at "
          + "\(position.offset)")
    }
    members[member].offset = position.offset
    members[member].recoveredTo = -1
    guard recovered == false else {
      return findings.add(
        .contradiction,
        "\(memberName(member)) said where it had stopped and was not told whether it recovered")
    }
    let isTrimmed = position.offset - before.offset >= Int64(historyMessages)
    announced(
      member, "that it could not recover from offset \(before.offset)",
      isCaused: isTrimmed || causes.has(.dataLoss, at: now))
  }

  /// The member's connection is gone, or it left.
  public mutating func left(_ member: Int) {
    closeHoles(of: member)
    members[member].isIn = false
  }

  // MARK: Announcements

  /// The node says that messages may be missing.
  public mutating func gap(_ member: Int, at now: MonotonicInstant) {
    let room = Int(members[member].room)
    guard members[member].isIn else { return }
    guard !records[room].keepsHistory else {
      return announced(member, "of a gap, although the room has a history", isCaused: false)
    }
    announced(member, "of a gap", isCaused: causes.has(.interruption, at: now))
    members[member].last = [:]
    members[member].skipped = []
    members[member].from = records[room].publishes.count
  }

  /// The node says that messages are missing, and where the room goes on.
  public mutating func reset(
    _ member: Int, epoch: String, offset: Int64, at now: MonotonicInstant
  ) {
    let room = Int(members[member].room)
    guard members[member].isIn else { return }
    let before = members[member].offset
    let isTrimmed = offset - before >= Int64(historyMessages)
    announced(
      member, "of a reset behind offset \(before)",
      isCaused: isTrimmed || causes.has(.dataLoss, at: now))
    members[member].holes = []
    members[member].life = records[room].life(epoch) ?? members[member].life
    members[member].offset = offset
    members[member].recoveredTo = -1
  }

  private mutating func announced(_ member: Int, _ what: String, isCaused: Bool) {
    if isCaused {
      counts.announced += 1
    } else {
      findings.add(
        .announcedWithoutCause, "\(memberName(member)) was told \(what), and nothing had happened")
    }
  }

  // MARK: Messages

  /// A message came: its data as it stands between the quotation marks.
  public mutating func received(
    _ member: Int, _ data: ArraySlice<UInt8>, epoch: String?, offset: Int64?,
    at now: MonotonicInstant
  ) -> Receipt {
    let room = Int(members[member].room)
    guard members[member].isIn else {
      findings.add(
        .contradiction, "\(memberName(member)) was given a message before its join was answered")
      return .other
    }
    if records[room].keepsHistory {
      guard let offset else {
        findings.add(.corrupted, "\(memberName(member)) was given a message without an offset")
        return .other
      }
      guard step(member, epoch, to: offset) else { return .other }
    }
    let parcel: Parcel
    do throws(Parcel.Damage) {
      parcel = try Parcel(data)
    } catch {
      // Others may publish into a room of a running cluster.
      guard error == .checksum else { return .other }
      findings.add(
        .corrupted,
        "\(memberName(member)) was given \(placeName(offset)) with a wrong checksum")
      return .other
    }
    guard parcel.room == room, records[room].publishes.indices.contains(parcel.number) else {
      findings.add(
        .corrupted,
        "\(memberName(member)) was given \(placeName(offset)) with publish \(parcel.number) of "
          + "room \(parcel.room)")
      return .other
    }
    if records[room].publishes[parcel.number].standing == .refused {
      findings.add(
        .refusedDelivered,
        "\(memberName(member)) was given \(publishName(room, parcel.number)), which was refused")
      return .other
    }
    guard let offset else {
      return stepPlain(member, room, parcel) ? count(.live(parcel)) : .other
    }
    guard place(member, room, parcel.number, at: offset) else { return .other }
    let isLate = offset <= members[member].recoveredTo
    return count(isLate ? .recovered(parcel) : .live(parcel))
  }

  private mutating func count(_ receipt: Receipt) -> Receipt {
    if case .recovered = receipt { counts.recovered += 1 } else { counts.delivered += 1 }
    return receipt
  }

  private func placeName(_ offset: Int64?) -> String {
    offset.map { "offset \($0)" } ?? "a message"
  }

  /// Moves a member's cursor; false when the message is not to be looked at further.
  private mutating func step(_ member: Int, _ epoch: String?, to offset: Int64) -> Bool {
    let room = Int(members[member].room)
    if let epoch, let life = records[room].life(epoch) { members[member].life = life }
    let last = members[member].offset
    if offset == last + 1 {
      members[member].offset = offset
      return true
    }
    if offset <= last {
      guard let hole = members[member].holes.firstIndex(where: { $0.contains(offset) }) else {
        findings.add(
          .doubled, "\(memberName(member)) was given offset \(offset) again, behind \(last)")
        return false
      }
      let range = members[member].holes.remove(at: hole)
      if range.lowerBound < offset {
        members[member].holes.append(range.lowerBound...offset - 1)
      }
      if offset < range.upperBound {
        members[member].holes.append(offset + 1...range.upperBound)
      }
      findings.add(
        .reordered, "\(memberName(member)) was given offset \(offset) behind offset \(last)")
      return true
    }
    if members[member].holes.count == MemberRecord.openMax { closeHoles(of: member) }
    members[member].holes.append(last + 1...offset - 1)
    members[member].offset = offset
    return true
  }

  /// Holds what stands at an offset against what others were given there.
  private mutating func place(
    _ member: Int, _ room: Int, _ number: Int, at offset: Int64
  ) -> Bool {
    let life = members[member].life
    guard life >= 0 else { return false }
    if let other = records[room].lives[life].number(at: offset) {
      guard other != number else { return true }
      findings.add(
        .differing,
        "\(memberName(member)) was given publish \(number) at offset \(offset), where others were "
          + "given publish \(other)")
      return false
    }
    guard records[room].lives[life].set(number, at: offset) else {
      findings.add(
        .contradiction, "\(memberName(member)) was given offset \(offset), which cannot be")
      return false
    }
    let record = records[room].publishes[number]
    if record.delivered == 0 {
      records[room].publishes[number].delivered = UInt32(clamping: offset)
      records[room].publishes[number].life = UInt16(clamping: life)
    } else if Int64(record.delivered) != offset, !causes.hasHad(.dataLoss) {
      findings.add(
        .doubled,
        "\(publishName(room, number)) stands at offset \(offset) and at \(record.delivered)")
    }
    let isMoved = record.acknowledged > 0 && Int64(record.acknowledged) != offset
    if record.standing == .acknowledged, isMoved, !causes.hasHad(.dataLoss) {
      findings.add(
        .contradiction,
        "\(publishName(room, number)) was acknowledged at offset \(record.acknowledged) and "
          + "delivered at \(offset)")
    }
    return true
  }

  /// A message of a room without history.
  private mutating func stepPlain(_ member: Int, _ room: Int, _ parcel: Parcel) -> Bool {
    let publisher = records[room].publishes[parcel.number].publisher
    let last = members[member].last[publisher]
    if let last, parcel.number <= last {
      guard let place = members[member].skipped.firstIndex(of: parcel.number) else {
        // What may still have been on its way when its publisher went on has no order.
        if records[room].publishes[parcel.number].standing == .unknown { return true }
        findings.add(
          .doubled, "\(memberName(member)) was given publish \(parcel.number) again")
        return false
      }
      members[member].skipped.remove(at: place)
      findings.add(
        .reordered,
        "\(memberName(member)) was given publish \(parcel.number) behind publish \(last) of the "
          + "same client")
      return true
    }
    // What was sent before the join was answered may come or not; from the first one on all must.
    let next = last.map { $0 + 1 } ?? members[member].from
    if parcel.number > next {
      for number in next..<parcel.number
      where records[room].publishes[number].publisher == publisher {
        skip(member, room, number)
      }
    }
    members[member].last[publisher] = parcel.number
    return true
  }

  private mutating func skip(_ member: Int, _ room: Int, _ number: Int) {
    guard records[room].publishes[number].standing != .refused else { return }
    if members[member].skipped.count == MemberRecord.openMax {
      let oldest = members[member].skipped.removeFirst()
      if records[room].publishes[oldest].standing == .acknowledged {
        addLoss(member, room, oldest)
      }
    }
    members[member].skipped.append(number)
  }

  // MARK: What is missing

  /// What was passed over and nobody announced counts as lost.
  mutating func closeHoles(of member: Int) {
    guard !members[member].holes.isEmpty else { return }
    let holes = members[member].holes
    members[member].holes = []
    for hole in holes {
      let what =
        hole.count == 1
        ? "offset \(hole.lowerBound)" : "offsets \(hole.lowerBound) to \(hole.upperBound)"
      findings.add(
        .lost, times: hole.count,
        "\(memberName(member)) was never given \(what), and nobody said so")
    }
  }

  mutating func addLoss(_ member: Int, _ room: Int, _ number: Int) {
    findings.add(
      .lost,
      "\(memberName(member)) was never given \(publishName(room, number)), and nobody said so")
  }

  /// Acknowledged publishes that a member of a room without history still has to be given.
  func missing(of member: Int) -> [Int] {
    let record = members[member]
    let room = records[Int(record.room)]
    var missing = record.skipped.filter { room.publishes[$0].standing == .acknowledged }
    // From the end backwards: what is behind every cursor is few.
    var number = room.publishes.count - 1
    let lowest = min(record.from, record.last.values.min() ?? record.from)
    while number >= max(lowest, 0), number >= record.from {
      let publish = room.publishes[number]
      let last = record.last[publish.publisher] ?? -1
      if publish.standing == .acknowledged, number > last { missing.append(number) }
      number -= 1
    }
    return missing
  }

  // MARK: The end

  /// The end of the run: who is in a room has everything.
  public mutating func conclude() {
    concludePresence()
    for member in members.indices {
      closeHoles(of: member)
      guard members[member].isIn else { continue }
      let room = Int(members[member].room)
      guard records[room].keepsHistory else {
        for number in missing(of: member) { addLoss(member, room, number) }
        continue
      }
      guard members[member].life >= 0 else { continue }
      let life = records[room].lives[records[room].newestLife]
      let top = max(life.acknowledgedTop, life.seenTop)
      if members[member].life != records[room].newestLife {
        if top > 0, life.seenTop > 0 {
          findings.add(
            .lost, "\(memberName(member)) ended in an earlier life of the room and was not told")
        }
      } else if members[member].offset < top {
        findings.add(
          .lost,
          "\(memberName(member)) ended at offset \(members[member].offset), the room at \(top)")
      }
    }
  }
}
