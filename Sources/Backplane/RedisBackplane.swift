// The backplane through Redis, without its sockets: commands of shards and replies of Redis go in,
// bytes for Redis and events for shards come out, and time is a parameter. One part serves a node;
// it lives on the backplane's thread, or in the loop of the only shard. Its parts stand in the files
// `RedisBackplane+….swift`; the rules that it keeps are in the operations guide.

import RoostCrypto
public import RoostRooms
import Telemetry

/// What a node's part of the cluster is made with.
public struct RedisBackplaneSettings: Sendable {
  /// What every key begins with.
  public var prefix = "roost:"
  /// The database of the URL.
  public var database = 0
  /// The node's id, and random bits of this process, as in its connections' ids.
  public var nodeID = ""
  /// Random bits of this process, as in its connections' ids.
  public var process: UInt64 = 0
  /// Shards of the node.
  public var shardCount = 1
  /// The table that the commands' policy numbers refer to.
  public var policies: [RoomPolicy] = []
  /// How long Redis may take for a reply.
  public var replyTimeout = Duration.seconds(2)
  /// How long the data path may be cut before the node is not ready.
  public var readinessGrace = Duration.seconds(3)
  /// How long a node is believed to live without a word; fixed but for tests.
  var leaseLife = Duration.milliseconds(2500)
  /// How long an idempotency key is remembered.
  public var keyWindow = Duration.seconds(300)
  /// Idempotency keys of one room within the window.
  public var keysPerRoom = 10_000
  /// Members up to which a room has presence events.
  public var presenceEventsMax = 1000
  /// Bytes of message data in one answer.
  public var pageBytesMax = 262_144
  /// Bytes of messages that may wait for Redis.
  public var waitingBytesMax = 32 << 20
  /// Joins that may wait for Redis.
  public var waitingJoinsMax = 65_536
  /// How long a channel without members stays subscribed.
  public var linger = Duration.seconds(3)
  /// Whether ages are counted by the node's clock instead of Redis's; for tests with a clock.
  public var usesOwnClock = false

  /// Settings with the defaults of the design.
  public init() {}

  /// What is wrong with a prefix; nil when it can be used.
  public static func problem(withPrefix prefix: String) -> String? {
    RedisNames.violation(inPrefix: prefix)
  }
}

/// The two links to a Redis.
public enum RedisLinkKind: Int, CaseIterable, Sendable {
  /// Commands and their replies.
  case commands
  /// Channels and their messages.
  case subscriptions
}

/// A node's part of the cluster.
///
/// Owned by the thread that drives its links.
struct RedisBackplane: ~Copyable {
  /// How far a link is.
  enum LinkPhase: Equatable {
    /// Not there; opened at the time.
    case closed(until: Duration)
    /// Being opened by the driver.
    case opening
    /// Logged in; the first questions are on their way.
    case greeting
    case ready
  }

  let settings: RedisBackplaneSettings
  let names: RedisNames
  let status: RedisStatus
  var shapes: [PolicyShape]

  // Links.
  var pipe = RedisPipe()
  var commandPhase = LinkPhase.closed(until: .zero)
  var channelOutput: [UInt8] = []
  var channelPhase = LinkPhase.closed(until: .zero)
  /// Subscriptions that were asked for, in order; rule 9.
  var confirmations: [Confirmation] = []
  var confirmationsHead = 0
  /// Rooms whose channel is to be asked for.
  var subscribeQueue: [RedisRoom] = []
  /// Links that the driver is to close, and why.
  var closeWishes: [(link: RedisLinkKind, reason: String)] = []
  var backoff = [Backoff(), Backoff()]
  var jitter: UInt64

  /// The command link, as Redis numbers it.
  var linkNumber: Int64?
  /// Command links of this life of Redis that are gone for this node, and perhaps not for Redis.
  var earlierLinks: [Int64] = []

  // The primary.
  var runID: String?
  var replicationID: String?
  var isPrimary = false
  var era: [UInt8] = []
  /// Refusals of this era since it was read; more than a few mean that another server answers.
  var eraRefusals = 0
  var marker: [UInt8] = []
  /// Redis's clock at a moment of this node's.
  var redisClock: (milliseconds: Int64, at: Duration)?
  /// Since when everything has been well in one era; rule 20.
  var healthySince: Duration?

  // The probe.
  /// Whether this link would hear it: its channel's subscription is confirmed.
  var hearsProbe = false
  var channelOpenedAt: Duration = .zero
  var probeSequence: UInt64 = 0
  var probeSentAt: Duration?
  var nextProbe: Duration = .zero
  var lastProbeAt: Duration?
  var awaySince: Duration?
  /// Bytes that had come over the subscription link when the probe left.
  var bytesAtProbe: UInt64 = 0
  var channelBytes: UInt64 = 0

