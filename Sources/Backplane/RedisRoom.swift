// What a node knows of one room in the cluster. Most rooms are quiet: what only a busy one needs is
// in boxes of its own.

import RoostRooms

/// How far a node is with the channel of a room: rule 9.
enum ChannelState: Equatable {
  /// Not subscribed.
  case none
  /// Asked for; joins wait for the confirmation.
  case subscribing
  /// Messages come.
  case live
  /// As live, but the last member has gone; unsubscribed at the time.
  case lingering(until: Duration)
  /// Given up; a join subscribes anew and waits for a confirmation of its own.
  case unsubscribing
}

/// Whether Redis has something of a room under the node's incarnation.
enum RoomListing {
  /// Nothing.
  case none
  /// Perhaps: a link was lost, or Redis began another life.
  case doubtful
  /// The room is in the incarnation's set, and whatever else belongs there.
  case listed
}

/// A room on this node.
///
/// Owned by the backplane; its thread only.
final class RedisRoom {
  let name: RoomName
  let policy: Int

  // Interest.
  var channel = ChannelState.none
  /// Live members a shard; messages go to shards that have one.
  var shardCounts: [UInt32]
  /// Connections that have been sent into the room in Redis, answered or not.
  var memberCount = 0
  /// Those connections by their own ids, in rooms that know their members.
  private(set) var members: [ConnectionID: Member] = [:]
  /// Of those that came from other nodes, by the ids under which rooms know them.
  private(set) var guests: [ConnectionID: [ConnectionID]] = [:]
  /// Whether the number of members in Redis is to be written again.
  var isCountStale = false
  /// Whether all members in Redis are to be written again.
  var needsRegistration = false
  /// How often that is under way.
  var registersInFlight = 0
  /// What there is to take away from Redis.
  var listing = RoomListing.none

  /// The size that members were told last, in place of events; nil once events were told again.
  var toldCount: Int?

  // Order.
  /// What live members have been given; nil until the first join has read it.
  var position: Position?
  /// Whether the next message tells the epoch.
  var tellsEpoch = false
  /// Whether members may have missed messages while no link was there.
  var mayHaveMissed = false
  /// Whether a comparison that finds more in Redis means that something was missed.
  var isDoubtful = false
  /// The last presence event that was seen or read; nil before the first.
  var sequence: UInt64?
  /// Whether Redis may give numbers of events a second time: an equal number tells nothing.
  var isRenumbered = false
  /// Members here of whom other nodes say that they have gone, which was told to nobody here.
  var unsaid: Set<ConnectionID> = []
  /// Where each publisher of the room stands; only in rooms without history.
  var publishers: [PublisherMark] = []

  var work: RoomWork?
  var outgoing: RoomOutgoing?

  init(name: RoomName, policy: Int, shardCount: Int) {
    self.name = name
    self.policy = policy
    shardCounts = Array(repeating: 0, count: shardCount)
  }

  /// Notes who sits in a seat.
  func seat(_ member: Member, in seat: ConnectionID) {
    members[seat] = member
    if seat != member.connection { guests[member.connection, default: []].append(seat) }
  }

  /// Takes a seat away; who sat there.
  @discardableResult
  func unseat(_ seat: ConnectionID) -> Member? {
    guard let member = members.removeValue(forKey: seat) else { return nil }
    if seat != member.connection, var seats = guests.removeValue(forKey: member.connection) {
      seats.removeAll { $0 == seat }
      if !seats.isEmpty { guests[member.connection] = seats }
    }
    return member
  }

  /// Whether a seat here is taken by who rooms know by that id.
  func holds(_ id: ConnectionID) -> Bool {
    // A seat may bear the id by which another member is known.
    members[id]?.connection == id || guests[id] != nil
  }

  /// Live members on this node.
  var liveCount: Int { shardCounts.reduce(0) { $0 + Int($1) } }

  /// The box of what is going on, made when it is needed.
  func working() -> RoomWork {
    if let work { return work }
    let made = RoomWork()
    work = made
    return made
  }

  /// Drops the box when nothing is in it.
  func settleWork() {
    if position == nil, let work, work.joins.isEmpty {
      // Nobody came in the end for whom messages were held.
      work.held = []
      work.heldBytes = 0
      work.hasDroppedHeld = false
    }
    if let work, work.isIdle { self.work = nil }
  }

  /// Whether the channel is kept though nobody is here.
  var isLingering: Bool {
    if case .lingering = channel { return true }
    return false
  }

  /// Whether what is said on the channel comes here.
  var isHeard: Bool { channel == .live || isLingering }

