// Whether a node knows that its event loops run, and how long its messages take.

import RoostEventLoop
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite struct NodeLivenessTests {
  private static let now = MonotonicInstant(nanoseconds: 10_000_000_000)

  @Test(arguments: [
    (Int64(10_000_000_000), Duration.zero), (9_999_999_999, .nanoseconds(1)),
    (5_000_000_000, .seconds(5)),
    // A loop that has said so a moment behind the look of another thread.
    (10_000_000_001, .zero),
    // One that has stopped in order.
    (.max, .zero),
  ])
  func `silence is the time since a loop said that it runs`(heartbeat: Int64, silence: Duration) {
    let metrics = ShardMetrics()
    metrics.heartbeat.set(heartbeat)
    #expect(metrics.silence(Self.now) == silence)
  }

  @Test(arguments: [1, 3])
  func `the loops of a node answer while it runs, and none is missed when it has ended`(
    shards: Int
  ) throws {
    let node = try Node(.forTests(shards: shards), log: .quiet)
    #expect(node.loopsAnswer(within: .seconds(60)))
    #expect(!node.loopsAnswer(within: .seconds(-1)))
    node.stop()
    node.waitUntilStopped()
    #expect(node.loopsAnswer(within: .zero))
  }

  @Test func `a node whose loop does not run is not ready, and is again when it does`() async throws
  {
    try await withNode(.forTests(shards: 1)) { node in
      #expect(node.isReady)
      let metrics = node.shared.metrics[0]
      // What the cell of a hung loop looks like; the loop itself writes it anew within a second,
      // perhaps just before it is read.
      let isSeen = eventually {
        metrics.heartbeat.set(1)
        return node.notReadyReason == "an event loop does not run"
      }
      #expect(isSeen)
      #expect(eventually { node.isReady })
    }
  }

  @Test(arguments: [
    (200, HandshakeFailure?.none), (101, nil), (404, nil), (403, nil), (429, nil), (503, nil),
    (400, .invalid), (426, .invalid), (431, .invalid), (505, .invalid), (408, .timedOut),
  ])
  func `a status tells what became of a handshake`(status: Int, failure: HandshakeFailure?) {
    #expect(HandshakeFailure(status: status) == failure)
  }

  @Test(arguments: [1, 2])
  func `delivery is measured from the publish on, once for each shard with members`(
    shards: Int
  ) async throws {
    try await withNode(.forTests(shards: shards)) { node in
      let client = try TestClient.open(node.address)
      #expect(try client.ask(#"{"type":"join","room":"r","id":1}"#).contains("\"ok\""))
      for number in 1...3 {
        try client.send(#"{"type":"publish","room":"r","data":\#(number),"id":2}"#)
        _ = try client.texts(2)
      }
      // The last flush is counted behind it.
      let isCounted = eventually {
        var text = PrometheusText()
        node.appendMetrics(to: &text)
        let lines = String(decoding: text.bytes, as: UTF8.self).split(separator: "\n")
        return lines.contains("roost_delivery_lag_seconds_count 3")
          && lines.contains(#"roost_delivery_lag_seconds_bucket{le="+Inf"} 3"#)
      }
      #expect(isCounted)
    }
  }
}
