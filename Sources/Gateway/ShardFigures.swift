// The sizes of a shard at one moment.

public import Backplane

/// What a shard holds.
public struct ShardFigures: Sendable, Equatable {
  /// Accepted sockets, WebSocket or not.
  public var sockets = 0
  /// Rooms with a member here.
  public var rooms = 0
  /// Seats in rooms.
  public var members = 0
  /// Users with a connection here.
  public var users = 0
  /// The backplane's part here.
  public var backplane = BackplaneFigures()
}
