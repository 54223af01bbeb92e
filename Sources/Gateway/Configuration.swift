// What a node is told at start, as plain values with their defaults. Where the values come from (file,
// environment, flags) is ConfigurationLoader's business; their ranges and one-line documentation are
// the table of settings.

public import RoostEventLoop
public import RoostRooms
public import Telemetry

/// Everything that can be set about a node; `Configuration()` holds the defaults without `--dev`.
public struct Configuration: Sendable, Equatable {
  /// Who is let in.
  public struct Auth: Sendable, Equatable {
    /// Whether connections without a credential are let in.
    public var anonymous = false
    /// Keys of the server API, each of at least 16 characters; none: it is closed but for `--dev`.
    public var apiKeys: [String] = []
    /// Tokens of clients.
    public var tokens = Tokens()
    /// Whether a connection may come without a credential and bring its token in a first `auth`.
    public var inBand = false
    /// How long before its token's expiry a client is told.
    public var expiryNotice = Duration.seconds(30)
    /// How long a connection stays behind its token's expiry, for a fresh one.
    public var expiryGrace = Duration.seconds(10)
  }

  /// permessage-deflate (RFC 7692).
  public struct Compression: Sendable, Equatable {
    /// Whether clients that offer compression get it.
    public var enabled = true
    /// zlib's level: 1 (fast) to 9 (small); the first one gives most of the gain.
    public var level = 1
    /// Messages of fewer payload bytes are sent as they are: what is short does not shrink.
    public var thresholdBytes = 256
    /// Whether a connection may keep its window from message to message: smaller messages for some
    /// 300 KiB a connection, and no compressed form that a room's members could share.
    public var contextTakeover = false
    /// Bytes that windows kept for connections may take on the node; past it, new connections are
    /// agreed without.
    public var memoryBytes = 67_108_864
    /// The server's window is 2 to this power bytes: 9 to 15.
    public var windowBits = 15
  }

  /// The times of a drain, all from the signal on.
  public struct Drain: Sendable, Equatable {
    /// How long new connections are still taken after `/readyz` says no, until the balancer knows.
    public var lbGrace = Duration.seconds(5)
    /// Over which the connections are told to go, one after the other.
    public var window = Duration.seconds(30)
    /// When the node ends, whatever is left; at least grace and window together.
    public var hardStop = Duration.seconds(60)
    /// Whether a node with far more connections than the others sends some of them away, slowly.
    public var rebalance = false
  }

  /// How connections are known again on another node.
  public struct Resume: Sendable, Equatable {
    /// Secrets that sign tickets: the first one signs, all verify; none: the cluster makes one.
    public var secrets: [String] = []
  }

  /// The Redis that makes nodes one cluster.
  public struct Redis: Sendable, Equatable {
    /// Its URL, or none: a node that stands alone.
    public var urls: [String] = []
    /// What every key and channel begins with.
    public var prefix = "roost:"
    /// Certificates that may have signed that of Redis; empty: those of the system.
    public var caFile = ""
    /// The node's own certificate.
    public var certificateFile = ""
    /// Its key.
    public var keyFile = ""
    /// How long Redis may take for a reply before its link is closed.
    public var replyTimeout = Duration.seconds(2)
    /// How long the way through Redis may be cut before the node is not ready.
    public var readinessGrace = Duration.seconds(3)
  }

  /// The structured log.
  public struct LogSettings: Sendable, Equatable {
    /// `json`; `text` under `--dev` when the standard error output is a terminal.
    public var format = LogFormat.json
    /// Events below it are left out.
    public var level = LogLevel.info
    /// Lines of one event a second; 0: no bound.
    public var linesPerSecond = 100
  }

  /// Where clients connect; port 0 takes a free one.
  public var listen = SocketAddress(ipv4: 0, port: 8080)
  /// Where the server API, health and metrics are; port 0 takes a free one.
  public var admin = SocketAddress(ipv4: 0x7F00_0001, port: 8081)
  /// The node's name in logs, `welcome` and the cluster; nil: made of host name and port.
  public var nodeID: String?
  /// Threads that serve connections; 0: one per core that affinity and the cgroup allow.
  public var shards = 0
  /// Who is let in.
  public var auth = Auth()
  /// Pages that may connect, as ``OriginPolicy`` reads them; empty: those of the same host.
  public var origins: [String] = []
  /// The proxies in front.
  public var proxies = Proxies()
  /// TLS on the node's own ports.
  public var tls = TLS()
  /// Every bound.
  public var limits = Limits()
  /// Compression of messages.
  public var compression = Compression()
  /// The rules of each configured namespace; the key "" is that of rooms without a namespace.
  public var namespaces = ["": RoomPolicy(), "user": RoomPolicy.userRooms]
  /// The Redis that makes nodes one cluster.
  public var redis = Redis()
  /// The callback that decides what policies leave open.
  public var hooks = Hooks()
  /// What is told to another service.
  public var webhooks = Webhooks()
  /// How the node leaves.
  public var drain = Drain()
  /// How connections are known again on another node.
  public var resume = Resume()
  /// What the node writes about itself.
  public var log = LogSettings()
  /// Whether this is `--dev`: anonymous with `?user=NAME` believed, any origin, the console at `/`,
  /// `/v1` open, `/echo`, unconfigured namespaces under the default namespace's rules.
  public let dev: Bool

  /// The defaults, those of `--dev` when asked for.
  public init(dev: Bool = false) {
    self.dev = dev
    guard dev else { return }
    listen = SocketAddress(ipv4: 0x7F00_0001, port: 8080)
    auth.anonymous = true
    limits.connectionsPerAddress = 0
    limits.handshakesPerSecondPerAddress = 0
    limits.messagesPerSecondPerAddress = 0
    limits.bytesPerSecondPerAddress = 0
    namespaces[""] = RoomPolicy.showingEverything
    namespaces["user"]?.send = .anyone
  }

  /// The rules of a room's namespace; nil when its rooms are forbidden, because nobody configured it.
  public func policy(forNamespace namespace: String) -> RoomPolicy? {
    if let policy = namespaces[namespace] { return policy }
    return dev ? namespaces[""] : nil
  }

  /// Which pages may connect.
  public var originPolicy: OriginPolicy {
    dev ? .anywhere : OriginPolicy(patterns: origins)
  }
}

extension RoomPolicy {
  /// The rules of `user:<id>` rooms: the server joins a user's connections, its owner publishes.
  static let userRooms: RoomPolicy = {
    var policy = RoomPolicy()
    policy.join = .nobody
    policy.publish = .owner
    return policy
  }()

  /// The default namespace's rules under `--dev`, so that the console has everything to show.
  static let showingEverything: RoomPolicy = {
    var policy = RoomPolicy()
    policy.presence = true
    policy.presenceEvents = true
    policy.history.messages = 100
    policy.history.lifetime = .seconds(300)
    policy.showsSender = true
    policy.showsTime = true
    return policy
  }()
}
