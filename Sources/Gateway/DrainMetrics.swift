// What a drain looks like from outside, as Prometheus text.

import RoostEventLoop
import Telemetry

extension Node {
  /// Writes the metrics of the drain.
  func appendDrain(to text: inout PrometheusText) {
    let report = drainReport
    text.family("roost_drain_step", .gauge, help: "1 for the step that a drain is at, else 0.")
    for step in DrainStep.allCases {
      text.sample([("step", step.rawValue)], step == report.step ? 1 : 0)
    }
    text.family(
      "roost_drain_told_total", .counter,
      help: "Connections and event streams that a drain told to go.")
    text.sample(UInt64(report.told))
    text.family(
      "roost_drain_closed_total", .counter,
      help: "Connections and event streams that a drain closed, because they were still there.")
    text.sample(UInt64(report.closed))
    text.family(
      "roost_drain_leaving", .gauge,
      help: "Connections and event streams that were told to go and are still there.")
    text.sample(shared.metrics.reduce(0) { $0 &+ $1.leaving.value })
    text.family(
      "roost_drain_pace", .gauge, help: "Connections a second that a drain sends away now.")
    text.sample(report.pace)
  }
}
