// The one lock of the project. Threads meet in mailboxes, and a mailbox is a queue under this lock.
//
// Synchronization.Mutex would do, but the thread sanitizer does not see it and reports races that
// are none; a pthread mutex it understands.

import Glibc

/// A value that only one thread at a time can reach.
///
/// `@unchecked Sendable` with this proof: `value` is private, the only path to it is `withLock`,
/// and `withLock` holds a pthread mutex from before the first to after the last access.
public final class Lock<Value>: @unchecked Sendable {
  private let mutex: UnsafeMutablePointer<pthread_mutex_t>
  private var value: Value

  /// Wraps a value that no other thread holds.
  public init(_ value: sending Value) {
    self.value = value
    mutex = .allocate(capacity: 1)
    mutex.initialize(to: pthread_mutex_t())
    let result = pthread_mutex_init(mutex, nil)
    precondition(result == 0, "pthread_mutex_init: \(Errno(code: result))")
  }

  deinit {
    let result = pthread_mutex_destroy(mutex)
    precondition(result == 0, "a lock was freed while held: \(Errno(code: result))")
    mutex.deinitialize(count: 1)
    mutex.deallocate()
  }

  /// Runs `body` with the value; keep it short, never call out of it.
  public func withLock<Result, Failure: Error>(
    _ body: (inout sending Value) throws(Failure) -> sending Result
  ) throws(Failure) -> sending Result {
    let locked = pthread_mutex_lock(mutex)
    precondition(locked == 0, "pthread_mutex_lock: \(Errno(code: locked))")
    defer { pthread_mutex_unlock(mutex) }
    return try body(&value)
  }
}
