// What the node's part of the cluster tells the rest of the process: whether it is ready, why not,
// and its counters. Written by its thread, read by scrapes and readiness checks.

import RoostEventLoop
public import Synchronization
public import Telemetry

/// The state and figures of the backplane through Redis.
///
/// Any thread may read; the backplane's thread writes.
public final class RedisStatus: Sendable {
  // What was done.
  /// Messages handed to Redis.
  public let publishes = Counter()
  /// Commands in which they were.
  public let publishCommands = Counter()
  /// Messages that came on channels of rooms.
  public let received = Counter()
  /// Time from a command with messages to its reply.
  public let publishTime = Histogram(.latency)
  /// Time from a join to its reply.
  public let joinTime = Histogram(.latency)
  /// Time of a probe through Redis and back over the other link.
  public let roundTrip = Histogram(.latency)

  // What went wrong, and what was mended.
  /// Messages on channels that no node of this version wrote.
  public let malformed = Counter()
  /// Messages that members had been given already.
  public let duplicates = Counter()
  /// Gaps told to rooms without history.
  public let gaps = Counter()
  /// Messages read from a log because they were lost on a channel.
  public let repaired = Counter()
  /// Resets told to rooms with history.
  public let resets = Counter()
  /// Presence resets told to rooms with presence events.
  public let presenceResets = Counter()
  /// Publishes whose end is unknown.
  public let unknown = Counter()
  /// Requests refused because too much waited for Redis.
  public let shed = Counter()
  /// Publishes whose key had been used.
  public let repeatedKeys = Counter()
  /// Error replies.
  public let errors = Counter()
  /// Other primaries, or other runs of one, that were found.
  public let eraChanges = Counter()
  /// Times that the data was gone.
  public let dataLosses = Counter()
  /// Times that the own lease had run out.
  public let leasesLost = Counter()
  /// Dead nodes that this one cleared away.
  public let reaped = Counter()
  /// Times that the command link was opened.
  public let commandOpenings = Counter()
  /// Times that the subscription link was opened.
  public let channelOpenings = Counter()
  /// Losses of the command link.
  public let commandLosses = Counter()
  /// Losses of the subscription link.
  public let channelLosses = Counter()

  // Sizes.
  /// Living nodes, this one included.
  public let nodes = Gauge()
  /// Rooms whose channel is wanted.
  public let subscribedRooms = Gauge()
  /// Users and addresses whose connections are counted in Redis.
  public let countedKeys = Gauge()
  /// Bytes of messages that wait for Redis.
  public let waitingBytes = Gauge()

  /// Whether the last probe is late.
  public let isOverloaded = Atomic<Bool>(false)
  /// Whether the node has read once what the cluster remembers as taken back.
  public let hasReadRevocations = Atomic<Bool>(false)
  /// Whether connections of this process may have moved to other nodes.
  public let hasMovedAway = Atomic<Bool>(false)
  /// Whether another living node has this one's name.
  public let isNameTaken = Atomic<Bool>(false)

  private let areCommandsReady = Atomic<Bool>(false)
  private let areChannelsReady = Atomic<Bool>(false)
  private let probeNanoseconds = Atomic<UInt64>(0)
  private let grace: Duration
  private let log: Log
  private let reason = Lock<String>("Redis has not been reached yet")

  /// The status of a backplane that has not begun.
  public init(readinessGrace: Duration, log: Log) {
    grace = readinessGrace
    self.log = log
  }

  /// Why the node should get no traffic; nil when it should.
  public var notReadyReason: String? {
    if isNameTaken.load(ordering: .relaxed) { return "another node has this node's id" }
    let probe = probeNanoseconds.load(ordering: .relaxed)
    guard probe > 0 else { return reason.withLock { $0 } }
    let age = MonotonicInstant.now().since(MonotonicInstant(nanoseconds: probe))
    guard age > grace + .seconds(1) else { return nil }
    return "no message has come back through Redis for \(age.components.seconds) s: "
      + reason.withLock { $0 }
  }

  /// Whether commands reach Redis.
  public var isConnected: Bool { areCommandsReady.load(ordering: .relaxed) }

  /// Whether the link that messages come over is open.
  public var isSubscribed: Bool { areChannelsReady.load(ordering: .relaxed) }

  /// Time since the last message of this node's own came back; nil before the first.
  public var probeAge: Duration? {
    let probe = probeNanoseconds.load(ordering: .relaxed)
    return probe == 0
      ? nil : MonotonicInstant.now().since(MonotonicInstant(nanoseconds: probe))
  }

  /// Whether the last probe is late.
  public var isLate: Bool { isOverloaded.load(ordering: .relaxed) }

  func setReady(commands: Bool) { areCommandsReady.store(commands, ordering: .relaxed) }

  func setReady(subscriptions: Bool) {
    areChannelsReady.store(subscriptions, ordering: .relaxed)
  }

  func setProbe(at now: MonotonicInstant) {
    probeNanoseconds.store(now.nanoseconds, ordering: .relaxed)
    isOverloaded.store(false, ordering: .relaxed)
  }

  func opened(_ link: RedisLinkKind) {
    switch link {
    case .commands: commandOpenings.add()
    case .subscriptions: channelOpenings.add()
    }
    log.info("redis_connected", "a link to Redis is open", [.init("link", link.word)])
  }

  func lost(_ link: RedisLinkKind, _ why: String) {
    switch link {
    case .commands: commandLosses.add()
    case .subscriptions: channelLosses.add()
    }
    reason.withLock { $0 = why }
    log.warning(
      "redis_lost", "a link to Redis is gone", [.init("link", link.word), .init("reason", why)])
  }

  /// An error reply; the log gets few of them, the counter all.
  func noteError(_ text: String) {
    errors.add()
    let isNew = reason.withLock { reason in
      guard reason != text else { return false }
      reason = text
      return true
    }
    if isNew {
      log.warning("redis_error", "Redis refused a command", [.init("reason", text)])
    }
  }
}

extension RedisLinkKind {
  /// The word for logs and labels.
  public var word: String {
    switch self {
    case .commands: "commands"
    case .subscriptions: "subscriptions"
    }
  }
}
