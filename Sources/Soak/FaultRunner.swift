// Breaks things at their times, one behind the other, without ever waiting: the run goes on
// meanwhile and looks in twenty times a second.

import Glibc
import RoostClient
import RoostEventLoop

/// A fault that was carried out.
struct FaultRecord: Sendable {
  let planned: PlannedFault
  /// Seconds since the run began.
  let start: Double
  /// When all nodes were ready and all clients in their rooms again; nil when that never was.
  var end: Double?
}

/// Carries out a plan.
///
/// One thread: the cluster's.
struct FaultRunner: ~Copyable {
  /// What the fault under way waits for.
  private enum Stage {
    /// Its time to pass.
    case lasting(until: MonotonicInstant)
    /// A node's end.
    case draining(place: Int, until: MonotonicInstant)
    /// All nodes ready and everybody back.
    case healing(until: MonotonicInstant)
  }

  private let cluster: ClusterUnderTest
  private let engine: Engine
  private let scenario: Scenario
  private var plan: [PlannedFault]
  private var stage: Stage?
  private var rolling: [Int] = []
  /// Publishes that had been acknowledged when healing began.
  private var acknowledged = 0
  private let start: MonotonicInstant
  private(set) var records: [FaultRecord] = []
  private(set) var findings = Findings(keptMax: 20)

  init(
    _ plan: [PlannedFault], _ cluster: ClusterUnderTest, _ engine: Engine, _ scenario: Scenario,
    start: MonotonicInstant
  ) {
    self.plan = plan
    self.cluster = cluster
    self.engine = engine
    self.scenario = scenario
    self.start = start
  }

  /// What is broken just now; nil when nothing is.
  var current: PlannedFault? { stage == nil ? nil : records.last?.planned }

  /// Whether nothing is under way, and nothing is left to do.
  var isDone: Bool { stage == nil && plan.isEmpty }

  /// The time is over: what the scenario names is still carried out, what chance drew is not.
  ///
  /// On a slow machine a fault may be healed only when the next one is long due.
  mutating func endPlan() {
    plan.removeAll { fault in
      !scenario.faults.contains { $0.at == fault.at && $0.kind == fault.kind }
    }
  }

  /// Does what is due.
  mutating func tick(_ now: MonotonicInstant) throws(SoakFailure) {
    guard let stage else {
      guard let next = plan.first, now >= start.advanced(by: .seconds(next.at)) else { return }
      plan.removeFirst()
      return try begin(next, now)
    }
    guard let fault = records.last?.planned else { return }
    switch stage {
    case .lasting(let until):
      guard now >= until else { return }
      try mend(fault)
      heal(now)
    case .draining(let place, let until):
      let hasEnded = cluster.nodes[place].process?.hasEnded() != false
      guard hasEnded || now >= until else { return }
      try drained(place)
      if rolling.isEmpty {
        heal(now)
      } else {
        // The next one only when this one is back, as a deploy does it.
        heal(now)
      }
    case .healing(let until): try look(fault, until, now)
    }
  }

  /// How long all may take to be well again.
  private var healingTime: Duration {
    guard current?.kind == .pathDrop else { return .seconds(60) }
    // Both sides go by the ping: the library's machine asks when it has missed one, and waits for the
    // answer as long as its own patience is; then it has to come back.
    let machine = Duration.seconds(scenario.pingSeconds) / 2 * 3 + ClientMachine.pongTimeout
    return max(machine, .seconds(scenario.pingSeconds + scenario.pongSeconds)) + .seconds(15)
  }

  private mutating func heal(_ now: MonotonicInstant) {
    stage = .healing(until: now.advanced(by: healingTime))
    acknowledged = engine.figures.counts.acknowledged
  }

  private mutating func look(
    _ fault: PlannedFault, _ until: MonotonicInstant, _ now: MonotonicInstant
  ) throws(SoakFailure) {
    let figures = engine.figures
    let coming = scenario.clients.filter { ![.ours, .stock].contains($0.key) }.values.reduce(0, +)
    // Nodes may be ready for seconds behind the loss of Redis: that publishes pass is the proof.
    let isPublished =
      scenario.publishesPerSecond == 0 || figures.counts.acknowledged > acknowledged
    let isBack =
      isPublished && cluster.isReady && figures.joined >= figures.judged - coming
      && figures.severed == 0
    guard isBack || now >= until else { return }
    if isBack, let place = rolling.first {
      rolling.removeFirst()
      return drain(place, now)
    }
    if !isBack {
      rolling = []
      let time = "\(Int(healingTime.millisecondsClamped / 1000)) s behind \(fault.name) "
      findings.add(
        .ended,
        figures.severed > 0
          ? time + "\(figures.severed) clients held on to connections that were dead"
          : time + "\(figures.judged - figures.joined) clients were not back in their rooms, or a "
            + "node was not ready")
    } else {
      records[records.count - 1].end = seconds(now)
    }
    endCauses()
    stage = nil
  }

  private func seconds(_ now: MonotonicInstant) -> Double {
    Double(now.since(start).millisecondsClamped) / 1000
  }

  // MARK: Breaking

