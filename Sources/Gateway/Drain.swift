// How a node leaves: the steps, and the pace at which its connections are sent to the others. Pure: the
// time comes in, what to do comes out. One lock holds it for the node (see `NodeShared`), the first
// shard ticks it.

import RoostEventLoop

/// What asked a node to leave.
public enum DrainCause: String, Sendable {
  /// SIGTERM or SIGINT: nothing takes it back.
  case signal
  /// The server API, or the program that the node runs in.
  case request
}

/// Where a drain is.
public enum DrainStep: String, CaseIterable, Sendable {
  /// No drain.
  case serving
  /// Not ready any more, but still accepting: balancers find out.
  case grace
  /// Refusing upgrades, sending connections away.
  case moving
  /// No connection is left; the last answers leave.
  case flushing
  /// Ended before its time.
  case cut
}

/// A node's way out, from the first word to the last connection.
struct Drain: Sendable {
  /// How long the steps may take.
  struct Plan: Sendable, Equatable {
    var grace: Duration
    var window: Duration
    /// From the start, whatever is left.
    var hardStop: Duration

    /// How long before its turn a connection is told, so that it can look for another node.
    var lead: Duration { min(.seconds(1), window / 8) }
    /// How long behind its turn it may still be here, before it is closed.
    ///
    /// A client that moves is elsewhere in a few round trips, where the others have the time for them:
    /// closed before, it would be seen to leave.
    var patience: Duration { min(.seconds(5), window / 4) }
    /// Whether connections are told before they are closed; without a window they are not.
    var tells: Bool { window > .zero }
  }

  /// Connections at a moment.
  struct Count: Sendable, Equatable {
    /// All that have not ended.
    var left: Int
    /// Those among them that have not been told.
    var untold: Int
  }

  /// What is to be done.
  enum Action: Sendable, Equatable {
    /// Nothing.
    case rest
    /// Upgrades are refused from now on; ask again at once.
    case refuse
    /// So many more connections are told that their turn comes.
    case tell(Int)
    /// No connection is left: the shards end when their last answers are sent.
    case flush
    /// The hard stop has passed: everything ends now.
    case cut
  }

  private struct Move: Sendable {
    let until: MonotonicInstant
    /// The last moment at which a connection may be told and still leave within the window.
    let tellUntil: MonotonicInstant
    /// Connections when it began.
    let total: Int
    var tickedAt: MonotonicInstant
    /// Parts of connections that may be told, left over by earlier ticks.
    var credit = 0.0
    var pace = 0.0
  }

  private enum State: Sendable {
    case serving
    case grace(until: MonotonicInstant)
    case moving(Move)
    case flushing
    case cut
  }

  private(set) var plan = Plan(grace: .zero, window: .zero, hardStop: .zero)
  private var state = State.serving
  private(set) var cause: DrainCause?
  private(set) var startedAt: MonotonicInstant?

  /// Figures of other nodes are believed for so long.
  static let figuresLife = Duration.seconds(3)

  /// The step.
  var step: DrainStep {
    switch state {
    case .serving: .serving
    case .grace: .grace
    case .moving: .moving
    case .flushing: .flushing
    case .cut: .cut
    }
  }

  /// Connections a second that are told; 0 outside of moving.
  var pace: Double {
    if case .moving(let move) = state { return move.pace }
    return 0
  }

  /// When the last connection is to be gone; nil outside of moving.
  var windowEnd: MonotonicInstant? {
    if case .moving(let move) = state { return move.until }
    return nil
  }

  /// Whether the hard stop has passed.
  func isOverdue(_ now: MonotonicInstant) -> Bool {
    guard let startedAt else { return false }
    return now >= startedAt.advanced(by: plan.hardStop)
  }

  // MARK: Inputs

