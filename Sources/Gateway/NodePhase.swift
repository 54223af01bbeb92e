// The life of a node, in the words of logs, metrics and the API.

/// Where a node is in its life.
public enum NodePhase: Int, CaseIterable, Sendable {
  /// Not accepting yet.
  case starting
  /// Accepting.
  case serving
  /// Refusing upgrades, closing connections.
  case draining
  /// Nothing is left.
  case stopped

  /// The word for it.
  public var word: String {
    switch self {
    case .starting: "starting"
    case .serving: "serving"
    case .draining: "draining"
    case .stopped: "stopped"
    }
  }

  /// Whether a balancer should send new connections here.
  public var isReady: Bool { self == .serving }
}