  /// The epoch of the next room whose log begins with a publish.
  var freshEpoch = RedisBackplane.freshEpoch()

  // The time of what is being handled.
  var nowMonotonic: Duration = .zero
  var wallMilliseconds: Int64 = 0

  /// Scripts that are being loaded.
  var scriptLoads = 0

  // Rooms.
  var rooms: [RoomName: RedisRoom] = [:]
  var dueRooms: [RedisRoom] = []
  var countedRooms: [RedisRoom] = []
  /// Rooms whose members are told their number with the next sweep.
  var crowdedRooms: Set<RoomName> = []
  var busyRooms: [RedisRoom] = []
  var registerQueue: [RedisRoom] = []
  var registersInFlight = 0
  /// Rooms of which Redis refused to take what is to be there.
  var refusedRegistrations: [RedisRoom] = []
  var compareQueue: [RedisRoom] = []
  var comparesInFlight = 0
  /// Which reading of what was taken back is under way: pages of earlier ones are thrown away.
  var revocationReading: UInt64 = 0
  /// What comparisons found to be on its way, in the order of its time.
  var expected: [Expectation] = []
  var repairQueue: [RedisRoom] = []
  var repairsInFlight = 0
  var lingering: [RedisRoom] = []
  var sweepNames: [RoomName] = []
  /// What was found out in the middle of something else.
  var late = BackplaneOutbox()
  var refused: [RefusedJoin: Duration] = [:]
  var lastJoin: UInt64 = 0
  var lastSession: UInt32 = 0
  var lastMid: UInt64 = 0
  var publishTimes = PublishTimes()
  let publisher: UInt64
  var waitingBytes = 0
  var waitingJoins = 0

  // The cluster.
  var incarnation: String
  var lastRenewal: Duration?
  var hasLease = false
  var hasName = false
  var nextRenewal: Duration = .zero
  var nextLook: Duration = .zero
  var nodes: [String: NodeRecord] = [:]
  var dead: [String] = []
  var reaping: Set<String> = []
  /// Those of whom a room could not be cleared: they are swept again later.
  var failedReaps: Set<String> = []
  var announcement: [UInt8] = []
  var announcedAt: Duration = .zero
  /// How old the announcements are that are being read.
  var announcementAges: [String: Duration] = [:]
  var isAnnouncementDue = false
  var nodeTickets: [ReplyTicket] = []
  var ownIncarnations: [String] = []
  /// Rooms to which earlier incarnations of this process may have written, whatever their sets say.
  var abandoned: [String: [RoomName]] = [:]
  /// Processes whose connections have moved here; the newest last.
  var adopted: [UInt64] = []
  /// What signs tickets; nil until it was read.
  var ticketSecret: [UInt8]?
  var nameRefusedSince: Duration?

  // Connections that are counted over all nodes.
  var counts: [CountKey: ConnectionCount] = [:]
  var dueCounts: [CountKey] = []
  var countsInFlight = 0
  var countSweep: [CountKey] = []

  // Questions.
  var questions: [UInt64: OpenQuestion] = [:]
  var lastQuestion: UInt64 = 0
  var streamPosition: [UInt8]?
  var isReadingStream = false
  var nextStreamRead: Duration = .zero
  var seenQuestions: [QuestionID: Duration] = [:]

  // What is looked at now and then.
  var nextDeadlines: Duration = .zero
  var nextLinger: Duration = .zero
  var sweeps: UInt64 = 0

  init(_ settings: RedisBackplaneSettings, status: RedisStatus) {
    self.settings = settings
    self.status = status
    names = RedisNames(prefix: settings.prefix, database: settings.database)
    shapes = settings.policies.map { PolicyShape($0, settings) }
    publisher = RandomBytes.uint64()
    jitter = RandomBytes.uint64() | 1
    incarnation = Self.newIncarnation(settings.nodeID)
  }

  static func newIncarnation(_ nodeID: String) -> String {
    let bits = String(RandomBytes.uint64(), radix: 16)
    return nodeID + "~" + String(repeating: "0", count: 16 - bits.count) + bits
  }

  /// The channels of the system that every node listens to.
  var systemChannels: [[UInt8]] {
    [
      names.systemChannel("{control}"), names.inbox(incarnation),
      names.systemChannel("probe:\(incarnation)"),
    ]
  }

  /// Whether commands may be sent: logged in, to a primary, with a lease.
  var isCommandReady: Bool { commandPhase == .ready }

