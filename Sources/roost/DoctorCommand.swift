// `roost doctor`: looks at the machine, the configuration's surroundings, Redis and the way through a
// balancer, and says what is wrong before clients find out.

import Backplane
import Gateway
import Glibc
import RoostEventLoop

enum DoctorCommand {
  static func run(_ invocation: Invocation, environment: [String: String]) -> Int32 {
    let plan: Plan
    do throws(CommandMistake) {
      plan = try Plan(invocation)
    } catch {
      Output.writeError("roost doctor: \(error.sentence)\n")
      return 2
    }
    guard let reading = ConfigurationReading.read(invocation, environment: environment) else {
      return 1
    }
    let report = DoctorReport(
      findings: examine(reading.configuration, plan, showsProgress: !invocation.has("--json")))
    Output.write(invocation.has("--json") ? report.json : report.text)
    switch report.level {
    case .problem: return 1
    case .warning: return invocation.has("--strict") ? 1 : 0
    case .ok: return 0
    }
  }

  /// What the flags ask for.
  struct Plan: Equatable {
    var through: WebSocketURL?
    var throughText = ""
    var longest = Duration.seconds(120)
    var tokenFile: String?
    var caFile: String?

    init(_ invocation: Invocation) throws(CommandMistake) {
      tokenFile = invocation.value(of: "--token-file")
      caFile = invocation.value(of: "--ca-file")
      if let text = invocation.value(of: "--through") {
        guard let url = WebSocketURL(text) else {
          throw CommandMistake(
            "--through \(text) is no URL like ws://host:port/ws or wss://host/ws")
        }
        through = url
        // A query may hold a token.
        throughText = String(text.prefix { $0 != "?" })
      }
      if let text = invocation.value(of: "--idle-max") {
        guard let seconds = TimeText.seconds(of: text), (1...7200).contains(seconds) else {
          throw CommandMistake("--idle-max \(text) is no span from 1s to 2h")
        }
        longest = .seconds(seconds)
      }
      let needsThrough = ["--idle-max", "--token-file", "--ca-file"].first(where: invocation.has)
      if let needsThrough, through == nil {
        throw CommandMistake("\(needsThrough) is for --through")
      }
    }
  }

  private static func examine(
    _ configuration: Configuration, _ plan: Plan, showsProgress: Bool
  ) -> [DoctorFinding] {
    var findings: [DoctorFinding] = []
    if let refusal = configuration.refusalToServe {
      findings.append(.warning(.configuration, refusal, "see roost check-config --help"))
    }
    findings += DoctorChecks.machine(DoctorGatherer.machine(), configuration)
    findings += DoctorChecks.ports(DoctorGatherer.ports(configuration))
    findings += DoctorChecks.names(DoctorGatherer.names(hosts(configuration, plan)))
    if let facts = DoctorGatherer.certificates(configuration) {
      findings += DoctorChecks.certificates(facts, now: time(nil))
    }
    for url in configuration.redis.urls {
      findings += DoctorChecks.redis(
        DoctorGatherer.redis(url: url, configuration), configuration)
    }
    if let url = plan.through {
      findings += DoctorChecks.path(path(url, plan, showsProgress: showsProgress))
    }
    return findings
  }

  /// The names that are not addresses already.
  private static func hosts(
    _ configuration: Configuration, _ plan: Plan
  ) -> [(setting: String, host: String)] {
    var hosts = configuration.redis.urls.compactMap { url in
      DoctorGatherer.host(ofURL: url).map { ("redis.urls", $0) }
    }
    for (setting, url) in [
      ("hooks.url", configuration.hooks.url), ("webhooks.url", configuration.webhooks.url),
      ("auth.tokens.jwks_url", configuration.auth.tokens.jwksURL),
    ] {
      if let host = DoctorGatherer.host(ofURL: url) { hosts.append((setting, host)) }
    }
    if let url = plan.through { hosts.append(("--through", url.host)) }
    return hosts.filter { _, host in
      SocketAddress(text: "\(host):1") == nil && SocketAddress(text: "[\(host)]:1") == nil
    }
  }

  private static func path(
    _ url: WebSocketURL, _ plan: Plan, showsProgress: Bool
  ) -> PathFacts {
    var token: String?
    if let file = plan.tokenFile {
      switch ProcessEnvironment.contents(of: file) {
      case .success(let bytes):
        token = String(decoding: TokenInspectCommand.trimmed(bytes), as: UTF8.self)
      case .failure(let failure):
        var facts = PathFacts()
        facts.url = plan.throughText
        facts.failure = "\(file) cannot be read: \(failure)"
        return facts
      }
    }
    let isTerminal = showsProgress && isatty(2) == 1
    let most = plan.longest.milliseconds / 1000
    if showsProgress, !isTerminal {
      Output.writeError("keeping silent for up to \(most) s through \(plan.throughText)\n")
    }
    defer { if isTerminal { Output.writeError("\r\u{1B}[K") } }
    let options = PeerOptions(token: token, caFile: plan.caFile)
    return PathProbe.run(url, shown: plan.throughText, options, longest: plan.longest) {
      milliseconds in
      guard isTerminal else { return }
      Output.writeError(
        "\rkeeping silent through the balancer: \(milliseconds / 1000) of \(most) s ")
    }
  }
}
