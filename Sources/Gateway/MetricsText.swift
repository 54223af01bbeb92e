// All metrics of a node as Prometheus text. Every name stands here and in the operations article; a
// test compares the two. Labels are bounded: never a room, a user or an address.

import Auth
import RoostEventLoop
import RoostRooms
import RoostWire
public import Telemetry

extension Node {
  /// Writes every metric of the node.
  ///
  /// Any thread; reads counters without a lock.
  public func appendMetrics(to text: inout PrometheusText) {
    appendBuild(&text)
    appendConnections(&text)
    appendDrain(to: &text)
    appendMoves(to: &text)
    appendRooms(&text)
    appendMessages(&text)
    appendLimits(&text)
    appendLoops(&text)
    appendBackplane(&text)
    appendRedis(to: &text)
    appendOutbound(to: &text)
    ProcessFigures.read()?.append(to: &text)
  }

  private var all: [ShardMetrics] { shared.metrics }

  private func sum(_ value: (ShardMetrics) -> UInt64) -> UInt64 {
    all.reduce(0) { $0 &+ value($1) }
  }

  private func sum(gauge value: (ShardMetrics) -> Int64) -> Int64 {
    all.reduce(0) { $0 &+ value($1) }
  }

  private func merged(_ bounds: HistogramBounds, _ value: (ShardMetrics) -> HistogramSnapshot)
    -> HistogramSnapshot
  {
    var merged = HistogramSnapshot(bounds)
    for metrics in all { merged.merge(value(metrics)) }
    return merged
  }

  private func appendBuild(_ text: inout PrometheusText) {
    text.family("roost_build_info", .info, help: "Version of the running program, always 1.")
    text.sample([("version", RoostVersion.text), ("node", nodeID)], 1)
    text.family("roost_node_phase", .gauge, help: "1 for the phase the node is in, else 0.")
    for phase in NodePhase.allCases {
      text.sample([("phase", phase.word)], phase == self.phase ? 1 : 0)
    }
  }

  private func appendConnections(_ text: inout PrometheusText) {
    text.family("roost_connections", .gauge, help: "WebSocket connections.")
    text.sample(sum(gauge: { $0.connections.value }))
    text.family("roost_event_streams", .gauge, help: "Streams of server-sent events.")
    text.sample(sum(gauge: { $0.streams.value }))
    text.family("roost_connections_max", .gauge, help: "Connections that the node's budget allows.")
    text.sample(connectionsMax)
    text.family(
      "roost_sockets", .gauge, help: "Accepted sockets on the public port, upgraded or not.")
    text.sample(sum(gauge: { $0.sockets.value }))
    text.family("roost_accepted_total", .counter, help: "Sockets accepted on the public port.")
    text.sample(sum { $0.accepted.value })
    text.family(
      "roost_accept_shortages_total", .counter,
      help: "Times that no descriptor or memory was there for a new connection.")
    text.sample(sum { $0.acceptShortages.value })
    appendHandshakes(&text)
    text.family(
      "roost_admission_refusals_total", .counter,
      help: "Connections that were not let in, by reason."
    )
    for (place, reason) in AdmissionRefusal.allCases.enumerated() {
      text.sample([("reason", reason.rawValue)], sum { $0.refusals.value(place) })
    }
    text.family(
      "roost_tokens_refused_total", .counter,
      help: "Tokens that were not accepted, at the handshake and in auth, by reason.")
    for (place, reason) in TokenRejection.Reason.allCases.enumerated() {
      text.sample([("reason", reason.rawValue)], sum { $0.tokensRefused.value(place) })
    }
    text.family(
      "roost_forwarded_malformed_total", .counter,
      help: "Requests of trusted proxies whose header about the client could not be read.")
    text.sample(sum { $0.forwardedMalformed.value })
    appendTLS(&text)
    text.family(
      "roost_http_responses_total", .counter,
      help: "HTTP responses on the public port other than 101, by class of status.")
    for hundreds in 2...5 {
      text.sample([("class", "\(hundreds)xx")], sum { $0.httpResponses.value(hundreds) })
    }
    text.family(
      "roost_closes_total", .counter, help: "Ended WebSocket connections, by close code and side.")
    for place in 0...ShardMetrics.closeCodes.count {
      let code = ShardMetrics.label(of: place)
      text.sample(
        [("code", code), ("side", ClosingSide.server.label)], sum { $0.closesByServer.value(place) }
      )
      text.sample(
        [("code", code), ("side", ClosingSide.client.label)], sum { $0.closesByClient.value(place) }
      )
    }
    text.family("roost_pings_total", .counter, help: "Pings sent.")
    text.sample(sum { $0.pings.value })
    text.family("roost_ping_seconds", .histogram, help: "Time from a ping to its pong.")
    text.histogram(merged(.latency) { $0.pingRoundTrip.snapshot() })
  }

