// What a client may ask, in the words of `roost.v1.json`.

public import RoostRooms

/// Whom a `send` is for.
public enum SendTarget: Sendable, Equatable {
  /// Every connection of a user.
  case user(String)
  /// One connection, by its id's text.
  case connection(String)
}

/// A client's request.
public enum Request: Sendable, Equatable {
  /// Enter a room, recovering from a position when one is given.
  case join(RoomName, since: Position?)
  /// Leave a room.
  case leave(RoomName)
  /// Publish a JSON value into a room.
  case publish(RoomName, data: [UInt8], key: [UInt8]?)
  /// Send a JSON value to a user or a connection.
  case send(to: SendTarget, data: [UInt8])
  /// Ask who is in a room; `after` is the `next` of the page before.
  case presence(RoomName, limit: Int?, after: UInt64?)
  /// Read a room's log.
  case history(RoomName, since: Position?, limit: Int?, reverse: Bool)
  /// Present a token.
  case auth(token: [UInt8])
  /// Ask for a `pong`.
  case ping
}

/// What stands in the way of a request.
public struct RequestRejection: Error, Sendable, Equatable {
  /// The word of the `error` reply.
  public let code: ErrorCode
  /// The sentence of the `error` reply.
  public let message: String

  /// Puts a rejection together.
  public init(_ code: ErrorCode, _ message: String) {
    self.code = code
    self.message = message
  }
}

/// One object of a client's message.
public struct ParsedRequest: Sendable, Equatable {
  /// The raw JSON of `id`, a string or a number; nil when there is none.
  public let id: [UInt8]?
  /// The request, or why it is none.
  public let result: Result<Request, RequestRejection>

  /// Puts a parsed request together.
  public init(id: [UInt8]?, result: Result<Request, RequestRejection>) {
    self.id = id
    self.result = result
  }
}
