// The time as pure code gets it: once per tick, from outside.

/// A reading of both clocks.
public struct Moment: Sendable, Equatable {
  /// Time since an arbitrary start, never going back: for ages and deadlines.
  public let monotonic: Duration
  /// Milliseconds since 1970: for people, never for ages.
  public let wallMilliseconds: Int64

  /// Puts a moment together.
  public init(monotonic: Duration, wallMilliseconds: Int64) {
    self.monotonic = monotonic
    self.wallMilliseconds = wallMilliseconds
  }
}
