// Runs the parts of a backplane, one a shard, without shards: commands and events travel as they do
// between threads, in order from one shard to another and in no order between different pairs. The
// clock is a number.

import Backplane
import RoostRooms
import Testing

/// Shards without threads around one backplane.
final class BackplaneHarness {
  /// Something on its way from one shard to another.
  private enum Letter {
    case command(BackplaneCommand)
    case event(BackplaneEvent)
  }

  let shardCount: Int
  /// What was read of revocations, for shard 0 of any node.
  private(set) var revocations: [(records: [RevocationRecord], isLast: Bool)] = []
  /// What tickets are made with, as each shard was told last.
  private(set) var terms: [Int: ResumptionTerms] = [:]
  /// The mids of envelopes, in the order of their coming to any shard.
  private(set) var mids: [UInt64] = []
  private(set) var now = Moment(
    monotonic: .seconds(1_000), wallMilliseconds: 1_700_000_000_000)
  /// Events that came to each shard and were not taken yet.
  private(set) var inboxes: [[BackplaneEvent]]

  private let parts: [any BackplanePart]
  /// What carries commands and events in place of letters.
  private let network: (any BackplaneNetwork)?
  // One queue for each pair of shards: from * shardCount + to.
  private var letters: [[Letter]]
  /// Tickets that were given; each is the slot of the newest.
  private(set) var tickets: UInt64 = 0

  convenience init(
    _ setup: BackplaneSetup, _ policies: [RoomPolicy], _ limits: LocalBackplaneLimits
  ) {
    do {
      self.init(try setup.kind.make(setup.shardCount, policies, limits))
    } catch {
      preconditionFailure("\(setup.kind.name): \(error)")
    }
  }

  init(_ made: BackplaneParts) {
    let count = made.parts.count
    shardCount = count
    parts = made.parts
    network = made.network
    inboxes = Array(repeating: [], count: count)
    letters = Array(repeating: [], count: count * count)
  }

  /// Shards that are nodes of a cluster, one each, or all of its only node.
  convenience init(_ cluster: RedisCluster, shardCount: Int) {
    let parts = (0..<shardCount).map {
      RedisPart(cluster, node: cluster.nodes.count > 1 ? $0 : 0, shard: $0)
    }
    self.init(BackplaneParts(parts: parts, network: cluster))
  }

  /// The last shard: with more than one, never the first.
  var lastShard: Int { shardCount - 1 }

  /// Sizes over all shards.
  var figures: BackplaneFigures {
    parts.reduce(into: BackplaneFigures()) { sum, part in
      let figures = part.figures
      sum.rooms += figures.rooms
      sum.logEntries += figures.logEntries
      sum.logBytes += figures.logBytes
      sum.keys += figures.keys
    }
  }

  // MARK: Time

  func advance(_ time: Duration) {
    let (seconds, attoseconds) = time.components
    now = Moment(
      monotonic: now.monotonic + time,
      wallMilliseconds: now.wallMilliseconds + seconds * 1000 + attoseconds / 1_000_000_000_000_000)
  }

  /// Sweeps every shard and delivers what comes of it.
  func sweep() {
    for shard in 0..<shardCount { route(parts[shard].sweep(at: now), from: shard) }
    settle()
  }

  // MARK: Letters

  /// Hands a command to a shard's part; what it sends to other shards waits.
  func submit(_ command: BackplaneCommand, on shard: Int) {
    route(parts[shard].submit(command, at: now), from: shard)
    collect()
  }

  /// Pairs of shards between which letters wait.
  var waiting: [Int] { letters.indices.filter { !letters[$0].isEmpty } }

  /// Delivers the oldest letter of one pair of shards.
  func deliver(pair: Int) {
    let shard = pair % shardCount
    switch letters[pair].removeFirst() {
    case .command(let command): submit(command, on: shard)
    case .event(let event): inboxes[shard].append(event)
    }
  }

  /// Delivers until nothing waits.
  func settle() {
    repeat {
      while let pair = waiting.first { deliver(pair: pair) }
      network?.settle(at: now)
      collect()
    } while !waiting.isEmpty
  }

  /// Lets something happen between the parts, where it is not letters that travel.
  func step() {
    network?.step(at: now)
    collect()
  }

  private func collect() {
    for (shard, event) in network?.take() ?? [] {
      // These come by themselves whenever a link opens.
      switch event {
      case .revocations(let records, let isLast):
        if shard == 0 { revocations.append((records, isLast)) }
      case .resumption(let terms): self.terms[shard] = terms
      case .envelope(let envelope):
        // Random numbers, which no test can foresee.
        mids.append(envelope.mid)
        inboxes[shard].append(.envelope(envelope.withoutMid))
      default: inboxes[shard].append(event.withoutMids)
      }
    }
  }

