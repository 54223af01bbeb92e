// An actor whose executor is an epoll thread: its code runs on that thread and nowhere else, so that
// what it owns needs no lock. Other threads reach it by `await` (control plane) or by a mailbox (data).

import Glibc
import Synchronization

/// The serial executor of a loop's actor.
public final class LoopExecutor: SerialExecutor, Sendable {
  private let jobs = Lock<[UnownedJob]>([])
  private let owner = Atomic<UInt>(0)
  private let waiting = Atomic<Bool>(false)

  /// Wakes the loop; shared with its mailbox.
  public let wakeup: Wakeup

  /// An executor whose thread has not started yet.
  public init(wakeup: Wakeup) {
    self.wakeup = wakeup
  }

  /// Whether the caller runs on this executor's thread.
  public var isCurrent: Bool { owner.load(ordering: .relaxed) == UInt(pthread_self()) }

  /// Takes a job from any thread.
  public func enqueue(_ job: consuming ExecutorJob) {
    let unowned = UnownedJob(job)
    let isFirst = jobs.withLock { queue in
      queue.append(unowned)
      return queue.count == 1
    }
    waiting.store(true, ordering: .releasing)
    if isFirst { wakeup.wake() }
  }

  /// Traps when the caller is on another thread; the runtime asks this for `assumeIsolated`.
  public func checkIsolated() {
    precondition(isCurrent, "not on this loop's thread")
  }

  /// Tells the runtime whether the caller is on this executor's thread.
  public func isIsolatingCurrentContext() -> Bool? { isCurrent }

  /// Makes the calling thread this executor's thread and runs turns until one returns false.
  ///
  /// A turn blocks in the loop's wait; jobs run between turns. What is enqueued after the last
  /// turn is run before this returns, so that no caller waits for ever.
  public func run(_ turn: () -> Bool) {
    owner.store(UInt(pthread_self()), ordering: .relaxed)
    runJobs()
    while turn() { runJobs() }
    runJobs()
    // The system gives a thread's number again: its next bearer must not pass for this loop.
    owner.store(0, ordering: .relaxed)
  }

  /// Whether jobs wait; a turn may go on as long as none do.
  public var hasJobs: Bool { waiting.load(ordering: .acquiring) }

  private func runJobs() {
    // Cleared before the queue is emptied: a job that comes in between sets it again.
    while waiting.exchange(false, ordering: .acquiringAndReleasing) {
      let batch = jobs.withLock { queue in
        let all = queue
        queue = []
        return all
      }
      if batch.isEmpty { return }
      for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
    }
  }
}
