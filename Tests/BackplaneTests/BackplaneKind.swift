// What the contract is held against: the backplane within one process, the one through Redis on one
// node, and the same on several nodes, where each shard of a test is a node of its own. Another
// implementation joins the suite with one line in `BackplaneKind.all`.

import Backplane
import RoostRooms
import TestSupport
import Testing

/// One shard's part, whatever its implementation.
protocol BackplanePart: AnyObject {
  func submit(_ command: BackplaneCommand, at now: Moment) -> [BackplaneOutbox.Item]
  func sweep(at now: Moment) -> [BackplaneOutbox.Item]
  var figures: BackplaneFigures { get }
}

/// What carries commands and events between parts, where letters do not.
protocol BackplaneNetwork: AnyObject {
  /// Lets something happen, if anything is on its way; never waits.
  func step(at now: Moment)
  /// Waits until nothing is on its way.
  func settle(at now: Moment)
  /// Events that have come, each with its shard, in their order.
  func take() -> [(shard: Int, event: BackplaneEvent)]
}

/// A backplane in parts, and what lies between them.
struct BackplaneParts {
  let parts: [any BackplanePart]
  var network: (any BackplaneNetwork)?
}

/// A part that only its shard may own, in a box that an array can hold.
final class BoxedPart<Part: MessageBackplane & ~Copyable>: BackplanePart {
  private var part: Part

  init(_ part: consuming Part) { self.part = part }

  func submit(_ command: BackplaneCommand, at now: Moment) -> [BackplaneOutbox.Item] {
    var outbox = BackplaneOutbox()
    part.submit(command, at: now, into: &outbox)
    return outbox.items
  }

  func sweep(at now: Moment) -> [BackplaneOutbox.Item] {
    var outbox = BackplaneOutbox()
    part.sweep(at: now, into: &outbox)
    return outbox.items
  }

  var figures: BackplaneFigures { part.figures }
}

/// An implementation that the contract is held against.
struct BackplaneKind: Sendable {
  let name: String
  let shardCounts: [Int]
  let make:
    @Sendable (
      _ shardCount: Int, _ policies: [RoomPolicy], _ limits: LocalBackplaneLimits
    ) throws -> BackplaneParts

  // What an implementation need not promise. Each test that asks for more says so by one of these.

  /// Logs and keys lie in the process, are counted in its figures, and end by the test's clock.
  var holdsLogs = true
  /// A publisher's answer comes before its own copy of the message: both come over one way.
  var answersBeforeDelivering = true
  /// A join is decided before a leave behind it is looked at; else it may be over before it began.
  var entersAtOnce = true
  /// Members are listed in the order of their coming, in pages of exactly the wished size.
  var listsInOrder = true

  static let local = BackplaneKind(name: "local", shardCounts: [1, 2, 5]) {
    shardCount, policies, limits in
    BackplaneParts(
      parts: (0..<shardCount).map { shard in
        BoxedPart(
          LocalBackplane(
            shard: shard, shardCount: shardCount, node: "alone", policies: policies,
            limits: limits))
      })
  }

  /// One node whose shards share its links.
  static let redis = BackplaneKind(
    name: "redis", shardCounts: [1, 2],
    make: { shardCount, policies, limits in
      let cluster = try RedisCluster(
        nodeCount: 1, shardCount: shardCount, policies: policies, limits: limits)
      return BackplaneParts(
        parts: (0..<shardCount).map { RedisPart(cluster, node: 0, shard: $0) }, network: cluster)
    }, holdsLogs: false, answersBeforeDelivering: false, entersAtOnce: false,
    listsInOrder: false)

  /// Nodes with one shard each.
  static let redisNodes = BackplaneKind(
    name: "redis, each shard a node", shardCounts: [2, 3],
    make: { shardCount, policies, limits in
      let cluster = try RedisCluster(
        nodeCount: shardCount, shardCount: shardCount, policies: policies, limits: limits)
      return BackplaneParts(
        parts: (0..<shardCount).map { RedisPart(cluster, node: $0, shard: $0) }, network: cluster)
    }, holdsLogs: false, answersBeforeDelivering: false, entersAtOnce: false,
    listsInOrder: false)

  static let all = [local] + (RedisServer.isAvailable ? [redis, redisNodes] : [])
}

/// An implementation on a number of shards: the argument of every contract test.
struct BackplaneSetup: Sendable, CustomTestStringConvertible {
  let kind: BackplaneKind
  let shardCount: Int

  static let all = BackplaneKind.all.flatMap { kind in
    kind.shardCounts.map { BackplaneSetup(kind: kind, shardCount: $0) }
  }

  // Those of which a test asks more than all promise.
  static let holdingLogs = all.filter(\.kind.holdsLogs)
  static let answeringFirst = all.filter(\.kind.answersBeforeDelivering)
  static let listingInOrder = all.filter(\.kind.listsInOrder)

  var testDescription: String { "\(kind.name), \(shardCount) shards" }

  func harness(
    _ policies: RoomPolicy..., limits: LocalBackplaneLimits = .generous
  ) -> BackplaneHarness {
    BackplaneHarness(self, policies, limits)
  }
}