  private func route(_ items: [BackplaneOutbox.Item], from shard: Int) {
    for item in items {
      switch item {
      case .event(shard, let event): inboxes[shard].append(event)
      case .event(let other, let event):
        letters[shard * shardCount + other].append(.event(event))
      case .command(let other, let command):
        #expect(other != shard, "a part passed a command on to itself")
        letters[shard * shardCount + other].append(.command(command))
      }
    }
  }

  // MARK: Asking

  /// A ticket that no other question has.
  func ticket(_ shard: Int) -> ReplyTicket {
    tickets += 1
    return ReplyTicket(shard: shard, slot: tickets, id: Array("\(tickets)".utf8), askedAt: 7)
  }

  /// Empties a shard's inbox.
  func take(_ shard: Int) -> [BackplaneEvent] {
    defer { inboxes[shard] = [] }
    return inboxes[shard]
  }

  /// Forgets what was read of revocations, and returns it.
  func takeRevocations() -> [(records: [RevocationRecord], isLast: Bool)] {
    defer { revocations = [] }
    return revocations
  }

  /// Forgets the mids so far, and returns them.
  func takeMids() -> [UInt64] {
    defer { mids = [] }
    return mids
  }

  /// Empties all inboxes.
  func takeAll() -> [[BackplaneEvent]] { (0..<shardCount).map { take($0) } }

  /// Empties all inboxes and tells whether they were empty.
  func isSilent() -> Bool { takeAll().joined().isEmpty }

  /// Submits a command, lets everything settle and takes its answer, which must be the only one.
  func ask(_ command: BackplaneCommand, _ ticket: ReplyTicket) throws -> BackplaneEvent {
    submit(command, on: ticket.shard)
    settle()
    var answers: [BackplaneEvent] = []
    for shard in 0..<shardCount {
      let found = inboxes[shard].filter { $0.ticket == ticket }
      #expect(shard == ticket.shard || found.isEmpty, "the answer came to shard \(shard)")
      answers += found
      inboxes[shard].removeAll { $0.ticket == ticket }
    }
    try #require(answers.count == 1, "\(answers.count) answers to \(command)")
    return answers[0]
  }
}

extension BackplaneEvent {
  /// The message that an envelope brings.
  var envelope: Envelope? {
    guard case .envelope(let envelope) = self else { return nil }
    return envelope
  }
}

extension Envelope {
  var withoutMid: Envelope {
    Envelope(
      room: room, position: position, payload: payload, sender: sender,
      wallMilliseconds: wallMilliseconds, startsEpoch: startsEpoch)
  }
}

extension LogEntry {
  var withoutMid: LogEntry {
    LogEntry(
      offset: offset, payload: payload, sender: sender, wallMilliseconds: wallMilliseconds)
  }
}

extension BackplaneEvent {
  /// The event with messages that say no mid.
  var withoutMids: BackplaneEvent {
    switch self {
    case .joined(let ticket, let room, let receipt):
      .joined(
        ticket, room,
        JoinReceipt(
          members: receipt.members, position: receipt.position, recovered: receipt.recovered,
          missed: receipt.missed.map(\.withoutMid), after: receipt.after,
          isComplete: receipt.isComplete, isDegraded: receipt.isDegraded))
    case .replayed(let ticket, let room, .entries(let entries, let position, let isComplete)):
      .replayed(
        ticket, room,
        .entries(entries.map(\.withoutMid), position: position, isComplete: isComplete))
    case .history(let ticket, let entries, let position, let recovered):
      .history(ticket, entries.map(\.withoutMid), position, recovered: recovered)
    default: self
    }
  }
}

extension LocalBackplaneLimits {
  /// Bounds that no test meets by accident.
  static let generous = LocalBackplaneLimits(
    logBytesMax: 1 << 20, keysMax: 1000, keyWindow: .seconds(300), idleRoomsMax: 1000,
    presenceEventsMax: 100, pageBytesMax: 1 << 16)
}

extension RoomPolicy {
  /// Rooms that keep nothing.
  static let plain = RoomPolicy()

  /// Rooms that keep so much.
  static func logged(
    _ messages: Int = 100, for lifetime: Duration = .seconds(60), bytes: Int = 1 << 16
  ) -> RoomPolicy {
    var policy = RoomPolicy()
    policy.history = HistoryPolicy(messages: messages, lifetime: lifetime, bytes: bytes)
    return policy
  }

  /// Rooms that know their members and tell of them.
  static let known: RoomPolicy = {
    var policy = RoomPolicy()
    policy.presence = true
    policy.presenceEvents = true
    return policy
  }()

  /// The same with a bound on members.
  func members(max: Int) -> RoomPolicy {
    var policy = self
    policy.membersMax = max
    return policy
  }
}
