// What is broken and when, decided before the run begins, so that a seed gives the same plan again.

import RoostJSON

/// Something that is broken on purpose.
public enum FaultKind: String, CaseIterable, Sendable {
  /// SIGKILL; the node is started again after the time.
  case nodeKill = "node_kill"
  /// SIGSTOP, and SIGCONT after the time.
  case nodeFreeze = "node_freeze"
  /// SIGTERM; the node drains, ends and is started again.
  case nodeRestart = "node_restart"
  /// All nodes are restarted, one behind the other.
  case rollout
  /// SIGTERM; Redis is started again with its file after the time.
  case redisRestart = "redis_restart"
  /// SIGKILL; Redis is started again with its file after the time.
  case redisKill = "redis_kill"
  /// SIGKILL; Redis is started again without its file.
  case redisLoss = "redis_loss"
  /// Redis stands still for the time.
  case redisPause = "redis_pause"
  /// Redis closes all connections of the nodes.
  case redisCut = "redis_cut"
  /// Redis closes the nodes' subscriptions, as it does with those that are too far behind.
  case subscriptionsCut = "subscriptions_cut"
  /// A node's links to Redis end, and new ones end at once, for the time.
  case linkCut = "link_cut"
  /// Nothing passes between a node and Redis for the time, and nobody is told.
  case linkStall = "link_stall"
  /// All that passes between a node and Redis is 80 ms late for the time.
  case linkDelay = "link_delay"
  /// What stands between clients and a node forgets its connections, and those that come within the
  /// time: nothing passes on them any more, and nobody is told.
  case pathDrop = "path_drop"
  /// All that passes between clients and a node is 100 to 300 ms late for the time.
  case pathDelay = "path_delay"
  /// Each connection between clients and a node passes 1,000 bytes a second for the time.
  case pathTrickle = "path_trickle"
  /// A node's wall clock jumps an hour ahead, and back after the time.
  case clockStep = "clock_step"
  /// A node may open a few more descriptors than it has, for the time.
  case descriptorShortage = "descriptor_shortage"
  /// A node gets hardly more memory than it has, for the time; if it ends, it is started again.
  case memoryShortage = "memory_shortage"
  /// Redis has no memory for more, for the time.
  case redisFull = "redis_full"
  /// The balancer is reloaded: a new one takes the port, the old one keeps the connections it has.
  case balancerReload = "balancer_reload"
  /// All clients lose their connections at once.
  case storm

  /// One sentence about what it does.
  public var meaning: String {
    switch self {
    case .nodeKill: "SIGKILL to a node, which is started again after the time."
    case .nodeFreeze: "SIGSTOP to a node, and SIGCONT after the time."
    case .nodeRestart: "SIGTERM to a node, which drains, ends and is started again."
    case .rollout: "All nodes are restarted in order, one behind the other."
    case .redisRestart: "Redis is ended in order and started again with its file."
    case .redisKill: "Redis is killed and started again with its file."
    case .redisLoss: "Redis is killed and started again without its file: data is lost."
    case .redisPause: "Redis stands still for the time."
    case .redisCut: "Redis closes all connections of the nodes."
    case .subscriptionsCut:
      "Redis closes the nodes' subscriptions, as it does with those that are too far behind."
    case .linkCut: "A node's links to Redis end, and new ones end at once, for the time."
    case .linkStall: "Nothing passes between a node and Redis for the time, and nobody is told."
    case .linkDelay: "All that passes between a node and Redis is 80 ms late for the time."
    case .pathDrop:
      "What stands between clients and a node forgets its connections, old ones and those of the "
        + "time: nothing passes on them any more, and nobody is told."
    case .pathDelay:
      "All that passes between clients and a node is 100 to 300 ms late for the time."
    case .pathTrickle:
      "Each connection between clients and a node passes 1,000 bytes a second for the time."
    case .clockStep: "A node's wall clock jumps an hour ahead, and back after the time."
    case .descriptorShortage:
      "A node may open no more than a few descriptors more than it has, for the time."
    case .memoryShortage:
      "A node gets hardly more memory than it has, for the time; if it ends because of that, it is "
        + "started again."
    case .redisFull: "Redis has no memory for more and refuses to write, for the time."
    case .balancerReload:
      "The balancer is reloaded: a new one takes the port, the old one keeps its connections."
    case .storm: "All clients lose their connections at once."
    }
  }

  /// Whether it concerns one node.
  public var isOfNode: Bool {
    switch self {
    case .nodeKill, .nodeFreeze, .nodeRestart, .clockStep, .descriptorShortage, .memoryShortage:
      true
    default: isOfLink || isOfPath
    }
  }

  /// Whether it concerns what stands between a node and Redis.
  public var isOfLink: Bool { self == .linkCut || self == .linkStall || self == .linkDelay }

  /// Whether it concerns what stands between clients and a node.
  public var isOfPath: Bool {
    self == .pathDrop || self == .pathDelay || self == .pathTrickle
  }

