// The metrics of a node that stands in a cluster: what its links to Redis do, what was lost on the
// way, and how that was mended. A node that stands alone has none of them.

import Backplane
import RoostEventLoop
import Telemetry

extension Node {
  /// Writes the metrics of the cluster's backplane; nothing for a node that stands alone.
  func appendRedis(to text: inout PrometheusText) {
    guard let status = redisStatus else { return }
    appendState(status, &text)
    appendWork(status, &text)
    appendFaults(status, &text)
    appendCluster(status, &text)
  }

  private func appendState(_ status: RedisStatus, _ text: inout PrometheusText) {
    text.family(
      "roost_redis_ready", .gauge, help: "1 while messages of this node come back through Redis.")
    text.sample(status.notReadyReason == nil ? 1 : 0)
    text.family("roost_redis_connected", .gauge, help: "1 while commands reach Redis.")
    text.sample(status.isConnected ? 1 : 0)
    text.family("roost_redis_overloaded", .gauge, help: "1 while the last probe is late.")
    text.sample(status.isLate ? 1 : 0)
    text.family(
      "roost_redis_probe_age_seconds", .gauge,
      help: "Time since a message of this node came back through Redis.")
    if let age = status.probeAge { text.sample(age / .seconds(1)) }
    text.family(
      "roost_redis_waiting_bytes", .gauge, help: "Bytes of messages that wait for Redis.")
    text.sample(status.waitingBytes.value)
    text.family(
      "roost_redis_subscribed_rooms", .gauge, help: "Rooms whose channel this node wants.")
    text.sample(status.subscribedRooms.value)
  }

  private func appendWork(_ status: RedisStatus, _ text: inout PrometheusText) {
    text.family("roost_redis_publishes_total", .counter, help: "Messages handed to Redis.")
    text.sample(status.publishes.value)
    text.family(
      "roost_redis_publish_commands_total", .counter,
      help: "Commands in which they were; fewer, because a room's messages travel together.")
    text.sample(status.publishCommands.value)
    text.family("roost_redis_received_total", .counter, help: "Messages that came from Redis.")
    text.sample(status.received.value)
    text.family(
      "roost_redis_publish_seconds", .histogram,
      help: "Time from a command with messages to its reply.")
    text.histogram(status.publishTime.snapshot())
    text.family("roost_redis_join_seconds", .histogram, help: "Time from a join to its reply.")
    text.histogram(status.joinTime.snapshot())
    text.family(
      "roost_redis_round_trip_seconds", .histogram,
      help: "Time that a probe takes through Redis and back over the other link.")
    text.histogram(status.roundTrip.snapshot())
    text.family(
      "roost_redis_repeated_keys_total", .counter,
      help: "Publishes whose key had been used: they got the first result.")
    text.sample(status.repeatedKeys.value)
  }

  private func appendFaults(_ status: RedisStatus, _ text: inout PrometheusText) {
    text.family(
      "roost_redis_link_openings_total", .counter,
      help: "Links to Redis that were opened, anew or for the first time.")
    text.sample([("link", RedisLinkKind.commands.word)], status.commandOpenings.value)
    text.sample([("link", RedisLinkKind.subscriptions.word)], status.channelOpenings.value)
    text.family("roost_redis_link_losses_total", .counter, help: "Links to Redis that were lost.")
    text.sample([("link", RedisLinkKind.commands.word)], status.commandLosses.value)
    text.sample([("link", RedisLinkKind.subscriptions.word)], status.channelLosses.value)
    text.family(
      "roost_redis_errors_total", .counter, help: "Error replies of Redis, also those mended.")
    text.sample(status.errors.value)
    text.family(
      "roost_redis_malformed_total", .counter,
      help: "Messages on channels that no node of this version wrote.")
    text.sample(status.malformed.value)
    text.family(
      "roost_redis_gaps_total", .counter,
      help: "Times that members of a room without history were told of a gap.")
    text.sample(status.gaps.value)
    text.family(
      "roost_redis_repaired_total", .counter,
      help: "Messages that were lost on a channel and read from the log instead.")
    text.sample(status.repaired.value)
    text.family(
      "roost_redis_resets_total", .counter,
      help: "Times that members of a room were told to load their state anew.")
    text.sample(status.resets.value)
    text.family(
      "roost_redis_presence_resets_total", .counter,
      help: "Times that members of a room were told to read presence again.")
    text.sample(status.presenceResets.value)
    text.family(
      "roost_redis_duplicates_total", .counter,
      help: "Messages that members had been given already; they were not given twice.")
    text.sample(status.duplicates.value)
    text.family(
      "roost_redis_unknown_total", .counter,
      help: "Publishes whose end is unknown, because a link was lost behind them.")
    text.sample(status.unknown.value)
    text.family(
      "roost_redis_shed_total", .counter,
      help: "Requests refused because too much waited for Redis.")
    text.sample(status.shed.value)
  }

  private func appendCluster(_ status: RedisStatus, _ text: inout PrometheusText) {
    text.family("roost_redis_nodes", .gauge, help: "Living nodes of the cluster, as this one sees.")
    text.sample(status.nodes.value)
    text.family(
      "roost_redis_counted_keys", .gauge,
      help: "Users and addresses with so many connections here that Redis counts them.")
    text.sample(status.countedKeys.value)
    text.family(
      "roost_redis_charged_use_total", .counter,
      help: "Messages, bytes and handshakes of other nodes that were charged here, by rate.")
    for rate in SharedRate.allCases {
      text.sample(
        [("rate", rate.label)],
        shared.metrics.reduce(0) { $0 &+ $1.chargedUse.value(Int(rate.rawValue)) })
    }
    text.family(
      "roost_redis_era_changes_total", .counter,
      help: "Times that another primary, or another run of it, was found.")
    text.sample(status.eraChanges.value)
    text.family(
      "roost_redis_data_losses_total", .counter, help: "Times that Redis had lost its data.")
    text.sample(status.dataLosses.value)
    text.family(
      "roost_redis_leases_lost_total", .counter,
      help: "Times that this node's lease had run out: it began anew under another name.")
    text.sample(status.leasesLost.value)
    text.family(
      "roost_redis_reaped_total", .counter,
      help: "Dead nodes whose members this node cleared away.")
    text.sample(status.reaped.value)
  }
}
