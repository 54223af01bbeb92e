// Presence in the judge: whoever observes a room believes what is true of it, within the bound. While
// the harness disturbs what presence rests on, and until the bound has passed behind that, a view may
// be old; a connection that is there all the time is never told to have left.

public import RoostEventLoop

extension Judge {
  /// The request that asks for a list, which no client's logic uses by itself.
  public static let presenceRequest: Int64 = -2

  // MARK: The truth

  /// A connection of a member was welcomed under an id.
  ///
  /// - Parameter readsLate: whether its client may not notice for seconds that it was closed.
  public mutating func welcomed(
    _ member: Int, as id: String, readsLate: Bool, at now: MonotonicInstant
  ) {
    let record = members[member]
    guard presence.rooms[Int(record.room)] != nil else { return }
    gone(member, at: now)
    presence.ids[member] = id
    presence.change(Int(record.room), id, client: record.client, at: now) {
      $0.welcomed += 1
      $0.readsLate = readsLate
    }
  }

  /// Its join was answered: it is in the room, and an observer's list is to be asked for.
  public mutating func entered(_ member: Int, at now: MonotonicInstant) {
    let record = members[member]
    guard let id = presence.ids[member] else { return }
    if presence.joined.insert(member).inserted {
      presence.change(Int(record.room), id, client: record.client, at: now) { $0.joined += 1 }
    }
    presence.views[member]?.stage = .wanted(now)
  }

  /// Its connection has ended.
  public mutating func gone(_ member: Int, at now: MonotonicInstant) {
    let record = members[member]
    guard let id = presence.ids.removeValue(forKey: member) else { return }
    let hadJoined = presence.joined.remove(member) != nil
    presence.change(Int(record.room), id, client: record.client, at: now) {
      $0.welcomed -= 1
      if hadJoined { $0.joined -= 1 }
    }
    if presence.views[member] != nil { presence.views[member] = PresenceView() }
  }

  /// From now on everybody reads what comes: nobody's end is noticed late.
  public mutating func everybodyReads(at now: MonotonicInstant) {
    for (member, id) in presence.ids {
      let record = members[member]
      presence.change(Int(record.room), id, client: record.client, at: now) {
        $0.readsLate = false
      }
    }
  }

  // MARK: The views

  /// Whether an observer's list is to be asked for now.
  public func wantsPresence(_ member: Int, at now: MonotonicInstant) -> Bool {
    guard case .wanted(let time) = presence.views[member]?.stage else { return false }
    return time <= now
  }

  /// The list was asked for.
  public mutating func askedPresence(_ member: Int) {
    presence.views[member]?.stage = .asked
    presence.views[member]?.unanswered += 1
    presence.views[member]?.waiting = []
  }

  /// The list could not be had: it is asked for again a little later.
  public mutating func refusedPresence(_ member: Int, at now: MonotonicInstant) {
    guard isLastAnswer(to: member) else { return }
    presence.views[member]?.stage = .wanted(now.advanced(by: .seconds(1)))
  }

  /// The list was told.
  public mutating func told(_ member: Int, _ list: [String], at now: MonotonicInstant) {
    counts.presenceLists += 1
    guard isLastAnswer(to: member) else { return }
    presence.views[member]?.take(list, at: now)
    presence.rooms[Int(members[member].room)]?.changed = now
  }

  private mutating func isLastAnswer(to member: Int) -> Bool {
    guard let view = presence.views[member], view.unanswered > 0 else { return false }
    presence.views[member]?.unanswered -= 1
    return view.unanswered == 1 && view.stage == .asked
  }

  /// An observer was told that somebody came or went.
  public mutating func told(_ member: Int, _ id: String, isIn: Bool, at now: MonotonicInstant) {
    guard presence.views[member] != nil else { return }
    counts.presenceEvents += 1
    presence.views[member]?.take(id, isIn: isIn, at: now)
    let room = Int(members[member].room)
    presence.rooms[room]?.changed = now
    guard !isIn, let entry = presence.rooms[room]?.attendance[id], entry.standing == .inside,
      let calm = causes.calmSince(.upset, at: now),
      now.since(max(entry.since, calm)) >= PresenceBook.bound,
      presence.doubts.count < PresenceBook.doubtsMax
    else { return }
    presence.doubts.append(
      DoubtedLeave(observer: member, id: id, at: now, since: entry.since))
  }

  /// An observer was told to read the list again.
  public mutating func presenceReset(_ member: Int, at now: MonotonicInstant) {
    guard let stage = presence.views[member]?.stage, stage != .away else { return }
    counts.presenceResets += 1
    presence.views[member]?.stage = .wanted(now)
  }

  /// All observers are to ask once more.
  public mutating func askPresenceAgain(at now: MonotonicInstant) {
    for (member, view) in presence.views where view.stage != .away {
      presence.views[member]?.stage = .wanted(now)
    }
  }

  // MARK: The verdict

