// Defaults, what --dev changes, the rules of namespaces, relations, and the printed forms.

import Gateway
import RoostEventLoop
import RoostRooms
import Telemetry
import Testing

struct ConfigurationTests {
  @Test func `the defaults are those of the documentation`() {
    let configuration = Configuration()
    #expect(configuration.listen.description == "0.0.0.0:8080")
    #expect(configuration.admin.description == "127.0.0.1:8081")
    #expect(configuration.nodeID == nil)
    #expect(configuration.shards == 0)
    #expect(!configuration.auth.anonymous)
    #expect(configuration.origins == [])
    #expect(configuration.limits == Limits())
    #expect(configuration.compression.enabled)
    #expect(configuration.compression.level == 1)
    #expect(configuration.compression.thresholdBytes == 256)
    #expect(!configuration.compression.contextTakeover)
    #expect(configuration.compression.memoryBytes == 67_108_864)
    #expect(configuration.compression.windowBits == 15)
    #expect(configuration.drain.lbGrace == .seconds(5))
    #expect(configuration.drain.window == .seconds(30))
    #expect(configuration.drain.hardStop == .seconds(60))
    #expect(configuration.log.format == .json)
    #expect(configuration.log.level == .info)
    #expect(!configuration.dev)
    #expect(configuration.problems() == [])
  }

  @Test func `under dev only this machine connects, anonymously and without limits an address`() {
    let configuration = Configuration(dev: true)
    #expect(configuration.listen.description == "127.0.0.1:8080")
    #expect(configuration.auth.anonymous)
    #expect(configuration.limits.connectionsPerAddress == 0)
    #expect(configuration.limits.handshakesPerSecondPerAddress == 0)
    #expect(configuration.limits.connectionsPerUser == 100)
    #expect(configuration.limits.handshakesPerSecond == 1000)
    #expect(configuration.originPolicy == .anywhere)
    #expect(configuration.problems() == [])
  }

  @Test func `a namespace that nobody configured is forbidden, but for dev`() {
    #expect(Configuration().policy(forNamespace: "chat") == nil)
    #expect(Configuration().policy(forNamespace: "") == RoomPolicy())
    let development = Configuration(dev: true)
    #expect(development.policy(forNamespace: "chat") == development.policy(forNamespace: ""))
    #expect(development.policy(forNamespace: "chat") != nil)
  }

  @Test func `the default namespace shows everything under dev`() throws {
    let policy = try #require(Configuration(dev: true).policy(forNamespace: ""))
    #expect(policy.join == .anyone)
    #expect(policy.publish == .member)
    #expect(policy.presence)
    #expect(policy.presenceEvents)
    #expect(policy.history.messages == 100)
    #expect(policy.history.lifetime == .seconds(300))
    #expect(policy.history.isOn)
    #expect(policy.showsSender)
    #expect(policy.showsTime)
  }

  @Test(arguments: [(false, Permission.authenticated), (true, Permission.anyone)])
  func `rooms of a user are the server's to join and the user's to publish into`(
    dev: Bool, send: Permission
  ) throws {
    let policy = try #require(Configuration(dev: dev).policy(forNamespace: "user"))
    #expect(policy.join == .nobody)
    #expect(policy.publish == .owner)
    #expect(policy.send == send)
    #expect(!policy.history.isOn)
  }

  @Test func `serving without authentication is refused with one sentence`() {
    let sentence =
      "no authentication is configured: name keys in auth.tokens, set auth.anonymous to true if "
      + "anyone may connect, or give --dev to try Roost on your own machine"
    #expect(Configuration().refusalToServe == sentence)
    var anonymous = Configuration()
    anonymous.auth.anonymous = true
    #expect(anonymous.refusalToServe == nil)
    #expect(Configuration(dev: true).refusalToServe == nil)
  }