  private mutating func begin(
    _ fault: PlannedFault, _ now: MonotonicInstant
  ) throws(SoakFailure) {
    records.append(FaultRecord(planned: fault, start: seconds(now), end: nil))
    let place = (fault.node ?? 1) - 1
    stage = .lasting(until: now.advanced(by: .seconds(fault.seconds)))
    if fault.kind.upsetsPresence(nodes: scenario.nodes) { engine.post(.beginCause(.upset)) }
    switch fault.kind {
    case .nodeKill: cluster.nodes[place].process?.signal(SIGKILL)
    case .nodeFreeze:
      engine.post(.beginCause(.interruption))
      cluster.setFrozen(place, true)
    case .nodeRestart: drain(place, now)
    case .rollout:
      rolling = Array(cluster.nodes.indices.dropFirst())
      drain(0, now)
    case .redisRestart, .redisKill, .redisLoss:
      engine.post(.beginCause(.interruption))
      if fault.kind == .redisLoss || !scenario.persistence {
        engine.post(.beginCause(.dataLoss))
      }
      cluster.redis?.signal(fault.kind == .redisRestart ? SIGTERM : SIGKILL)
    case .redisPause:
      engine.post(.beginCause(.interruption))
      cluster.redis?.signal(SIGSTOP)
    case .redisCut, .subscriptionsCut:
      engine.post(.beginCause(.interruption))
      if fault.kind == .redisCut { cluster.command("CLIENT KILL TYPE normal") }
      cluster.command("CLIENT KILL TYPE pubsub")
      heal(now)
    case .linkCut, .linkStall, .linkDelay:
      engine.post(.beginCause(.interruption))
      let modes: [FaultKind: LinkMode] = [
        .linkCut: .cut, .linkStall: .stalled,
        .linkDelay: .late(.milliseconds(80), jitter: .zero),
      ]
      cluster.setLinks(place, modes[fault.kind] ?? .whole)
    case .pathDrop, .pathDelay, .pathTrickle:
      engine.post(.beginCause(.silence))
      let modes: [FaultKind: LinkMode] = [
        .pathDrop: .forgotten, .pathDelay: .late(.milliseconds(100), jitter: .milliseconds(200)),
        .pathTrickle: .narrow(1000),
      ]
      cluster.setPaths(place, modes[fault.kind] ?? .whole)
      if fault.kind == .pathDrop { engine.post(.sever(node: cluster.nodes[place].name)) }
    case .clockStep: cluster.stepClock(place, milliseconds: 3_600_000)
    case .descriptorShortage: cluster.setDescriptorShortage(place, true)
    case .memoryShortage: cluster.setMemoryShortage(place, true)
    case .redisFull:
      engine.post(.beginCause(.interruption))
      cluster.command("CONFIG SET maxmemory 1")
    case .balancerReload:
      try cluster.reloadBalancer()
      heal(now)
    case .storm:
      engine.post(.storm)
      heal(now)
    }
  }

  private mutating func drain(_ place: Int, _ now: MonotonicInstant) {
    cluster.nodes[place].process?.signal(SIGTERM)
    let limit = scenario.drainWindow + scenario.drainGrace + 20
    stage = .draining(place: place, until: now.advanced(by: .seconds(limit)))
  }

  private mutating func drained(_ place: Int) throws(SoakFailure) {
    let process = cluster.nodes[place].process
    if process?.hasEnded() == false {
      findings.add(.ended, "\(cluster.nodes[place].name) did not end behind its SIGTERM in time")
      process?.signal(SIGKILL)
      _ = process?.wait(within: .seconds(5))
    } else if process?.end != .exited(0) {
      let how = process?.end.map { "\($0)" } ?? ""
      findings.add(.ended, "\(cluster.nodes[place].name) ended with \(how) behind its SIGTERM")
    }
    try cluster.startNode(place)
  }

  // MARK: Mending

  private func mend(_ fault: PlannedFault) throws(SoakFailure) {
    let place = (fault.node ?? 1) - 1
    switch fault.kind {
    case .nodeKill:
      _ = cluster.nodes[place].process?.wait(within: .seconds(5))
      try cluster.startNode(place)
    case .nodeFreeze: cluster.setFrozen(place, false)
    case .redisRestart, .redisKill, .redisLoss:
      if cluster.redis?.wait(within: .seconds(5)) == false {
        cluster.redis?.signal(SIGKILL)
        _ = cluster.redis?.wait(within: .seconds(5))
      }
      try cluster.startRedis(keepingData: fault.kind != .redisLoss)
    case .redisPause: cluster.redis?.signal(SIGCONT)
    case .linkCut, .linkStall, .linkDelay: cluster.setLinks(place, .whole)
    case .pathDrop, .pathDelay, .pathTrickle: cluster.setPaths(place, .whole)
    case .clockStep: cluster.stepClock(place, milliseconds: 0)
    case .descriptorShortage: cluster.setDescriptorShortage(place, false)
    case .memoryShortage:
      cluster.setMemoryShortage(place, false)
      if cluster.nodes[place].process?.hasEnded() == true { try cluster.startNode(place) }
    case .redisFull: cluster.command("CONFIG SET maxmemory 0")
    case .nodeRestart, .rollout, .redisCut, .subscriptionsCut, .balancerReload, .storm: break
    }
  }

  /// What a fault can lead to may still come for a while.
  private func endCauses() {
    for cause in Cause.allCases {
      // A node judges others only when it has been well for 5 s itself.
      let grace = cause == .upset ? Duration.seconds(6) : .seconds(35)
      engine.post(.endCause(cause, grace: grace))
    }
  }
}
