// One run from start to verdict: the cluster up, the clients in, load and faults, quiet, the
// judge's last word, everybody out, and whether the nodes are back where they began.

import Glibc
public import RoostEventLoop

/// What a run is made from.
public struct SoakOptions: Sendable {
  /// What to do.
  public var scenario: Scenario
  /// What the scenario is called.
  public var name: String
  /// Where all chance comes from.
  public var seed: UInt64
  /// The path of `roost`, from which nodes are started.
  public var program: String
  /// Addresses of a cluster that runs already; empty for one of our own.
  public var targets: [SocketAddress] = []
  /// Its admin ports.
  public var admins: [SocketAddress] = []
  /// Where the report goes; nil for none.
  public var reportFolder: String?
  /// A run to show beside this one.
  public var beside: EarlierRun?
  /// A bug to plant between clients and nodes, to see that it is seen.
  public var plant: Plant?
  /// The command that does the same again.
  public var command: String

  /// Puts options together.
  public init(
    scenario: Scenario, name: String, seed: UInt64, program: String, command: String
  ) {
    self.scenario = scenario
    self.name = name
    self.seed = seed
    self.program = program
    self.command = command
  }
}

/// A run.
///
/// One thread, which must not end before the run has: its programs end with it.
public final class SoakRun {
  private let options: SoakOptions
  private var scenario: Scenario { options.scenario }
  private let isInterrupted: () -> Bool
  private let show: (String) -> Void
  private let cluster: ClusterUnderTest
  private let engine: Engine
  private let start = MonotonicInstant.now()
  private var report: SoakReport
  private var proxy: PlantingProxy?
  private var nextSample = MonotonicInstant.zero
  private var nextLine = MonotonicInstant.zero

  /// Prepares a run; throws when there is no place or no thread for it.
  ///
  /// - Parameters:
  ///   - isInterrupted: whether somebody wants it to end.
  ///   - show: takes a line of progress, which replaces the one before.
  public init(
    _ options: SoakOptions, isInterrupted: @escaping () -> Bool, show: @escaping (String) -> Void
  ) throws(SoakFailure) {
    self.options = options
    self.isInterrupted = isInterrupted
    self.show = show
    let scenario = options.scenario
    let descriptors = Machine.raiseDescriptorLimit()
    // A proxy on the way has two of its own for each.
    let each = scenario.breaksPaths ? 3 : 1
    guard scenario.clientCount * each + 200 < descriptors else {
      throw SoakFailure(
        "\(scenario.clientCount) clients need more descriptors than the \(descriptors) that are "
          + "allowed"
      )
    }
    guard scenario.tlsPercent == 0 || options.targets.isEmpty else {
      throw SoakFailure("clients.tls_percent is for a cluster that the soak starts")
    }
    cluster =
      options.targets.isEmpty
      ? try ClusterUnderTest(scenario, program: options.program)
      : ClusterUnderTest(targets: options.targets, admins: options.admins, scenario)
    do throws(Errno) {
      engine = try Engine(scenario, seed: options.seed)
    } catch {
      throw SoakFailure("no thread for clients: \(error)")
    }
    report = SoakReport(options)
  }

  deinit {
    engine.stop()
    proxy?.stop()
    cluster.stop()
  }

  /// Runs; throws when it could not be run, which is no verdict.
  public func run() throws(SoakFailure) -> SoakReport {
    show("starting \(options.targets.isEmpty ? "\(scenario.nodes) nodes" : "at a running cluster")")
    try cluster.start(isInterrupted: isInterrupted)
    for place in cluster.nodes.indices {
      report.nodes.append(NodeReport(name: cluster.nodes[place].name))
      report.nodes[place].before = NodeSample(cluster.nodes[place].admin, seconds: 0)
    }
    engine.post(.targets(try targets()))
    if let caFile = cluster.caFile { engine.post(.secured(cluster.securedTargets, caFile: caFile)) }
    engine.post(.connect(compressed: options.plant == nil))
    let patience = 60 + scenario.clientCount / scenario.connectsPerSecond
    let sinceConnect = MonotonicInstant.now()
    while engine.figures.joined < engine.figures.judged || engine.figures.judged == 0 {
      try pass("connecting")
      guard MonotonicInstant.now().since(sinceConnect) < .seconds(patience) else {
        report.findings.add(
          .ended,
          "\(engine.figures.judged - engine.figures.joined) clients were not in their rooms within "
            + "\(patience) s")
        break
      }
    }
    try load()
    try settle()
    try leave()
    return report
  }

  /// Where clients connect.
  private func targets() throws(SoakFailure) -> [SocketAddress] {
    guard let plant = options.plant else { return cluster.targets }
    do throws(Errno) {
      let made = try PlantingProxy(plant, to: cluster.targets, seed: options.seed)
      proxy = made
      return [made.address]
    } catch {
      throw SoakFailure("no proxy to plant a bug in: \(error)")
    }
  }

  // MARK: Phases

  private func load() throws(SoakFailure) {
    report.loadStart = elapsed
    engine.post(.publish(true))
    let begin = MonotonicInstant.now()
    let end = begin.advanced(by: .seconds(scenario.seconds))
    let plan = FaultPlan.make(scenario, seed: options.seed)
      .filter { cluster.isOurs || !$0.kind.needsProcesses }
    var runner = FaultRunner(plan, cluster, engine, scenario, start: begin)
    while MonotonicInstant.now() < end || !runner.isDone {
      let now = MonotonicInstant.now()
      if now >= end { runner.endPlan() }
      try runner.tick(now)
      report.faults = runner.records
      try pass(runner.current.map { $0.name } ?? "")
    }
    report.faults = runner.records
    report.findings.add(runner.findings)
    report.loadEnd = elapsed
  }

