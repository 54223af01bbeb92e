// What all shards of a node share: settings that do not change while it runs, and the few things
// that are made for many threads.

import Auth
import Backplane
import RoostCrypto
import RoostEventLoop
import RoostRooms
import RoostWebSocket
import RoostWire
import Synchronization
import Telemetry

/// The node's version, as `welcome` and `roost version` tell it.
public enum RoostVersion {
  /// Semantic version.
  public static let text = "0.1.0"
}

/// Letters between shards.
enum ShardLetter: Sendable {
  /// A command for the home of its room.
  case command(BackplaneCommand)
  /// What the backplane tells this shard.
  case event(BackplaneEvent)
  /// A direct message for a connection of this shard.
  case direct(DirectLetter)
  /// How many connections a direct message was queued for.
  case directDelivered(ReplyTicket, count: Int)
  /// A connection of the admin port that becomes an event stream of this shard.
  case adopt(AdoptionLetter)
  /// A user's oldest connection is looked for, to make room.
  case evict(EvictionLetter)
  /// A user's oldest connection was found here.
  case closeOldest(ConnectionID)
  /// A user has more connections in the cluster than it may have, for shard 0.
  case makeRoom(user: String)
  /// A request of the server API, for shard 0.
  case server(ServerLetter)
  /// A question to every shard of the node, from shard 0.
  case control(ControlLetter)
  /// What the callback decided about a connection of this shard.
  case decided(HookDesk.Answer)
  /// Some of the shard's connections are told to go, because the node drains.
  case sendAway(DrainOrder)
  /// A shard's part of an answer, for shard 0.
  case controlAnswered(number: UInt64, ControlAnswer)
}

/// A `send` on its way to the shard of its connection.
struct DirectLetter: Sendable {
  let target: ConnectionID
  let data: [UInt8]
  let mid: UInt64
  let sender: Member?
  /// The request that it belongs to.
  let ticket: ReplyTicket
}

/// Where the node's Redis is, and how it is doing.
struct RedisPlace: Sendable {
  let endpoint: RedisEndpoint
  let security: RedisSecurity
  let status: RedisStatus

  /// What TLS to it needs, made on the thread that uses it; nil for other schemes.
  func context() throws(TLSFailure) -> TLSContext? {
    guard endpoint.isEncrypted else { return nil }
    return try TLSContext.client(
      caFile: security.caFile, certificateFile: security.certificateFile,
      keyFile: security.keyFile, serverName: security.serverName)
  }

  /// As `context`, where the files were good a moment ago; without them no link opens.
  func contextOrNone() -> TLSContext? {
    do {
      return try context()
    } catch {
      preconditionFailure("the files of redis changed while the node was started: \(error)")
    }
  }
}

/// Settings and many-threaded parts of a node.
final class NodeShared: Sendable {
  /// What the node was started with; what a reload can change is read from ``rules``.
  let configuration: Configuration
  /// The node's certificates; nil when it speaks plain HTTP.
  let certificates: Certificates?
  let deflate: DeflateConfiguration
  let nodeID: String
  /// What this port speaks behind an upgrade.
  let subprotocols = ["roost.v1.json"]
  let shardCount: Int
  /// Sockets that a shard may hold.
  let socketsMax: Int
  /// Sockets of a shard that may be without a finished handshake at a time.
  let handshakesMax: Int
  let connectionsMax: Int
  /// Random bits that name this process in connection ids.
  let process = RandomBytes.uint64()
  let admission: Admission
  let log: Log
  let mailboxes: [Mailbox<ShardLetter>]
  let metrics: [ShardMetrics]
  let startedAt = MonotonicInstant.now()
  /// The cluster's Redis; nil for a node that stands alone.
  let redis: RedisPlace?
  /// The backplane's thread; nil when the backplane lives in the shards.
  let backplaneMailbox: Mailbox<BackplaneLetter>?
  /// The outbound thread; nil when nothing was to be asked or told when the node was started.
  let outbound: OutboundPlace?
  private let rulesCell: Lock<NodeRules>
  /// Held while rules are made out of those before them.
  private let exchange = Lock<Void>(())
  private let rulesNumberCell = Atomic<UInt64>(1)
  private let phaseCell = Atomic<Int>(NodePhase.starting.rawValue)
  private let stopCell = Atomic<Bool>(false)
  private let refusalCell = Atomic<Bool>(false)
  private let flushCell = Atomic<Bool>(false)
  private let stoppedShards = Atomic<Int>(0)
  /// The node's way out; `phase` follows it.
  let drain = Lock(Drain())
  private let backplaneStopCell = Atomic<Bool>(false)
  private let outboundStopCell = Atomic<Bool>(false)
  private let awaitsKeysCell: Atomic<Bool>
  private let compressionBytes = Atomic<Int>(0)
  private let serverRequests = Atomic<Int>(0)
  private let sockets = Atomic<Int>(0)
  private let adopters = Atomic<UInt32>(0)
  private let guestCell = Atomic<Int>(0)
  private let adminCell = Lock<SocketAddress?>(nil)
  /// The public address, with the port that was chosen.
  let address: SocketAddress

