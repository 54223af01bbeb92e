// What the application waits for, and what the machine asks its surroundings to do.

import RoostEventLoop
public import RoostRooms

/// Names a call of the application, in the order in which they were made.
public typealias CallTicket = UInt64

/// Names a connection, in the order of the dials, from 1.
public typealias ClientLink = UInt64

/// What the application can ask for.
public enum ClientCall: Sendable {
  /// A JSON value for a room's members; a missing key is made up.
  case publish(room: RoomName, data: JSONValue, key: String?)
  /// Opaque bytes for a room's members: done as soon as they are sent.
  case publishBinary(room: RoomName, bytes: [UInt8])
  /// A JSON value for a user or a connection.
  case send(to: SendTarget, data: JSONValue)
  /// Who is in a room.
  case presence(room: RoomName, limit: Int?, after: UInt64?)
  /// What was published in a room.
  case history(room: RoomName, since: RoomPosition?, limit: Int?, reverse: Bool)
}

/// What the machine asks its surroundings to do, in order.
public enum ClientAction: Sendable {
  /// Ask the provider for a token, and answer with this number.
  case askToken(request: UInt64)
  /// Open a connection, beside the one that there is while the client moves: with this token, and with
  /// the ticket of the connection that it is to take over.
  case dial(ClientLink, token: String?, ticket: String?)
  /// Send a text message.
  case sendText([UInt8], on: ClientLink)
  /// Send a binary message.
  case sendBinary([UInt8], on: ClientLink)
  /// Close a connection in order with a code, or let it go at once.
  case hangUp(ClientLink, code: UInt16?)
  /// Tell the application.
  case event(ClientEvent)
  /// Tell the application what happened in a room; see `overflowed` for what it does not take.
  case roomEvent(RoomName, RoomEvent)
  /// A call has ended: the server's whole answer (null for what has none), or why it failed.
  case outcome(CallTicket, Result<JSONValue, ClientFailure>)
}

/// A call that has not ended.
struct PendingCall {
  /// What a cut, or an answer that says to come again, means for it.
  enum Kind {
    /// Repeated with its key until it is done.
    case publish
    /// Sent once, without an answer.
    case binary
    /// Sent once: behind a cut nobody knows.
    case send
    /// Asked again after a cut.
    case reading
  }

  enum Standing: Equatable {
    /// To be sent, though not before that time.
    case waiting(notBefore: MonotonicInstant)
    /// Sent as that request over that connection.
    case sent(request: UInt64, on: ClientLink)
  }

  let kind: Kind
  /// The room whose join it waits for.
  let room: RoomName?
  /// The request without its number, or the whole binary message.
  let body: [UInt8]
  let deadline: MonotonicInstant
  var standing = Standing.waiting(notBefore: .zero)
  var backoff = Backoff()
  /// It may have been done: it was sent, and no answer said otherwise.
  var wasSent = false
  /// An answer said that it may have been done, or a connection ended before the answer.
  var isDoubtful = false
}
