// What a node tells the others about itself, once a second: the first shard writes it, the backplane
// carries it, `GET /v1/nodes` and draining neighbours read it.

import Backplane
import RoostEventLoop
import RoostJSON
import RoostRooms
import Telemetry

extension Core {
  /// Hands the node's own description to the backplane.
  mutating func announce(_ now: MonotonicInstant) {
    let busy = shared.metrics.map { $0.busyNanoseconds.value }
    var load = 0.0
    if desk.busyBefore.count == busy.count, now > desk.announcedAt {
      let elapsed = Double(now.nanoseconds - desk.announcedAt.nanoseconds)
      // The busiest shard decides: its connections cannot move to another one.
      for (after, before) in zip(busy, desk.busyBefore) {
        load = max(load, min(1, Double(after &- before) / elapsed))
      }
    }
    desk.busyBefore = busy
    desk.announcedAt = now
    submit(.announce(announcement(load: load, now)), now)
  }

  private func announcement(load: Double, _ now: MonotonicInstant) -> [UInt8] {
    var output: [UInt8] = []
    output.append(contentsOf: "{\"node\":".utf8)
    JSONWriter.appendString(shared.nodeID, to: &output)
    output.append(contentsOf: ",\"phase\":\"\(shared.phase.word)\",\"version\":".utf8)
    JSONWriter.appendString(RoostVersion.text, to: &output)
    append("connections", shared.admission.connectionCount, to: &output)
    append("rooms", sum { $0.rooms.value }, to: &output)
    append("members", sum { $0.members.value }, to: &output)
    // Two decimals, written by hand: a busy share needs no more.
    let percent = Int((load * 100).rounded())
    let decimals = percent % 100 < 10 ? "0\(percent % 100)" : "\(percent % 100)"
    output.append(contentsOf: ",\"load\":\(percent / 100).\(decimals)".utf8)
    if rules.limits.handshakesPerSecond > 0 {
      // Half of what it takes: draining neighbours may not use up all of it.
      append(
        "handshakes_per_second", max(1, rules.limits.handshakesPerSecond / 2), to: &output)
    }
    let started = moment(now).wallMilliseconds - now.since(shared.startedAt).millisecondsClamped
    append("started_at", Int(started), to: &output)
    output.append(contentsOf: ",\"addresses\":{\"listen\":".utf8)
    JSONWriter.appendString(shared.address.description, to: &output)
    if let admin = shared.adminAddress {
      output.append(contentsOf: ",\"admin\":".utf8)
      JSONWriter.appendString(admin.description, to: &output)
    }
    output.append(contentsOf: "}}".utf8)
    return output
  }

  private func sum(_ value: (ShardMetrics) -> Int64) -> Int {
    Int(shared.metrics.reduce(0) { $0 &+ value($1) })
  }

  private func append(_ key: String, _ number: Int, to output: inout [UInt8]) {
    output.append(contentsOf: ",\"\(key)\":".utf8)
    JSONWriter.appendInteger(number, to: &output)
  }
}
