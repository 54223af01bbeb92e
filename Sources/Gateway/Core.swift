// Everything that one shard owns. A struct that cannot be copied, entered once a tick: no reference
// counting, no exclusivity checks, no lock on the way of a message. Its parts stand in the files
// `Core+….swift`, in the order in which a message passes them.

import Auth
import Backplane
import RoostCrypto
import RoostDeflate
import RoostEventLoop
import RoostRooms
import RoostWire
import Telemetry

/// The links to Redis of a shard that has them itself.
///
/// A reference, because the compiler looks at each field of a struct that cannot be copied at each
/// use of the whole, and these are more than half of a core's: minutes of building.
///
/// The shard's thread only.
final class RedisPart {
  var driver: RedisDriver

  init(_ driver: consuming RedisDriver) { self.driver = driver }
}

/// A shard's state.
///
/// Its thread only.
struct Core: ~Copyable {
  // Who this is.
  let index: Int
  let shared: NodeShared
  /// The rules that hold; followed between two rounds, see `followRules`.
  var rules: NodeRules
  let metrics: ShardMetrics
  let requestReader: RequestReader

  // Tokens.
  var verifier: TokenVerifier
  var tokenThrottle = EventThrottle()

  // Sockets.
  let poller: Poller
  var listener: Descriptor?
  var isListenerWatched = false
  var connections: Slab<Connection>
  /// Those that have not finished their handshake.
  var handshakes = HandshakeList()
  var refusalLog = RefusalLog()
  var pausedInputs = PausedInputs()
  /// What a dry run had overlooked when that was logged last.
  var overlookedSeen = [UInt64](repeating: 0, count: OverlookedLimit.all.count)
  static let listenerToken = UInt64.max - 1
  static let redisToken = UInt64.max - 3

  // Bytes in: one buffer for all connections, taken out while it is worked on.
  var readBuffer: [UInt8]
  /// The same for ciphertext; empty until the first of it comes.
  var ciphertext: [UInt8] = []
  /// Where connections get their TLS; nil on a plain port.
  var door: TLSDoor?
  var inflater: Inflater

  // Bytes out.
  var arena = SendArena(capacity: 96 << 20)
  var dirty: [Int32] = []
  var scratch: [UInt8] = []
  var compressed: [UInt8] = []
  var deflaters: SharedDeflaters
  var hasDeliveredInTick = false
  /// When the messages that were delivered in this tick were published, in nanoseconds.
  var deliveredSince: [UInt64] = []

  // Rooms.
  var rooms = RoomTable()
  var users: [String: [Int32]] = [:]
  /// The backplane in this process; nil when nodes are one cluster.
  var local: LocalBackplane?
  /// The links to Redis, when this is the only shard.
  var redis: RedisPart?
  /// Letters to the backplane's thread, when there is one.
  var backplaneLetters: [BackplaneLetter] = []
  var outbox = BackplaneOutbox()
  var isSettlingOutbox = false
  var replaying: [SlotToken] = []
  var lastJoin: UInt64 = 0
  /// What is held back for members that read too slowly, by slot.
  var held: [Int32: HeldMessages] = [:]
  /// Copies of the message that is being delivered, for those.
  var copies = FrameCopies()
  /// Members for which that message was held back, or dropped.
  var withheld = 0

  // The server API and questions of nodes; in use on shard 0.
  var desk = ServerDesk()
  /// The walk over rooms and connections that is under way, on any shard.
  var survey: TopSurvey?

  // Connections that move.
  /// What tickets are made with; nil until Redis has said it, and on a node that stands alone.
  var resumption: ResumptionTerms?
  /// The secret of Redis before the present one.
  var earlierSecret: [UInt8]?
  var moves = MoveDesk()

  // Tokens that were taken back.
  var revocations = RevocationTable(entriesMax: RevocationRecord.recordsMax)
  /// Names that Redis was read to remember, while it is being read; on the first shard.
  var rememberedNames: Set<[UInt8]> = []

  /// What was used of rates that the cluster shares, by ``SharedRate``; empty on a node that stands
  /// alone.
  var uses: [UseTable] = []

  // Letters to other shards, posted together.
  var outgoing: [[ShardLetter]]
  var outgoingCount = 0
  /// Letters that may wait for full mailboxes before publishes are refused.
  static let outgoingMax = 65_536

  // Letters to the outbound thread, and its answers.
  var outboundLetters: [OutboundLetter] = []
  var lastQuestion: UInt64 = 0
  /// Questions that could not be sent, answered as if nobody had.
  var unaskable: [HookDesk.Answer] = []

