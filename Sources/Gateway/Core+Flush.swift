// Bytes out, second half: one call of send(2) or sendmsg(2) for each dirty connection, once a tick.

import RoostEventLoop
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

extension Core {
  /// Sends what a connection has queued.
  mutating func flushOne(_ slot: Int32, _ now: MonotonicInstant) {
    connections[slot].isDirty = false
    guard connections[slot].phase != .ended, connections[slot].phase != .vacant else {
      // Its slices must not outlive the arena's contents.
      return arena.drop(&connections[slot].queue)
    }
    let outcome = sendQueued(slot)
    settle(outcome, slot, now)
  }

  /// A socket that was full can take more.
  mutating func flushBlocked(_ slot: Int32, _ now: MonotonicInstant) {
    let outcome =
      connections[slot].tls == nil
      ? arena.flushBacklog(&connections[slot].queue, to: connections[slot].descriptor)
      : sendQueued(slot)
    settle(outcome, slot, now)
  }

  private mutating func settle(_ outcome: FlushOutcome, _ slot: Int32, _ now: MonotonicInstant) {
    switch outcome {
    case .done:
      awaitWritable(slot, false)
      flushed(slot, now)
    case .blocked: awaitWritable(slot, true)
    case .failed: return transportFailed(slot)
    }
    if connections[slot].queueMark == 0 { resume(slot) }
  }

  private mutating func awaitWritable(_ slot: Int32, _ awaits: Bool) {
    guard connections[slot].awaitsWritable != awaits else { return }
    connections[slot].awaitsWritable = awaits
    watch(slot)
  }

  /// Everything queued has gone to the kernel: an end that waited for that can go on.
  private mutating func flushed(_ slot: Int32, _ now: MonotonicInstant) {
    switch connections[slot].phase {
    case .closing:
      if connections[slot].closing.flushed() == .closeTransport { closeTransport(slot, now) }
    case .lingering:
      // Our last bytes are out; the peer's end is awaited, so that it reads them.
      endSending(slot)
    case .vacant, .request, .open, .echo, .stream, .ended: break
    }
  }

  /// Ends every connection on which an early flush failed.
  mutating func settleFailures() {
    while let token = failed.popLast() {
      if connections.isCurrent(token) { transportFailed(token.index) }
    }
  }

  /// Begins the close of every connection whose queue has overflowed.
  mutating func settleOverflows(_ now: MonotonicInstant) {
    guard !overflowed.isEmpty else { return }
    let tokens = overflowed
    overflowed = []
    for token in tokens where connections.isCurrent(token) {
      metrics.slowConsumers.add()
      shared.log.info(
        "slow_consumer", "a connection does not read and is closed",
        [
          .init("connection", connectionID(of: token.index).description),
          .init("queued_bytes", connections[token.index].queue.count),
        ])
      close(token.index, .slowConsumer, now)
    }
  }
}