  init(
    configuration: Configuration, nodeID: String, address: SocketAddress, budget: NodeBudget,
    keys: KeySet, log: Log, mailboxes: [Mailbox<ShardLetter>], redis: RedisPlace?,
    backplaneMailbox: Mailbox<BackplaneLetter>?, outbound: OutboundPlace?, plan: OutboundPlan,
    certificates: Certificates?
  ) {
    self.outbound = outbound
    awaitsKeysCell = Atomic(plan.keySet != nil && keys.isEmpty)
    self.redis = redis
    self.certificates = certificates
    self.backplaneMailbox = backplaneMailbox
    self.configuration = configuration
    self.nodeID = nodeID
    self.address = address
    self.log = log
    self.mailboxes = mailboxes
    rulesCell = Lock(
      NodeRules(
        configuration, nodeID: nodeID, keys: keys, fetchedKeys: .empty, outbound: plan, after: nil))
    shardCount = mailboxes.count
    connectionsMax = budget.connections
    socketsMax = budget.sockets
    handshakesMax = max(budget.handshakes / mailboxes.count, 1)
    let compression = configuration.compression
    deflate = DeflateConfiguration(
      isEnabled: compression.enabled, allowsServerContextTakeover: compression.contextTakeover,
      allowsClientContextTakeover: compression.contextTakeover,
      serverWindowBits: compression.windowBits)
    admission = Admission(connectionsMax: budget.connections)
    metrics = mailboxes.map { _ in ShardMetrics() }
  }

  /// The rules that hold now.
  ///
  /// Any thread. Takes a lock: a thread with a loop keeps its own reference, see ``rulesNumber``.
  var rules: NodeRules { rulesCell.withLock { $0 } }

  /// The limits that hold now, for threads without a loop; takes a lock.
  var limits: Limits { rules.limits }

  /// The number of the rules that hold now.
  ///
  /// Any thread; costs next to nothing, so that loops ask in every round.
  var rulesNumber: UInt64 { rulesNumberCell.load(ordering: .acquiring) }

  /// Puts other rules in the place of those that hold, and wakes everybody who has to follow.
  ///
  /// Any thread; one after the other.
  func exchangeRules(_ make: (NodeRules) -> NodeRules) {
    exchange.withLock { _ in
      let next = make(rules)
      rulesCell.withLock { $0 = next }
      rulesNumberCell.store(next.number, ordering: .releasing)
    }
    // Not a letter: a mailbox may be full, and this must arrive.
    for mailbox in mailboxes { mailbox.wake() }
    backplaneMailbox?.wake()
    outbound?.mailbox.wake()
  }

  /// Why the node should get no connections; nil when it should.
  ///
  /// Any thread.
  var notReadyReason: String? {
    guard phase.isReady else { return phase.word }
    // The kernel gives each loop its share of new connections, and they would wait with it.
    guard loopsAnswer(within: Self.loopPatience) else { return "an event loop does not run" }
    return awaitsKeys
      ? "the keys of tokens have not been fetched yet" : redis?.status.notReadyReason
  }

  /// Whether no token could be accepted, because the keys have not been fetched yet.
  ///
  /// Any thread.
  var awaitsKeys: Bool {
    get { awaitsKeysCell.load(ordering: .acquiring) }
    set { awaitsKeysCell.store(newValue, ordering: .releasing) }
  }

  /// What the backplane through Redis is made with.
  var redisSettings: RedisBackplaneSettings {
    RedisConfiguration.settings(
      configuration, nodeID: nodeID, process: process, shardCount: shardCount,
      policies: rules.policies)
  }