  // Ends.
  var overflowed: [SlotToken] = []
  /// Those on which a send failed before the flush.
  var failed: [SlotToken] = []
  var ended: [SlotToken] = []
  var isDraining = false
  var departures = DepartureList()
  /// The node's drain; in use on shard 0.
  var drainDesk = DrainDesk()
  /// What it knows of the others; in use on shard 0.
  var rebalanceDesk = RebalanceDesk()
  var isStopped = false
  /// WebSocket connections that have not ended.
  var admittedCount = 0

  // Time.
  var wheel: TimerWheel
  var expired: [UInt64] = []
  var nextSweep: MonotonicInstant
  /// What the kernel had counted of this thread at the last sweep.
  var demandBefore: (time: ThreadTime, at: MonotonicInstant)?
  /// Sweeps so far, one a second: the clock of rates.
  var second: UInt32 = 0
  var listenerResumesAt: MonotonicInstant?
  var jitter = Jitter(seed: RandomBytes.uint64())

  init(
    index: Int, shared: NodeShared, poller: Poller, wakeup: Wakeup, listener: consuming Descriptor
  ) {
    self.index = index
    self.shared = shared
    let rules = shared.rules
    self.rules = rules
    verifier = Self.firstVerifier(rules)
    self.poller = poller
    self.listener = consume listener
    metrics = shared.metrics[index]
    requestReader = RequestReader(
      limits: RequestLimits(
        depthMax: Bounds.requestDepthMax, keyBytesMax: Bounds.keyBytesMax,
        idBytesMax: Bounds.idBytesMax, tokenBytesMax: Bounds.tokenBytesMax))
    connections = Slab(capacity: shared.socketsMax) { Connection() }
    readBuffer = [UInt8](repeating: 0, count: Bounds.readBytes)
    door = shared.certificates.map { [log = shared.log] in TLSDoor($0, log: log) }
    inflater = Inflater(windowBits: 15)
    deflaters = SharedDeflaters(level: shared.configuration.compression.level)
    if let place = shared.redis {
      uses = SharedRate.allCases.map { _ in UseTable(seed: RandomBytes.uint64()) }
      if shared.backplaneMailbox == nil {
        redis = RedisPart(
          RedisDriver(
            shared.redisSettings, endpoint: place.endpoint, security: place.contextOrNone(),
            status: place.status, poller: poller, wakeup: wakeup, firstToken: Self.redisToken))
      }
    } else {
      local = LocalBackplane(
        shard: index, shardCount: shared.shardCount, node: shared.nodeID,
        policies: rules.policies.policies,
        limits: LocalBackplaneLimits(
          logBytesMax: rules.limits.historyBytes / shared.shardCount,
          keysMax: max(rules.limits.idempotencyKeys / shared.shardCount, 1),
          keyWindow: rules.limits.idempotencyWindow,
          idleRoomsMax: Bounds.idleRoomsMax, presenceEventsMax: Bounds.presenceEventsMax,
          pageBytesMax: Bounds.replayPageBytes))
    }
    outgoing = Array(repeating: [], count: shared.shardCount)
    let now = MonotonicInstant.now()
    wheel = TimerWheel(now: now)
    // The first shard tells the cluster about the node at once.
    nextSweep = index == 0 ? now : now.advanced(by: .seconds(1))
    metrics.heartbeat.set(Int64(clamping: now.nanoseconds))
  }

  private static func firstVerifier(_ rules: NodeRules) -> TokenVerifier {
    do throws(KeyProblem) {
      return try TokenVerifier(keys: rules.keys, rules: rules.tokenRules)
    } catch {
      preconditionFailure("a key that was good a moment ago: \(error)")
    }
  }

  /// The id of the tenant of a slot.
  func connectionID(of slot: Int32) -> ConnectionID {
    let token = connections[slot].token
    return ConnectionID(
      process: shared.process, shard: UInt16(index), slot: UInt32(token.index),
      generation: token.generation)
  }

  /// The id by which rooms, users and other nodes know the tenant of a slot.
  func memberID(of slot: Int32) -> ConnectionID {
    connections[slot].resumption?.member ?? connectionID(of: slot)
  }

  /// Both clocks, for the backplane.
  func moment(_ now: MonotonicInstant) -> Moment {
    MomentClock().moment(now)
  }
}

