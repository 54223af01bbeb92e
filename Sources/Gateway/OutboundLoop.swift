// The outbound thread: requests to other servers on a loop of their own, so that neither a slow name
// server nor a certificate store that is read holds up a connection.

import Fetch
import Glibc
import RoostEventLoop

/// The outbound thread, as an actor.
actor OutboundLoop {
  nonisolated let executor: LoopExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private var core: OutboundCore
  private var loop: Loop

  init(shared: NodeShared, place: OutboundPlace, wakeup: Wakeup) throws(Errno) {
    let poller = try Poller()
    let made = Fetcher(
      poller: poller, firstToken: 0,
      concurrencyMax: OutboundCore.concurrencyMax(shared.configuration))
    // What libcurl says when it has no memory.
    guard let fetcher = consume made else { throw Errno(code: ENOMEM) }
    executor = LoopExecutor(wakeup: wakeup)
    loop = Loop(poller: poller, wakeup: wakeup)
    core = OutboundCore(shared: shared, place: place, fetcher: fetcher)
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
