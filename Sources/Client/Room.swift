// A room as its member sees it.

import RoostEventLoop
import RoostRooms

/// A room that a client is in.
///
/// Any thread. Letting go of it does not leave the room: `leave` does.
public final class Room: Sendable {
  /// The client that is in the room.
  public let client: Client
  private let room: RoomName
  private let buffer: EventBuffer<RoomEvent>

  init(client: Client, room: RoomName, buffer: EventBuffer<RoomEvent>) {
    self.client = client
    self.room = room
    self.buffer = buffer
  }

  /// The room's name.
  public var name: String { room.description }

  /// What happens in the room, in order, each event once; see <doc:Buffers> for who reads too slowly.
  public var events: RoomEvents { RoomEvents(buffer: buffer) }

  /// Publishes a value; returns once the server has it.
  ///
  /// It is sent again over reconnects, with one key, until it is answered or the time is over, and the
  /// server does it once. Throws `.refused`, `.timeout`, `.bufferFull`, `.tooLarge`, `.unknown`,
  /// `.closed`, `.cancelled`.
  /// - Parameters:
  ///   - key: 1 to 128 bytes that name this message; nil makes one up.
  ///   - timeout: nil takes that of the options.
  @discardableResult
  public func publish(
    _ data: JSONValue, key: String? = nil, timeout: Duration? = nil
  ) async throws(ClientFailure) -> PublishReceipt {
    PublishReceipt(
      try await client.call(.publish(room: room, data: data, key: key), timeout: timeout))
  }

  /// Publishes opaque bytes; returns once they are on their way.
  ///
  /// There is no answer: what fails comes as `error` among the client's events.
  public func publish(
    bytes: [UInt8], timeout: Duration? = nil
  ) async throws(ClientFailure) {
    _ = try await client.call(.publishBinary(room: room, bytes: bytes), timeout: timeout)
  }

  /// Reads messages of the room's log; `limit` is at most what the server allows.
  public func history(
    since: RoomPosition? = nil, limit: Int? = nil, reverse: Bool = false,
    timeout: Duration? = nil
  ) async throws(ClientFailure) -> RoomHistory {
    try RoomHistory(
      try await client.call(
        .history(room: room, since: since, limit: limit, reverse: reverse), timeout: timeout))
  }

  /// Reads a page of the room's members; give `next` as `after` for the next one.
  public func presence(
    limit: Int? = nil, after: UInt64? = nil, timeout: Duration? = nil
  ) async throws(ClientFailure) -> RoomPresence {
    try RoomPresence(
      try await client.call(.presence(room: room, limit: limit, after: after), timeout: timeout))
  }

  /// Leaves the room: its events end.
  public func leave() {
    client.hub.post(.leave(client: client.hub.client, room))
  }
}
