// Sources and their order, every kind of mistake with the exact sentence, and hostile files.

import Gateway
import RoostEventLoop
import RoostRooms
import Telemetry
import Testing

struct ConfigurationLoaderTests {
  private func load(
    _ file: String? = nil, environment: [String: String] = [:],
    flags: [(String, String, String)] = [], dev: Bool = false, terminal: Bool = false
  ) -> ConfigurationOutcome {
    var sources = ConfigurationSources()
    sources.file = file.map { Array($0.utf8) }
    sources.environment = environment
    sources.flags = flags.map { ConfigurationSources.Flag(name: $0.0, path: $0.1, text: $0.2) }
    sources.dev = dev
    sources.standardErrorIsTerminal = terminal
    return ConfigurationLoader.load(sources)
  }

  private func loaded(_ outcome: ConfigurationOutcome) throws -> Configuration {
    guard case .loaded(let configuration, _) = outcome else {
      Issue.record("refused: \(outcome)")
      throw CancellationError()
    }
    return configuration
  }

  private func problems(_ outcome: ConfigurationOutcome) -> [String] {
    guard case .refused(let problems) = outcome else { return [] }
    return problems.map(\.description)
  }

  // MARK: Sources

  @Test func `nothing set gives the defaults`() throws {
    #expect(try loaded(load()) == Configuration())
    #expect(try loaded(load("{}")) == Configuration())
    #expect(try loaded(load(dev: true)) == Configuration(dev: true))
  }

  @Test func `the environment wins over the file, and flags over both`() throws {
    let file = #"{"shards": 1, "node_id": "file", "log": {"level": "debug"}}"#
    let environment = ["ROOST_SHARDS": "2", "ROOST_NODE_ID": "environment"]
    let flags = [("--shards", "shards", "3")]
    let configuration = try loaded(load(file, environment: environment, flags: flags))
    #expect(configuration.shards == 3)
    #expect(configuration.nodeID == "environment")
    #expect(configuration.log.level == .debug)
  }

