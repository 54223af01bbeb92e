// What connections that move between nodes look like from outside, as Prometheus text.

import Telemetry

extension Node {
  /// Writes the metrics of moves; nothing for a node that stands alone.
  func appendMoves(to text: inout PrometheusText) {
    guard shared.redis != nil else { return }
    text.family(
      "roost_tickets_total", .counter,
      help: "Tickets that were shown at the handshake, by what became of them.")
    for (place, result) in TicketResult.allCases.enumerated() {
      text.sample(
        [("result", result.rawValue)], shared.metrics.reduce(0) { $0 &+ $1.tickets.value(place) })
    }
    text.family(
      "roost_rebalanced_total", .counter,
      help: "Connections told to go elsewhere because other nodes had far fewer.")
    text.sample(shared.metrics.reduce(0) { $0 &+ $1.rebalanced.value })
  }
}
