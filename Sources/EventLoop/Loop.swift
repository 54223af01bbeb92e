// The order of one tick, here and nowhere else:
// wait → readable → writable → mailbox → timers → flush what is dirty → close what is scheduled.
//
// While more events are on their way the flush is held back, for at most 0.3 ms, so that several
// messages for one connection leave in one call. An idle loop never waits for that: the second look
// at epoll does not block.

import Glibc
import RoostCLinux

/// What a loop's owner does in each stage of a tick.
///
/// All calls come on the loop's thread.
public protocol LoopStages: ~Copyable {
  /// A descriptor that was added with this token can be read or written.
  mutating func ready(_ readiness: Readiness, now: MonotonicInstant)
  /// The loop was woken: take the letters.
  mutating func takeLetters(now: MonotonicInstant)
  /// Timers up to now are due.
  mutating func expireTimers(now: MonotonicInstant)
  /// Letters to other loops that were written in this round leave now.
  mutating func postLetters()
  /// Whether anything waits for a flush.
  var isDirty: Bool { get }
  /// Bytes leave for the kernel.
  mutating func flush(now: MonotonicInstant)
  /// Descriptors whose end was decided are closed, at the end of the tick and not before.
  mutating func closeScheduled(now: MonotonicInstant)
  /// When the next timer is due.
  func nextDeadline() -> MonotonicInstant?
}

/// An event loop: a poller, the wake-up of its mailbox and executor, and the order of a tick.
public struct Loop: ~Copyable {
  /// The longest time for which a flush is held back while more events arrive.
  public static let holdBack = Duration.microseconds(300)

  private static let holdBackNanoseconds: UInt64 = 300_000

  // Second looks that found nothing, in a row, and looks that were left out since.
  private static let emptyLooksMax = 4
  private var emptyLooks = 0
  private var skippedLooks = 0

  /// Where descriptors are watched.
  private let poller: Poller

  private let wakeup: Wakeup
  private static let wakeupToken = UInt64.max

  /// Ticks since the start.
  public private(set) var ticks: UInt64 = 0

  /// Nanoseconds spent working, not waiting, since the start.
  public private(set) var busyNanoseconds: UInt64 = 0

  /// Length of the last tick without its wait, in nanoseconds.
  public private(set) var lastTickNanoseconds: UInt64 = 0

  /// Length of the last tick without its wait.
  public var lastTick: Duration { .nanoseconds(Int64(clamping: lastTickNanoseconds)) }

  /// A loop that `wakeup` can wake.
  public init(poller: Poller, wakeup: Wakeup) {
    self.poller = poller
    self.wakeup = wakeup
    // The first descriptor of a new epoll instance; that it cannot be added is a bug.
    poller.watch(wakeup.number, token: Self.wakeupToken)
  }

  /// Runs one tick.
  public mutating func tick<Stages: LoopStages & ~Copyable>(_ stages: inout Stages) {
    var timeout: Duration?
    if let deadline = stages.nextDeadline() {
      timeout = deadline.since(MonotonicInstant.now())
    }
    var count = poller.wait(timeout)
    let start = MonotonicInstant.now()
    var now = start
    while true {
      round(count, now, &stages)
      guard stages.isDirty, now.nanoseconds &- start.nanoseconds < Self.holdBackNanoseconds,
        looksAgain()
      else { break }
      count = poller.wait(.zero)
      guard count > 0 else {
        emptyLooks = min(emptyLooks + 1, Self.emptyLooksMax)
        break
      }
      emptyLooks = 0
      now = MonotonicInstant.now()
    }
    stages.expireTimers(now: now)
    stages.flush(now: now)
    stages.closeScheduled(now: now)
    stages.postLetters()
    ticks &+= 1
    lastTickNanoseconds = MonotonicInstant.now().nanoseconds &- start.nanoseconds
    busyNanoseconds &+= lastTickNanoseconds
  }

  /// Whether a second look at epoll is worth its call: as long as looks found something, or were not
  /// in vain often enough to tell; afterwards once in a while.
  private mutating func looksAgain() -> Bool {
    guard emptyLooks == Self.emptyLooksMax else { return true }
    skippedLooks += 1
    guard skippedLooks == 8 else { return false }
    skippedLooks = 0
    return true
  }

  private mutating func round<Stages: LoopStages & ~Copyable>(
    _ count: Int, _ now: MonotonicInstant, _ stages: inout Stages
  ) {
    var wasWoken = false
    for position in 0..<count {
      let readiness = poller.readiness(at: position)
      if readiness.token == Self.wakeupToken {
        wasWoken = true
      } else {
        stages.ready(readiness, now: now)
      }
    }
    if wasWoken {
      wakeup.drain()
      stages.takeLetters(now: now)
    }
    stages.postLetters()
  }
}
