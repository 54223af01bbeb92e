// What every backplane does. It is pure towards its shard: commands in, events and letters out, the
// clock a parameter; so one suite of contract tests runs against each implementation.

public import RoostRooms

/// What a call of the backplane left for others, in order.
public struct BackplaneOutbox: Sendable {
  /// Something for a shard.
  public enum Item: Sendable, Equatable {
    /// An event for a shard, perhaps the own one.
    case event(shard: Int, BackplaneEvent)
    /// A command for the shard that is the room's home.
    case command(shard: Int, BackplaneCommand)
  }

  /// What was left, oldest first; the caller empties it.
  public var items: [Item] = []

  /// An empty outbox.
  public init() {}
}

/// Sizes of a backplane's part on one shard.
public struct BackplaneFigures: Sendable, Equatable {
  /// Rooms known here.
  public var rooms = 0
  /// Messages kept in logs.
  public var logEntries = 0
  /// Bytes of message data kept in logs.
  public var logBytes = 0
  /// Idempotency keys remembered.
  public var keys = 0

  /// All zero.
  public init() {}
}

/// Carries messages between members, on one node or many.
///
/// Owner: the shard that holds it; `Any thread` for nothing.
public protocol MessageBackplane: ~Copyable {
  /// Carries out a command, or passes it on to the shard that can.
  ///
  /// Every command with a ticket gets exactly one event with that ticket. Events for one shard
  /// keep their order.
  mutating func submit(
    _ command: BackplaneCommand, at now: Moment, into outbox: inout BackplaneOutbox)

  /// Lets time pass: expiries, member counts. Called about once a second.
  mutating func sweep(at now: Moment, into outbox: inout BackplaneOutbox)

  /// Sizes, for metrics.
  var figures: BackplaneFigures { get }
}