  /// Begins; false when it has begun before, which a signal then makes final.
  mutating func start(_ cause: DrainCause, _ plan: Plan, _ now: MonotonicInstant) -> Bool {
    guard case .serving = state else {
      if cause == .signal { self.cause = .signal }
      return false
    }
    state = .grace(until: now.advanced(by: plan.grace))
    self.plan = plan
    self.cause = cause
    startedAt = now
    return true
  }

  /// Takes it back, as long as upgrades are accepted and no signal came; false otherwise.
  mutating func undo() -> Bool {
    guard case .grace = state, cause == .request else { return false }
    state = .serving
    cause = nil
    startedAt = nil
    return true
  }

  /// Ends it before its time; false when it has ended so already.
  mutating func cut() -> Bool {
    if case .cut = state { return false }
    state = .cut
    return true
  }

  /// What is to be done now.
  mutating func tick(
    _ now: MonotonicInstant, _ count: Count, _ neighbours: DrainNeighbours?
  ) -> Action {
    switch state {
    case .serving, .cut: return .rest
    case .grace, .moving, .flushing: break
    }
    // Whoever carries it out is the one who says so with `cut()`: said here, nobody would do it.
    if isOverdue(now) { return .cut }
    switch state {
    case .grace(let until):
      guard now >= until else { return .rest }
      state = .moving(
        Move(
          until: now.advanced(by: plan.window),
          tellUntil: now.advanced(by: plan.window - plan.lead - plan.patience),
          total: count.left, tickedAt: now))
      return .refuse
    case .moving(var move):
      guard count.left > 0 else {
        state = .flushing
        return .flush
      }
      let quota = Self.quota(&move, now, count, neighbours)
      state = .moving(move)
      return quota > 0 ? .tell(quota) : .rest
    case .serving, .flushing, .cut: return .rest
    }
  }

  private static func quota(
    _ move: inout Move, _ now: MonotonicInstant, _ count: Count, _ neighbours: DrainNeighbours?
  ) -> Int {
    let elapsed = seconds(now.since(move.tickedAt))
    move.tickedAt = now
    guard count.untold > 0 else {
      move.pace = 0
      return 0
    }
    let remaining = seconds(move.tellUntil.since(now))
    guard remaining > 0 else {
      move.pace = Double(count.untold)
      return count.untold
    }
    let fresh = neighbours.flatMap { now.since($0.readAt) <= figuresLife ? $0 : nil }
    move.pace = pace(
      untold: count.untold, total: move.total, remaining: remaining, neighbours: fresh)
    // A tick that came late does not send away what it has missed, all in one go.
    move.credit = min(move.credit + move.pace * min(elapsed, 1), Double(count.untold))
    let quota = Int(move.credit)
    move.credit -= Double(quota)
    return quota
  }

  /// Connections a second: what the emptiest of the others take, at most a tenth of them, and at least
  /// what the window forces.
  static func pace(
    untold: Int, total: Int, remaining: Double, neighbours: DrainNeighbours?
  ) -> Double {
    let even = Double(untold) / remaining
    guard let neighbours, neighbours.survivors > 0 else { return even }
    let share =
      neighbours.rate.map {
        Double(neighbours.emptiest ?? neighbours.survivors) * Double($0)
          / Double(max(neighbours.draining, 1))
      } ?? .infinity
    return max(even, min(share, Double(total) / 10))
  }

  private static func seconds(_ duration: Duration) -> Double {
    Double(duration.nanosecondsClamped) / 1e9
  }

  /// Shares a number out among shards by how many connections each has, none above what it has.
  static func shares(of quota: Int, among counts: [Int]) -> [Int] {
    let total = counts.reduce(0, +)
    guard total > 0, quota < total else { return counts }
    // By running sums, so that the shares add up whatever was rounded.
    var (before, given) = (0, 0)
    return counts.map { count in
      before += count
      let upTo = Int((Double(quota) * Double(before) / Double(total)).rounded())
      defer { given = upTo }
      return upTo - given
    }
  }
}