  @Test(arguments: [(34_999, false), (35_000, true), (35_001, true)])
  func `the hard stop comes after grace and window`(milliseconds: Int, isAccepted: Bool) {
    var configuration = Configuration()
    configuration.drain.hardStop = .milliseconds(milliseconds)
    #expect(
      configuration.problems().map(\.description)
        == (isAccepted
          ? []
          : ["drain.hard_stop: 34.999 is less than drain.lb_grace and drain.window together"]))
  }

  @Test(arguments: [
    ("0.0.0.0:8080", "127.0.0.1:8080", false),
    ("127.0.0.1:8080", "127.0.0.1:8080", false),
    ("[::]:8080", "127.0.0.1:8080", false),
    ("127.0.0.1:8080", "127.0.0.2:8080", true),
    ("127.0.0.1:8080", "127.0.0.1:8081", true),
    ("127.0.0.1:0", "127.0.0.1:0", true),
  ])
  func `two listeners do not share a port`(listen: String, admin: String, isAccepted: Bool) throws {
    var configuration = Configuration()
    configuration.listen = try #require(SocketAddress(text: listen))
    configuration.admin = try #require(SocketAddress(text: admin))
    let problem = ConfigurationProblem(
      "admin", "\(admin) and listen (\(listen)) take the same port")
    #expect(configuration.problems() == (isAccepted ? [] : [problem]))
  }

  @Test func `presence events need presence`() {
    var configuration = Configuration()
    configuration.namespaces[""]?.presenceEvents = true
    #expect(
      configuration.problems().map(\.description) == [
        "namespaces.\"\".presence_events: true needs presence to be true, too"
      ])
  }

  @Test(arguments: SlowConsumerPolicy.allCases, [0, 1])
  func `what is read from the log later needs history`(policy: SlowConsumerPolicy, messages: Int) {
    var configuration = Configuration()
    configuration.namespaces["chat"] = RoomPolicy()
    configuration.namespaces["chat"]?.slowConsumer = policy
    configuration.namespaces["chat"]?.history.messages = messages
    configuration.namespaces["chat"]?.history.lifetime = .seconds(1)
    #expect(
      configuration.problems().map(\.description)
        == (policy == .recover && messages == 0
          ? [
            "namespaces.chat.slow_consumer: recover reads what a slow member missed from the room's "
              + "log; it needs history"
          ] : []))
  }

  @Test(arguments: Permission.allCases)
  func `nobody but its user gets into a user's room`(permission: Permission) {
    var configuration = Configuration()
    configuration.namespaces["user"]?.join = permission
    let isAccepted = permission == .nobody || permission == .owner
    #expect(configuration.problems().map(\.path) == (isAccepted ? [] : ["namespaces.user.join"]))
  }

  @Test(arguments: [false, true])
  func `what is printed as JSON is read back as the same configuration`(isChanged: Bool) {
    var configuration = Configuration()
    if isChanged {
      configuration.nodeID = "a-1"
      configuration.origins = ["https://app.example.com", "*"]
      // Without port and database, as fuzzing found it.
      configuration.redis.urls = ["redis://.prefix"]
      configuration.limits.pingInterval = .milliseconds(12_250)
      configuration.namespaces["chat"] = RoomPolicy()
      configuration.namespaces["chat"]?.presence = true
      configuration.namespaces["ünï\"code"] = RoomPolicy()
    }
    var sources = ConfigurationSources()
    sources.file = Array(configuration.json().utf8)
    guard case .loaded(let read, _) = ConfigurationLoader.load(sources) else {
      Issue.record("refused: \(ConfigurationLoader.load(sources))")
      return
    }
    #expect(read == configuration)
  }

  @Test func `only what differs from the defaults counts as a change`() {
    var configuration = Configuration()
    #expect(configuration.changes().isEmpty)
    configuration.limits.messageBytes = 1000
    configuration.drain.window = .milliseconds(2500)
    configuration.namespaces["chat"] = RoomPolicy()
    configuration.namespaces["news"] = RoomPolicy()
    configuration.namespaces["news"]?.publish = .nobody
    #expect(
      configuration.changes().map { "\($0.path): \($0.json)" } == [
        "drain.window: 2.5", "limits.message_bytes: 1000", "namespaces.chat: {}",
        "namespaces.news.publish: \"nobody\"",
      ])
  }
}