  private func appendHandshakes(_ text: inout PrometheusText) {
    text.family(
      "roost_handshakes_total", .counter,
      help: "WebSocket handshakes that were accepted or not, by result.")
    let refused = AdmissionRefusal.allCases.indices.reduce(UInt64(0)) { total, place in
      total &+ sum { $0.refusals.value(place) }
    }
    text.sample([("result", "accepted")], sum { $0.handshakes.value })
    text.sample([("result", "refused")], refused)
    for failure in HandshakeFailure.allCases {
      text.sample(
        [("result", failure.label)], sum { $0.failedHandshakes.value(failure.rawValue) })
    }
  }

  private func appendTLS(_ text: inout PrometheusText) {
    guard let certificates = shared.certificates else { return }
    text.family(
      "roost_tls_handshakes_total", .counter,
      help: "Handshakes of TLS on the public port, by result.")
    for result in TLSHandshakeResult.allCases {
      text.sample([("result", "\(result)")], sum { $0.tlsHandshakes.value(result.rawValue) })
    }
    text.family(
      "roost_tls_reloads_total", .counter,
      help: "Times that files of certificates had changed, by whether they could be used.")
    text.sample([("result", "ok")], certificates.reloads.value)
    text.sample([("result", "failed")], certificates.failedReloads.value)
    text.family(
      "roost_tls_certificate_expiry_timestamp_seconds", .gauge,
      help: "When the first of the certificates ends, in seconds since 1970.")
    text.sample(certificates.expiresAt)
  }

  private func appendRooms(_ text: inout PrometheusText) {
    text.family(
      "roost_rooms", .gauge, help: "Rooms with a member on this node, summed over shards.")
    text.sample(sum(gauge: { $0.rooms.value }))
    text.family("roost_members", .gauge, help: "Memberships of connections in rooms.")
    text.sample(sum(gauge: { $0.members.value }))
    text.family("roost_joins_total", .counter, help: "Joins that were begun.")
    text.sample(sum { $0.joins.value })
    text.family("roost_leaves_total", .counter, help: "Memberships that ended.")
    text.sample(sum { $0.leaves.value })
  }

  private func appendMessages(_ text: inout PrometheusText) {
    text.family("roost_messages_received_total", .counter, help: "WebSocket messages received.")
    text.sample(sum { $0.messagesIn.value })
    text.family(
      "roost_message_bytes_received_total", .counter, help: "Payload bytes of messages received.")
    text.sample(sum { $0.messageBytesIn.value })
    text.family("roost_requests_total", .counter, help: "Requests read out of messages.")
    text.sample(sum { $0.requests.value })
    text.family("roost_publishes_total", .counter, help: "Publishes handed to the backplane.")
    text.sample(sum { $0.publishes.value })
    text.family("roost_deliveries_total", .counter, help: "Messages queued for members.")
    text.sample(sum { $0.deliveries.value })
    text.family("roost_directs_total", .counter, help: "Direct sends carried out.")
    text.sample(sum { $0.directs.value })
    text.family("roost_errors_total", .counter, help: "Error replies, by code.")
    for (place, code) in ErrorCode.allCases.enumerated() {
      text.sample([("code", code.rawValue)], sum { $0.errors.value(place) })
    }
    text.family("roost_bytes_total", .counter, help: "Bytes on the public port, by direction.")
    text.sample([("direction", "in")], sum { $0.bytesReceived.value })
    text.sample([("direction", "out")], sum { $0.bytesSent.value })
    text.family("roost_send_calls_total", .counter, help: "System calls that sent bytes.")
    text.sample(sum { $0.sendCalls.value })
    text.family("roost_compressions_total", .counter, help: "Messages that were compressed.")
    text.sample(sum { $0.compressions.value })
    text.family(
      "roost_publish_ack_seconds", .histogram,
      help: "Time from a publish request to the backplane's acknowledgement.")
    text.histogram(merged(.latency) { $0.publishAcknowledgement.snapshot() })
    text.family(
      "roost_fan_out_seconds", .histogram,
      help: "Time to encode one message and queue it for the members of a shard.")
    text.histogram(merged(.latency) { $0.fanOut.snapshot() })
    text.family(
      "roost_delivery_lag_seconds", .histogram,
      help: "Time from a publish on this node to the end of the flush to members on it.")
    text.histogram(merged(.latency) { $0.deliveryLag.snapshot() })
    text.family(
      "roost_flush_seconds", .histogram,
      help: "Time from the last input of a tick that delivered something to its flush's end.")
    text.histogram(merged(.latency) { $0.flushTime.snapshot() })
  }

