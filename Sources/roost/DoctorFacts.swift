// What the checks of `roost doctor` look at, gathered beforehand: whether a fact is good or bad is said
// in DoctorChecks, which therefore can be tried with any machine and any Redis.

import RoostEventLoop

/// What the machine and its kernel allow; nil what could not be read.
struct MachineFacts: Equatable, Sendable {
  var softDescriptors = 0
  var hardDescriptors = 0
  /// `fs.file-max`.
  var systemFiles: Int?
  /// `net.core.somaxconn`.
  var acceptQueue: Int?
  /// `net.ipv4.tcp_max_syn_backlog`.
  var synQueue: Int?
  /// `net.core.netdev_max_backlog`.
  var packetQueue: Int?
  /// `net.ipv4.ip_local_port_range`.
  var localPorts: ClosedRange<Int>?
  /// The third number of `net.ipv4.tcp_mem`, in bytes.
  var socketMemoryBytes: Int?
  /// What the process may use: the cgroup's limit, or all that there is.
  var memoryBytes = 0
  var cores = 1
}

/// One port that the node will listen on.
struct PortFacts: Equatable, Sendable {
  enum State: Equatable, Sendable {
    case free
    /// A node of Roost answers on the admin port: it runs already.
    case ours
    case refused(Errno)
  }

  /// The setting that names it.
  let setting: String
  let address: String
  let state: State
}

/// One name that the configuration has looked up.
struct NameFacts: Equatable, Sendable {
  /// The setting that has the name.
  let setting: String
  let host: String
  /// How many addresses it has, or why it has none.
  let answer: Answer
  let milliseconds: Int

  enum Answer: Equatable, Sendable {
    case addresses(Int)
    case failed(String)
  }
}

/// The certificates of `tls.certificates`.
struct CertificateFacts: Equatable, Sendable {
  /// Why they cannot be used together; nil when they can.
  var failure: String?
  var certificates: [One] = []

  struct One: Equatable, Sendable {
    let path: String
    let names: [String]
    /// Seconds since 1970.
    let startsAt: Int
    let endsAt: Int
    let keyPath: String
    /// Whether everybody on the machine may read the key.
    let isKeyOpen: Bool
  }
}

/// What a Redis says about itself; nil what it does not say.
struct RedisFacts: Equatable, Sendable {
  /// Where it is, without a password.
  var url = ""
  /// Why it could not be asked; nil when it could.
  var failure: String?
  /// From a question to its answer, the best of some.
  var roundTripMicroseconds = 0
  /// Its clock minus ours.
  var skewMilliseconds: Int?
  var version: String?
  var role: String?
  var isCluster = false
  var isReplicaLinkUp: Bool?
  var replicas: Int?
  /// What CONFIG GET said; empty when it is not allowed.
  var settings: [String: String] = [:]
  var usedMemoryBytes: Int?
  var lastSaveFailed = false
  /// What the node does and this user may not: the command, and Redis's words.
  var forbidden: [Forbidden] = []

  struct Forbidden: Equatable, Sendable {
    let command: String
    let reason: String
  }
}

/// How long silence lasts on the way through a balancer.
struct PathFacts: Equatable, Sendable {
  var url = ""
  /// Why no connection came about; nil when one did.
  var failure: String?
  /// How often the node pings, in milliseconds; 0: never.
  var pingMilliseconds = 0
  /// The longest silence after which the connection still worked, in milliseconds.
  var survivedMilliseconds = 0
  /// The shortest silence that ended a connection, in milliseconds.
  var endedMilliseconds: Int?
  /// Whether the end came without a word: the connection was there and nothing answered.
  var isEndSilent = false
  /// Whether pings of the node broke the silence, so that a longer one does not occur.
  var isInterrupted = false
  /// The longest silence that was tried.
  var triedMilliseconds = 0
}
