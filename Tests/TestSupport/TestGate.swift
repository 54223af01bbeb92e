// A door between threads that opens once, for all who wait at it; no wait is without an end.

import Glibc
import RoostEventLoop

/// A door that is closed until somebody opens it.
///
/// Any thread.
public final class TestGate: Sendable {
  private let reading: Int32
  private let writing: Lock<Int32?>

  /// A closed door.
  public init() throws {
    var numbers: [Int32] = [-1, -1]
    guard pipe(&numbers) == 0 else { throw TestFailure("pipe: errno \(errno)") }
    for descriptor in numbers { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    reading = numbers[0]
    writing = Lock(numbers[1])
  }

  deinit {
    open()
    close(reading)
  }

  /// Opens the door for good.
  public func open() {
    // The end of a pipe is seen by all who look at it.
    writing.withLock { number in
      if let descriptor = number { close(descriptor) }
      number = nil
    }
  }

  /// Waits for the door to open; false after ten seconds.
  @discardableResult
  public func wait() -> Bool {
    var wanted = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
    return poll(&wanted, 1, 10_000) == 1
  }
}
