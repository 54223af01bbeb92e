// A node in the test's own process: free ports, limits out of the way, stopped and joined at the end.

import Backplane
public import Gateway
import RoostEventLoop
public import Telemetry

extension Configuration {
  /// A configuration for tests: loopback, any free port, anonymous, no rates in the way.
  ///
  /// - Parameters:
  ///   - dev: as `--dev`: `?user=NAME` is believed, `/echo` is there.
  ///   - shards: 1 or more.
  ///   - change: what this test wants to be different.
  public static func forTests(
    dev: Bool = true, shards: Int = 1, _ change: (inout Configuration) -> Void = { _ in }
  ) -> Configuration {
    var configuration = Configuration(dev: dev)
    configuration.listen = .loopback
    configuration.admin = .loopback
    configuration.nodeID = "test"
    configuration.shards = shards
    configuration.auth.anonymous = true
    configuration.limits.connectionsPerAddress = 0
    configuration.limits.handshakesPerSecond = 0
    configuration.limits.handshakesPerSecondPerAddress = 0
    configuration.limits.messagesPerSecond = 0
    configuration.limits.bytesPerSecond = 0
    configuration.limits.messagesPerSecondPerUser = 0
    configuration.limits.bytesPerSecondPerUser = 0
    configuration.limits.messagesPerSecondPerAddress = 0
    configuration.limits.bytesPerSecondPerAddress = 0
    change(&configuration)
    return configuration
  }
}

extension Log {
  /// A log that keeps quiet about everything but errors.
  public static var quiet: Log { Log(level: .error, format: .text) }
}

/// Runs `body` with a node, then stops it and waits for its threads.
public func withNode(
  _ configuration: Configuration, _ body: (Node) async throws -> Void
) async throws {
  let node = try Node(configuration, log: .quiet)
  do {
    try await body(node)
  } catch {
    node.stop()
    node.waitUntilStopped()
    throw error
  }
  node.stop()
  node.waitUntilStopped()
}

/// What all shards of a node hold together.
public struct NodeTotals: Sendable, Equatable {
  /// Accepted sockets, WebSocket or not.
  public var sockets = 0
  /// Rooms with a member, once for each shard that has one.
  public var rooms = 0
  /// Seats in rooms.
  public var members = 0
  /// Users, once for each shard that has a connection of theirs.
  public var users = 0
  /// Rooms that the backplane knows.
  public var backplaneRooms = 0
  /// Messages kept in history.
  public var logEntries = 0
  /// Idempotency keys remembered.
  public var keys = 0

  /// Nothing at all.
  public init() {}
}

extension Node {
  /// All shards together.
  public func totals() async -> NodeTotals {
    var total = NodeTotals()
    for figures in await figures() {
      total.sockets += figures.sockets
      total.rooms += figures.rooms
      total.members += figures.members
      total.users += figures.users
      total.backplaneRooms += figures.backplane.rooms
      total.logEntries += figures.backplane.logEntries
      total.keys += figures.backplane.keys
    }
    return total
  }

  /// Asks the shards again and again until their totals satisfy the condition.
  ///
  /// Throws when they do not within the time; the last totals are in the error.
  @discardableResult
  public func settles(
    within limit: Duration = .seconds(60), _ condition: (NodeTotals) -> Bool
  ) async throws -> NodeTotals {
    let deadline = MonotonicInstant.now().advanced(by: limit)
    while true {
      let figures = await totals()
      if condition(figures) { return figures }
      guard MonotonicInstant.now() < deadline else {
        throw TestFailure("the figures stayed at \(figures)")
      }
      await Task.yield()
    }
  }

  /// Waits until a balancer may send connections to the node.
  public func isReady(within limit: Duration) async throws {
    let deadline = MonotonicInstant.now().advanced(by: limit)
    while let reason = notReadyReason {
      guard MonotonicInstant.now() < deadline else { throw TestFailure("not ready: \(reason)") }
      await Task.yield()
    }
  }

  /// Waits until no socket, member, room and user is left.
  public func empties(within limit: Duration = .seconds(60)) async throws {
    try await settles(within: limit) {
      $0.sockets == 0 && $0.members == 0 && $0.rooms == 0 && $0.users == 0
    }
    guard connectionCount == 0 else { throw TestFailure("\(connectionCount) connections are left") }
  }
}
