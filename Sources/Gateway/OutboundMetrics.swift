// What the outbound thread counts, and how it stands in `/metrics`. Its thread writes, the scraping
// thread reads.

import RoostEventLoop
import Telemetry

/// The figures of the callback and the webhooks.
final class OutboundMetrics: Sendable {
  // The callback; rows by HookEvent and HookResult.
  let decisions = CounterRow()
  let remembered = Counter()
  let hookTime = Histogram(.latency)
  let hooksWaiting = Gauge()
  let circuitOpen = Gauge()

  // Webhooks.
  let webhookEvents = CounterRow()  // by place in WebhookKind.allCases
  let webhookPosts = CounterRow()  // 0 taken, 1 failed
  let webhookDrops = CounterRow()  // 0 the queue was full, 1 failed too often, 2 the node ended
  let webhooksWaiting = Gauge()

  // Keys of tokens.
  let keySetFetches = CounterRow()  // by KeySetResult
  let keysConfirmedAt = Gauge()  // nanoseconds of the monotonic clock

  /// Labels of `webhookDrops`.
  static let dropReasons = ["full", "failed", "ended"]

  private static func place(_ event: HookEvent, _ result: HookResult) -> Int {
    (HookEvent.allCases.firstIndex(of: event) ?? 0) * HookResult.allCases.count + result.rawValue
  }

  func count(_ event: HookEvent, _ result: HookResult) {
    decisions.add(Self.place(event, result))
  }

  func decisions(_ event: HookEvent, _ result: HookResult) -> UInt64 {
    decisions.value(Self.place(event, result))
  }
}

extension Node {
  /// Seconds since the key set was confirmed, or since the start; 0 where there is none.
  private var keySetAge: Double {
    guard let outbound = shared.outbound, shared.rules.outbound.keySet != nil else { return 0 }
    let confirmed = UInt64(clamping: outbound.metrics.keysConfirmedAt.value)
    let since = max(MonotonicInstant(nanoseconds: confirmed), shared.startedAt)
    return Double(MonotonicInstant.now().since(since).millisecondsClamped) / 1000
  }

  /// Writes what the outbound thread counts; zeros where there is none.
  func appendOutbound(to text: inout PrometheusText) {
    let metrics = shared.outbound?.metrics
    text.family(
      "roost_hook_decisions_total", .counter,
      help: "Questions for the callback, by what they were about and what they came to.")
    for event in HookEvent.allCases {
      for result in HookResult.allCases {
        text.sample(
          [("event", event.rawValue), ("result", result.label)],
          metrics?.decisions(event, result) ?? 0)
      }
    }
    text.family(
      "roost_hook_remembered_total", .counter,
      help: "Questions that were answered out of hooks.cache.")
    text.sample(metrics?.remembered.value ?? 0)
    text.family(
      "roost_hook_seconds", .histogram, help: "Time from a request to the callback to its end.")
    text.histogram(metrics?.hookTime.snapshot() ?? HistogramSnapshot(.latency))
    text.family(
      "roost_hook_waiting", .gauge, help: "Questions that wait for the callback or are under way.")
    text.sample(metrics?.hooksWaiting.value ?? 0)
    text.family(
      "roost_hook_circuit_open", .gauge,
      help: "1 while the callback is not asked, because it failed too often.")
    text.sample(metrics?.circuitOpen.value ?? 0)
    text.family("roost_webhook_events_total", .counter, help: "Events for webhooks, by kind.")
    for (place, kind) in WebhookKind.allCases.enumerated() {
      text.sample([("event", kind.rawValue)], metrics?.webhookEvents.value(place) ?? 0)
    }
    text.family(
      "roost_webhook_posts_total", .counter, help: "Requests with events, by how they ended.")
    for (place, result) in ["taken", "failed"].enumerated() {
      text.sample([("result", result)], metrics?.webhookPosts.value(place) ?? 0)
    }
    text.family(
      "roost_webhook_dropped_total", .counter, help: "Events that were never taken, by why.")
    for (place, reason) in OutboundMetrics.dropReasons.enumerated() {
      let untold = place == 0 ? shared.metrics.reduce(0) { $0 &+ $1.webhooksUntold.value } : 0
      text.sample([("reason", reason)], (metrics?.webhookDrops.value(place) ?? 0) &+ untold)
    }
    text.family(
      "roost_key_set_fetches_total", .counter,
      help: "Fetches of auth.tokens.jwks_url, by how they ended.")
    for result in KeySetResult.allCases {
      text.sample([("result", result.label)], metrics?.keySetFetches.value(result.rawValue) ?? 0)
    }
    text.family(
      "roost_key_set_age_seconds", .gauge,
      help: "Time since the keys of auth.tokens.jwks_url were fetched or confirmed.")
    text.sample(keySetAge)
    text.family("roost_webhook_waiting", .gauge, help: "Events that wait or are under way.")
    text.sample(metrics?.webhooksWaiting.value ?? 0)
  }
}