  /// Where the node is in its life.
  ///
  /// Any thread.
  var phase: NodePhase {
    get { NodePhase(rawValue: phaseCell.load(ordering: .relaxed)) ?? .stopped }
    set { phaseCell.store(newValue.rawValue, ordering: .relaxed) }
  }

  /// Whether shards are to end at once.
  ///
  /// Any thread.
  var stopsAtOnce: Bool {
    get { stopCell.load(ordering: .relaxed) }
    set { stopCell.store(newValue, ordering: .relaxed) }
  }

  /// Whether the node is so far on its way out that it takes no connection any more.
  ///
  /// Any thread; the first shard says so.
  var refusesUpgrades: Bool {
    get { refusalCell.load(ordering: .relaxed) }
    set { refusalCell.store(newValue, ordering: .relaxed) }
  }

  /// Whether new connections are taken.
  ///
  /// Any thread.
  var acceptsUpgrades: Bool {
    switch phase {
    case .serving: true
    case .draining: !refusesUpgrades && !stopsAtOnce
    case .starting, .stopped: false
    }
  }

  /// Whether no connection is left: shards end when their last answers are sent.
  ///
  /// Any thread; the first shard says so.
  var isFlushing: Bool {
    get { flushCell.load(ordering: .acquiring) }
    set { flushCell.store(newValue, ordering: .releasing) }
  }

  /// Whether the first shard is the only one left.
  var othersHaveStopped: Bool {
    stoppedShards.load(ordering: .acquiring) >= shardCount - 1
  }

  /// A shard has ended in order; the first one is the last.
  func shardStopped() {
    stoppedShards.add(1, ordering: .acquiringAndReleasing)
    mailboxes[0].wake()
  }

  /// Whether the backplane's thread is to end: the shards have.
  ///
  /// Any thread.
  var stopsBackplane: Bool {
    get { backplaneStopCell.load(ordering: .relaxed) }
    set { backplaneStopCell.store(newValue, ordering: .relaxed) }
  }

  /// Whether the outbound thread is to end: nothing new happens.
  ///
  /// Any thread.
  var stopsOutbound: Bool {
    get { outboundStopCell.load(ordering: .acquiring) }
    set { outboundStopCell.store(newValue, ordering: .releasing) }
  }

  /// Takes memory for a connection's own compression; false when the budget is used up.
  func reserveCompression(_ bytes: Int) -> Bool {
    let total = compressionBytes.add(bytes, ordering: .relaxed).newValue
    if total <= configuration.compression.memoryBytes { return true }
    compressionBytes.subtract(bytes, ordering: .relaxed)
    return false
  }

  /// Counts a socket of the node; false when that is one too many.
  ///
  /// It is counted in either case.
  func beginSocket() -> Bool { sockets.add(1, ordering: .relaxed).newValue <= socketsMax }

  /// A socket that was counted is gone.
  func endSocket() { sockets.subtract(1, ordering: .relaxed) }

  /// Gives memory for compression back.
  func releaseCompression(_ bytes: Int) {
    compressionBytes.subtract(bytes, ordering: .relaxed)
  }

  /// Counts a request of the server API; false when as many are under way as may be.
  func beginServerRequest() -> Bool {
    let count = serverRequests.add(1, ordering: .relaxed).newValue
    if count <= Bounds.serverRequestsMax { return true }
    endServerRequest()
    return false
  }

  /// The shard that takes the next connection of the admin port: each in turn.
  func nextAdopter() -> Int {
    Int(adopters.wrappingAdd(1, ordering: .relaxed).oldValue % UInt32(shardCount))
  }

  /// Whether a connection may be known by another id than its own, or have moved away: then its id
  /// does not say where it is.
  ///
  /// Any thread.
  var hasMovers: Bool {
    guestCell.load(ordering: .relaxed) > 0
      || redis?.status.hasMovedAway.load(ordering: .relaxed) == true
  }

  /// Counts connections that came from elsewhere.
  func countGuests(_ change: Int) { guestCell.add(change, ordering: .relaxed) }

  /// A request of the server API was answered.
  func endServerRequest() { serverRequests.subtract(1, ordering: .relaxed) }

  /// Where the admin port is; nil as long as there is none.
  ///
  /// Any thread.
  var adminAddress: SocketAddress? {
    get { adminCell.withLock { $0 } }
    set { adminCell.withLock { $0 = newValue } }
  }

  /// Bytes of memory that connections' own compression holds.
  var compressionBytesHeld: Int { compressionBytes.load(ordering: .relaxed) }
}
