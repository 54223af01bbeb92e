// The clients' thread: one epoll for tens of thousands of them, the project's own loop and timer
// wheel. The rest of the harness posts letters and reads figures; nothing else is shared.

import RoostEventLoop

/// The engine.
///
/// Any thread.
final class Engine: Sendable {
  private let mailbox: Mailbox<EngineLetter>
  private let shared: Lock<EngineFigures>
  private let thread: Lock<LoopThread?>

  /// Starts the thread; throws what the system says.
  init(_ scenario: Scenario, seed: UInt64) throws(Errno) {
    let wakeup = try Wakeup()
    mailbox = Mailbox(wakeup: wakeup, capacity: 4096)
    shared = Lock(EngineFigures())
    let worker = try EngineWorker(
      wakeup: wakeup, mailbox: mailbox, shared: shared, scenario, seed: seed)
    thread = Lock(try LoopThread(name: "soak-clients") { worker.run() })
  }

  /// Tells the engine something.
  func post(_ letter: EngineLetter) { _ = mailbox.post([letter]) }

  /// Where it stands.
  var figures: EngineFigures { shared.withLock { $0 } }

  /// Ends the thread and waits for it.
  func stop() {
    post(.stop)
    thread.join()
  }
}

/// The thread's actor.
actor EngineWorker {
  nonisolated let executor: LoopExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private var core: EngineCore
  private var loop: Loop

  init(
    wakeup: Wakeup, mailbox: Mailbox<EngineLetter>, shared: Lock<EngineFigures>,
    _ scenario: Scenario, seed: UInt64
  ) throws(Errno) {
    let poller = try Poller()
    executor = LoopExecutor(wakeup: wakeup)
    loop = Loop(poller: poller, wakeup: wakeup)
    core = EngineCore(
      poller: poller, mailbox: mailbox, shared: shared, scenario, seed: seed,
      now: MonotonicInstant.now())
  }

  nonisolated func run() {
    executor.run { assumeIsolated { $0.turn() } }
  }

  private func turn() -> Bool {
    while tick() {
      if executor.hasJobs { return true }
    }
    return false
  }

  private func tick() -> Bool {
    loop.tick(&core)
    return !core.isStopped
  }
}
