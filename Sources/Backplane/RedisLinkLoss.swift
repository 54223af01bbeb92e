// Why a link ended, in words for the log and cases for whoever decides when to try again.

public import RoostEventLoop

/// What a link waits for when it is not open yet.
public enum RedisLinkStage: String, Sendable {
  /// The addresses of the host.
  case resolving = "looking the host up"
  /// The connection.
  case connecting
  /// The end of the TLS handshake.
  case securing = "the TLS handshake"
  /// The answers to AUTH, SELECT and CLIENT SETNAME.
  case entering = "logging in"
}

/// Why a link ended or could not be opened.
public enum RedisLinkLoss: Error, Equatable, Sendable, CustomStringConvertible {
  /// No connection came, or it broke.
  case connect(Errno)
  /// A stage took longer than its limit.
  case timeout(RedisLinkStage)
  /// The Redis ended the connection.
  case closedByPeer
  /// The host has no address: why.
  case resolve(String)
  /// TLS failed: why.
  case tls(String)
  /// What came is not RESP2, or over a limit: why.
  case protocolViolation(String)
  /// Redis's own words: NOAUTH, WRONGPASS, NOPERM, a wrong database, too many clients …
  case refused(String)
  /// More bytes waited for the socket than the limit allows.
  case outputFull
  /// The owner closed the link: why.
  case closed(String)

  /// A sentence without its full stop; it never holds a password.
  public var description: String {
    switch self {
    case .connect(let errno): "no connection: \(errno)"
    case .timeout(let stage): "\(stage.rawValue) took too long"
    case .closedByPeer: "Redis ended the connection"
    case .resolve(let reason): "the host was not found: \(reason)"
    case .tls(let reason): reason
    case .protocolViolation(let reason): "this is not what a Redis says: \(reason)"
    case .refused(let words): "Redis refused: \(words)"
    case .outputFull: "Redis takes commands too slowly"
    case .closed(let reason): reason
    }
  }
}

/// Bounds of one link.
public struct RedisLinkLimits: Equatable, Sendable {
  /// From the start to the connection, looking the host up and all its addresses included.
  public var connectTimeout: Duration
  /// From the connection to the last answer of logging in, the TLS handshake included.
  public var loginTimeout: Duration
  /// Bytes that may wait for the socket after a flush, at least 1.
  public var outputBytesMax: Int
  /// Bytes of all strings in one reply, 1...2^30.
  public var replyBytesMax: Int
  /// Elements of one reply, those of arrays in it included, 1...2^26.
  public var replyTokensMax: Int
  /// Bytes that one `ready` reads, at least 1; the rest is read in the next tick.
  public var tickBytesMax: Int
  /// How the kernel finds out that a silent Redis is gone.
  public var keepAlive: KeepAlive

  /// Names all of them.
  public init(
    connectTimeout: Duration, loginTimeout: Duration, outputBytesMax: Int, replyBytesMax: Int,
    replyTokensMax: Int, tickBytesMax: Int, keepAlive: KeepAlive
  ) {
    precondition(outputBytesMax >= 1, "outputBytesMax: \(outputBytesMax)")
    precondition(tickBytesMax >= 1, "tickBytesMax: \(tickBytesMax)")
    self.connectTimeout = connectTimeout
    self.loginTimeout = loginTimeout
    self.outputBytesMax = outputBytesMax
    self.replyBytesMax = replyBytesMax
    self.replyTokensMax = replyTokensMax
    self.tickBytesMax = tickBytesMax
    self.keepAlive = keepAlive
  }
}
