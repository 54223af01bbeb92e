// A timer of the kernel that a poller reports: epoll's own timeout counts whole milliseconds, which
// is too coarse for who has something to do five thousand times a second.

import RoostCLinux

/// One point in time that a poller tells of, to the microsecond.
///
/// Owned by the poller's loop; timerfd_create(2).
public struct PreciseTimer: ~Copyable {
  private let descriptor: Descriptor

  /// A timer that is off; the poller reports it as readable with this token once its time has come.
  public init(on poller: Poller, token: UInt64) throws(Errno) {
    let number = roost_timerfd_create()
    guard number >= 0 else { throw Errno.current }
    let made = Descriptor(taking: number)
    try poller.add(made.number, .readable, token: token)
    descriptor = made
  }

  /// Sets it, in place of what was set before; `.distantFuture` switches it off.
  ///
  /// A time that has come is reported by every wait until the timer is set anew.
  public func set(_ time: MonotonicInstant) {
    // The kernel takes 0 for off, and a time in the past for now.
    let nanoseconds = time == .distantFuture ? 0 : max(time.nanoseconds, 1)
    let result = roost_timerfd_set(descriptor.number, nanoseconds)
    precondition(result == 0, "timerfd_settime to \(nanoseconds): \(Errno.current)")
  }
}
