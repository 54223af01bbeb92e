// Whether every member was given every message of its room once and in order. Exact: what is passed
// over is kept until it comes, and what comes again is known from what was never passed over.

/// What went wrong.
///
/// One of these, and the figures say nothing.
public struct BenchFaults: Equatable, Sendable {
  /// Messages that a member was never given.
  public var lost = 0
  /// Messages that a member was given again.
  public var doubled = 0
  /// Messages that a member was given behind a later one.
  public var reordered = 0
  /// Messages that are not as they were sent, or were never sent.
  public var wrong = 0
  /// Connections that the node ended or refused.
  public var cut = 0

  /// Whether there is none.
  public var isEmpty: Bool { self == BenchFaults() }

  /// Lost, doubled and out of order, and behind them what else there is.
  var text: String {
    var text = "\(lost)/\(doubled)/\(reordered)"
    if wrong > 0 { text += ", \(wrong) wrong" }
    if cut > 0 { text += ", \(cut) cut" }
    return text
  }
}

/// What one member was given of one room.
struct BenchLedger {
  /// What a message was to the member.
  enum Receipt: Equatable {
    case inOrder
    /// It had been passed over.
    case late
    case again
  }

  /// Stretches of messages that may be missing at a time; of more, the oldest is given up for lost.
  static let holesMax = 64

  /// The number behind the highest that came.
  private(set) var next: UInt32 = 0
  private var holes: [Range<UInt32>] = []
  private var givenUp = 0

  mutating func receive(_ number: UInt32) -> Receipt {
    if number == next {
      next += 1
      return .inOrder
    }
    if number > next {
      if holes.count == Self.holesMax { givenUp += holes.removeFirst().count }
      holes.append(next..<number)
      next = number + 1
      return .inOrder
    }
    guard let place = holes.firstIndex(where: { $0.contains(number) }) else { return .again }
    let hole = holes.remove(at: place)
    // Both parts stay where the whole was: the oldest is the first.
    if number + 1 < hole.upperBound { holes.insert(number + 1..<hole.upperBound, at: place) }
    if hole.lowerBound < number { holes.insert(hole.lowerBound..<number, at: place) }
    return .late
  }

  /// How many of so many messages never came.
  func missing(of published: UInt32) -> Int {
    givenUp + holes.reduce(0) { $0 + $1.count } + Int(max(published, next) - next)
  }
}

/// The book of a whole run.
struct BenchTally {
  private var ledgers: [BenchLedger]
  /// Messages of each room so far.
  private(set) var published: [UInt32]
  private let membersOfRoom: [Int]
  /// What members have to be given, and what they were given, each message once.
  private(set) var expected = 0
  private(set) var received = 0
  private(set) var faults = BenchFaults()

  init(_ workload: BenchWorkload) {
    ledgers = Array(repeating: BenchLedger(), count: workload.connections)
    published = Array(repeating: 0, count: workload.rooms)
    membersOfRoom = (0..<workload.rooms).map(workload.members)
  }

  /// The number of a room's next message, which is published now.
  mutating func publish(in room: Int) -> UInt32 {
    let number = published[room]
    published[room] += 1
    expected += membersOfRoom[room]
    return number
  }

  /// A member of a room was given a message; whether that is one more of what it has to be given.
  mutating func receive(_ stamp: BenchStamp, member: Int, room: Int) -> Bool {
    guard stamp.room == UInt32(room), stamp.number < published[room] else {
      faults.wrong += 1
      return false
    }
    switch ledgers[member].receive(stamp.number) {
    case .inOrder: break
    case .late: faults.reordered += 1
    case .again:
      faults.doubled += 1
      return false
    }
    received += 1
    return true
  }

  /// A message came that cannot be read.
  mutating func receiveWrong() { faults.wrong += 1 }

  /// A connection ended that should not have.
  mutating func cut() { faults.cut += 1 }

  /// Nothing more comes: what is missing is lost.
  mutating func conclude(roomOf: (Int) -> Int) {
    faults.lost = ledgers.indices.reduce(0) {
      $0 + ledgers[$1].missing(of: published[roomOf($1)])
    }
  }
}
