// A shard: an actor whose executor is its epoll thread. The thread enters the actor once a tick; from
// outside it is reached by letters (data) or by `await` (questions).

import Backplane
import RoostEventLoop
import RoostRooms
import Telemetry

/// A thread with its sockets, rooms and loop.
actor Shard {
  nonisolated let executor: LoopExecutor
  nonisolated var unownedExecutor: UnownedSerialExecutor {
    executor.asUnownedSerialExecutor()
  }

  private var core: Core
  private var loop: Loop
  private var publishedBytes: UInt64 = 0
  private var publishedCalls: UInt64 = 0

  init(
    index: Int, shared: NodeShared, wakeup: Wakeup, listener: consuming Descriptor
  ) throws(Errno) {
    let poller = try Poller()
    executor = LoopExecutor(wakeup: wakeup)
    loop = Loop(poller: poller, wakeup: wakeup)
    core = Core(
      index: index, shared: shared, poller: poller, wakeup: wakeup, listener: listener)
  }

  /// Runs the shard on the calling thread until it is stopped.
  nonisolated func run() {
    executor.run { assumeIsolated { $0.turn() } }
  }

  /// Ticks until a job for the actor waits or the shard has stopped: entering the actor costs more
  /// than a tick that has little to do.
  private func turn() -> Bool {
    while tick() {
      if executor.hasJobs { return true }
    }
    return false
  }

  private func tick() -> Bool {
    if !core.isListenerWatched, core.listenerResumesAt == nil { core.watchListener() }
    loop.tick(&core)
    let metrics = core.metrics
    metrics.tick.observe(loop.lastTickNanoseconds)
    metrics.busyNanoseconds.add(loop.lastTickNanoseconds)
    metrics.bytesSent.add(core.arena.sentBytes &- publishedBytes)
    publishedBytes = core.arena.sentBytes
    metrics.sendCalls.add(core.arena.sendCalls &- publishedCalls)
    publishedCalls = core.arena.sendCalls
    if core.isStopped { metrics.heartbeat.set(.max) }
    return !core.isStopped
  }

  /// What the shard holds right now, for tests and for questions of the operator.
  func figures() -> ShardFigures {
    core.publishFigures()
    return ShardFigures(
      sockets: core.connections.count, rooms: core.rooms.count, members: core.rooms.memberCount,
      users: core.users.count, backplane: core.backplaneFigures)
  }
}
