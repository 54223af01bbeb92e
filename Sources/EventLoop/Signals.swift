// Signals as input: blocked in every thread before the first one starts, read from a signalfd.

import Glibc
import RoostCLinux

/// Waits for process signals.
///
/// Make it first thing in `main`, before any thread exists.
public struct Signals: ~Copyable {
  private let descriptor: Descriptor

  /// Blocks the signals in this thread and all that it starts, and ignores SIGPIPE.
  public init(_ numbers: [Int32]) throws(Errno) {
    var set = sigset_t()
    sigemptyset(&set)
    for number in numbers { sigaddset(&set, number) }
    let masked = pthread_sigmask(SIG_BLOCK, &set, nil)
    guard masked == 0 else { throw Errno(code: masked) }
    signal(SIGPIPE, SIG_IGN)
    let number = signalfd(-1, &set, Int32(SFD_CLOEXEC))
    guard number >= 0 else { throw Errno.current }
    descriptor = Descriptor(taking: number)
  }

  /// Tells a poller of signals that wait; `next` takes them.
  public func watch(on poller: Poller, token: UInt64) throws(Errno) {
    try poller.add(descriptor.number, .readable, token: token)
  }

  /// Waits for the next signal, at most `timeout` (nil: without end); nil when none came.
  public func next(within timeout: Duration?) -> Int32? {
    var wanted = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
    let milliseconds = timeout.map { Int32(clamping: $0.millisecondsClamped) } ?? -1
    while true {
      let result = poll(&wanted, 1, milliseconds)
      if result == 1 { break }
      // A wait without end must not end because a handler of someone else's ran.
      guard result < 0, errno == EINTR, timeout == nil else { return nil }
    }
    var information = signalfd_siginfo()
    let count = read(descriptor.number, &information, MemoryLayout<signalfd_siginfo>.size)
    guard count == MemoryLayout<signalfd_siginfo>.size else { return nil }
    return Int32(information.ssi_signo)
  }
}
