// The verdict for machines.

import RoostJSON

/// Writes one object, member by member.
struct ObjectText {
  private var members: [String] = []

  mutating func add(_ key: String, _ number: Int) {
    members.append("\(Self.quoted(key)):\(number)")
  }

  mutating func add(_ key: String, _ number: Double, digits: Int = 3) {
    members.append(
      "\(Self.quoted(key)):\(number.isFinite ? Decimal.text(number, digits: digits) : "null")")
  }

  mutating func add(_ key: String, _ text: String) {
    members.append("\(Self.quoted(key)):\(Self.quoted(text))")
  }

  mutating func add(_ key: String, raw: String) { members.append("\(Self.quoted(key)):\(raw)") }

  var text: String { "{" + members.joined(separator: ",") + "}" }

  static func quoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    JSONWriter.appendString(text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}

extension SoakReport {
  /// One object: verdict, counts, latencies, faults, nodes, findings, and how to do it again.
  public var verdictJSON: String {
    var object = ObjectText()
    object.add("verdict", isKept ? "kept" : "broken")
    object.add("scenario", options.name)
    object.add("seed", raw: "\(options.seed)")
    object.add("command", options.command)
    object.add("seconds", loadEnd - loadStart)
    object.add("clients", figures.judged)
    object.add("rooms", options.scenario.roomList.count)
    object.add("counts", raw: countsText)
    object.add("connections_over_tls", figures.secured)
    object.add("delivery_ms", raw: Self.text(of: figures.live))
    let peace = deliveryByPeace
    object.add("delivery_quiet_ms", raw: Self.text(of: peace.quiet))
    object.add("delivery_in_faults_ms", raw: Self.text(of: peace.broken))
    object.add("recovered_ms", raw: Self.text(of: figures.late))
    object.add("reconnect_ours_ms", raw: Self.text(of: figures.reconnectOurs))
    object.add("reconnect_stock_ms", raw: Self.text(of: figures.reconnectStock))
    var closes = ObjectText()
    for (name, count) in figures.closes.sorted(by: { $0.key < $1.key }) { closes.add(name, count) }
    object.add("closes", raw: closes.text)
    var refusals = ObjectText()
    for (status, count) in figures.refusals.sorted(by: { $0.key < $1.key }) {
      refusals.add("\(status)", count)
    }
    object.add("upgrades_refused", raw: refusals.text)
    object.add(
      "handshakes_per_second",
      raw: "[" + handshakesBySecond.map(String.init).joined(separator: ",") + "]")
    object.add("faults", raw: "[" + faults.map(Self.text).joined(separator: ",") + "]")
    object.add("nodes", raw: "[" + nodes.map(text).joined(separator: ",") + "]")
    object.add("harness_processor_seconds", harnessProcessorSeconds)
    object.add("harness_memory_bytes", harnessMemoryBytes, digits: 0)
    var counted = ObjectText()
    for kind in Finding.Kind.allCases { counted.add(kind.rawValue, findings.counts[kind] ?? 0) }
    object.add("findings", raw: counted.text)
    object.add(
      "sentences",
      raw: "[" + findings.kept.map { ObjectText.quoted($0.sentence) }.joined(separator: ",") + "]")
    return object.text + "\n"
  }

  private var countsText: String {
    let counts = figures.counts
    var object = ObjectText()
    object.add("published", counts.published)
    object.add("acknowledged", counts.acknowledged)
    object.add("refused", counts.refused)
    object.add("unknown", counts.unknown)
    object.add("not_sent", figures.unoffered)
    object.add("delivered", counts.delivered)
    object.add("recovered", counts.recovered)
    object.add("joins", counts.joins)
    object.add("recoveries", counts.recoveries)
    object.add("announced", counts.announced)
    object.add("presence_lists", counts.presenceLists)
    object.add("presence_events", counts.presenceEvents)
    object.add("presence_resets", counts.presenceResets)
    return object.text
  }

  private static func text(of histogram: LatencyHistogram) -> String {
    var object = ObjectText()
    object.add("count", histogram.count)
    for (name, part) in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999), ("max", 1)] {
      object.add(name, histogram.milliseconds(at: part))
    }
    return object.text
  }

  private static func text(_ fault: FaultRecord) -> String {
    var object = ObjectText()
    object.add("kind", fault.planned.kind.rawValue)
    if let node = fault.planned.node { object.add("node", node) }
    object.add("start", fault.start)
    if let end = fault.end {
      object.add("well_again_after", end - fault.start)
    } else {
      object.add("well_again_after", raw: "null")
    }
    return object.text
  }

  private func text(_ node: NodeReport) -> String {
    var object = ObjectText()
    object.add("name", node.name)
    object.add("starts", node.starts)
    object.add("processor_seconds", node.processorSeconds)
    object.add("memory_bytes_max", node.samples.map(\.memoryBytes).max() ?? 0, digits: 0)
    object.add("queue_bytes_max", node.samples.map(\.queueBytes).max() ?? 0, digits: 0)
    object.add("handshakes_per_second_max", busiestSecond(of: node)?.handshakeRate ?? 0, digits: 0)
    object.add("descriptors_before", node.before?.descriptors ?? 0, digits: 0)
    object.add("descriptors_after", node.after?.descriptors ?? 0, digits: 0)
    if let trend = Self.memoryTrend(node.current[...]) {
      object.add("memory_bytes_per_second", trend.slope, digits: 0)
      object.add("memory_uncertainty", trend.uncertainty, digits: 0)
    }
    return object.text
  }
}