  /// Publishing ends; everybody gets everything.
  private func settle() throws(SoakFailure) {
    engine.post(.publish(false))
    engine.post(.calm)
    try waitUntilLevel("settling")
    engine.post(.fence)
    // What the fence leads to begins before it can be over.
    try waitUntilLevel("settling")
    engine.post(.conclude)
  }

  private func waitUntilLevel(_ what: String) throws(SoakFailure) {
    let begin = MonotonicInstant.now()
    while true {
      try pass(what)
      let spent = MonotonicInstant.now().since(begin)
      let figures = engine.figures
      let isLevel = figures.isLevel && figures.joined == figures.judged
      // What is broken already need not be waited for at length.
      let patience = Duration.seconds(figures.findings.isEmpty ? 60 : 5)
      if isLevel && spent > .milliseconds(600) || spent > patience { return }
    }
  }

  /// Everybody leaves; nodes must be back where they began.
  private func leave() throws(SoakFailure) {
    let begin = MonotonicInstant.now()
    while !engine.figures.hasEnded, MonotonicInstant.now().since(begin) < .seconds(20) {
      try pass("leaving")
    }
    var open: [String] = []
    while true {
      open = []
      for place in cluster.nodes.indices { look(place, &open) }
      if open.isEmpty || MonotonicInstant.now().since(begin) > .seconds(25) { break }
      try pass("leaving")
    }
    for sentence in open { report.findings.add(.leaked, sentence) }
    let figures = engine.figures
    report.figures = figures
    report.findings.add(figures.findings)
    report.judgeNodes()
    report.judgeHandshakes()
    if report.findings.isEmpty { report.judgeBounds() }
    if let folder = options.reportFolder {
      try Files.makeFolder(folder)
      if !report.findings.isEmpty { cluster.keepLogs(in: folder) }
    }
    show("stopping")
    for finding in cluster.stop() { report.findings.add(finding.kind, finding.sentence) }
    report.finish()
  }

  /// What a node has not given back.
  private func look(_ place: Int, _ open: inout [String]) {
    guard cluster.isOurs else { return }
    let node = cluster.nodes[place]
    guard let sample = NodeSample(node.admin, seconds: elapsed) else {
      return open.append("\(node.name) does not answer at the end")
    }
    report.nodes[place].after = sample
    let before = report.nodes[place].before ?? sample
    let figures: [(String, Double, Double)] = [
      ("connections", sample.connections, before.connections),
      ("rooms", sample.rooms, before.rooms), ("members", sample.members, before.members),
      ("bytes in queues", sample.queueBytes, before.queueBytes),
      // A few come and go with requests of ours and links to Redis.
      ("descriptors", sample.descriptors, before.descriptors + 8),
    ]
    for (what, now, then) in figures where now > then {
      open.append(
        "\(node.name) has \(Int(now)) \(what) behind the end, and had \(Int(then)) at the beginning"
      )
    }
  }

  // MARK: One look

  private var elapsed: Double {
    Double(MonotonicInstant.now().since(start).millisecondsClamped) / 1000
  }

  /// Waits a moment, takes samples, shows where it stands; throws when it was interrupted.
  private func pass(_ what: String) throws(SoakFailure) {
    _ = poll(nil, 0, 50)
    guard !isInterrupted() else { throw SoakFailure("it was interrupted") }
    let now = MonotonicInstant.now()
    if now >= nextSample {
      nextSample = now.advanced(by: .seconds(1))
      sample()
    }
    guard now >= nextLine else { return }
    nextLine = now.advanced(by: .milliseconds(500))
    show(line(what))
  }

  private func sample() {
    for place in cluster.nodes.indices {
      let node = cluster.nodes[place]
      guard !node.isFrozen, node.process?.hasEnded() != true,
        let sample = NodeSample(node.admin, seconds: elapsed)
      else { continue }
      report.nodes[place].add(sample, start: node.starts)
    }
  }

  private func line(_ what: String) -> String {
    let figures = engine.figures
    let second = figures.seconds.last ?? EngineSecond()
    let p99 = second.live.milliseconds(at: 0.99)
    var text = "\(Int(elapsed)) s  \(figures.joined)/\(figures.judged) clients in their rooms  "
    text += "\(second.published)/s published  \(second.delivered + second.recovered)/s delivered  "
    text += "p99 \(Decimal.text(p99, digits: 1)) ms  \(report.faults.count) faults"
    if !what.isEmpty { text += " (\(what))" }
    let wrong = figures.findings.count + report.findings.count
    return text + (wrong == 0 ? "  nothing wrong" : "  \(wrong) WRONG")
  }
}

/// Numbers as people read them.
enum Decimal {
  /// A number with so many digits behind the point.
  static func text(_ value: Double, digits: Int) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "-" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let whole = Int((value * scale).rounded())
    let text = String(abs(whole))
    let padded = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
    let sign = whole < 0 ? "-" : ""
    guard digits > 0 else { return sign + padded }
    return sign + padded.dropLast(digits) + "." + padded.suffix(digits)
  }
}
