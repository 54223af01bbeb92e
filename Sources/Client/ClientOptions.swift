// What an application can set. Every bound has a default that fits a program with a few hundred rooms.

/// How a client connects and what it keeps.
public struct ClientOptions: Sendable {
  /// Gives a token; see ``TokenFailure`` for how to say that asking again is of no use.
  ///
  /// Any other error counts as one that asking again may help against.
  public typealias TokenProvider = @Sendable () async throws -> String

  /// Asked before the first dial, after a refusal, and when the token is about to expire; nil
  /// connects without one.
  public var token: TokenProvider?
  /// How long a publish, send, presence or history may take.
  public var callTimeout = Duration.seconds(30)
  /// Calls that may wait for their answers.
  public var callsMax = 1000
  /// Bytes of calls that may wait.
  public var callBytesMax = 4 << 20
  /// Events of one room that wait to be read before the room is left behind; see <doc:Buffers>.
  public var roomEventsMax = 1000
  /// Events of the client that wait to be read before the oldest is dropped.
  public var clientEventsMax = 1000
  /// The most bytes of a message from the server.
  public var messageBytesMax = 16 << 20
  /// Whether compression is offered (RFC 7692), each message by itself.
  public var offersCompression = false
  /// Certificates (PEM) that may vouch for the server; nil takes the system's.
  public var caFile: String?
  /// The client's own certificate and the way to its root (PEM), where the server wants one.
  public var certificateFile: String?
  /// The key (PEM) of `certificateFile`.
  public var keyFile: String?
  /// `http://[USER:PASSWORD@]HOST:PORT` of a proxy that is asked by CONNECT.
  public var proxy: String?
  /// Whether `https_proxy`, `http_proxy` and `no_proxy` of the environment are heeded where `proxy` is
  /// not set.
  public var takesProxyFromEnvironment = false
  /// Further fields of the upgrade request, such as Origin.
  public var fields: [(name: String, value: String)] = []

  /// Everything as it is by default.
  public init() {}

  /// The same with a token that never changes.
  public init(token: String) {
    self.token = { token }
  }
}