  /// Holds what observers believe against what is true.
  ///
  /// Called about once a second: a room in which nothing has changed since it was last looked at
  /// costs nothing.
  public mutating func lookAtPresence(at now: MonotonicInstant) {
    guard let calm = causes.calmSince(.upset, at: now) else {
      // What is broken may make nodes take living connections for dead ones.
      return presence.doubts = []
    }
    judgeDoubts(now)
    for room in presence.rooms.indices {
      guard let changed = presence.rooms[room]?.changed else { continue }
      // Once more behind the bound, for what had still time then.
      let rest = max(changed, calm).advanced(by: PresenceBook.memory + .seconds(2))
      guard now <= rest else { continue }
      for observer in presence.rooms[room]?.observers ?? [] { judge(observer, room, calm, now) }
      forgetGone(room, calm, now)
    }
  }

  private mutating func judgeDoubts(_ now: MonotonicInstant) {
    let ripe = presence.doubts.filter { now.since($0.at) >= PresenceBook.doubtTime }
    guard !ripe.isEmpty else { return }
    presence.doubts.removeAll { now.since($0.at) >= PresenceBook.doubtTime }
    for doubt in ripe {
      let room = Int(members[doubt.observer].room)
      guard let entry = presence.rooms[room]?.attendance[doubt.id], entry.since == doubt.since,
        entry.standing == .inside
      else { continue }
      findings.add(
        .presenceWrong,
        "\(memberName(doubt.observer)) was told that client \(entry.client) had left, which was "
          + "there all the time")
    }
  }

  private mutating func judge(
    _ observer: Int, _ room: Int, _ calm: MonotonicInstant, _ now: MonotonicInstant
  ) {
    guard let view = presence.views[observer], case .known(let begin) = view.stage,
      now.since(begin) >= PresenceBook.bound, let attendance = presence.rooms[room]?.attendance
    else { return }
    var suspects: [String: MonotonicInstant] = [:]
    for (id, entry) in attendance where entry.standing == .inside {
      guard !view.believed.contains(id) else { continue }
      let time = now.since(max(entry.since, calm))
      guard time >= PresenceBook.bound else { continue }
      suspects[id] = view.suspects[id] ?? now
    }
    for id in view.believed where (attendance[id]?.standing ?? .outside) == .outside {
      // Who is not known any more left long ago.
      let time = now.since(max(attendance[id]?.since ?? .zero, max(calm, begin)))
      guard time >= PresenceBook.bound else { continue }
      suspects[id] = view.suspects[id] ?? now
    }
    for (id, first) in suspects where now.since(first) >= PresenceBook.doubtTime {
      suspects[id] = nil
      convict(observer, of: id, attendance[id], now)
    }
    presence.views[observer]?.suspects = suspects
  }

  /// Says what an observer was told wrongly, once: behind that it believes what it should.
  private mutating func convict(
    _ observer: Int, of id: String, _ entry: Attendance?, _ now: MonotonicInstant
  ) {
    let name = memberName(observer)
    guard let entry else {
      presence.views[observer]?.believed.remove(id)
      return findings.add(.presenceWrong, "\(name) takes \(id) for there, which nobody knows")
    }
    let time = Self.seconds(now.since(entry.since))
    if entry.standing == .inside {
      presence.views[observer]?.believed.insert(id)
      findings.add(
        .presenceWrong,
        "\(name) does not know of client \(entry.client), which has been there for \(time)")
    } else {
      presence.views[observer]?.believed.remove(id)
      findings.add(
        .presenceWrong,
        "\(name) still takes client \(entry.client) for there, which left \(time) ago")
    }
  }

  /// Those who left so long ago that nobody may believe in them any more are nobody.
  private mutating func forgetGone(
    _ room: Int, _ calm: MonotonicInstant, _ now: MonotonicInstant
  ) {
    let time = PresenceBook.memory
    let attendance = presence.rooms[room]?.attendance ?? [:]
    let gone = attendance.filter {
      $0.value.standing == .outside && now.since(max($0.value.since, calm)) >= time
    }
    for id in gone.keys { presence.rooms[room]?.attendance[id] = nil }
  }

  private static func seconds(_ time: Duration) -> String {
    Decimal.text(Double(time.millisecondsClamped) / 1000, digits: 1) + " s"
  }

  /// Whether every observer that is in its room believes what is true.
  public var isPresenceLevel: Bool {
    presence.views.allSatisfy { member, view in
      !members[member].isIn || presence.isRight(view, in: Int(members[member].room))
    }
  }

  /// The end: nothing is on its way any more, so that what is believed must be exactly what is true.
  mutating func concludePresence() {
    for (observer, view) in presence.views.sorted(by: { $0.key < $1.key })
    where members[observer].isIn {
      let room = Int(members[observer].room)
      let name = memberName(observer)
      guard case .known = view.stage else {
        findings.add(.presenceWrong, "\(name) was never told who is there")
        continue
      }
      let truth = presence.inside(room)
      for id in truth.subtracting(view.believed).sorted() {
        let client = presence.rooms[room]?.attendance[id]?.client ?? -1
        findings.add(.presenceWrong, "\(name) ended without knowing of client \(client)")
      }
      for id in view.believed.subtracting(truth).sorted() {
        let entry = presence.rooms[room]?.attendance[id]
        guard entry?.standing != .unclear else { continue }
        let who = entry.map { "client \($0.client)" } ?? id
        findings.add(.presenceWrong, "\(name) ended taking \(who) for there, which is not")
      }
    }
  }
}