  /// Whether nodes may take living connections for dead ones because of it, or dead ones for living.
  ///
  /// A node that is killed is found dead by two others within the bound. One other may have been
  /// disturbed itself just before, and judges nobody for a while.
  public func upsetsPresence(nodes: Int) -> Bool {
    switch self {
    case .nodeFreeze, .redisRestart, .redisKill, .redisLoss, .redisPause, .redisCut, .linkCut,
      .linkStall, .pathDrop, .pathDelay, .pathTrickle, .redisFull, .subscriptionsCut:
      true
    case .nodeKill, .memoryShortage: nodes < 3
    case .nodeRestart, .rollout, .linkDelay, .clockStep, .descriptorShortage, .balancerReload,
      .storm:
      false
    }
  }

  /// Whether it needs processes of our own.
  public var needsProcesses: Bool { self != .storm }

  /// Reads a name; throws a sentence that names those that there are.
  static func read(_ tree: JSONTree) throws(ScenarioProblem) -> FaultKind {
    try read(tree.string ?? "")
  }

  /// Reads a name; throws a sentence that names those that there are.
  public static func read(_ name: String) throws(ScenarioProblem) -> FaultKind {
    guard let kind = FaultKind(rawValue: name) else {
      let names = allCases.map(\.rawValue)
      throw ScenarioProblem(
        "\(name) is no kind of fault" + Nearest.sentence(for: name, among: names)
          + "; there are \(names.joined(separator: ", "))")
    }
    return kind
  }
}

/// A fault with its time.
public struct PlannedFault: Equatable, Sendable {
  /// Seconds behind the beginning.
  public var at: Int
  /// What is broken.
  public var kind: FaultKind
  /// Which node, from 1; nil where it does not matter.
  public var node: Int?
  /// How many seconds it lasts.
  public var seconds: Int

  /// Puts a fault together.
  public init(at: Int, kind: FaultKind, node: Int? = nil, seconds: Int = 2) {
    self.at = at
    self.kind = kind
    self.node = node
    self.seconds = seconds
  }

  /// Reads an object of a scenario.
  init(_ tree: JSONTree, in path: String) throws(ScenarioProblem) {
    guard let members = tree.members else { throw ScenarioProblem("\(path) has what is no object") }
    for (name, _) in members where !["at", "kind", "node", "seconds"].contains(name) {
      throw ScenarioProblem("\(path) has the unknown key \(name)")
    }
    guard let at = Self.number(tree, "at", 0...86_400) else {
      throw ScenarioProblem("\(path): at takes 0 to 86400 seconds")
    }
    guard let kind = tree["kind"] else { throw ScenarioProblem("\(path): kind is missing") }
    self.init(at: at, kind: try FaultKind.read(kind))
    if tree["node"] != nil {
      guard let number = Self.number(tree, "node", 1...6) else {
        throw ScenarioProblem("\(path): node takes 1 to 6")
      }
      node = number
    }
    if tree["seconds"] != nil {
      guard let number = Self.number(tree, "seconds", 0...3600) else {
        throw ScenarioProblem("\(path): seconds takes 0 to 3600")
      }
      seconds = number
    }
  }

  private static func number(
    _ tree: JSONTree, _ key: String, _ range: ClosedRange<Int>
  ) -> Int? {
    tree[key]?.integer.flatMap { Int(exactly: $0) }.flatMap { range.contains($0) ? $0 : nil }
  }

  /// As people read it.
  public var name: String { node.map { "\(kind.rawValue) of node\($0)" } ?? kind.rawValue }
}

/// The plan of a run.
public enum FaultPlan {
  /// The scenario's own faults and those that the seed draws, by time.
  ///
  /// The last ones leave enough time before the end to see that all is well again.
  public static func make(_ scenario: Scenario, seed: UInt64) -> [PlannedFault] {
    var numbers = SeededNumbers(seed: seed, stream: 1)
    var plan = scenario.faults
    for index in plan.indices where plan[index].node == nil && plan[index].kind.isOfNode {
      plan[index].node = Int.random(in: 1...scenario.nodes, using: &numbers)
    }
    guard !scenario.faultKinds.isEmpty else { return plan.sorted { $0.at < $1.at } }
    let every = Double(scenario.faultEverySeconds)
    var time = Double(scenario.quietSeconds)
    while time < Double(scenario.seconds) - min(5, every / 2) {
      let kind = scenario.faultKinds[
        Int.random(in: 0..<scenario.faultKinds.count, using: &numbers)]
      let node = Int.random(in: 1...scenario.nodes, using: &numbers)
      plan.append(
        PlannedFault(
          at: Int(time), kind: kind, node: kind.isOfNode ? node : nil,
          seconds: Int.random(in: 1...3, using: &numbers)))
      time += every * (0.75 + numbers.fraction() / 2)
    }
    return plan.sorted { $0.at < $1.at }
  }
}
