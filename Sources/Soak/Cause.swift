// Why something may be missing. A hole that is announced is no lie only when something happened
// that can make one; the harness knows what it broke, and when.

public import RoostEventLoop

/// What may stand behind an announcement.
public enum Cause: String, CaseIterable, Sendable {
  /// Redis came back with less than it had: rooms with history may be reset.
  case dataLoss = "data_loss"
  /// Messages between nodes may have been missed: rooms without history may tell a gap.
  case interruption
  /// What is between clients and a node is dead or late: a node may give up clients that live.
  case silence
  /// Nodes may take living connections for dead ones, or may not see what others say: lists of who
  /// is there may be old.
  case upset
}

/// The times at which causes are accepted.
public struct Causes: Equatable, Sendable {
  private struct Span: Equatable, Sendable {
    let cause: Cause
    let start: MonotonicInstant
    var end: MonotonicInstant
  }

  private var spans: [Span] = []

  /// No causes.
  public init() {}

  /// From now on there is a cause, until `end` is called for it.
  public mutating func begin(_ cause: Cause, at now: MonotonicInstant) {
    spans.append(Span(cause: cause, start: now, end: .distantFuture))
  }

  /// A cause ends, though its consequences may still come within `grace`.
  public mutating func end(_ cause: Cause, at now: MonotonicInstant, grace: Duration) {
    for index in spans.indices where spans[index].cause == cause {
      spans[index].end = min(spans[index].end, now.advanced(by: grace))
    }
  }

  /// Whether there is one at that time.
  public func has(_ cause: Cause, at now: MonotonicInstant) -> Bool {
    spans.contains { $0.cause == cause && $0.start <= now && now <= $0.end }
  }

  /// Since when there has been none; nil while there is one.
  public func calmSince(_ cause: Cause, at now: MonotonicInstant) -> MonotonicInstant? {
    guard !has(cause, at: now) else { return nil }
    return spans.filter { $0.cause == cause && $0.end < now }.map(\.end).max() ?? .zero
  }

  /// Whether there ever was one.
  public func hasHad(_ cause: Cause) -> Bool { spans.contains { $0.cause == cause } }
}