  private func appendLimits(_ text: inout PrometheusText) {
    text.family("roost_outbound_bytes", .gauge, help: "Bytes queued for connections.")
    text.sample(sum(gauge: { $0.outboundBytes.value }))
    text.family("roost_outbound_peak_bytes", .gauge, help: "Bytes in the longest queue now.")
    text.sample(all.reduce(0) { max($0, $1.outboundPeakBytes.value) })
    text.family(
      "roost_outbound_max_bytes", .gauge, help: "Bytes that a connection's queue may hold.")
    text.sample(shared.limits.outboundBytes)
    text.family(
      "roost_slow_consumers_total", .counter, help: "Connections whose outbound queue overflowed.")
    text.sample(sum { $0.slowConsumers.value })
    text.family(
      "roost_slow_consumer_members", .gauge,
      help: "Members of rooms for whom messages are held back now.")
    text.sample(sum(gauge: { $0.heldMembers.value }))
    text.family(
      "roost_slow_consumer_held_total", .counter,
      help: "Times that a room's messages began to be held back for a member, by policy.")
    for (place, policy) in SlowConsumerPolicy.allCases.enumerated() where policy != .disconnect {
      text.sample([("policy", policy.rawValue)], sum { $0.holds.value(place) })
    }
    text.family(
      "roost_slow_consumer_dropped_total", .counter,
      help: "Messages dropped for members that read too slowly, by policy.")
    for (place, policy) in SlowConsumerPolicy.allCases.enumerated()
    where policy == .dropOldest || policy == .latest {
      text.sample([("policy", policy.rawValue)], sum { $0.heldDrops.value(place) })
    }
    text.family(
      "roost_slow_consumer_gaps_total", .counter,
      help: "Gaps told to members for whom messages were dropped.")
    text.sample(sum { $0.gapsTold.value })
    text.family("roost_rate_limited_total", .counter, help: "Messages refused by a rate, by rate.")
    for rate in RateLimit.allCases {
      text.sample([("rate", rate.label)], sum { $0.rateLimited.value(rate.rawValue) })
    }
    text.family(
      "roost_input_pauses_total", .counter,
      help: "Times that a connection was not read for a while because it sent too fast.")
    text.sample(sum { $0.inputPauses.value })
    text.family(
      "roost_overlooked_total", .counter,
      help: "Times that a limit was exceeded and did not hold, because of limits.dry_run, by limit."
    )
    for (place, limit) in OverlookedLimit.all.enumerated() {
      text.sample([("limit", limit.label)], shared.admission.overlookedCount(place))
    }
    text.family(
      "roost_compression_bytes", .gauge,
      help: "Memory reserved for connections' own compression state.")
    text.sample(shared.compressionBytesHeld)
    text.family("roost_log_dropped_total", .counter, help: "Log lines that could not be written.")
    text.sample(shared.log.droppedLines)
    text.family(
      "roost_log_left_out_total", .counter,
      help: "Log lines beyond log.lines_per_second of their event.")
    text.sample(shared.log.leftOutLines)
  }

  private func appendLoops(_ text: inout PrometheusText) {
    text.family(
      "roost_tick_seconds", .histogram, help: "Length of an event loop's tick without its wait.")
    for (index, metrics) in all.enumerated() {
      text.histogram([("shard", String(index))], metrics.tick.snapshot())
    }
    text.family(
      "roost_loop_lag_seconds", .histogram,
      help: "How late an event loop comes to what it has to do each second.")
    for (index, metrics) in all.enumerated() {
      text.histogram([("shard", String(index))], metrics.lag.snapshot())
    }
    text.family(
      "roost_loop_silence_seconds", .gauge,
      help: "Time since an event loop last did what it has to do each second.")
    let now = MonotonicInstant.now()
    for (index, metrics) in all.enumerated() {
      text.sample([("shard", String(index))], metrics.silence(now) / .seconds(1))
    }
    text.family(
      "roost_shard_busy_seconds_total", .counter, help: "Time that an event loop spent working.")
    for (index, metrics) in all.enumerated() {
      text.sample([("shard", String(index))], Double(metrics.busyNanoseconds.value) / 1e9)
    }
    text.family(
      "roost_shard_wait_seconds_total", .counter,
      help: "Time that an event loop was ready to run and had to wait for a processor.")
    for (index, metrics) in all.enumerated() {
      text.sample([("shard", String(index))], Double(metrics.waitNanoseconds.value) / 1e9)
    }
    text.family(
      "roost_mailbox_refusals_total", .counter,
      help: "Letters that found another shard's mailbox full and had to wait.")
    text.sample(sum { $0.mailboxRefusals.value })
  }

  private func appendBackplane(_ text: inout PrometheusText) {
    text.family("roost_backplane_rooms", .gauge, help: "Rooms that the backplane knows.")
    text.sample(sum(gauge: { $0.backplaneRooms.value }))
    text.family("roost_log_entries", .gauge, help: "Messages kept in history.")
    text.sample(sum(gauge: { $0.logEntries.value }))
    text.family("roost_log_bytes", .gauge, help: "Bytes of message data kept in history.")
    text.sample(sum(gauge: { $0.logBytes.value }))
    text.family("roost_idempotency_keys", .gauge, help: "Idempotency keys remembered.")
    text.sample(sum(gauge: { $0.keys.value }))
  }
}
