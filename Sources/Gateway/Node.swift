// One node: its listeners, its shards and their threads, and its way through the phases of its life.

import Auth
public import Backplane
public import Fetch
public import RoostCrypto
public import RoostEventLoop
import Synchronization
public import Telemetry

/// Why a node could not start.
public enum NodeFailure: Error, Sendable, CustomStringConvertible {
  /// The public port could not be opened.
  case listen(SocketAddress, Errno)
  /// The files that TLS to clients needs cannot be used.
  case certificates(TLSFailure)
  /// The files that TLS to Redis needs cannot be used.
  case security(TLSFailure)
  /// The URL of the callback, the webhooks or the key set cannot be used.
  case url(FetchProblem)
  /// A key of tokens, or a file with keys, cannot be used.
  case tokens(ConfigurationProblem)
  /// The system refused something that every node needs.
  case system(String, Errno)

  /// What was wrong and what to do.
  public var description: String {
    switch self {
    case .listen(let address, let code) where code.isAddressInUse:
      "\(address) is in use by another process; stop it or choose another address with --listen"
    case .listen(let address, let code): "cannot listen on \(address): \(code)"
    case .certificates(let failure): "tls: \(failure)"
    case .security(let failure): "redis.ca_file, .certificate_file or .key_file: \(failure)"
    case .url(let problem): "hooks.url, webhooks.url or auth.tokens.jwks_url \(problem)"
    case .tokens(let problem): "\(problem)"
    case .system(let what, let code): "\(what): \(code)"
    }
  }
}

/// A gateway node in this process.
///
/// Any thread.
public final class Node: Sendable {
  let shared: NodeShared
  private let shards: [Shard]
  private let backplane: BackplaneLoop?
  private let backplaneThread = Lock<LoopThread?>(nil)
  private let outbound: OutboundLoop?
  private let outboundThread = Lock<LoopThread?>(nil)
  private let threads: Lock<[LoopThread]>

  /// The public address, with the port that was chosen when 0 was asked for.
  public let address: SocketAddress

  /// The node's id.
  public let nodeID: String

  /// WebSocket connections that the node lets in, from its budget.
  public let connectionsMax: Int

  /// Opens the public port and starts the shards; connections are accepted when this returns.
  ///
  /// Raises the process's descriptor limit.
  public init(_ configuration: Configuration, log: Log) throws(NodeFailure) {
    let plan: OutboundPlan
    do throws(FetchProblem) {
      plan = try OutboundPlan(configuration)
    } catch {
      throw .url(error)
    }
    let keys: KeySet
    do throws(ConfigurationProblem) {
      keys = try configuration.tokenKeys()
    } catch {
      throw .tokens(error)
    }
    let shardCount = configuration.shards > 0 ? configuration.shards : Machine.usableCores()
    let certificates = try Self.certificates(configuration, log)
    let budget = NodeBudget(
      configured: configuration.limits.connections,
      handshakes: configuration.limits.handshakesAtOnce,
      outgoing: configuration.hooks.url.isEmpty ? 0 : configuration.hooks.concurrency,
      descriptors: Machine.raiseDescriptorLimit(),
      memoryBytes: Machine.usableMemoryBytes(), shards: shardCount,
      isSecured: certificates != nil)
    var bound = configuration.listen
    var wakeups: [Wakeup] = []
    var listeners: [Int32] = []
    do {
      try Self.probe(bound)
      for _ in 0..<shardCount {
        let listener = try Socket.listen(on: bound, sharesPort: true, backlog: 4096)
        // With port 0 the first shard chooses, the others follow.
        bound = try Socket.localAddress(of: listener)
        listeners.append(listener.relinquish())
      }
    } catch {
      for number in listeners { Syscalls.close(number) }
      throw .listen(bound, error)
    }
    let redis = RedisConfiguration.endpoint(configuration).map {
      RedisPlace(
        endpoint: $0, security: RedisConfiguration.security(configuration),
        status: RedisStatus(readinessGrace: configuration.redis.readinessGrace, log: log))
    }
    do {
      // The links make their own; what is wrong with the files is told before anything runs.
      _ = try redis?.context()
    } catch {
      for number in listeners { Syscalls.close(number) }
      throw .security(error)
    }
    let backplaneWakeup: Wakeup?
    let outboundWakeup: Wakeup?
    do {
      for _ in 0..<shardCount { wakeups.append(try Wakeup()) }
      backplaneWakeup = redis != nil && shardCount > 1 ? try Wakeup() : nil
      outboundWakeup = plan.isNeeded ? try Wakeup() : nil
    } catch {
      for number in listeners { Syscalls.close(number) }
      throw .system("no event descriptor for a shard", error)
    }
    address = bound
    nodeID = configuration.nodeID ?? "\(Machine.hostName()):\(bound.port)"
    connectionsMax = budget.connections
    shared = NodeShared(
      configuration: configuration, nodeID: nodeID, address: bound, budget: budget, keys: keys,
      log: log, mailboxes: wakeups.map { Mailbox(wakeup: $0, capacity: 65_536) }, redis: redis,
      backplaneMailbox: backplaneWakeup.map { Mailbox(wakeup: $0, capacity: 262_144) },
      outbound: outboundWakeup.map {
        OutboundPlace(mailbox: Mailbox(wakeup: $0, capacity: 65_536))
      }, plan: plan,
      certificates: certificates)
    var shards: [Shard] = []
    do {
      for index in 0..<shardCount {
        shards.append(
          try Shard(
            index: index, shared: shared, wakeup: wakeups[index],
            listener: Descriptor(taking: listeners[index])))
      }
    } catch {
      for number in listeners.dropFirst(shards.count + 1) { Syscalls.close(number) }
      throw .system("no epoll instance for a shard", error)
    }
    self.shards = shards
    threads = Lock([])
    do {
      if let redis, let backplaneWakeup, let mailbox = shared.backplaneMailbox {
        backplane = try BackplaneLoop(
          shared: shared, settings: shared.redisSettings, link: redis, wakeup: backplaneWakeup,
          mailbox: mailbox)
      } else {
        backplane = nil
      }
    } catch {
      throw .system("no epoll instance for the backplane", error)
    }
    do {
      if let place = shared.outbound, let outboundWakeup {
        outbound = try OutboundLoop(shared: shared, place: place, wakeup: outboundWakeup)
      } else {
        outbound = nil
      }
    } catch {
      throw .system("no loop for requests to other servers", error)
    }
    shared.phase = .serving
    do {
      if let backplane {
        let thread = try LoopThread(name: "backplane") { backplane.run() }
        backplaneThread.withLock { $0 = thread }
      }
      if let outbound {
        let thread = try LoopThread(name: "outbound") { outbound.run() }
        outboundThread.withLock { $0 = thread }
      }
      for (index, shard) in shards.enumerated() {
        let thread = try LoopThread(name: "shard-\(index)") { shard.run() }
        threads.withLock { $0.append(thread) }
      }
    } catch {
      stop()
      throw .system("no thread for a shard", error)
    }
  }

