// The backplane of a single node: no thread, no Redis. Every room has a home shard, found by its
// name; the home numbers its messages, keeps its log and knows its members, and sends one event to
// each shard that has members. With one shard everything happens in place. Its parts stand in the
// files `LocalBackplane+….swift`.

public import RoostRooms

/// One shard's part of the in-process backplane.
///
/// Owned by that shard.
public struct LocalBackplane: MessageBackplane, ~Copyable {
  struct Room: Sendable {
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
  struct AppendNote: Sendable {
    let index: Int
    let tenant: UInt64
    let offset: UInt64
  }

  // Who this is.
  let shard: Int
  let shardCount: Int
  let node: String
  var policies: [RoomPolicy]
  let limits: LocalBackplaneLimits

  // Rooms whose home is here.
  var rooms: [Room?] = []
  var tenants: [UInt64] = []
  var free: [Int] = []
  var indices: [RoomName: Int] = [:]
  var nextTenant: UInt64 = 0
  var idleRooms = 0

  // Over all rooms.
  var keys: KeyWindow
  var appended: [AppendNote] = []
  var appendedHead = 0
  var logBytes = 0
  var logEntries = 0
  var countsDue: [RoomName] = []
  var sweepCursor = 0

  // The cluster, which is this node; on shard 0.
  var questions: [UInt64: ReplyTicket] = [:]
  var lastQuestion: UInt64 = 0
  var announcement: [UInt8] = []
  var announcedAt: Duration = .zero

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

  /// Goes by other rules from the next command on.
  ///
  /// Numbers that were there keep their meaning. Whether a namespace knows its members, tells of
  /// them, keeps history or has a cap on members must stay as it was: rooms are built by it.
  public mutating func follow(_ policies: [RoomPolicy]) {
    precondition(policies.count >= self.policies.count, "policies were lost")
    self.policies = policies
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
    case .announce(let text):
      announcement = text
      announcedAt = now.monotonic
    case .nodes(let ticket):
      let listing = NodeListing(
        id: node, incarnation: node, isSelf: true, leaseAge: nil, announcement: announcement,
        announcementAge: now.monotonic - announcedAt)
      outbox.items.append(.event(shard: ticket.shard, .nodes(ticket, [listing], missing: [])))
    case .revoke(_, let ticket):
      // No other node comes later; the shards know by themselves.
      guard let ticket else { return }
      outbox.items.append(.event(shard: ticket.shard, .revoked(ticket)))
    case .claim(_, let ticket):
      // There is nowhere to come from.
      outbox.items.append(.event(shard: ticket.shard, .claimed(ticket, .outlived)))
    // This node is the whole cluster.
    case .count, .uncount, .tell: break
    }
  }
}
