// What is left of a run: figures, samples, faults, findings, and the verdict that follows from
// them.

import Glibc
import RoostEventLoop

/// What is known of one node.
struct NodeReport: Sendable {
  let name: String
  var before: NodeSample?
  var after: NodeSample?
  /// Samples of all its processes, in order.
  private(set) var samples: [NodeSample] = []
  /// Samples of the process that runs now.
  private(set) var current: [NodeSample] = []
  private(set) var starts = 1
  /// Processor time of all its processes.
  private(set) var processorSeconds = 0.0

  init(name: String) { self.name = name }

  mutating func add(_ sample: NodeSample, start: Int) {
    if start != starts { current = [] }
    starts = start
    let last = current.last
    processorSeconds += max(0, sample.processorSeconds - (last?.processorSeconds ?? 0))
    var sample = sample
    // A node that has just come up answers within the second.
    let span = last.map { max(sample.seconds + sample.tookSeconds - $0.seconds, 0.5) } ?? 1
    sample.handshakeRate = (sample.handshakes - (last?.handshakes ?? 0)) / span
    samples.append(sample)
    current.append(sample)
  }
}

/// The result of a run.
public struct SoakReport: Sendable {
  /// Growth of a node's memory that is none yet, in bytes a second: 1 MiB a minute.
  static let memoryGrowthMax = 17_476.0
  /// Seconds for which a node must have run to be asked for its growth.
  static let memorySecondsMin = 100.0

  let options: SoakOptions
  var nodes: [NodeReport] = []
  var faults: [FaultRecord] = []
  var figures = EngineFigures()
  /// Everything that is wrong.
  public internal(set) var findings = Findings(keptMax: 20)
  var loadStart = 0.0
  var loadEnd = 0.0
  var harnessProcessorSeconds = 0.0
  var harnessMemoryBytes = 0.0

  init(_ options: SoakOptions) { self.options = options }

  /// Whether every promise was kept.
  public var isKept: Bool { findings.isEmpty }

  /// Whether the memory of nodes grows.
  mutating func judgeNodes() {
    for node in nodes {
      // The first half is that of caches and pools that fill.
      let half = node.current.suffix(node.current.count / 2)
      guard let first = half.first, let last = half.last,
        last.seconds - first.seconds >= Self.memorySecondsMin,
        let trend = Self.memoryTrend(half), trend.grows(by: Self.memoryGrowthMax)
      else { continue }
      // A leak goes on. Buffers that are larger than ever because Redis was away stay as they are.
      let middle = half.startIndex + half.count / 2
      guard
        [half[..<middle], half[middle...]].allSatisfy({
          Self.memoryTrend($0)?.grows(by: Self.memoryGrowthMax) == true
        })
      else { continue }
      findings.add(
        .leaked,
        "the memory of \(node.name) grew by \(Int(trend.slope)) ± \(Int(trend.uncertainty)) "
          + "bytes a second over the last \(Int(last.seconds - first.seconds)) s")
    }
  }

  /// How a node's memory went.
  static func memoryTrend(_ samples: ArraySlice<NodeSample>) -> Trend? {
    Trend(samples.map { ($0.seconds, $0.memoryBytes) })
  }

  /// The sample of a node under load that saw the most handshakes a second.
  func busiestSecond(of node: NodeReport) -> NodeSample? {
    node.samples.filter { $0.seconds > loadStart && $0.seconds <= loadEnd }
      .max { $0.handshakeRate < $1.handshakeRate }
  }

  /// Whether a node was sent more newcomers than the scenario says it takes.
  mutating func judgeHandshakes() {
    let bound = options.scenario.handshakesMost
    guard bound > 0 else { return }
    for node in nodes {
      guard let second = busiestSecond(of: node), second.handshakeRate > Double(bound) else {
        continue
      }
      findings.add(
        .overrun,
        "\(node.name) got \(Int(second.handshakeRate)) handshakes a second at "
          + "\(Int(second.seconds)) s, more than \(bound)")
    }
  }

  /// Whether it was fast enough, where the scenario says what that is.
  mutating func judgeBounds() {
    let scenario = options.scenario
    let bounds: [(String, Double, Int)] = [
      ("99 of 100 messages", figures.live.milliseconds(at: 0.99), scenario.deliveryP99Milliseconds),
      (
        "99 of 100 reconnections of stock clients",
        figures.reconnectStock.milliseconds(at: 0.99),
        scenario.reconnectP99Milliseconds
      ),
    ]
    for (what, found, bound) in bounds where bound > 0 && found > Double(bound) {
      findings.add(
        .ended, "\(what) took up to \(Decimal.text(found, digits: 1)) ms, more than \(bound) ms")
    }
  }

