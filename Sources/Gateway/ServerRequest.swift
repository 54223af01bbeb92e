// What the server API asks of the cluster and what comes back. Requests are put to the node from any
// thread, carried out by its first shard and the backplane, and answered once, in the end always.

public import Auth
public import Backplane
public import RoostRooms
public import RoostWire

/// A request of the server API.
public enum ServerRequest: Sendable, Equatable {
  /// Publish into a room; its namespace's `publish` does not apply.
  case publish(RoomName, Payload, key: ScopedKey?)
  /// Publish a JSON value into several rooms, each room listed once.
  case broadcast([RoomName], data: [UInt8], key: ScopedKey?)
  /// Send a JSON value to every connection of the cluster, as a `direct`.
  case broadcastAll(data: [UInt8])
  /// List rooms that have members, in the order of their bytes.
  case rooms(after: RoomName?, limit: Int)
  /// A room's size and newest position.
  case room(RoomName)
  /// Who is in a room.
  case presence(RoomName, limit: Int?, after: UInt64)
  /// A room's log.
  case history(RoomName, since: Position?, limit: Int?, reverse: Bool)
  /// Drop a room's log.
  case clearHistory(RoomName)
  /// Send a JSON value to every connection of a user.
  case send(user: String, data: [UInt8])
  /// A user's connections.
  case connections(user: String)
  /// Close a user's connections with 4003.
  case disconnectUser(String, reason: String?)
  /// One connection.
  case connection(ConnectionID)
  /// Close a connection with 4003.
  case disconnect(ConnectionID, reason: String?)
  /// Join a user's connections to a room.
  case join(user: String, RoomName)
  /// Take a user's connections out of a room.
  case kick(user: String, RoomName)
  /// The nodes of the cluster.
  case nodes
  /// The rooms and connections with the most of something, of all nodes or of one.
  case top(limit: Int, node: String?)
  /// Take tokens back: close their connections with 4001, and refuse them until they have expired.
  ///
  /// Of a user or of everybody, those issued before a time in seconds since 1970; nil: all so far.
  case revoke(Revocation.Target, issuedBefore: Int64?)
}

/// Why a request of the server API was not carried out, or not known to be.
public struct ServerFailure: Error, Sendable, Equatable {
  /// The protocol's word for it; nil where it has none.
  public let code: ErrorCode?
  /// The HTTP status.
  public let status: Int
  /// A sentence.
  public let message: String
  /// How long to wait before another try, where that may help.
  public let retryAfter: Duration?
  /// Nodes that did not answer.
  public let missing: [String]

  /// Puts a failure together.
  public init(
    code: ErrorCode?, status: Int, message: String, retryAfter: Duration? = nil,
    missing: [String] = []
  ) {
    self.code = code
    self.status = status
    self.message = message
    self.retryAfter = retryAfter
    self.missing = missing
  }
}

/// What became of one room of a broadcast.
public struct BroadcastOutcome: Sendable, Equatable {
  /// The room.
  public let room: RoomName
  /// The message's place, nil in rooms without history; or why it was not published.
  public let result: Result<Position?, ServerFailure>
}

/// The answer to a request of the server API.
public enum ServerAnswer: Sendable, Equatable {
  /// A publish was done, or had been done with the same key before.
  case published(Position?)
  /// What became of each room.
  case broadcast([BroadcastOutcome])
  /// A message was queued for that many connections.
  case delivered(Int, missing: [String])
  /// That many connections were closed, joined or taken out.
  case changed(Int, missing: [String])
  /// Rooms; the list goes on behind the last one when there are more.
  case rooms([RoomSize], hasMore: Bool, missing: [String])
  /// A room.
  case room(RoomName, members: Int, Position?)
  /// Members; `next` while there are more.
  case presence([Member], next: UInt64?)
  /// Entries of a log, and the room's newest position.
  case history([LogEntry], Position, recovered: Bool?)
  /// A log was dropped.
  case cleared
  /// Connections of a user.
  case connections([ConnectionDetails], missing: [String])
  /// One connection.
  case connection(ConnectionDetails)
  /// The nodes of the cluster.
  case nodes([NodeListing], missing: [String])
  /// The rooms and connections with the most of something.
  case top(TopFigures, missing: [String])
  /// It was not done, or nobody knows.
  case failed(ServerFailure)
}
