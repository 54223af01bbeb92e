// A message as a room's log keeps it: the room and the epoch are the log's.

/// A message of a room's log.
public struct LogEntry: Sendable, Equatable {
  /// Its place in the log.
  public let offset: UInt64
  /// What was published.
  public let payload: Payload
  /// Who published it; nil where the policy does not show it.
  public let sender: Member?
  /// When, in milliseconds since 1970; nil where the policy does not show it.
  public let wallMilliseconds: Int64?

  /// Puts an entry together.
  public init(offset: UInt64, payload: Payload, sender: Member?, wallMilliseconds: Int64?) {
    self.offset = offset
    self.payload = payload
    self.sender = sender
    self.wallMilliseconds = wallMilliseconds
  }
}