  /// Whether nothing holds the room in memory.
  var isUnused: Bool {
    memberCount == 0 && channel == .none && work == nil && outgoing == nil && liveCount == 0
      && listing == .none
  }
}

/// The newest message of one publisher in a room without history: rule 4.
struct PublisherMark: Equatable {
  let publisher: UInt64
  let session: UInt32
  var number: UInt64
}

/// What is going on in a room.
final class RoomWork {
  /// Joins that were not answered yet, in the order in which they came.
  var joins: [PendingJoin] = []
  /// Pages of recoveries that wait for the live messages to come that far.
  var pages: [PendingPage] = []
  /// Reads in flight whose answers may be overtaken by live messages.
  var reads = 0
  /// Messages given to members since the first of those reads was sent, without a hole.
  var recent: [LogEntry] = []
  var recentBytes = 0
  /// Whether `recent` had to be given up.
  var isRecentLost = false

  /// Whether the log is being read to close a hole.
  var isRepairing = false
  /// Live messages that wait for that.
  var held: [HeldMessage] = []
  var heldBytes = 0
  /// Whether held messages had to be dropped: the log is read on instead.
  var hasDroppedHeld = false

  var isIdle: Bool {
    joins.isEmpty && pages.isEmpty && reads == 0 && !isRepairing && held.isEmpty
  }
}

/// A live message that waits for what comes before it.
struct HeldMessage {
  /// How often the log was read without making it the next.
  var readings = 0
  let position: Position
  let body: RedisEnvelope.Body
}

/// A room whose position is compared with that in Redis, and where it was when Redis was asked.
struct Comparison {
  let room: RedisRoom
  let reached: Position?

  /// Whether Redis has lost what members had been given before it was asked.
  ///
  /// What they were given while the answer was on its way makes no difference.
  func isBehind(_ epoch: Epoch?, _ offset: UInt64) -> Bool {
    guard let reached else { return false }
    return reached.epoch == epoch && offset < reached.offset
  }
}

/// What Redis has and what has not come yet.
struct Expectation {
  enum What {
    case message(Position)
    /// A presence event, by its number.
    case event(UInt64)
  }

  let room: RedisRoom
  let what: What
  let until: Duration
}

/// A join on its way.
struct PendingJoin {
  enum Stage {
    /// Not in Redis yet: the channel is not confirmed, or the link is not there.
    case waiting
    /// The script is in flight.
    case sent
    /// Answered; waits for live messages and events to come as far as the answer.
    case arrived(JoinAnswer)
  }

  let number: UInt64
  let command: JoinCommand
  let since: Duration
  var stage = Stage.waiting
  /// When Redis is asked again why what it waits for does not come.
  var nextLook: Duration
  /// Left again: it is answered, and takes no seat.
  var isCancelled = false
}

/// What a join's script said.
struct JoinAnswer {
  let members: Int
  let position: Position?
  let recovered: Bool?
  var missed: [LogEntry]
  var sequence: UInt64
}

/// A page of a recovery.
struct PendingPage {
  let ticket: ReplyTicket
  let after: Position
  var newest: Position
  var entries: [LogEntry]
  let since: Duration
  /// Whether the life that it was read in is over, and nothing leads on from it.
  var isLost = false
}

/// A room's publishes.
final class RoomOutgoing {
  /// Those whose script is in flight; what comes later waits, so that nothing overtakes them.
  var inFlight: [OutgoingItem] = []
  var waiting: [OutgoingItem] = []
  /// Counts messages of rooms without history.
  var session: UInt32
  var number: UInt64 = 0
  var lastUsed: Duration
  /// Whether the room stands in the list of rooms to be sent.
  var isDue = false

  /// Whether nothing waits here for Redis.
  var isIdle: Bool { inFlight.isEmpty && waiting.isEmpty }

  init(session: UInt32, now: Duration) {
    self.session = session
    lastUsed = now
  }
}

/// Something that keeps its place among a room's publishes.
enum OutgoingItem {
  case publish(OutgoingPublish)
  /// A member's end: its `left` comes after what it published.
  case leave(Member)
}

/// A publish that was not answered yet.
struct OutgoingPublish {
  /// The message behind its length.
  let body: [UInt8]
  /// Bytes of the data in it, which are what logs and pages are measured by.
  let dataBytes: Int
  let key: OutgoingKey?
  let ticket: ReplyTicket?
  let since: Duration
  /// Whether it was handed to Redis before, so that its end is unknown.
  var wasSent = false
}

/// A key as Redis sees it.
struct OutgoingKey: Equatable {
  /// The hash in the name of its key.
  let name: String
  /// The hash of the data.
  let data: [UInt8]
}
