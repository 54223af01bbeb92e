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
  /// Tells the message from others, alike on every node; 0 where nobody may get it twice.
  public let mid: UInt64

  /// Puts an entry together.
  public init(
    offset: UInt64, payload: Payload, sender: Member?, wallMilliseconds: Int64?, mid: UInt64 = 0
  ) {
    self.offset = offset
    self.payload = payload
    self.sender = sender
    self.wallMilliseconds = wallMilliseconds
    self.mid = mid
  }
}
