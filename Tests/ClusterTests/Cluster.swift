// Three nodes around one Redis, and a swarm of members: what every scenario begins with.

import Glibc
import RoostEventLoop
import TestRandom
import TestSupport
import Testing

/// How large scenarios are: small by itself, with ROOST_TEST_CLUSTER=full as large as is promised.
enum Scale {
  static let isFull = Environment["ROOST_TEST_CLUSTER"] == "full"
  static let roomsWithHistory = isFull ? 46 : 4
  static let roomsWithAll = isFull ? 2 : 2
  static let roomsWithPresence = 1
  static let roomsWithout = 1
  static let membersOfRoom = isFull ? 20 : 8
  /// Time between two publishes of a member.
  static let pace = Duration.milliseconds(isFull ? 4000 : 200)
  /// How long a fault lasts, or faults repeat.
  static let load = Duration.seconds(isFull ? 20 : 3)
}

/// A cluster with its members.
///
/// One thread at a time.
final class Cluster {
  let redis: RedisServer
  private(set) var nodes: [ClusterNode] = []
  let swarm: Swarm
  let seed: String
  private let configuration: String
  private let folder: String

  /// Starts everything and waits until all nodes are ready and all members in their rooms.
  ///
  /// - Parameters:
  ///   - urls: where each node finds Redis, when that is not Redis itself.
  ///   - change: what is different in the nodes' configuration.
  init(
    _ redis: RedisServer, nodes count: Int = 3, shards: Int = 1, urls: [String] = [],
    populated: Bool = true, change: (String) -> String = { $0 }
  ) throws {
    self.redis = redis
    var template = Array("/tmp/roost-cluster-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: errno \(errno)") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    configuration = "\(folder)/roost.json"
    guard let file = fopen(configuration, "w") else { throw TestFailure("errno \(errno)") }
    fputs(change(ClusterNode.configuration), file)
    fclose(file)
    let generator = SeededGenerator.make()
    seed = generator.description
    for place in 0..<count {
      nodes.append(
        try ClusterNode(
          "n\(place + 1)", redis: place < urls.count ? urls[place] : redis.url,
          configuration: configuration, shards: shards))
    }
    swarm = Swarm(nodes: nodes, generator: generator)
    try swarm.run(until: "all nodes ready") { self.nodes.allSatisfy(\.isReady) }
    if populated { try populate() }
  }

  deinit {
    _ = try? Subprocess("/bin/rm", ["-rf", folder]).wait()
  }

  private func populate() throws {
    for room in 0..<Scale.roomsWithHistory { swarm.add(Scale.membersOfRoom, to: "log:\(room)") }
    for room in 0..<Scale.roomsWithAll { swarm.add(Scale.membersOfRoom, to: "all:\(room)") }
    for room in 0..<Scale.roomsWithPresence { swarm.add(Scale.membersOfRoom, to: "here:\(room)") }
    for room in 0..<Scale.roomsWithout { swarm.add(Scale.membersOfRoom, to: "plain\(room)") }
    try swarm.awaitPresent()
    swarm.pace = Scale.pace
  }

  /// Starts one more node.
  @discardableResult
  func addNode(_ name: String, redis url: String? = nil) throws -> ClusterNode {
    let node = try ClusterNode(name, redis: url ?? redis.url, configuration: configuration)
    nodes.append(node)
    swarm.nodes.append(node)
    return node
  }

  /// Sum of a metric over the nodes that run.
  func total(_ metric: String) throws -> Double {
    try nodes.filter(\.isUsable).reduce(0) { $0 + (try $1.metric(metric) ?? -1_000_000) }
  }

  /// Waits for everybody and holds what they saw against what was promised.
  func conclude(
    _ allowance: Allowance = Allowance(), within limit: Duration = .seconds(60),
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    try swarm.settle(within: limit)
    let problems = swarm.verdict(allowance)
    #expect(
      problems.isEmpty,
      "\(seed)\n\(problems.prefix(12).joined(separator: "\n"))\n\(problems.count) in all\n\(swarm.summary)",
      sourceLocation: sourceLocation)
  }
}
