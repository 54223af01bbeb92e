// What a client tells its application, as it comes: the state of the connection, and what happens in
// rooms.

/// A connection as others see it.
public struct ClientMember: Hashable, Sendable {
  /// The connection's id.
  public var connection: String
  /// Its user; nil for an anonymous one.
  public var user: String?
  /// What its token says about it, where the server tells that.
  public var info: JSONValue?

  /// Puts a member together.
  public init(connection: String, user: String? = nil, info: JSONValue? = nil) {
    self.connection = connection
    self.user = user
    self.info = info
  }
}

/// A place in a room's log.
public struct RoomPosition: Hashable, Sendable {
  /// The life of the log; offsets of two lives are not comparable.
  public var epoch: String
  /// The number of the last message before this place; 0 before the first.
  public var offset: UInt64

  /// Puts a position together.
  public init(epoch: String, offset: UInt64) {
    self.epoch = epoch
    self.offset = offset
  }
}

/// What the first message of a connection says.
public struct ClientSession: Hashable, Sendable {
  /// The connection's id.
  public var connection: String
  /// The node's id.
  public var node: String
  /// Whom the server takes this for; nil for nobody.
  public var user: String?
  /// The server's version.
  public var version: String
  /// Time between the server's pings; zero for none.
  public var pingInterval: Duration
  /// The most bytes of a message to the server.
  public var messageBytesMax: Int
  /// Whether the server took a ticket, so that to others this connection is the one before it.
  public var isResumed: Bool
}

/// A message in a room.
public struct RoomMessage: Hashable, Sendable {
  /// What a message carries.
  public enum Content: Hashable, Sendable {
    /// A JSON value.
    case json(JSONValue)
    /// Opaque bytes.
    case binary([UInt8])
  }

  /// What it carries.
  public var content: Content
  /// Its number in the room's log; nil in a room without history.
  public var offset: UInt64?
  /// Who published it, where the room shows that.
  public var sender: ClientMember?
  /// When, in milliseconds since 1970, where the room shows that.
  public var wallMilliseconds: Int?

  /// Puts a message together.
  public init(
    _ content: Content, offset: UInt64? = nil, sender: ClientMember? = nil,
    wallMilliseconds: Int? = nil
  ) {
    self.content = content
    self.offset = offset
    self.sender = sender
    self.wallMilliseconds = wallMilliseconds
  }

  /// The value when it carries JSON.
  public var json: JSONValue? {
    if case .json(let value) = content { value } else { nil }
  }

  /// The bytes when it carries bytes.
  public var bytes: [UInt8]? {
    if case .binary(let bytes) = content { bytes } else { nil }
  }
}

/// Something that happened in a room.
public enum RoomEvent: Hashable, Sendable {
  /// The client is in the room, for the first time or again.
  ///
  /// `members` is missing while the server does not know; `recovered` is there when the client said
  /// where it had stopped, and true when nothing is missing.
  case entered(members: Int?, recovered: Bool?)
  /// The room could not be joined, and is not tried again; the server's code.
  case failed(code: String)
  /// The server put this client into the room.
  case added
  /// The server took this client out of the room; the code is that of a close.
  case removed(code: UInt16)
  /// A message.
  case message(RoomMessage)
  /// Another member came.
  case joined(ClientMember)
  /// Another member went.
  case left(ClientMember)
  /// So many members, in place of the two above in large rooms.
  case members(Int)
  /// Messages may be missing here.
  case gap
  /// Messages are missing, and the room goes on behind this position: load its state anew.
  case reset(RoomPosition)
  /// Members may have come or gone unseen: read presence again.
  case presenceReset
}

/// Something that a client tells.
public enum ClientEvent: Hashable, Sendable {
  /// It begins to connect.
  case connecting
  /// It is connected.
  case open(ClientSession)
  /// It waits before it tries again: how long, the close code that led to it, and the reason.
  case waiting(retryIn: Duration, code: UInt16?, reason: String)
  /// It has ended and does not come back by itself: the close code, and the reason.
  case closed(code: UInt16, reason: String)
  /// The node is about to close the connection, after so long a time; nothing has to be done.
  case draining(reconnectAfter: Duration)
  /// The connection was moved to another node, and was there all the time; nothing has to be done.
  case moved(ClientSession)
  /// Somebody's `send` to this user or connection; without a sender, the server's.
  case direct(JSONValue, from: ClientMember?)
  /// The server refused something that nobody waits for.
  case error(code: String, message: String)
  /// Something happened in a room.
  case room(String, RoomEvent)
  /// So many events were dropped here, because nobody took them.
  case dropped(Int)
}
