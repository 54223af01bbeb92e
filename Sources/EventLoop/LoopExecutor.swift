// An actor whose executor is an epoll thread: its code runs on that thread and nowhere else, so that
// what it owns needs no lock. Other threads reach it by `await` (control plane) or by a mailbox (data).

import Glibc
import Synchronization

/// The serial executor of a loop's actor.
///
/// After its thread has ended, whoever asks runs the actor's code on their own thread, one at a time:
/// an answer of what is left is better than none for ever.
public final class LoopExecutor: SerialExecutor, Sendable {
  private struct Jobs {
    var waiting: [UnownedJob] = []
    var hasEnded = false
    /// Whether a thread other than the loop's runs what came after the end.
    var isRunByOther = false

    mutating func takeAll() -> [UnownedJob] {
      let all = waiting
      waiting = []
      return all
    }
  }

  private let jobs = Lock(Jobs())
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
    // All under the lock, because the job may be the last to need the executor: once another thread
    // can take it, nothing of the executor is touched here any more.
    let isMine = jobs.withLock { jobs in
      jobs.waiting.append(unowned)
      guard !jobs.hasEnded else {
        defer { jobs.isRunByOther = true }
        return !jobs.isRunByOther
      }
      waiting.store(true, ordering: .releasing)
      if jobs.waiting.count == 1 { wakeup.wake() }
      return false
    }
    if isMine { runAfterEnd() }
  }

  /// Traps when the caller is on another thread; the runtime asks this for `assumeIsolated`.
  public func checkIsolated() {
    precondition(isCurrent, "not on this loop's thread")
  }

  /// Tells the runtime whether the caller is on this executor's thread.
  public func isIsolatingCurrentContext() -> Bool? { isCurrent }

  /// Makes the calling thread this executor's thread and runs turns until one returns false.
  ///
  /// A turn blocks in the loop's wait; jobs run between turns.
  public func run(_ turn: () -> Bool) {
    owner.store(UInt(pthread_self()), ordering: .relaxed)
    runJobs()
    while turn() { runJobs() }
    while let batch = lastJobs() { run(batch) }
  }

  /// Whether jobs wait; a turn may go on as long as none do.
  public var hasJobs: Bool { waiting.load(ordering: .acquiring) }

  private func runJobs() {
    // Cleared before the queue is emptied: a job that comes in between sets it again.
    while waiting.exchange(false, ordering: .acquiringAndReleasing) {
      let batch = jobs.withLock { $0.takeAll() }
      if batch.isEmpty { return }
      run(batch)
    }
  }

  private func run(_ batch: [UnownedJob]) {
    for job in batch { job.runSynchronously(on: asUnownedSerialExecutor()) }
  }

  /// What came before the end; nil, and the loop has ended, when there is none.
  private func lastJobs() -> [UnownedJob]? {
    jobs.withLock { jobs in
      guard jobs.waiting.isEmpty else { return jobs.takeAll() }
      jobs.hasEnded = true
      // The system gives a thread's number again: its next bearer must not pass for this loop.
      owner.store(0, ordering: .relaxed)
      return nil
    }
  }

  /// Runs what waits on the calling thread, which is the only one that does.
  private func runAfterEnd() {
    // The runtime lends the executor for the call only, and whoever asked may drop the actor as soon
    // as the job has run.
    Self.keep.withLock { $0.append(self) }
    while let batch = nextAfterEnd() { run(batch) }
    let own = Self.keep.withLock { kept in
      kept.firstIndex { $0 === self }.map { kept.remove(at: $0) }
    }
    precondition(own != nil, "the executor was not kept")
  }

  /// Executors whose jobs are run behind their end, so that they outlive them.
  private static let keep = Lock<[LoopExecutor]>([])

  private func nextAfterEnd() -> [UnownedJob]? {
    jobs.withLock { jobs in
      guard jobs.waiting.isEmpty else {
        owner.store(UInt(pthread_self()), ordering: .relaxed)
        return jobs.takeAll()
      }
      jobs.isRunByOther = false
      owner.store(0, ordering: .relaxed)
      return nil
    }
  }
}
