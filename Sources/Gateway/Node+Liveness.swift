// Whether the event loops run. The threads that answer scrapes and supervisors are others than those
// that serve clients, so that a yes of theirs says nothing about the shards.

import RoostEventLoop
import Telemetry

extension ShardMetrics {
  /// Time since the loop last said that it runs, which it does once a second.
  ///
  /// Any thread. Zero for a loop that has stopped in order.
  func silence(_ now: MonotonicInstant) -> Duration {
    now.since(MonotonicInstant(nanoseconds: UInt64(clamping: heartbeat.value)))
  }
}

extension NodeShared {
  /// How long an event loop may be silent before the node should get no connections: long for a tick,
  /// also on a machine that is short of time.
  static let loopPatience = Duration.seconds(10)

  /// Whether every event loop has said within this time that it runs.
  ///
  /// Any thread.
  func loopsAnswer(within patience: Duration) -> Bool {
    let now = MonotonicInstant.now()
    return metrics.allSatisfy { $0.silence(now) <= patience }
  }
}

extension Node {
  /// Whether every event loop has said within this time that it runs; each does so once a second.
  ///
  /// Any thread.
  public func loopsAnswer(within patience: Duration) -> Bool {
    shared.loopsAnswer(within: patience)
  }
}
