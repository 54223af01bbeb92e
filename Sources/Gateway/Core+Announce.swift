// What a node tells the others about itself, once a second: the first shard writes it, the backplane
// carries it, `GET /v1/nodes` and draining neighbours read it.

import Backplane
import RoostEventLoop
import RoostJSON
import RoostRooms
import Telemetry

/// What the shards have counted so far, for rates.
struct NodeCounts: Sendable {
  var messagesIn: UInt64 = 0
  var messagesOut: UInt64 = 0
  var bytesIn: UInt64 = 0
  var bytesOut: UInt64 = 0
  var handshakes: UInt64 = 0

  init(_ shards: [ShardMetrics]) {
    for shard in shards {
      messagesIn &+= shard.messagesIn.value
      messagesOut &+= shard.deliveries.value &+ shard.directs.value
      bytesIn &+= shard.bytesReceived.value
      bytesOut &+= shard.bytesSent.value
      handshakes &+= shard.handshakes.value
    }
  }
}

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
      for metrics in shared.metrics { load = max(load, Double(metrics.demand.value) / 1000) }
    }
    let counts = NodeCounts(shared.metrics)
    let text = announcement(load: load, counts, now)
    desk.busyBefore = busy
    desk.countsBefore = counts
    desk.announcedAt = now
    desk.announcements += 1
    submit(.announce(text), now)
  }

  private func announcement(
    load: Double, _ counts: NodeCounts, _ now: MonotonicInstant
  ) -> [UInt8] {
    var output: [UInt8] = []
    output.append(contentsOf: "{\"node\":".utf8)
    JSONWriter.appendString(shared.nodeID, to: &output)
    output.append(contentsOf: ",\"phase\":\"\(shared.phase.word)\",\"version\":".utf8)
    JSONWriter.appendString(RoostVersion.text, to: &output)
    append("number", desk.announcements, to: &output)
    append("connections", shared.admission.connectionCount, to: &output)
    append("connections_max", shared.connectionsMax, to: &output)
    append("rooms", sum { $0.rooms.value }, to: &output)
    append("members", sum { $0.members.value }, to: &output)
    // Two decimals, written by hand: a busy share needs no more.
    let percent = Int((load * 100).rounded())
    let decimals = percent % 100 < 10 ? "0\(percent % 100)" : "\(percent % 100)"
    output.append(contentsOf: ",\"load\":\(percent / 100).\(decimals)".utf8)
    if rules.limits.handshakesPerSecond > 0 {
      append(
        "handshakes_per_second", Self.offer(of: rules.limits.handshakesPerSecond, load: load),
        to: &output)
    }
    appendRates(counts, now, to: &output)
    append("queue_bytes", sum { $0.outboundBytes.value }, to: &output)
    if let process = ProcessFigures.read() {
      append("resident_bytes", Int(clamping: process.residentBytes), to: &output)
    }
    let uptime = now.since(shared.startedAt).millisecondsClamped
    append("started_at", Int(moment(now).wallMilliseconds - uptime), to: &output)
    append("uptime_seconds", Int(uptime / 1000), to: &output)
    appendRedis(to: &output)
    if let reason = shared.notReadyReason {
      output.append(contentsOf: ",\"not_ready\":".utf8)
      JSONWriter.appendString(String(reason.prefix(200)), to: &output)
    }
    output.append(contentsOf: ",\"addresses\":{\"listen\":".utf8)
    JSONWriter.appendString(shared.address.description, to: &output)
    if let admin = shared.adminAddress {
      output.append(contentsOf: ",\"admin\":".utf8)
      JSONWriter.appendString(admin.description, to: &output)
    }
    output.append(contentsOf: "}}".utf8)
    return output
  }

  /// Connections a second that draining neighbours may send here: half of what the node takes, so that
  /// they do not use up all of it.
  ///
  /// A busy loop has less time for newcomers, who come with joins and recoveries: from half busy on it is
  /// less, down to a fifth of that. Never 0, which would say that there is no limit.
  static func offer(of limit: Int, load: Double) -> Int {
    let share = load > 0.5 ? max(0.2, 2 * (1 - load)) : 1
    return max(1, Int(Double(limit / 2) * share))
  }

  /// Rates since the last announcement; nothing in the first one.
  private func appendRates(
    _ counts: NodeCounts, _ now: MonotonicInstant, to output: inout [UInt8]
  ) {
    guard let before = desk.countsBefore, now > desk.announcedAt else { return }
    let seconds = Double(now.nanoseconds - desk.announcedAt.nanoseconds) / 1e9
    var rates: [UInt8] = []
    for (key, count) in [
      ("messages_in", counts.messagesIn &- before.messagesIn),
      ("messages_out", counts.messagesOut &- before.messagesOut),
      ("bytes_in", counts.bytesIn &- before.bytesIn),
      ("bytes_out", counts.bytesOut &- before.bytesOut),
      ("handshakes", counts.handshakes &- before.handshakes),
    ] {
      appendRate(key, Double(count) / seconds, to: &rates)
    }
    output.append(contentsOf: ",\"rates\":{".utf8)
    output.append(contentsOf: rates.dropFirst())
    output.append(UInt8(ascii: "}"))
  }

  /// How the links to Redis are; nothing for a node that stands alone.
  private func appendRedis(to output: inout [UInt8]) {
    guard let status = shared.redis?.status else { return }
    output.append(contentsOf: ",\"redis\":{\"commands\":\(status.isConnected)".utf8)
    output.append(contentsOf: ",\"subscriptions\":\(status.isSubscribed)".utf8)
    output.append(contentsOf: ",\"late\":\(status.isLate)".utf8)
    if let age = status.probeAge {
      append("probe_age_ms", Int(age.millisecondsClamped), to: &output)
    }
    output.append(UInt8(ascii: "}"))
  }

  private func sum(_ value: (ShardMetrics) -> Int64) -> Int {
    Int(shared.metrics.reduce(0) { $0 &+ value($1) })
  }

  private func append(_ key: String, _ number: Int, to output: inout [UInt8]) {
    output.append(contentsOf: ",\"\(key)\":".utf8)
    JSONWriter.appendInteger(number, to: &output)
  }
}
