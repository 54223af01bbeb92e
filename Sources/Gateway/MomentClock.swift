// The two clocks of a node. The wall clock is for times that leave the node: of tokens, tickets,
// revocations and messages. It may be wrong and may step, and everything else goes by the other one.

import Glibc
import RoostEventLoop
import RoostRooms
import Synchronization

/// Both clocks for the pure parts.
///
/// Any thread; a value.
struct MomentClock: Sendable {
  /// The moment of an instant: the wall clock is read anew.
  func moment(_ now: MonotonicInstant) -> Moment {
    var wall = timespec()
    clock_gettime(CLOCK_REALTIME, &wall)
    return Moment(
      monotonic: .nanoseconds(Int64(clamping: now.nanoseconds)),
      wallMilliseconds: Int64(wall.tv_sec) * 1000 + Int64(wall.tv_nsec) / 1_000_000
        + WallClock.step.load(ordering: .relaxed))
  }
}

/// How wrong the wall clock of this process's nodes is on purpose.
///
/// For trials of clocks that step; certificates and the log go by the true one.
public enum WallClock {
  fileprivate static let step = Atomic<Int64>(0)

  /// The furthest that it may be wrong: ten years.
  public static let stepMax: Int64 = 315_360_000_000

  /// Adds so many milliseconds to the true time from now on, at most `stepMax` either way.
  ///
  /// Any thread.
  public static func setStep(milliseconds: Int64) {
    precondition((-stepMax...stepMax).contains(milliseconds), "\(milliseconds) ms is no step")
    step.store(milliseconds, ordering: .relaxed)
  }
}