  @Test func `the outline of the documentation is read, but for what is not built`() throws {
    let configuration = try loaded(
      load(
        #"""
        { "listen": "0.0.0.0:9080", "admin": "127.0.0.1:9081", "node_id": "auto", "shards": 2,
          "auth": { "anonymous": true }, "origins": ["https://*.example.com"],
          "limits": { "connections": 10, "connections_per_address": 20, "messages_burst": 0 },
          "namespaces": { "": { }, "chat": { "join": "authenticated", "publish": "member",
            "presence": true, "presence_events": true, "history": { "messages": 50, "seconds": 1.5 },
            "members": 7, "slow_consumer": "disconnect", "sender": true } },
          "drain": { "lb_grace": 0, "window": 3, "hard_stop": 6 },
          "log": { "format": "text", "level": "warning" } }
        """#))
    #expect(configuration.listen.description == "0.0.0.0:9080")
    #expect(configuration.admin.description == "127.0.0.1:9081")
    #expect(configuration.nodeID == nil)
    #expect(configuration.shards == 2)
    #expect(configuration.auth.anonymous)
    #expect(configuration.origins == ["https://*.example.com"])
    #expect(configuration.limits.connections == 10)
    #expect(configuration.limits.connectionsPerAddress == 20)
    #expect(configuration.limits.messagesBurst == 0)
    #expect(configuration.drain.lbGrace == .zero)
    #expect(configuration.drain.window == .seconds(3))
    #expect(configuration.drain.hardStop == .seconds(6))
    #expect(configuration.log.format == .text)
    #expect(configuration.log.level == .warning)
    var chat = RoomPolicy()
    chat.join = .authenticated
    chat.presence = true
    chat.presenceEvents = true
    chat.history = HistoryPolicy(messages: 50, lifetime: .milliseconds(1500), bytes: 1_048_576)
    chat.membersMax = 7
    chat.showsSender = true
    #expect(configuration.policy(forNamespace: "chat") == chat)
    #expect(configuration.policy(forNamespace: "") == RoomPolicy())
  }

  @Test func `a place is kept for each setting that was set`() {
    let outcome = load(
      "{\n  \"limits\": {\"message_bytes\": 1000}\n}", environment: ["ROOST_SHARDS": "2"],
      flags: [("--listen", "listen", "127.0.0.1:0")])
    guard case .loaded(_, let places) = outcome else {
      Issue.record("refused: \(outcome)")
      return
    }
    #expect(
      places == [
        "limits.message_bytes": .file("config.json", line: 2, column: 31),
        "shards": .environment("ROOST_SHARDS"), "listen": .flag("--listen"),
      ])
  }

  @Test func `a history that is mentioned is on, with what is not said taken from the defaults`()
    throws
  {
    let file =
      #"{"namespaces": {"a": {"history": {}}, "b": {"history": {"messages": 5}}, "c": {}}}"#
    let configuration = try loaded(load(file))
    let on = HistoryPolicy(messages: 100, lifetime: .seconds(300), bytes: 1_048_576)
    let five = HistoryPolicy(messages: 5, lifetime: .seconds(300), bytes: 1_048_576)
    #expect(configuration.policy(forNamespace: "a")?.history == on)
    #expect(configuration.policy(forNamespace: "b")?.history == five)
    #expect(configuration.policy(forNamespace: "c")?.history == .off)
  }

  @Test func `built-in rules of user rooms stay where they are not replaced`() throws {
    let configuration = try loaded(load(#"{"namespaces": {"user": {"send": "anyone"}}}"#))
    let policy = try #require(configuration.policy(forNamespace: "user"))
    #expect(policy.join == .nobody)
    #expect(policy.publish == .owner)
    #expect(policy.send == .anyone)
  }

  // MARK: --dev

  @Test func `dev overrides what would take its meaning away`() throws {
    let file = #"""
      {"auth": {"anonymous": false}, "origins": ["https://a.example"],
       "limits": {"connections_per_address": 5, "handshakes_per_second_per_address": 5,
                  "connections_per_user": 3}}
      """#
    let configuration = try loaded(load(file, dev: true))
    #expect(configuration.auth.anonymous)
    #expect(configuration.limits.connectionsPerAddress == 0)
    #expect(configuration.limits.handshakesPerSecondPerAddress == 0)
    #expect(configuration.limits.connectionsPerUser == 3)
    #expect(
      configuration.originPolicy.allows(origin: "https://b.example", host: "x", isSecure: nil))
  }

  @Test func `a default namespace that is configured is as configured under dev, too`() throws {
    let configuration = try loaded(load(#"{"namespaces": {"": {}}}"#, dev: true))
    #expect(configuration.policy(forNamespace: "") == RoomPolicy())
    let other = try loaded(load(#"{"namespaces": {"chat": {}}}"#, dev: true))
    #expect(other.policy(forNamespace: "chat") == RoomPolicy())
    #expect(other.policy(forNamespace: "") == Configuration(dev: true).policy(forNamespace: ""))
  }

  @Test(arguments: [(true, true, true), (true, false, false), (false, true, false)])
  func `log lines are text for a person under dev on a terminal`(
    dev: Bool, terminal: Bool, isText: Bool
  ) throws {
    let configuration = try loaded(load(dev: dev, terminal: terminal))
    #expect(configuration.log.format == (isText ? .text : .json))
    let chosen = try loaded(load(#"{"log": {"format": "json"}}"#, dev: dev, terminal: terminal))
    #expect(chosen.log.format == .json)
  }

  // MARK: Mistakes

  @Test(arguments: [
    (
      #"{"limits": {"message_bytes": 70000000}}"#,
      "config.json:1:30: limits.message_bytes: 70000000 is not in 125...33554432"
    ),
    (
      #"{"limits": {"message_bytes": "1k"}}"#,
      "config.json:1:30: limits.message_bytes: \"1k\" is not a whole number in 125...33554432"
    ),
    (
      #"{"limits": {"message_bytes": 1000.5}}"#,
      "config.json:1:30: limits.message_bytes: 1000.5 is not a whole number in 125...33554432"
    ),
    (
      #"{"limits": {"message_bytes": 1e99}}"#,
      "config.json:1:30: limits.message_bytes: 1e99 is not a whole number in 125...33554432"
    ),
    (
      #"{"limits": {"message_bytes": null}}"#,
      "config.json:1:30: limits.message_bytes: null is not a whole number in 125...33554432"
    ),
    (
      #"{"limits": {"mesage_bytes": 1}}"#,
      "config.json:1:29: limits.mesage_bytes: unknown key; did you mean limits.message_bytes?"
    ),
    (
      #"{"message_bytes": 1}"#,
      "config.json:1:19: message_bytes: unknown key; did you mean limits.message_bytes?"
    ),
    (#"{"somethingelse": 1}"#, "config.json:1:19: somethingelse: unknown key"),
    (
      #"{"limits.message_bytes": 1}"#,
      "config.json:1:26: \"limits.message_bytes\": a key has no dots: write an object within an object"
    ),
    (#"{"*": 1}"#, "config.json:1:7: *: unknown key"),
    (#"{"a\u001bb": 1}"#, "config.json:1:14: \"a\\u001bb\": unknown key"),
    (#"{"limits": 5}"#, "config.json:1:12: limits: 5 is not an object of settings"),
    (#"{"namespaces": []}"#, "config.json:1:16: namespaces: a list is not an object of settings"),
    (
      #"{"listen": "localhost"}"#,
      "config.json:1:12: listen: \"localhost\" is not HOST:PORT with a numeric host, such as "
        + "0.0.0.0:8080 or [::1]:8080"
    ),
    (
      #"{"node_id": ""}"#,
      "config.json:1:13: node_id: \"\" is not auto, or 1 to 64 letters, digits and . _ : -"
    ),
    (
      #"{"node_id": "a b"}"#,
      "config.json:1:13: node_id: \"a b\" is not auto, or 1 to 64 letters, digits and . _ : -"
    ),
    (
      #"{"auth": {"anonymous": "true"}}"#,
      "config.json:1:24: auth.anonymous: \"true\" is not true or false"
    ),
    (
      #"{"log": {"level": "warn"}}"#,
      "config.json:1:19: log.level: \"warn\" is not one of debug, info, warning, error; did you mean "
        + "warning?"
    ),
    (
      #"{"log": {"level": "wraning"}}"#,
      "config.json:1:19: log.level: \"wraning\" is not one of debug, info, warning, error; did you "
        + "mean warning?"
    ),
    (
      #"{"origins": ["https://a.example/path"]}"#,
      "config.json:1:13: origins: \"https://a.example/path\" is not an origin: write "
        + "https://app.example.com, https://*.example.com or *"
    ),
    (#"{"origins": ["*", 5]}"#, "config.json:1:13: origins: 5 in the list is not a string"),
    (
      #"{"trusted_proxies": ["10.0.0.0/8", "10.0.0.1/8"]}"#,
      #"config.json:1:21: trusted_proxies: "10.0.0.1/8" has bits set behind its prefix: write the "#
        + "network's first address"
    ),
    (
      #"{"trusted_proxies": ["proxy.example"]}"#,
      #"config.json:1:21: trusted_proxies: "proxy.example" is not a network: write 10.0.0.0/8, "#
        + "2001:db8::/32 or one address"
    ),
    (
      #"{"trusted_proxies": [10]}"#,
      "config.json:1:21: trusted_proxies: 10 in the list is not a string"
    ),
    (
      #"{"trusted_header": "x-real-ip"}"#,
      #"config.json:1:20: trusted_header: "x-real-ip" is not one of x-forwarded-for, forwarded, none"#
    ),
    (
      #"{"proxy_protocol": true}"#,
      "config.json:1:20: proxy_protocol: true needs trusted_proxies: whoever may send a PROXY header "
        + "chooses an address"
    ),
    (
      #"{"limits": {"ping_interval": "25s"}}"#,
      "config.json:1:30: limits.ping_interval: \"25s\" is not a number of seconds in 0.1...3600, nor "
        + "0 (no pings)"
    ),
    (
      #"{"limits": {"ping_interval": 0.0001}}"#,
      "config.json:1:30: limits.ping_interval: 0.001 is not in 0.1...3600, nor 0 (no pings)"
    ),
    (
      #"{"namespaces": {"a:b": {}}}"#,
      "config.json:1:24: namespaces.a:b: a namespace's name has at most 64 bytes, and no ':', white "
        + "space or control characters"
    ),
    (
      #"{"namespaces": {"chat": {"send": "anyone"}}}"#,
      "config.json:1:34: namespaces.chat.send: this stands in the namespace user only, for the whole "
        + "node"
    ),
    (
      #"{"namespaces": {"chat": {"publsh": "anyone"}}}"#,
      "config.json:1:36: namespaces.chat.publsh: unknown key; did you mean namespaces.chat.publish?"
    ),
  ])
  func `a mistake is told with place, path and what is right`(file: String, sentence: String) {
    #expect(problems(load(file)) == [sentence])
  }

  @Test(arguments: [
    (
      #"{"auth": {"api_keys": "secret-secret-secret"}}"#,
      "config.json:1:23: auth.api_keys: this is not a list of keys, each of 16 to 512 visible ASCII "
        + "characters without commas"
    ),
    (
      #"{"auth": {"api_keys": ["secret-of-16-chr", "secret-of-15-ch"]}}"#,
      "config.json:1:23: auth.api_keys: number 2 is no key; this is a list of keys, each of 16 to "
        + "512 visible ASCII characters without commas"
    ),
  ])
  func `a key is never shown`(file: String, sentence: String) {
    #expect(problems(load(file)) == [sentence])
  }

  @Test func `keys come from the file or a variable, and what is printed hides them`() {
    var sources = ConfigurationSources()
    sources.environment = ["ROOST_AUTH__API_KEYS": "secret-of-16-chr,secret-of-16-two"]
    guard case .loaded(let configuration, _) = ConfigurationLoader.load(sources) else {
      Issue.record("refused")
      return
    }
    #expect(configuration.auth.apiKeys == ["secret-of-16-chr", "secret-of-16-two"])
    #expect(configuration.changes().map(\.json) == [#"["***", "***"]"#])
    #expect(!configuration.json().contains("secret-of"))
  }

  @Test(arguments: [
    ("redis://Redis", "redis://Redis"), ("redis://ann@redis/3", "redis://ann@redis/3"),
    ("redis://ann:secret@Redis", "redis://ann:***@redis:6379/0"),
    ("rediss://:secret@redis:1/2", "rediss://:***@redis:1/2"),
  ])
  func `a Redis URL is printed as it was given, without its password`(
    given: String, printed: String
  ) {
    var configuration = Configuration()
    configuration.redis.urls = [given]
    #expect(configuration.changes().map(\.json) == [#"["\#(printed)"]"#])
  }

  @Test(arguments: [
    (
      #"{"redis": {"urls": ["redis://a", "redis://b"]}}"#,
      "config.json:1:20: redis.urls: more than one URL: this version does not spread rooms over "
        + "several yet"
    ),
    (
      #"{"redis": {"prefix": "{a}"}}"#,
      #"config.json:1:22: redis.prefix: "{a}": a prefix has no white space and none of "#
        + #"{ } * ? [ ] \ %"#
    ),
  ])
  func `what is designed and not built is refused with a sentence`(file: String, sentence: String) {
    #expect(problems(load(file)) == [sentence])
  }

  @Test func `all problems of all sources are told at once, and lines are counted`() {
    let file = """
      {
        "shards": 65,
        "limits": {
          "outbound_bytes": 5000,
          "message_bytes": 6000
        },
        "ünknown": 1, "drain": {"window": 90}
      }
      """
    let environment = ["ROOST_LOG__LEVEL": "loud", "ROOST_LIMIT__MESSAGE_BYTES": "1"]
    let flags = [("--redis", "redis.urls", "http://h"), ("--shards", "shards", "many")]
    #expect(
      problems(load(file, environment: environment, flags: flags)) == [
        "config.json:2:13: shards: 65 is not in 1...64, nor 0 (one per core)",
        "config.json:7:14: \"ünknown\": unknown key",
        "ROOST_LIMIT__MESSAGE_BYTES: unknown variable; did you mean ROOST_LIMITS__MESSAGE_BYTES?",
        "ROOST_LOG__LEVEL: \"loud\" is not one of debug, info, warning, error",
        "--redis: a Redis URL begins with redis://, rediss:// or redis+unix://, not with another "
          + "scheme",
        "--shards: \"many\" is not a whole number in 1...64, nor 0 (one per core)",
        "config.json:5:22: limits.message_bytes: 6000 is more than limits.outbound_bytes (5000): such "
          + "a message could be taken and never delivered",
        "drain.hard_stop: 60 is less than drain.lb_grace and drain.window together",
      ])
  }

  @Test(arguments: [
    ("", "config.json:1:1: the text ends too early"),
    ("{\n  \"shards\": 1,\n}", "config.json:3:1: unexpected '}'"),
    ("[]", "config.json:1:1: the file must hold one JSON object"),
    ("{\"shards\": 1, \"shards\": 2}", "config.json:1:15: the key occurs twice in this object"),
    ("{\"limits\": {\"a\": 01}}", "config.json:1:18: malformed number"),
  ])
  func `a file that is no JSON object is refused with its place`(file: String, sentence: String) {
    #expect(problems(load(file)) == [sentence])
  }

  @Test(arguments: [
    (1_048_575, true), (1_048_576, true), (1_048_577, false),
  ])
  func `a file is read up to its largest size`(bytes: Int, isAccepted: Bool) {
    let file = "{" + String(repeating: " ", count: bytes - 2) + "}"
    #expect(
      problems(load(file))
        == (isAccepted ? [] : ["config.json:1:1: the text is longer than 1048576 bytes"]))
  }

  @Test(arguments: [(999, 0), (1000, 0), (1001, 1)])
  func `there are at most a thousand namespaces`(count: Int, refused: Int) {
    let members = (0..<count).map { "\"n\($0)\": {}" }.joined(separator: ",")
    let problems = problems(load("{\"namespaces\": {\(members)}}"))
    #expect(problems.count == refused)
    #expect(problems.allSatisfy { $0.hasSuffix("n1000: more than 1000 namespaces") })
  }

  @Test(arguments: [(63, true), (64, true), (65, false)])
  func `a namespace's name is bounded`(bytes: Int, isAccepted: Bool) {
    let name = String(repeating: "n", count: bytes)
    #expect(problems(load("{\"namespaces\": {\"\(name)\": {}}}")).isEmpty == isAccepted)
  }

  @Test func `every beginning of a file is refused without a trap`() {
    let file = Array(Configuration().json().utf8)
    for count in 0..<(file.count - 2) {
      var sources = ConfigurationSources()
      sources.file = Array(file[..<count])
      guard case .refused(let problems) = ConfigurationLoader.load(sources), problems.count == 1
      else {
        Issue.record("the first \(count) bytes were not refused with one problem")
        return
      }
    }
  }
}