/// Bounds that are not settings: each with its reason.
enum Bounds {
  /// What a frame costs of the pace at which a connection is read, in bytes: about the work that its
  /// header makes beside its payload.
  static let frameCost = 64
  /// Bytes read from a socket at once: large enough for thousands of small messages, small enough
  /// that one flooding peer does not hold up a tick.
  static let readBytes = 131_072
  /// Sockets accepted in one tick.
  static let acceptsPerTick = 256
  /// Nesting of a request: deep enough for any document, shallow enough for the scanner's stack.
  static let requestDepthMax = 64
  /// An idempotency key; backplane rule 7.
  static let keyBytesMax = 128
  /// A request's `id`.
  static let idBytesMax = 128
  /// A token in `auth`.
  static let tokenBytesMax = 8192
  /// The largest message on `/echo`, for conformance suites.
  static let echoMessageBytes = 32 << 20
  /// Bytes that may wait for an `/echo` connection: two of the largest messages.
  static let echoQueueBytes = 80 << 20
  /// Rooms kept a shard without members and messages, for their positions.
  static let idleRoomsMax = 65_536
  /// Members above which a room gets counts instead of single events; backplane rule 23.
  static let presenceEventsMax = 1000
  /// Message data in one page of a recovery; backplane rule 13.
  static let replayPageBytes = 262_144
  /// Control frames may exceed a full queue by this much.
  static let controlBytesMax = 4096
  /// How long accepting pauses when descriptors have run out.
  static let shortagePause = Duration.milliseconds(100)
  /// How long a handshake with a ticket waits for Redis: as long as Redis may take for an answer.
  static let claimPatience = Duration.seconds(2)
  /// How long messages say which they are to a connection that came from another node.
  static let midTime = Duration.seconds(60)
  /// How long a client may keep the connection that it has another one for.
  static let overlapMax = Duration.seconds(30)
  /// How long that other one is not counted over the cluster: most clients have let go by then.
  static let overlapUsual = Duration.seconds(15)
  /// Seconds by which nodes' clocks may differ.
  static let clockLeeway: Int64 = 60
  /// How long a connection that is sent away may wait for its last answers: Redis answers within 2 s.
  static let answerPatience = Duration.seconds(3)
  /// A body of the server API, with which questions to other nodes are about as long.
  static let serverBodyBytes = 1 << 20
  /// Requests of the server API that a node carries out at the same time.
  static let serverRequestsMax = 1024
  /// Request line of an upgrade.
  static let requestLineBytesMax = 4096
  /// Fields of an upgrade.
  static let fieldsMax = 64
}

extension Core: LoopStages {
  var isDirty: Bool {
    guard dirty.isEmpty else { return true }
    return redis?.driver.isDirty ?? false
  }

  mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    // Bytes that were sent behind a reload may be read in the round that it wakes.
    followRules(now)
    if readiness.token >= Self.redisToken {
      if readiness.token == Self.listenerToken { return acceptAll(now) }
      let moment = moment(now)
      redis?.driver.ready(readiness, at: now, moment, into: &outbox)
      return settleOutbox(now)
    }
    let token = SlotToken(packed: readiness.token)
    // An event may be for a connection that ended earlier in this tick.
    guard connections.isCurrent(token) else { return }
    if readiness.isWritable { flushBlocked(token.index, now) }
    if readiness.isReadable, connections[token.index].phase != .ended {
      receive(token.index, now)
    }
  }

  func nextDeadline() -> MonotonicInstant? {
    if isStopped { return .zero }
    var deadline = nextSweep
    if let timer = wheel.nextDeadline() { deadline = min(deadline, timer) }
    if let resume = listenerResumesAt { deadline = min(deadline, resume) }
    if let resume = pausedInputs.resumesAt { deadline = min(deadline, resume) }
    if let turn = departures.nextAt { deadline = min(deadline, turn) }
    if drainDesk.isDriving { deadline = min(deadline, drainDesk.tickAt) }
    if canResumeReplays || !unaskable.isEmpty || survey != nil { return .zero }
    if outgoingCount > 0 || !backplaneLetters.isEmpty || !outboundLetters.isEmpty {
      deadline = min(deadline, MonotonicInstant.now().advanced(by: .milliseconds(1)))
    }
    if let redis {
      let now = MonotonicInstant.now()
      deadline = min(deadline, redis.driver.nextDeadline(at: moment(now), now: now))
    }
    return deadline
  }

  mutating func flush(now: MonotonicInstant) {
    if redis != nil {
      let moment = moment(now)
      redis?.driver.flush(at: now, moment, into: &outbox)
      settleOutbox(now)
    }
    // A failing socket ends its connection, which tells others; they join the end of the list. The
    // list stays whole until all are sent, because an encoder that runs out of room sends all of it.
    var next = 0
    repeat {
      settleFailures()
      settleOverflows(now)
      while next < dirty.count {
        flushOne(dirty[next], now)
        next += 1
      }
    } while !overflowed.isEmpty || !failed.isEmpty
    dirty.removeAll(keepingCapacity: true)
    arena.reset()
    if hasDeliveredInTick {
      hasDeliveredInTick = false
      let end = MonotonicInstant.now().nanoseconds
      metrics.flushTime.observe(end &- now.nanoseconds)
      for start in deliveredSince { metrics.deliveryLag.observe(end &- start) }
      deliveredSince.removeAll(keepingCapacity: deliveredSince.capacity <= 65_536)
    }
  }
}
