// A node of the cluster for `GET /v1/nodes`. What it said of itself came through Redis, where others
// may write, too: only known members are passed on, each of its own kind.

import Backplane
import RoostJSON

extension NodeListing {
  private static let texts = ["phase", "version", "not_ready"]
  private static let numbers = [
    "connections", "connections_max", "rooms", "members", "queue_bytes", "resident_bytes",
    "handshakes_per_second", "started_at", "uptime_seconds",
  ]
  private static let rates = ["messages_in", "messages_out", "bytes_in", "bytes_out", "handshakes"]
  /// Bytes of the longest announcement that is read.
  private static let bytesMax = 4096

  /// Appends the node as an object.
  func append(to body: inout [UInt8]) {
    body.append(contentsOf: "{\"node\":".utf8)
    JSONWriter.appendString(id, to: &body)
    body.append(contentsOf: ",\"incarnation\":".utf8)
    JSONWriter.appendString(incarnation, to: &body)
    body.append(contentsOf: ",\"self\":".utf8)
    JSONWriter.appendBool(isSelf, to: &body)
    if let leaseAge { Self.append("lease_age_ms", Self.milliseconds(leaseAge), to: &body) }
    if let tree = try? JSONTree(parsing: announcement, depthMax: 4, bytesMax: Self.bytesMax) {
      if let announcementAge {
        Self.append("figures_age_ms", Self.milliseconds(announcementAge), to: &body)
      }
      appendAnnounced(tree, to: &body)
    }
    body.append(UInt8(ascii: "}"))
  }

  private func appendAnnounced(_ tree: JSONTree, to body: inout [UInt8]) {
    for key in Self.texts {
      guard let text = tree[key]?.string else { continue }
      body.append(contentsOf: ",\"\(key)\":".utf8)
      JSONWriter.appendString(text, to: &body)
    }
    for key in Self.numbers {
      if let number = tree[key]?.integer { Self.append(key, number, to: &body) }
    }
    if let load = tree["load"]?.double {
      body.append(contentsOf: ",\"load\":\(min(max(load, 0), 1))".utf8)
    }
    if let rates = tree["rates"] {
      Self.appendObject("rates", to: &body) { inner in
        for key in Self.rates {
          guard let rate = rates[key]?.double, rate.isFinite else { continue }
          inner.append(contentsOf: ",\"\(key)\":\(min(max(rate, 0), 1e15))".utf8)
        }
      }
    }
    if let redis = tree["redis"] {
      Self.appendObject("redis", to: &body) { inner in
        for key in ["commands", "subscriptions", "late"] {
          guard let isTrue = redis[key]?.bool else { continue }
          inner.append(contentsOf: ",\"\(key)\":\(isTrue)".utf8)
        }
        if let age = redis["probe_age_ms"]?.integer {
          Self.append("probe_age_ms", age, to: &inner)
        }
      }
    }
    Self.appendObject("addresses", to: &body) { inner in
      for key in ["listen", "admin"] {
        guard let text = tree["addresses"]?[key]?.string else { continue }
        inner.append(contentsOf: ",\"\(key)\":".utf8)
        JSONWriter.appendString(text, to: &inner)
      }
    }
  }

  private static func append(_ key: String, _ number: Int64, to body: inout [UInt8]) {
    body.append(contentsOf: ",\"\(key)\":".utf8)
    JSONWriter.appendInteger(number, to: &body)
  }

  /// Appends an object whose members are written with a comma before each.
  private static func appendObject(
    _ key: String, to body: inout [UInt8], _ write: (inout [UInt8]) -> Void
  ) {
    var inner: [UInt8] = []
    write(&inner)
    body.append(contentsOf: ",\"\(key)\":{".utf8)
    body.append(contentsOf: inner.dropFirst())
    body.append(UInt8(ascii: "}"))
  }

  private static func milliseconds(_ age: Duration) -> Int64 {
    let (seconds, attoseconds) = age.components
    return max(0, seconds * 1000 + attoseconds / 1_000_000_000_000_000)
  }
}
