// A plain POSIX thread for a loop. Tasks and dispatch queues are for the control plane; a loop blocks
// in epoll_wait and needs a thread of its own.

import Glibc
import RoostCLinux

/// Starts and joins threads.
public struct LoopThread: Sendable {
  private final class Start: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private let handle: pthread_t

  /// Starts a thread with a name of at most 15 bytes (longer ones are cut between characters).
  ///
  /// Signals that the starter blocks stay blocked in it.
  public init(name: String, _ body: @escaping @Sendable () -> Void) throws(Errno) {
    var thread = pthread_t()
    let start = Unmanaged.passRetained(Start(body))
    let result = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Start>.fromOpaque(context).takeRetainedValue().body()
        return nil
      }, start.toOpaque())
    guard result == 0 else {
      start.release()
      throw Errno(code: result)
    }
    handle = thread
    var shown = name
    while shown.utf8.count > 15 { shown.removeLast() }
    _ = roost_pthread_setname(UInt(thread), shown)
  }

  /// Lets the thread end by itself; instead of `join`, once only.
  public func detach() {
    let result = pthread_detach(handle)
    precondition(result == 0, "pthread_detach: \(Errno(code: result))")
  }

  /// Waits for the thread's end; once only.
  public func join() {
    let result = pthread_join(handle, nil)
    precondition(result == 0, "pthread_join: \(Errno(code: result))")
  }
}

extension Lock where Value == LoopThread? {
  /// Waits for the thread's end; whoever comes later finds no thread to wait for.
  ///
  /// Any thread but that one. Blocks.
  public func join() {
    let running = withLock { thread in
      let running = thread
      thread = nil
      return running
    }
    running?.join()
  }
}