  /// Latencies of the seconds under load in which something was broken, and of all others.
  var deliveryByPeace: (quiet: LatencyHistogram, broken: LatencyHistogram) {
    var (quiet, broken) = (LatencyHistogram(), LatencyHistogram())
    for second in figures.seconds {
      let begin = Double(second.second) - loadStart
      guard begin >= 0, begin <= loadEnd - loadStart else { continue }
      let isBroken = faults.contains { fault in
        fault.start < begin + 1 && begin <= fault.end ?? .infinity
      }
      if isBroken { broken.add(second.live) } else { quiet.add(second.live) }
    }
    return (quiet, broken)
  }

  /// Notes what the harness itself has cost.
  mutating func finish() {
    var usage = rusage()
    if getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 {
      let microseconds = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
      harnessProcessorSeconds =
        Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(microseconds) / 1_000_000
      harnessMemoryBytes = Double(usage.ru_maxrss) * 1024
    }
  }

  /// Writes `verdict.json` and `report.html`; throws when the folder cannot be written.
  public func write(to folder: String) throws(SoakFailure) {
    try Files.makeFolder(folder)
    try Files.write(verdictJSON, to: "\(folder)/verdict.json")
    try Files.write(ReportPage.html(self), to: "\(folder)/report.html")
  }

  /// A short text for people.
  public var summary: String {
    let counts = figures.counts
    var lines = ["\(isKept ? "KEPT" : "BROKEN")  \(options.name), seed \(options.seed)"]
    lines.append(
      "  \(figures.judged) clients, \(options.scenario.roomList.count) rooms, "
        + "\(faults.count) faults, \(Int(loadEnd - loadStart)) s under load")
    lines.append(
      "  \(counts.published) published, \(counts.acknowledged) acknowledged, \(counts.refused) "
        + "refused, \(counts.unknown) unknown, \(figures.unoffered) that nobody could send")
    if figures.secured > 0 { lines.append("  \(figures.secured) connections over TLS") }
    lines.append(
      "  \(counts.delivered) delivered live, \(counts.recovered) behind a cut, "
        + "\(counts.recoveries) recoveries, \(counts.announced) holes announced with a cause")
    if counts.presenceLists > 0 {
      lines.append(
        "  \(counts.presenceLists) lists of who is there, \(counts.presenceEvents) comings and "
          + "goings told, \(counts.presenceResets) times to be read again")
    }
    lines.append("  delivery  " + Self.percentiles(figures.live))
    if !faults.isEmpty {
      let peace = deliveryByPeace
      lines.append("    in quiet  " + Self.percentiles(peace.quiet))
      lines.append("    in faults " + Self.percentiles(peace.broken))
    }
    lines.append("  back: ours  " + Self.percentiles(figures.reconnectOurs))
    lines.append("  back: stock " + Self.percentiles(figures.reconnectStock))
    let busiest = nodes.compactMap { node in
      busiestSecond(of: node).map { "\(node.name) \(Int($0.handshakeRate))" }
    }
    if !busiest.isEmpty {
      lines.append("  most handshakes in a second: " + busiest.joined(separator: ", "))
    }
    let nodesTime = nodes.reduce(0) { $0 + $1.processorSeconds }
    lines.append(
      "  processor: nodes \(Decimal.text(nodesTime, digits: 1)) s, harness "
        + "\(Decimal.text(harnessProcessorSeconds, digits: 1)) s")
    for kind in Finding.Kind.allCases {
      guard let count = findings.counts[kind] else { continue }
      lines.append("  \(count) \(kind.rawValue)")
      for finding in findings.kept.filter({ $0.kind == kind }).prefix(5) {
        lines.append("    \(finding.sentence)")
      }
    }
    lines.append("  again: \(options.command)")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func percentiles(_ histogram: LatencyHistogram) -> String {
    let parts = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1)]
    return parts.map { name, part in
      "\(name) \(Decimal.text(histogram.milliseconds(at: part), digits: 1)) ms"
    }.joined(separator: "  ") + "  of \(histogram.count)"
  }
}
