// Nodes around one Redis, on the test's thread: their links are served until nothing is on its way.
// Ages follow the test's clock; deadlines, leases and probes follow the real one.

import RoostCrypto
import RoostEventLoop
import RoostRooms
import Telemetry
import TestSupport

@testable import Backplane

/// A node's links and state machine, in a box.
final class RedisNode {
  var driver: RedisDriver
  let status: RedisStatus

  init(_ driver: consuming RedisDriver, _ status: RedisStatus) {
    self.driver = driver
    self.status = status
  }
}

/// Nodes of a cluster on one thread.
final class RedisCluster: BackplaneNetwork {
  let nodes: [RedisNode]
  let prefix: String
  private let poller: Poller
  private let wakeup: Wakeup
  /// Nodes that stand still: nothing of them is served.
  var frozen: Set<Int> = []
  /// Called for each node in each tick, behind its reading and behind its writing.
  var fault: ((_ node: RedisNode, _ number: Int, _ hasWritten: Bool) -> Void)?
  private var arrived: [(shard: Int, event: BackplaneEvent)] = []
  private(set) var arrivals = 0

  init(
    nodeCount: Int, shardCount: Int, policies: [RoomPolicy], limits: LocalBackplaneLimits,
    url: String? = SharedRedis.url, isOpen: Bool = true,
    _ change: (inout RedisBackplaneSettings) -> Void = { _ in }
  ) throws {
    guard let url else { throw TestFailure("the suite has no Redis") }
    let endpoint = try RedisEndpoint(url)
    let poller = try Poller()
    let wakeup = try Wakeup()
    let prefix = "t\(String(RandomBytes.uint64(), radix: 16)):"
    self.poller = poller
    self.wakeup = wakeup
    self.prefix = prefix
    nodes = (0..<nodeCount).map { number in
      var settings = RedisBackplaneSettings()
      settings.prefix = prefix
      settings.nodeID = "node-\(number)"
      settings.process = UInt64(number + 1)
      settings.shardCount = shardCount
      settings.policies = policies
      settings.keyWindow = limits.keyWindow
      settings.keysPerRoom = limits.keysMax
      settings.presenceEventsMax = limits.presenceEventsMax
      settings.pageBytesMax = limits.pageBytesMax
      settings.linger = .zero
      settings.usesOwnClock = true
      // A test may stand still for long on a busy machine.
      settings.replyTimeout = .seconds(15)
      settings.leaseLife = .seconds(60)
      change(&settings)
      let status = RedisStatus(
        readinessGrace: settings.readinessGrace,
        log: Log(
          level: TestSupport.Environment["ROOST_TEST_LOG"] == nil ? .error : .info, format: .text))
      let node = RedisNode(
        RedisDriver(
          settings, endpoint: endpoint, security: nil, status: status, poller: poller,
          wakeup: wakeup, firstToken: UInt64(2 * number)), status)
      // Tests sweep when they want to.
      node.driver.nextSweep = .distantFuture
      return node
    }
    if isOpen { settle(at: Moment(monotonic: .zero, wallMilliseconds: 0)) }
  }

  func submit(_ command: BackplaneCommand, on node: Int, at now: Moment) {
    var outbox = BackplaneOutbox()
    nodes[node].driver.submit(command, at: Self.moment(now), into: &outbox)
    keep(outbox)
  }

  /// What a publish by hand on a channel does to a node.
  func hear(_ payload: [UInt8], on channel: [UInt8], node: Int = 0, at now: Moment) {
    var bytes: [UInt8] = []
    RedisCommandWriter.begin(3, to: &bytes)
    RedisCommandWriter.argument("message", to: &bytes)
    RedisCommandWriter.argument(channel, to: &bytes)
    RedisCommandWriter.argument(payload, to: &bytes)
    var reader = RedisReplyReader(replyBytesMax: 1 << 20, tokensMax: 10)
    var reply = RedisReply()
    var outbox = BackplaneOutbox()
    do {
      try reader.feed(bytes.span)
      guard try reader.next(into: &reply) else { preconditionFailure("half a reply") }
    } catch {
      preconditionFailure("\(error)")
    }
    nodes[node].driver.backplane.channelReply(reply, Self.moment(now), &outbox)
    keep(outbox)
  }

