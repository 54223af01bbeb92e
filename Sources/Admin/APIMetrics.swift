// What the server API counts: requests by operation and class of status. The admin thread writes and
// reads it, so plain numbers will do.

import Telemetry

/// Requests of the server API.
struct APIMetrics: Sendable {
  /// What has no operation: paths that are not there, methods that are not allowed, no key.
  static let other = "other"

  private var counts: [UInt64]
  private static let classes = 2...5

  init() {
    counts = Array(repeating: 0, count: (APIOperation.allCases.count + 1) * 6)
  }

  /// Counts a response.
  mutating func count(_ operation: APIOperation?, status: Int) {
    let row = operation.flatMap { APIOperation.allCases.firstIndex(of: $0) }
    let place = (row ?? APIOperation.allCases.count) * 6 + min(max(status / 100, 0), 5)
    counts[place] &+= 1
  }

  /// Writes the counts.
  func append(to text: inout PrometheusText) {
    text.family(
      "roost_api_requests_total", .counter,
      help: "Requests of the server API, by operation and class of status.")
    let names = APIOperation.allCases.map(\.rawValue) + [Self.other]
    for (row, name) in names.enumerated() {
      for hundreds in Self.classes {
        text.sample(
          [("operation", name), ("class", "\(hundreds)xx")], counts[row * 6 + hundreds])
      }
    }
  }
}
