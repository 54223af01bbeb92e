// The rules of a namespace: who may do what in its rooms, what they keep and what they tell.

/// Who may do a thing in a room.
public enum Permission: String, CaseIterable, Sendable, Equatable {
  /// No client; the server API only.
  case nobody
  /// Every connection.
  case anyone
  /// Connections that have a user.
  case authenticated
  /// Connections that have joined the room.
  case member
  /// Connections whose token's claims allow it.
  case token
  /// In a room `user:<id>`, connections of that user.
  case owner
}

/// What happens to a member that reads too slowly.
public enum SlowConsumerPolicy: String, CaseIterable, Sendable, Equatable {
  /// Its connection is closed with 4005 when the outbound queue is full.
  case disconnect
  /// With half of the queue full, messages wait beside it, and the oldest make way.
  case dropOldest = "drop_oldest"
  /// With half of the queue full, the newest message of the room waits beside it, and no other.
  case latest
  /// With half of the queue full, nothing more is delivered; what was missed is read from the room's
  /// log when the member has taken the rest.
  case recover
}

/// How much history the rooms of a namespace keep; off when either number is 0.
public struct HistoryPolicy: Sendable, Equatable {
  /// Messages a room keeps at most.
  public var messages: Int
  /// How long a message is kept.
  public var lifetime: Duration
  /// Bytes of message data a room keeps at most.
  public var bytes: Int

  /// Rules that keep that many messages, that long, in that many bytes.
  public init(messages: Int, lifetime: Duration, bytes: Int) {
    self.messages = messages
    self.lifetime = lifetime
    self.bytes = bytes
  }

  /// Nothing is kept.
  public static let off = HistoryPolicy(messages: 0, lifetime: .zero, bytes: 1 << 20)

  /// Whether anything is kept.
  public var isOn: Bool { messages > 0 && lifetime > .zero }
}

/// The rules of a namespace.
public struct RoomPolicy: Sendable, Equatable {
  /// Who may join.
  public var join = Permission.anyone
  /// Who may publish.
  public var publish = Permission.member
  /// Who may ask who is in a room; has an effect only with `presence` on.
  public var readPresence = Permission.member
  /// Who may read history; has an effect only with `history` on.
  public var readHistory = Permission.member
  /// Who may `send` directly to users and connections; read from the namespace `user`.
  public var send = Permission.authenticated
  /// Whether rooms know their members by name.
  public var presence = false
  /// Whether members are told `joined` and `left`; needs `presence`.
  public var presenceEvents = false
  /// What rooms keep.
  public var history = HistoryPolicy.off
  /// Members that a room may have; 0 means no limit.
  public var membersMax = 0
  /// Bytes of data of one message; 0 means what the node takes.
  public var messageBytesMax = 0
  /// Publishes a second of one connection into the namespace's rooms; 0 means no limit of its own.
  public var messagesPerSecond = 0
  /// What happens to members that do not read.
  public var slowConsumer = SlowConsumerPolicy.disconnect
  /// Whether messages say who published them.
  public var showsSender = false
  /// Whether messages say when they were published.
  public var showsTime = false

  /// The rules of a namespace that is configured with `{}`.
  public init() {}
}