  private static func certificates(
    _ configuration: Configuration, _ log: Log
  ) throws(NodeFailure) -> Certificates? {
    guard !configuration.tls.certificates.isEmpty else { return nil }
    do throws(TLSFailure) {
      return try Certificates(configuration.tls, log: log)
    } catch {
      throw .certificates(error)
    }
  }

  /// A taken port is refused: with SO_REUSEPORT alone, a second node of the same user would share it.
  private static func probe(_ address: SocketAddress) throws(Errno) {
    guard address.port != 0 else { return }
    _ = try Socket.listen(on: address, sharesPort: false, backlog: 1)
  }

  /// Where the node is in its life.
  public var phase: NodePhase { shared.phase }

  /// WebSocket connections at this moment.
  public var connectionCount: Int { shared.admission.connectionCount }

  /// Tells the cluster where this node's admin port is.
  public func announceAdmin(_ address: SocketAddress) { shared.adminAddress = address }

  /// Shards of the node.
  public var shardCount: Int { shards.count }

  /// Whether a balancer should send connections here.
  public var isReady: Bool { notReadyReason == nil }

  /// Why a balancer should send no connections here, in a word or a sentence; nil when it should.
  public var notReadyReason: String? { shared.notReadyReason }

  /// How far the node's way into its cluster is.
  public enum ClusterEntry: Sendable {
    /// Redis has not been reached yet.
    case awaited
    /// The node is in, or stands alone.
    case entered
    /// Another living node has its id.
    case refused
  }

  /// Whether the node has found its place in the cluster; it may lose it again, and then is not ready.
  public var clusterEntry: ClusterEntry {
    guard let status = redisStatus, status.probeAge == nil else { return .entered }
    return status.isNameTaken.load(ordering: .relaxed) ? .refused : .awaited
  }

  /// How the cluster's Redis is doing; nil for a node that stands alone.
  public var redisStatus: RedisStatus? { shared.redis?.status }

  /// Ends at once, without close handshakes.
  public func stop() {
    if shared.phase != .stopped { shared.phase = .draining }
    shared.stopsAtOnce = true
    wakeShards()
    outbound?.executor.wakeup.wake()
  }

  /// Lets shards look at what changed: not a letter, because a mailbox may be full.
  func wakeShards() {
    for shard in shards { shard.executor.wakeup.wake() }
  }

  /// Waits for the shards' threads to end.
  ///
  /// Blocks; call it once, from one thread.
  public func waitUntilStopped() {
    let running = threads.withLock { threads in
      let all = threads
      threads = []
      return all
    }
    for thread in running { thread.join() }
    // The last to go: connections that end have left their rooms in Redis before the lease goes.
    shared.stopsBackplane = true
    backplane?.executor.wakeup.wake()
    backplaneThread.join()
    // Behind everything that is to be told.
    shared.stopsOutbound = true
    outbound?.executor.wakeup.wake()
    outboundThread.join()
    shared.phase = .stopped
  }

  /// What each shard holds right now.
  public func figures() async -> [ShardFigures] {
    var figures: [ShardFigures] = []
    for shard in shards { figures.append(await shard.figures()) }
    return figures
  }
}
