// Who is in each room with presence, as the harness knows it, and what its observers were told. The
// truth changes in one moment, what observers believe follows within a bound. Sizes follow from the
// rooms' members, never from the events.

import RoostEventLoop

/// One connection's id in one room.
///
/// A client that moves has two connections with one id for a while, which are one member.
struct Attendance: Sendable {
  enum Standing: Sendable {
    case inside
    /// It may be in the room or not: a join is on its way, or the client reads too late to know.
    case unclear
    case outside
  }

  let client: Int32
  /// Connections that were welcomed under this id and have not ended.
  var welcomed = 0
  /// Those of them whose join was answered.
  var joined = 0
  /// Whether the client learns of its own end too late to be believed.
  var readsLate: Bool
  /// When it last changed between inside, unclear and outside.
  var since: MonotonicInstant

  var standing: Standing {
    guard welcomed > 0 else { return .outside }
    return joined > 0 && !readsLate ? .inside : .unclear
  }
}

/// What one connection of an observer was told.
struct PresenceView: Sendable {
  enum Stage: Equatable, Sendable {
    /// Its join was not answered yet.
    case away
    /// The list is to be asked for, not before a time.
    case wanted(MonotonicInstant)
    /// The list was asked for.
    case asked
    /// The list came then, and events since then were applied to it.
    case known(MonotonicInstant)
  }

  /// Ids that one observer remembers, and events that wait for a list.
  static let idsMax = 4 * PresenceBook.membersMax

  var stage = Stage.away
  /// Requests without an answer; the list that counts is that of the last one.
  var unanswered = 0
  var believed: Set<String> = []
  /// What was told while the list was on its way: it may be older or newer than the list, and what
  /// is told of one id last is what counts.
  var waiting: [(id: String, isIn: Bool)] = []
  /// Ids of which it believes what has long been false, with the time when that was seen first.
  var suspects: [String: MonotonicInstant] = [:]

  /// A list was told.
  mutating func take(_ list: [String], at now: MonotonicInstant) {
    believed = Set(list.prefix(Self.idsMax))
    for event in waiting { apply(event.id, event.isIn) }
    waiting = []
    stage = .known(now)
  }

  /// Somebody came or went.
  mutating func take(_ id: String, isIn: Bool, at now: MonotonicInstant) {
    switch stage {
    // What is told before the list is asked for stands in the list.
    case .away, .wanted: return
    case .known: apply(id, isIn)
    case .asked:
      if waiting.count < Self.idsMax {
        waiting.append((id, isIn))
      } else {
        waiting = []
        stage = .wanted(now)
      }
    }
  }

  private mutating func apply(_ id: String, _ isIn: Bool) {
    if !isIn {
      believed.remove(id)
    } else if believed.count < Self.idsMax {
      believed.insert(id)
    }
  }
}

/// One room with presence.
struct PresenceRoom: Sendable {
  /// By id; those that are outside are kept for as long as somebody may still believe in them.
  var attendance: [String: Attendance] = [:]
  /// Members of the judge whose views are kept.
  var observers: [Int] = []
  /// When anything last changed, in truth or in a view.
  var changed = MonotonicInstant.zero
}

/// A `left` about somebody who was there.
struct DoubtedLeave: Sendable {
  let observer: Int
  let id: String
  let at: MonotonicInstant
  /// Since when the one that left had been there without a break.
  let since: MonotonicInstant
}

/// Presence of all rooms.
///
/// Owner: the judge.
struct PresenceBook: Sendable {
  /// How much later than the truth a view may be: a dead node's lease and two looks at it take 3.5 s,
  /// and the rest is for a machine that has more to do.
  static let bound = Duration.seconds(8)
  /// How long what speaks against a node waits: the end of a connection may be read a moment behind
  /// the `left` that tells of it.
  static let doubtTime = Duration.seconds(2)
  /// How long it is known who left.
  static let memory = bound + doubtTime + .seconds(2)
  /// Members of a room that can be judged: every observer's list has all of them.
  static let membersMax = 200
  /// Observers of one room.
  static let observersMax = 6
  /// Doubted leaves that wait at a time.
  static let doubtsMax = 1000

  /// By the judge's number; nil for rooms without presence.
  var rooms: [PresenceRoom?]
  /// By the judge's number of the member.
  var views: [Int: PresenceView] = [:]
  /// The ids under which members were welcomed, until their connections end.
  var ids: [Int: String] = [:]
  /// Members of `ids` whose join was answered.
  var joined: Set<Int> = []
  var doubts: [DoubtedLeave] = []

  init(rooms: [SoakRoom]) {
    self.rooms = rooms.map { $0.hasPresence ? PresenceRoom() : nil }
  }

  /// Changes what is true of an id.
  mutating func change(
    _ room: Int, _ id: String, client: Int32, at now: MonotonicInstant,
    _ body: (inout Attendance) -> Void
  ) {
    var entry =
      rooms[room]?.attendance[id] ?? Attendance(client: client, readsLate: false, since: now)
    let before = entry.standing
    body(&entry)
    precondition((0...entry.welcomed).contains(entry.joined), "\(entry) cannot be")
    if entry.standing != before { entry.since = now }
    rooms[room]?.attendance[id] = entry
    rooms[room]?.changed = now
  }

  /// Those who are inside.
  func inside(_ room: Int) -> Set<String> {
    Set((rooms[room]?.attendance ?? [:]).filter { $0.value.standing == .inside }.keys)
  }

  /// Whether an observer believes what is true, but for those of whom nobody knows.
  func isRight(_ view: PresenceView, in room: Int) -> Bool {
    guard case .known = view.stage else { return false }
    let attendance = rooms[room]?.attendance ?? [:]
    return view.believed.allSatisfy { (attendance[$0]?.standing ?? .outside) != .outside }
      && attendance.allSatisfy { $0.value.standing != .inside || view.believed.contains($0.key) }
  }
}