  /// The room, made when it is not known.
  mutating func room(_ name: RoomName, _ policy: Int32) -> RedisRoom {
    if let known = rooms[name] { return known }
    let made = RedisRoom(name: name, policy: Int(policy), shardCount: settings.shardCount)
    rooms[name] = made
    return made
  }

  /// Forgets a room that nothing holds.
  mutating func release(_ room: RedisRoom) {
    // What counted no messages without history is not missed; leaves pass through it, too.
    if let outgoing = room.outgoing, outgoing.isIdle, outgoing.number == 0 { room.outgoing = nil }
    // Lists may still name a room that was forgotten long ago, and somebody may have come since.
    guard room.isUnused, rooms[room.name] === room else { return }
    rooms.removeValue(forKey: room.name)
  }

  /// Goes by other rules from the next command on.
  ///
  /// Numbers that were there keep their meaning. Whether a namespace has presence, presence events
  /// or history must stay as it was: rooms are built by it.
  mutating func follow(_ policies: [RoomPolicy]) {
    precondition(policies.count >= shapes.count, "policies were lost")
    shapes = policies.map { PolicyShape($0, settings) }
  }

  /// Sizes, for metrics.
  var figures: BackplaneFigures {
    var figures = BackplaneFigures()
    figures.rooms = rooms.count
    return figures
  }

  /// A number below a bound, evenly enough to keep a crowd apart.
  mutating func random(below bound: UInt64) -> UInt64 {
    jitter ^= jitter << 13
    jitter ^= jitter >> 7
    jitter ^= jitter << 17
    return bound == 0 ? 0 : jitter % bound
  }

  /// A time after which another try makes sense, different for everybody.
  mutating func retryAfter() -> Duration {
    .milliseconds(Int64(300 + random(below: 700)))
  }
}

/// Numbers of a policy as scripts want them.
struct PolicyShape: Sendable {
  let policy: RoomPolicy
  let messages: [UInt8]
  let lifetime: [UInt8]
  let bytes: [UInt8]
  let metaLife: [UInt8]
  let hasHistory: Bool
  /// Whether the room keeps a list of its members.
  let knowsMembers: Bool
  let hasEvents: Bool

  init(_ policy: RoomPolicy, _ settings: RedisBackplaneSettings) {
    self.policy = policy
    hasHistory = policy.history.isOn
    knowsMembers = policy.presence
    hasEvents = policy.presence && policy.presenceEvents
    let lifetime =
      policy.history.lifetime.components.seconds * 1000
      + policy.history.lifetime.components.attoseconds / 1_000_000_000_000_000
    messages = Array(String(hasHistory ? policy.history.messages : 0).utf8)
    self.lifetime = Array(String(max(lifetime, 1)).utf8)
    bytes = Array(String(max(policy.history.bytes, 1)).utf8)
    // Positions stay comparable far longer than messages are kept.
    metaLife = Array(String(max(7 * 86_400_000, lifetime * 10)).utf8)
  }
}

/// Waits between tries: short at first, at most a second, never the same for two nodes.
struct Backoff {
  private var tries = 0

  mutating func next(_ random: UInt64) -> Duration {
    let ceiling = min(1000, 50 << min(tries, 5))
    tries += 1
    return .milliseconds(Int64(ceiling / 2) + Int64(random % UInt64(ceiling / 2 + 1)))
  }

  mutating func succeed() { tries = 0 }
}

/// A join that failed, whose leave may be on its way.
struct RefusedJoin: Hashable {
  let room: RoomName
  let seat: ConnectionID
}

/// A subscription that was asked for and not confirmed.
struct Confirmation {
  /// The room, or nil for a channel of the system.
  let room: RedisRoom?
  let isSubscribe: Bool
}

/// A node of the cluster as it is in Redis.
struct NodeRecord {
  let id: String
  let process: UInt64
  /// When it was seen to have no lease, in how many looks in a row.
  var absences = 0
  var isAlive = true
  var isReaped = false
  /// Whether the table says that it is dead.
  var isBuried = false
  var remaining: Duration?
  /// When it was seen with a lease, by this node's clock.
  var seenAt: Duration?
  /// When others found it dead, in seconds since 1970.
  var diedAt: Int64?
  /// Processes whose connections have moved there.
  var adopted: [UInt64] = []
}

/// A question of this node whose answers are being gathered.
struct OpenQuestion {
  let ticket: ReplyTicket
  let until: Duration
  /// Incarnations whose answer is awaited; nil while it is not known how many were reached.
  var awaited: Set<String>?
  /// How many answers come, when only that is known.
  var countAwaited: Int?
  /// Answers that came before that was known.
  var early = 0
  var answers: [(node: String, text: [UInt8])] = []
}
