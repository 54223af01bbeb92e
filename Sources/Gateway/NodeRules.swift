// What a reload can change: policies, limits, origins, keys. All of it is one value that never changes
// itself; a reload makes another one, and every thread takes it up between two rounds of its loop.
// Each thread keeps its own reference, so that the way of a message meets no lock.

import Auth
import RoostEventLoop
import RoostRooms
import RoostWire

/// Policies by number, and numbers by namespace.
struct PolicyTable: Sendable {
  let policies: [RoomPolicy]
  private let numbers: [String: Int32]
  private let fallback: Int32?
  private let plain: Int32?

  /// The table of a configuration.
  ///
  /// - Parameter earlier: the table whose numbers may still be on their way between threads: they
  ///   keep their meaning. A namespace that is gone from the configuration keeps its number, closed
  ///   to clients, because its rooms may have members.
  init(_ configuration: Configuration, after earlier: PolicyTable? = nil) {
    var policies = earlier?.policies ?? []
    var numbers = earlier?.numbers ?? [:]
    for (namespace, number) in numbers where configuration.namespaces[namespace] == nil {
      policies[Int(number)] = policies[Int(number)].closed
    }
    for (namespace, policy) in configuration.namespaces.sorted(by: { $0.key < $1.key }) {
      if let number = numbers[namespace] {
        policies[Int(number)] = policy
      } else {
        numbers[namespace] = Int32(policies.count)
        policies.append(policy)
      }
    }
    self.policies = policies
    self.numbers = numbers
    fallback = configuration.dev ? numbers[""] : nil
    plain = numbers[""] ?? fallback
  }

  /// The number of the policy of a room; nil when its namespace is not configured.
  func number(for room: RoomName) -> Int32? {
    // Most names have no colon, and need no string and no hash to find their policy.
    guard room.bytes.contains(UInt8(ascii: ":")) else { return plain }
    return numbers[room.namespace] ?? fallback
  }

  subscript(_ number: Int32) -> RoomPolicy { policies[Int(number)] }
}

extension RoomPolicy {
  /// The same rules, by which no client may do anything.
  fileprivate var closed: RoomPolicy {
    var policy = self
    policy.join = .nobody
    policy.publish = .nobody
    policy.readPresence = .nobody
    policy.readHistory = .nobody
    policy.send = .nobody
    return policy
  }
}

/// Durations of the limits in nanoseconds: `Duration` is 128 bits wide, and dividing it is dear.
struct Timing: Sendable {
  let handshake: UInt64
  let ping: UInt64
  let pong: UInt64
  let close: UInt64
  let idle: UInt64
  let expiryNotice: UInt64
  let expiryGrace: UInt64
  let pingMilliseconds: Int64

  init(_ configuration: Configuration) {
    let limits = configuration.limits
    handshake = limits.handshakeTimeout.nanosecondsClamped
    ping = limits.pingInterval.nanosecondsClamped
    pong = limits.pongTimeout.nanosecondsClamped
    close = limits.closeTimeout.nanosecondsClamped
    idle = limits.idleTimeout.nanosecondsClamped
    expiryNotice = configuration.auth.expiryNotice.nanosecondsClamped
    expiryGrace = configuration.auth.expiryGrace.nanosecondsClamped
    pingMilliseconds = limits.pingInterval.millisecondsClamped
  }
}

/// Everything that a reload replaces, as one value.
///
/// Any thread.
final class NodeRules: Sendable {
  /// Counts the rules of a node from 1 on.
  let number: UInt64
  let configuration: Configuration
  let timing: Timing
  let policies: PolicyTable
  let origins: OriginPolicy
  let proxies: ProxyTrust
  let welcome: Welcome
  let apiKeys: APIKeys
  /// The keys of the configuration and of its files.
  let configuredKeys: KeySet
  /// The keys that were fetched last.
  let fetchedKeys: KeySet
  /// All keys by which tokens are verified.
  let keys: KeySet
  let tokenRules: TokenRules
  /// What is asked of other servers and told them.
  let outbound: OutboundPlan
  /// Secrets of tickets that are configured.
  let ticketSecrets: [[UInt8]]

  let limits: Limits

  /// Rules of a configuration that was found right.
  ///
  /// - Parameter earlier: the rules that these replace.
  init(
    _ configuration: Configuration, nodeID: String, keys: KeySet, fetchedKeys: KeySet,
    outbound: OutboundPlan, after earlier: NodeRules?
  ) {
    self.outbound = outbound
    number = (earlier?.number ?? 0) + 1
    self.configuration = configuration
    limits = configuration.limits
    timing = Timing(configuration)
    policies = PolicyTable(configuration, after: earlier?.policies)
    origins = configuration.originPolicy
    proxies = ProxyTrust(configuration.proxies)
    welcome = Welcome(
      node: nodeID, pingMilliseconds: timing.pingMilliseconds,
      messageBytesMax: configuration.limits.messageBytes, version: RoostVersion.text)
    apiKeys = APIKeys(configuration.auth.apiKeys)
    configuredKeys = keys
    self.fetchedKeys = fetchedKeys
    self.keys = keys.adding(fetchedKeys)
    tokenRules = configuration.auth.tokens.rules
    ticketSecrets = configuration.resume.secrets.map { Array($0.utf8) }
  }

  /// Whether tokens are accepted at all.
  var acceptsTokens: Bool { configuration.auth.tokens.isOn }
}

extension NodeShared {
  /// Takes up another configuration; every thread follows before it takes its next letter.
  ///
  /// Any thread, one at a time. The parts that cannot change must be those of the present one.
  func replaceRules(_ configuration: Configuration, keys: KeySet, outbound plan: OutboundPlan) {
    exchangeRules {
      // What another URL gave stays until this one answers; without a URL nothing is fetched any more.
      NodeRules(
        configuration, nodeID: nodeID, keys: keys,
        fetchedKeys: plan.keySet == nil ? .empty : $0.fetchedKeys, outbound: plan, after: $0)
    }
  }

  /// Takes up the keys that a service answered; those of before that it left out are gone.
  ///
  /// Any thread. Changes nothing when the rules name another service by now.
  func replaceFetchedKeys(_ keys: KeySet, of source: KeySetSource) {
    exchangeRules {
      guard $0.outbound.keySet == source else { return $0 }
      return NodeRules(
        $0.configuration, nodeID: nodeID, keys: $0.configuredKeys, fetchedKeys: keys,
        outbound: $0.outbound, after: $0)
    }
  }
}
