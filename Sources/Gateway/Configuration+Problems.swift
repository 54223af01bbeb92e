// What no single setting can say: relations between settings, and what `serve` refuses to start with.

import RoostEventLoop
import RoostRooms

extension Limits {
  /// All that is wrong with these limits: numbers out of their range, and pairs that do not fit.
  ///
  /// Empty when they can be used. For limits that were set in code; the loader checks its own.
  public func problems() -> [ConfigurationProblem] {
    var configuration = Configuration()
    configuration.limits = self
    return Setting.limits.compactMap { configuration.rangeProblem(of: $0) } + relationProblems()
  }

  func relationProblems() -> [ConfigurationProblem] {
    var problems: [ConfigurationProblem] = []
    if messageBytes > outboundBytes {
      problems.append(
        ConfigurationProblem(
          "limits.message_bytes",
          "\(messageBytes) is more than limits.outbound_bytes (\(outboundBytes)): such a message "
            + "could be taken and never delivered"))
    }
    if pingInterval > .zero, pongTimeout > pingInterval {
      let timeout = SettingValue.secondsText(pongTimeout)
      let interval = SettingValue.secondsText(pingInterval)
      problems.append(
        ConfigurationProblem(
          "limits.pong_timeout",
          "\(timeout) is more than limits.ping_interval (\(interval)): the next ping would wait for "
            + "the pong of the last one"))
    }
    return problems
  }
}

extension Configuration {
  /// All that is wrong with this configuration: values out of their range, pairs that do not fit.
  public func problems() -> [ConfigurationProblem] {
    (Setting.node + Setting.auth + Setting.proxies + Setting.tls + Setting.outbound)
      .compactMap { rangeProblem(of: $0) }
      + limits.problems() + ownRelationProblems()
  }

  /// All pairs of settings that do not fit; every value by itself is in its range already.
  func relationProblems() -> [ConfigurationProblem] {
    limits.relationProblems() + ownRelationProblems()
  }

  /// Why `serve` must not start with this, although every value is right; nil when it may.
  ///
  /// Without authentication anyone could read and write everything, and nobody shall get that by
  /// leaving something out.
  public var refusalToServe: String? {
    guard !dev, !auth.anonymous, !auth.tokens.isOn else { return nil }
    return "no authentication is configured: name keys in auth.tokens, set auth.anonymous to true "
      + "if anyone may connect, or give --dev to try Roost on your own machine"
  }

  func rangeProblem(of setting: Setting) -> ConfigurationProblem? {
    guard case .node(let access) = setting.access,
      case .rejected(let reason) = setting.kind.check(access.read(self))
    else { return nil }
    return ConfigurationProblem(setting.path, reason)
  }

  private func ownRelationProblems() -> [ConfigurationProblem] {
    var problems = proxyProblems + tlsProblems
    if drain.lbGrace + drain.window > drain.hardStop {
      let stop = SettingValue.secondsText(drain.hardStop)
      problems.append(
        ConfigurationProblem(
          "drain.hard_stop", "\(stop) is less than drain.lb_grace and drain.window together"))
    }
    if listen.port == admin.port, listen.port != 0, Self.overlap(listen, admin) {
      problems.append(
        ConfigurationProblem("admin", "\(admin) and listen (\(listen)) take the same port"))
    }
    problems += outboundProblems()
    problems += tokenProblems()
    for (name, policy) in namespaces.sorted(by: { $0.key < $1.key }) {
      problems += Self.problems(of: policy, namespace: name)
      if policy.messageBytesMax > limits.messageBytes {
        problems.append(
          ConfigurationProblem(
            Self.path("message_bytes", in: name),
            "\(policy.messageBytesMax) is more than limits.message_bytes (\(limits.messageBytes)): "
              + "no message gets that far"))
      }
    }
    return problems
  }

  private static func problems(
    of policy: RoomPolicy, namespace: String
  ) -> [ConfigurationProblem] {
    var problems: [ConfigurationProblem] = []
    if policy.presenceEvents, !policy.presence {
      problems.append(
        ConfigurationProblem(
          path("presence_events", in: namespace), "true needs presence to be true, too"))
    }
    if policy.slowConsumer == .recover, !policy.history.isOn {
      problems.append(
        ConfigurationProblem(
          path("slow_consumer", in: namespace),
          "recover reads what a slow member missed from the room's log; it needs history"))
    }
    if namespace == "user", policy.join != .nobody, policy.join != .owner {
      problems.append(
        ConfigurationProblem(
          path("join", in: namespace),
          "rooms user:ID are joined by the server for their user alone; use nobody or owner"))
    }
    return problems
  }

  /// A namespace's setting as messages name it.
  static func path(_ key: String, in namespace: String) -> String {
    "namespaces.\(namespace.isEmpty ? "\"\"" : namespace)\(key.isEmpty ? "" : "." + key)"
  }

  /// Whether two listeners on one port would be in each other's way.
  private static func overlap(_ first: SocketAddress, _ second: SocketAddress) -> Bool {
    let hosts = [first.hostText, second.hostText]
    return hosts[0] == hosts[1] || hosts.contains("::")
      || (hosts.contains("0.0.0.0") && first.isIPv6 == second.isIPv6)
  }
}
