// Every number that bounds what a node holds or does, each with its unit, its reason, its default and
// its relation to the others. Lower targets get these as parameters. The ranges stand in the table of
// settings (SettingTable+Limits.swift), which also names the key of the configuration file.

/// The bounds of a node; the names are those of the configuration file's `limits`, in its style.
///
/// Where a comment says "0: none", 0 switches the limit off; everything else is always on.
public struct Limits: Sendable, Equatable {
  // MARK: Connections

  /// Connections that the node holds; 0: as many as descriptors and memory allow.
  ///
  /// What they allow is worked out at start; the slab of connections is sized by it.
  public var connections = 0
  /// Connections from one address, so that one machine cannot take all places; 0: none.
  ///
  /// Behind a balancer that hides addresses this counts the balancer's.
  public var connectionsPerAddress = 1000
  /// Connections of one user, anonymous connections have none; 0: none.
  public var connectionsPerUser = 100
  /// New connections a second on the node; 0: none.
  ///
  /// Half of it is announced to draining neighbours as what this node can take from them, and less
  /// while its busiest event loop is busy, or waits for a processor, for more than half of the time.
  public var handshakesPerSecond = 1000
  /// New connections a second from one address; 0: none.
  public var handshakesPerSecondPerAddress = 50
  /// What happens to a user's new connection over ``connectionsPerUser``.
  public var userOverflow = UserOverflow.refuse
  /// Sockets that have not finished their handshake, at the same time; 0: a quarter of all.
  ///
  /// Never more than that quarter. Over it the one that has waited longest is ended: an honest client
  /// is done after a round trip or two, so it is hardly ever the oldest.
  public var handshakesAtOnce = 4096
  /// From accept to the end of the opening handshake; who sends its head byte by byte is cut off.
  public var handshakeTimeout = Duration.seconds(10)
  /// Bytes of a request's head, its line and all its fields together; more is answered 431.
  public var requestHeadBytes = 8192

  // MARK: Rates of one connection

  /// Requests a second of one connection in the long run, each of a batch counted; 0: none.
  public var messagesPerSecond = 100
  /// Requests that a connection may send at once before the rate holds it back.
  ///
  /// 0: no limit at all, whatever the rate says.
  public var messagesBurst = 200
  /// Payload bytes a second of one connection in the long run; 0: none.
  ///
  /// What it may send at once is ``bytesBurst``.
  public var bytesPerSecond = 1_048_576

  // MARK: Rates of several connections together

  /// Requests a second of all connections of a user together; 0: none.
  ///
  /// Ten times what one connection may send: a person has a few of them, not a hundred busy ones.
  public var messagesPerSecondPerUser = 1000
  /// Payload bytes a second of all connections of a user together; 0: none.
  public var bytesPerSecondPerUser = 10_485_760
  /// Requests a second of all connections from an address together; 0: none.
  ///
  /// A hundred times what one connection may send: an office or a mobile network has one address.
  public var messagesPerSecondPerAddress = 10_000
  /// Payload bytes a second of all connections from an address together; 0: none.
  public var bytesPerSecondPerAddress = 104_857_600

  /// Whether counts and rates are only counted when they are exceeded, and refuse nobody.
  ///
  /// For finding out what would happen. Sizes and what the machine affords hold all the same.
  public var dryRun = false

  // MARK: Sizes of one connection

  /// Payload bytes of one message from a client, all fragments together and inflated.
  ///
  /// More is closed with 1009. At most ``outboundBytes``, or a message that was taken could not be
  /// delivered.
  public var messageBytes = 65_536
  /// Requests in one message, so that a message of tiny requests cannot hold a shard up.
  public var batchRequests = 1000
  /// Rooms that one connection has joined at the same time; 0: none.
  public var roomsPerConnection = 128
  /// Bytes that wait for a client that reads too slowly, before it is closed with 4005.
  ///
  /// At least ``messageBytes``. Namespaces that spare slow members begin to at half of it.
  public var outboundBytes = 1_048_576

  // MARK: Life of one connection

  /// From one ping of the server to the next, give or take its jitter; 0: no pings.
  ///
  /// Without them a peer that vanished without a word is kept until TCP gives up.
  public var pingInterval = Duration.seconds(25)
  /// From a ping to its pong; a later one is closed with 4000.
  public var pongTimeout = Duration.seconds(10)
  /// From the close frame that was sent to the one that comes back; after it TCP is cut.
  public var closeTimeout = Duration.seconds(5)
  /// Without a request from the client, pongs do not count, before it is closed with 4006; 0: none.
  public var idleTimeout = Duration.zero

  // MARK: What the node remembers and tells

  /// How long a publish's idempotency key is remembered; 0: keys are not remembered.
  public var idempotencyWindow = Duration.seconds(300)
  /// Idempotency keys that the node remembers, all rooms together; further ones are refused.
  public var idempotencyKeys = 500_000
  /// Bytes of history that the node holds, all rooms together; the oldest messages make way.
  ///
  /// What one room holds is in its namespace's `history`.
  public var historyBytes = 268_435_456
  /// Members in one answer to `presence`; the rest come with the next page.
  public var presencePage = 1000
  /// Messages in one answer to `history`; the rest come with the next page.
  public var historyPage = 1000

  /// The defaults.
  public init() {}

  /// Payload bytes that a connection may send at once: a second's worth.
  ///
  /// Always room for one message of the largest size, which could never be sent otherwise.
  public var bytesBurst: Int { max(bytesPerSecond, messageBytes) }

  /// Whether the rate of requests is limited at all.
  public var limitsMessages: Bool { messagesPerSecond > 0 && messagesBurst > 0 }
}
