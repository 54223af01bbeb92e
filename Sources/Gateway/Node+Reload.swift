// A reload: another configuration takes the place of the one that holds, all of it or nothing. What is
// built into a running node stays as it was, and is named, so that nobody believes otherwise.

import Auth
import Fetch
import RoostCrypto
import RoostRooms

/// What became of a reload.
public enum ReloadOutcome: Sendable, Equatable {
  /// The configuration holds now, but for these settings, which a restart would change.
  case reloaded(kept: [String])
  /// Nothing has changed: these are the problems.
  case refused([ConfigurationProblem])
}

extension Node {
  /// The configuration that holds now.
  ///
  /// Any thread.
  public var configuration: Configuration { shared.rules.configuration }

  /// Takes up another configuration, without losing a connection.
  ///
  /// Any thread, one at a time. Reads the files of keys that the configuration names. Every shard
  /// follows before it looks at its next letter; connections that the new rules would not let into
  /// a room are taken out of it and told.
  public func reload(_ configuration: Configuration) -> ReloadOutcome {
    var problems = configuration.problems()
    if let refusal = configuration.refusalToServe {
      problems.append(ConfigurationProblem("auth", refusal))
    }
    if configuration.dev != shared.configuration.dev {
      problems.append(ConfigurationProblem("", "--dev cannot be changed while the node runs"))
    }
    var keys = KeySet.empty
    do throws(ConfigurationProblem) {
      keys = try configuration.tokenKeys()
    } catch {
      problems.append(error)
    }
    guard problems.isEmpty else { return .refused(problems) }
    let (merged, kept) = configuration.keepingWhatIsFixed(
      of: shared.rules.configuration, asksOthers: shared.outbound != nil)
    let plan: OutboundPlan
    do throws(FetchProblem) {
      plan = try OutboundPlan(merged)
    } catch {
      return .refused([ConfigurationProblem("", "\(NodeFailure.url(error))")])
    }
    // The last thing that can be refused, because it takes its part at once.
    if let failure = shared.certificates?.renew(merged.tls) {
      return .refused([ConfigurationProblem("tls", failure.description)])
    }
    shared.replaceRules(merged, keys: keys, outbound: plan)
    return .reloaded(kept: kept)
  }
}

extension Configuration {
  /// This configuration with the values of another one where a running node cannot change them, and
  /// the paths of those that would have changed.
  ///
  /// - Parameter asksOthers: whether the node has a thread for requests to other servers.
  func keepingWhatIsFixed(
    of running: Configuration, asksOthers: Bool
  ) -> (Configuration, kept: [String]) {
    var merged = self
    // Sockets, threads and memory that exist.
    merged.listen = running.listen
    merged.admin = running.admin
    merged.nodeID = running.nodeID
    merged.shards = running.shards
    merged.compression = running.compression
    merged.redis = running.redis
    // A port that speaks TLS does so to its end.
    if merged.tls.certificates.isEmpty != running.tls.certificates.isEmpty {
      merged.tls = running.tls
    }
    merged.tls.admin = running.tls.admin
    merged.log = running.log
    if !asksOthers {
      merged.auth.tokens.jwksURL = running.auth.tokens.jwksURL
      merged.auth.tokens.jwksCAFile = running.auth.tokens.jwksCAFile
      merged.auth.tokens.jwksRefresh = running.auth.tokens.jwksRefresh
      merged.hooks = running.hooks
      merged.webhooks = running.webhooks
    }
    // Descriptors are set aside for them.
    merged.hooks.concurrency = running.hooks.concurrency
    merged.limits.connections = running.limits.connections
    merged.limits.handshakesAtOnce = running.limits.handshakesAtOnce
    // What the backplane was made with.
    merged.limits.historyBytes = running.limits.historyBytes
    merged.limits.idempotencyKeys = running.limits.idempotencyKeys
    merged.limits.idempotencyWindow = running.limits.idempotencyWindow
    for (name, policy) in running.namespaces {
      merged.namespaces[name]?.keepShape(of: policy)
    }
    return (merged, differences(from: merged))
  }

  /// The settings whose values here are others than there.
  private func differences(from other: Configuration) -> [String] {
    var paths: [String] = []
    for setting in Setting.all {
      guard case .node(let access) = setting.access else { continue }
      if access.read(self) != access.read(other) { paths.append(setting.path) }
    }
    // As the setting shows it, a URL has no password.
    if redis.urls != other.redis.urls, !paths.contains("redis.urls") { paths.append("redis.urls") }
    for (name, policy) in namespaces.sorted(by: { $0.key < $1.key }) {
      guard let kept = other.namespaces[name] else { continue }
      for setting in Setting.namespace {
        guard case .namespace(let access) = setting.access,
          access.read(policy) != access.read(kept)
        else { continue }
        let key = String(setting.path.dropFirst("namespaces.*.".count))
        paths.append(Self.path(key, in: name))
      }
    }
    return paths
  }
}

extension RoomPolicy {
  /// Keeps what rooms are built by: whether they know their members and keep their messages.
  fileprivate mutating func keepShape(of running: RoomPolicy) {
    presence = running.presence
    presenceEvents = running.presenceEvents
    if history.isOn != running.history.isOn { history = running.history }
    if (membersMax > 0) != (running.membersMax > 0) { membersMax = running.membersMax }
  }
}
