// An eventfd that wakes one loop. Posting is counted by the kernel, so a wake-up is never lost.

import Glibc
import RoostCLinux

/// Wakes a loop from another thread.
///
/// Any thread may wake; the loop's thread drains.
public final class Wakeup: Sendable {
  /// The eventfd's number, for the loop's poller.
  let number: Int32

  /// Opens the eventfd; a process that has no descriptor for it cannot start.
  public init() throws(Errno) {
    number = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    guard number >= 0 else { throw Errno.current }
  }

  deinit { Syscalls.close(number) }

  /// Makes the loop's next wait return.
  public func wake() {
    // EAGAIN means that the counter is full, so the loop is going to wake anyway.
    let result = eventfd_write(number, 1)
    precondition(result == 0 || errno == EAGAIN, "eventfd_write: \(Errno.current)")
  }

  /// Takes back all wake-ups so far.
  func drain() {
    var count: eventfd_t = 0
    let result = eventfd_read(number, &count)
    precondition(result == 0 || errno == EAGAIN, "eventfd_read: \(Errno.current)")
  }
}
