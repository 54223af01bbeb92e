// What bounds the in-process backplane; the node's limits are shared out among its shards.

/// Bounds of the in-process backplane, per shard.
public struct LocalBackplaneLimits: Sendable, Equatable {
  /// Bytes of message data in all logs together; the oldest messages go first.
  public let logBytesMax: Int
  /// Idempotency keys remembered.
  public let keysMax: Int
  /// How long a key is remembered.
  public let keyWindow: Duration
  /// Rooms that are kept without members and messages, so that positions stay valid.
  public let idleRoomsMax: Int
  /// Members above which a room gets counts instead of single presence events.
  public let presenceEventsMax: Int
  /// Bytes of message data in one answer.
  public let pageBytesMax: Int

  /// Puts limits together.
  public init(
    logBytesMax: Int, keysMax: Int, keyWindow: Duration, idleRoomsMax: Int,
    presenceEventsMax: Int, pageBytesMax: Int
  ) {
    self.logBytesMax = logBytesMax
    self.keysMax = keysMax
    self.keyWindow = keyWindow
    self.idleRoomsMax = idleRoomsMax
    self.presenceEventsMax = presenceEventsMax
    self.pageBytesMax = pageBytesMax
  }
}
