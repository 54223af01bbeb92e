// Variables of the environment: how they are named, and which of them are none of ours.

import Gateway
import RoostEventLoop
import RoostRooms
import Telemetry
import Testing

struct ConfigurationEnvironmentTests {
  private func load(_ environment: [String: String]) -> ConfigurationOutcome {
    var sources = ConfigurationSources()
    sources.environment = environment
    return ConfigurationLoader.load(sources)
  }

  private func loaded(_ environment: [String: String]) throws -> Configuration {
    guard case .loaded(let configuration, _) = load(environment) else {
      Issue.record("refused: \(load(environment))")
      throw CancellationError()
    }
    return configuration
  }

  private func problems(_ environment: [String: String]) -> [String] {
    guard case .refused(let problems) = load(environment) else { return [] }
    return problems.map(\.description)
  }

  @Test func `two underscores stand for a level`() throws {
    let configuration = try loaded([
      "ROOST_LISTEN": "[::1]:0", "ROOST_LIMITS__MESSAGE_BYTES": "1000",
      "ROOST_LIMITS__PING_INTERVAL": "12.5", "ROOST_AUTH__ANONYMOUS": "true",
      "ROOST_ORIGINS": "https://a.example,https://*.b.example", "ROOST_NODE_ID": "n1",
      "ROOST_LOG__FORMAT": "text",
    ])
    #expect(configuration.listen.description == "[::1]:0")
    #expect(configuration.limits.messageBytes == 1000)
    #expect(configuration.limits.pingInterval == .milliseconds(12_500))
    #expect(configuration.auth.anonymous)
    #expect(configuration.origins == ["https://a.example", "https://*.b.example"])
    #expect(configuration.nodeID == "n1")
    #expect(configuration.log.format == .text)
  }

  @Test func `a namespace is one level, and the default one an empty one`() throws {
    let configuration = try loaded([
      "ROOST_NAMESPACES__CHAT__JOIN": "authenticated",
      "ROOST_NAMESPACES__CHAT__SLOW_CONSUMER": "disconnect",
      "ROOST_NAMESPACES__NEWS_DE__HISTORY__MESSAGES": "5", "ROOST_NAMESPACES____PRESENCE": "true",
    ])
    #expect(configuration.policy(forNamespace: "chat")?.join == .authenticated)
    #expect(configuration.policy(forNamespace: "news_de")?.history.messages == 5)
    #expect(configuration.policy(forNamespace: "news_de")?.history.lifetime == .seconds(300))
    #expect(configuration.policy(forNamespace: "")?.presence == true)
  }

  @Test func `an empty list is an empty variable`() throws {
    #expect(try loaded(["ROOST_ORIGINS": ""]).origins == [])
  }

  @Test(arguments: [
    (
      "ROOST_LIMITS__MESAGE_BYTES", "1",
      "unknown variable; did you mean ROOST_LIMITS__MESSAGE_BYTES?"
    ),
    (
      "ROOST_LIMITS_MESSAGE_BYTES", "1",
      "unknown variable; did you mean ROOST_LIMITS__MESSAGE_BYTES?"
    ),
    ("ROOST_limits__message_bytes", "1", "unknown variable"),
    ("ROOST_", "1", "unknown variable"),
    ("ROOST_LIMITS", "1", "unknown variable; did you mean ROOST_LIMITS__DRY_RUN?"),
    ("ROOST_DEV", "1", "unknown variable"),
    ("ROOST_PORT", "8080", "unknown variable"),
    ("ROOST_NAMESPACES__CHAT", "{}", "unknown variable"),
    (
      "ROOST_LISTEN", "",
      "\"\" is not HOST:PORT with a numeric host, such as 0.0.0.0:8080 or [::1]:8080"
    ),
    ("ROOST_SHARDS", "+1", "\"+1\" is not a whole number in 1...64, nor 0 (one per core)"),
    ("ROOST_SHARDS", " 1x", "\" 1x\" is not a whole number in 1...64, nor 0 (one per core)"),
    ("ROOST_AUTH__ANONYMOUS", "1", "\"1\" is not true or false"),
    (
      "ROOST_REDIS__URLS", "http://h",
      "a Redis URL begins with redis://, rediss:// or redis+unix://, not with another scheme"
    ),
  ])
  func `a mistake names the variable`(name: String, value: String, reason: String) {
    let problems = problems([name: value])
    #expect(problems.count == 1)
    #expect(problems.first?.hasPrefix("\(name): \(reason)") == true, "\(problems)")
  }

  @Test(arguments: [
    ("ROOST_CONFIG", "/etc/roost.json"), ("ROOST_TEST_ANYTHING", "1"), ("ROOST_OUTPUT", "x"),
    ("ROOST_OUTPUT_DIRECTORY", "x"), ("ROOST_SEED", "5"), ("ROOST_FUZZ_SECONDS", "5"),
    ("PATH", "/bin"), ("roost_listen", "x"),
  ])
  func `other variables are left alone`(name: String, value: String) throws {
    #expect(try loaded([name: value]) == Configuration())
  }

  // Kubernetes sets these in every pod of a namespace that has a service `roost` or `roost-admin`.
  @Test(arguments: [
    ("ROOST_SERVICE_HOST", "10.0.0.1"), ("ROOST_SERVICE_PORT", "8080"),
    ("ROOST_SERVICE_PORT_HTTP", "8080"), ("ROOST_PORT", "tcp://10.0.0.1:8080"),
    ("ROOST_PORT_8080_TCP", "tcp://10.0.0.1:8080"), ("ROOST_PORT_8080_TCP_PROTO", "tcp"),
    ("ROOST_PORT_8080_TCP_PORT", "8080"), ("ROOST_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ("ROOST_ADMIN_SERVICE_HOST", "10.0.0.1"), ("ROOST_ADMIN_SERVICE_PORT", "8081"),
    ("ROOST_ADMIN_PORT", "tcp://10.0.0.1:8081"), ("ROOST_ADMIN_PORT_8081_TCP_PORT", "8081"),
    ("ROOST_ADMIN_PORT_8081_UDP_ADDR", "10.0.0.1"),
  ])
  func `what Kubernetes tells of a service with this name is left alone`(
    name: String, value: String
  ) throws {
    #expect(try loaded([name: value]) == Configuration())
  }
}
