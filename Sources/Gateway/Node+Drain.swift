// The node's way out, as the program and the server API see it: begin, take back, cut short, look.

import Backplane
import RoostEventLoop
import RoostRooms
import Telemetry

/// How far a drain is.
public struct DrainReport: Sendable, Equatable {
  /// Where it is.
  public let step: DrainStep
  /// What asked for it; nil while the node serves.
  public let cause: DrainCause?
  /// When it began, in milliseconds since 1970; nil while the node serves.
  public let startedAt: Int64?
  /// When the last connection is to be gone, in milliseconds since 1970; nil but while connections
  /// are sent away.
  public let windowEndsAt: Int64?
  /// Connections and event streams that are left.
  public let connections: Int
  /// Those that were told to go, since the node's start.
  public let told: Int
  /// Those of them that the node had to close.
  public let closed: Int
  /// Connections a second that are told now.
  public let pace: Double
}

extension NodeShared {
  /// Ends everything at once, before the drain is done.
  ///
  /// Any thread; whoever is first has it in the log.
  func end(because reason: String) {
    let isFirst = drain.withLock { $0.cut() }
    guard isFirst else { return }
    log.warning(
      "drain_cut", "connections were cut: \(reason)",
      [.init("connections", admission.connectionCount)])
    phase = .draining
    stopsAtOnce = true
    for mailbox in mailboxes { mailbox.wake() }
    outbound?.mailbox.wake()
  }
}

extension Node {
  /// Begins to leave: not ready at once, upgrades refused after `drain.lb_grace`, then connections
  /// closed 1001 over `drain.window`.
  ///
  /// A node that stands alone has nobody to send its clients to: it closes them all at once. Returns
  /// at once; `waitUntilStopped` returns when the last connection is gone. Any thread. False when a
  /// drain is under way already: a signal only makes it final.
  @discardableResult
  public func drain(_ cause: DrainCause = .request) -> Bool {
    let settings = configuration.drain
    let isAlone = shared.redis == nil
    let plan = Drain.Plan(
      grace: isAlone ? .zero : settings.lbGrace, window: isAlone ? .zero : settings.window,
      hardStop: settings.hardStop)
    let begins = shared.drain.withLock { drain in
      guard shared.phase == .serving || shared.phase == .starting || drain.step != .serving,
        drain.start(cause, plan, .now())
      else { return false }
      shared.phase = .draining
      return true
    }
    guard begins else { return false }
    shared.log.info(
      "draining", "the node leaves: it is not ready, and sends its connections away",
      [.init("cause", cause.rawValue), .init("connections", connectionCount)])
    wakeShards()
    return true
  }

  /// Takes a drain back, as long as upgrades are still accepted.
  ///
  /// Any thread. False when it is too late, when a signal asked for it, and when there is none.
  public func undrain() -> Bool {
    let isUndone = shared.drain.withLock { drain in
      // The machine is a step ahead of the first shard, never behind it.
      guard drain.undo() else { return false }
      shared.phase = .serving
      return true
    }
    guard isUndone else { return false }
    shared.log.info("undrained", "the drain was taken back: the node serves on")
    wakeShards()
    return true
  }

  /// Ends at once what has begun to leave in order.
  ///
  /// Any thread; `reason` is for the log.
  public func cutDrain(because reason: String) { shared.end(because: reason) }

  /// Whether the node ended, or is ending, before its drain was done.
  ///
  /// Any thread.
  public var wasCut: Bool { shared.drain.withLock { $0.step == .cut } }

  /// Whether `drain.hard_stop` has passed since the drain began.
  ///
  /// Any thread.
  public var isDrainOverdue: Bool { shared.drain.withLock { $0.isOverdue(.now()) } }

  /// How far the drain is.
  ///
  /// Any thread.
  public var drainReport: DrainReport {
    let drain = shared.drain.withLock { $0 }
    let now = MonotonicInstant.now()
    let wall = MomentClock().moment(now).wallMilliseconds
    return DrainReport(
      step: drain.step, cause: drain.cause,
      startedAt: drain.startedAt.map { wall - now.since($0).millisecondsClamped },
      windowEndsAt: drain.windowEnd.map { end in
        wall + end.since(now).millisecondsClamped - now.since(end).millisecondsClamped
      },
      connections: connectionCount,
      told: Int(clamping: shared.metrics.reduce(0) { $0 &+ $1.drainTold.value }),
      closed: Int(clamping: shared.metrics.reduce(0) { $0 &+ $1.drainClosed.value }),
      pace: drain.pace)
  }
}