  func sweep(_ node: Int, at now: Moment) {
    var outbox = BackplaneOutbox()
    nodes[node].driver.backplane.sweep(at: Self.moment(now), into: &outbox)
    keep(outbox)
  }

  // MARK: BackplaneNetwork

  func step(at now: Moment) { tick(at: now, wait: .zero) }

  func settle(at now: Moment) {
    var before: Int
    repeat {
      run(at: now) { $0.driver.backplane.isQuiet }
      before = arrivals
      // What was published before a probe comes before it.
      for node in nodes {
        node.driver.backplane.nextProbe = .zero
        node.driver.backplane.nextLinger = .zero
        node.driver.backplane.nextDeadlines = .zero
      }
      tick(at: now, wait: .zero)
      run(at: now) { $0.driver.backplane.isQuiet }
    } while arrivals != before
  }

  func take() -> [(shard: Int, event: BackplaneEvent)] {
    defer { arrived = [] }
    return arrived
  }

  // MARK: Time

  /// Serves all links until every node is so.
  func run(at now: Moment, until isSo: (RedisNode) -> Bool) {
    let deadline = MonotonicInstant.now().advanced(by: .seconds(20))
    while !nodes.indices.allSatisfy({ frozen.contains($0) || isSo(nodes[$0]) }) {
      precondition(MonotonicInstant.now() < deadline, "it does not come to rest: \(state)")
      tick(at: now, wait: .milliseconds(5))
    }
  }

  /// One tick of all nodes.
  func tick(at now: Moment, wait: Duration) {
    let isDirty = nodes.indices.contains { !frozen.contains($0) && nodes[$0].driver.isDirty }
    let count = poller.wait(isDirty ? .zero : wait)
    let instant = MonotonicInstant.now()
    let moment = Self.moment(now)
    var outbox = BackplaneOutbox()
    for position in 0..<count {
      let readiness = poller.readiness(at: position)
      guard !frozen.contains(Int(readiness.token / 2)) else { continue }
      nodes[Int(readiness.token / 2)].driver.ready(
        readiness, at: instant, moment, into: &outbox)
    }
    for (number, node) in nodes.enumerated() where !frozen.contains(number) {
      fault?(node, number, false)
      node.driver.expireTimers(at: instant, moment, into: &outbox)
      fault?(node, number, true)
      node.driver.flush(at: instant, moment, into: &outbox)
    }
    keep(outbox)
  }

  private static func moment(_ now: Moment) -> Moment {
    Moment(
      monotonic: .nanoseconds(Int64(clamping: MonotonicInstant.now().nanoseconds)),
      wallMilliseconds: now.wallMilliseconds)
  }

  private func keep(_ outbox: BackplaneOutbox) {
    arrivals += outbox.items.count
    for case .event(let shard, let event) in outbox.items { arrived.append((shard, event)) }
  }

  private var state: String {
    nodes.map { node in
      "\(node.driver.backplane.commandPhase) \(node.driver.backplane.channelPhase) "
        + "awaits \(node.driver.backplane.pipe.count) replies; "
        + node.driver.backplane.busyRooms.map {
          "\($0.name): \($0.work?.joins.map(\.stage) ?? []) at \(String(describing: $0.position))"
        }.joined(separator: ", ")
    }.joined(separator: "; ")
  }
}

/// A shard of a node.
final class RedisPart: BackplanePart {
  private let cluster: RedisCluster
  private let node: Int
  private let shard: Int

  init(_ cluster: RedisCluster, node: Int, shard: Int) {
    self.cluster = cluster
    self.node = node
    self.shard = shard
  }

  func submit(_ command: BackplaneCommand, at now: Moment) -> [BackplaneOutbox.Item] {
    cluster.submit(command, on: node, at: now)
    return []
  }

  func sweep(at now: Moment) -> [BackplaneOutbox.Item] {
    // The shards of a node share its part.
    if cluster.nodes.count > 1 || shard == 0 { cluster.sweep(node, at: now) }
    return []
  }

  var figures: BackplaneFigures {
    cluster.nodes.count > 1 || shard == 0
      ? cluster.nodes[node].driver.figures : BackplaneFigures()
  }
}
