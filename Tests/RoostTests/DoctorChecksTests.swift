// The judgements of `roost doctor`, as a table of facts and what they mean.

import Gateway
import RoostEventLoop
import RoostRooms
import Testing

@testable import roost

struct DoctorChecksTests {
  private typealias Level = DoctorFinding.Level

  /// A machine that nothing is wrong with.
  private static let machine: MachineFacts = {
    var facts = MachineFacts()
    facts.softDescriptors = 1024
    facts.hardDescriptors = 1_048_576
    facts.systemFiles = 1_000_000_000
    facts.acceptQueue = 4096
    facts.synQueue = 4096
    facts.packetQueue = 1000
    facts.localPorts = 1024...65_535
    facts.socketMemoryBytes = 64 << 30
    facts.memoryBytes = 8 << 30
    facts.cores = 2
    return facts
  }()

  private static func level(
    _ findings: [DoctorFinding], _ check: DoctorCheck
  ) -> DoctorFinding.Level? {
    findings.filter { $0.check == check.rawValue }.map(\.level).max()
  }

  private static func changed(_ change: (inout MachineFacts) -> Void) -> MachineFacts {
    var facts = machine
    change(&facts)
    return facts
  }

  @Test func `a good machine is all right`() {
    let findings = DoctorChecks.machine(Self.machine, Configuration())
    #expect(findings.map(\.level) == [Level](repeating: .ok, count: findings.count))
    #expect(Set(findings.map(\.check)).count == 8)
  }

  @Test(arguments: [
    (changed { $0.hardDescriptors = 4096 }, DoctorCheck.descriptors, DoctorFinding.Level.warning),
    (changed { $0.systemFiles = 10_000 }, .systemFiles, .problem),
    (changed { $0.acceptQueue = 4095 }, .acceptQueue, .warning),
    (changed { $0.acceptQueue = nil }, .acceptQueue, .warning),
    (changed { $0.synQueue = 1023 }, .synQueue, .warning),
    (changed { $0.synQueue = 1024 }, .synQueue, .ok),
    (changed { $0.packetQueue = 999 }, .packetQueue, .warning),
    (changed { $0.localPorts = 60_000...61_000 }, .localPorts, .warning),
    (changed { $0.socketMemoryBytes = 1 << 20 }, .socketMemory, .warning),
    (changed { $0.memoryBytes = 128 << 20 }, .memory, .problem),
  ])
  func `what a machine lacks is named`(
    facts: MachineFacts, check: DoctorCheck, level: DoctorFinding.Level
  ) {
    let findings = DoctorChecks.machine(facts, Configuration())
    #expect(Self.level(findings, check) == level, "\(findings)")
    #expect(findings.allSatisfy { ($0.level == .ok) == ($0.remedy == nil) })
  }

  @Test func `what a limit of connections needs is counted exactly`() throws {
    var configuration = Configuration()
    configuration.limits.connections = 100_000
    let found = DoctorChecks.machine(Self.machine, configuration)
    #expect(
      found.first?.what
        == "descriptors: soft limit 1024, hard limit 1048576; limits.connections 100000 needs 106874"
    )
    for (limit, level) in [(106_873, Level.problem), (106_874, .ok)] {
      let findings = DoctorChecks.machine(
        Self.changed { $0.hardDescriptors = limit }, configuration)
      #expect(Self.level(findings, .descriptors) == level, "\(limit): \(findings)")
    }
    let poor = DoctorChecks.machine(Self.changed { $0.memoryBytes = 1 << 30 }, configuration)
    #expect(Self.level(poor, .memory) == .problem)
  }

  @Test(arguments: [
    (PortFacts.State.free, DoctorFinding.Level.ok), (.ours, .ok),
    (.refused(Errno(code: 98)), .problem), (.refused(Errno(code: 13)), .problem),
    (.refused(Errno(code: 99)), .problem),
  ])
  func `a port is free or somebody has it`(state: PortFacts.State, level: DoctorFinding.Level) {
    let facts = PortFacts(setting: "listen", address: "0.0.0.0:80", state: state)
    #expect(DoctorChecks.ports([facts]).map(\.level) == [level])
  }

  @Test(arguments: [
    (NameFacts.Answer.addresses(2), 10, DoctorFinding.Level.ok), (.addresses(1), 1000, .warning),
    (.failed("Name or service not known"), 1, .problem),
  ])
  func `a name has an address, soon`(
    answer: NameFacts.Answer, milliseconds: Int, level: DoctorFinding.Level
  ) {
    let facts = NameFacts(
      setting: "redis.urls", host: "redis.example", answer: answer, milliseconds: milliseconds)
    #expect(DoctorChecks.names([facts]).map(\.level) == [level])
  }

  @Test(arguments: [
    (["a.example"], 0, 22 * 86_400, DoctorFinding.Level.ok),
    (["a.example"], 0, 21 * 86_400, .warning),
    (["a.example"], 0, 1, .warning), (["a.example"], 0, 0, .problem),
    ([], 0, 90 * 86_400, .problem),
    (["a.example"], 1, 90 * 86_400, .problem),
  ])
  func `a certificate has names and a life`(
    names: [String], start: Int, end: Int, level: DoctorFinding.Level
  ) {
    let now = 1_800_000_000
    var facts = CertificateFacts()
    facts.certificates = [
      CertificateFacts.One(
        path: "c.pem", names: names, startsAt: now + start, endsAt: now + end, keyPath: "k.pem",
        isKeyOpen: false)
    ]
    #expect(DoctorChecks.certificates(facts, now: now).map(\.level) == [level])
  }

  @Test func `files that do not fit and open keys are told`() {
    var facts = CertificateFacts()
    facts.failure = "k.pem: key values mismatch"
    #expect(DoctorChecks.certificates(facts, now: 0).map(\.level) == [.problem])
    facts.failure = nil
    facts.certificates = [
      CertificateFacts.One(
        path: "c.pem", names: ["a"], startsAt: 0, endsAt: 1 << 40, keyPath: "k.pem", isKeyOpen: true
      )
    ]
    #expect(DoctorChecks.certificates(facts, now: 1).map(\.level) == [.ok, .warning])
  }

  @Test(arguments: [
    (0, DoctorFinding.Level.ok), (1000, .ok), (-1000, .ok), (1001, .warning), (-30_000, .warning),
    (30_001, .problem), (-30_001, .problem),
  ])
  func `clocks agree within the leeway of tokens`(skew: Int, level: DoctorFinding.Level) {
    var facts = RedisFacts()
    facts.skewMilliseconds = skew
    #expect(DoctorChecks.clock(facts, leeway: 30)?.level == level)
  }

  @Test func `which clock is behind is told`() {
    var facts = RedisFacts()
    facts.skewMilliseconds = 2000
    #expect(
      DoctorChecks.clock(facts, leeway: 30)?.what
        == "this clock is 2000 ms behind Redis's: history ages by these clocks, and tokens expire by "
        + "them")
    facts.skewMilliseconds = nil
    #expect(DoctorChecks.clock(facts, leeway: 30) == nil)
  }

  // MARK: Redis

  /// A Redis that nothing is wrong with.
  private static let redis: RedisFacts = {
    var facts = RedisFacts()
    facts.url = "redis://redis:6379/0"
    facts.roundTripMicroseconds = 300
    facts.skewMilliseconds = 1
    facts.version = "7.0.15"
    facts.role = "master"
    facts.replicas = 1
    facts.usedMemoryBytes = 1 << 20
    facts.settings = [
      "maxmemory": "1073741824", "maxmemory-policy": "noeviction", "appendonly": "yes", "save": "",
      "client-output-buffer-limit":
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
      "min-replicas-to-write": "1",
    ]
    return facts
  }()

  private static func changedRedis(_ change: (inout RedisFacts) -> Void) -> RedisFacts {
    var facts = redis
    change(&facts)
    return facts
  }

  private static func setting(_ name: String, _ value: String) -> RedisFacts {
    changedRedis { $0.settings[name] = value }
  }

  /// With history of the default size in one namespace.
  private static let keeping: Configuration = {
    var configuration = Configuration()
    configuration.namespaces[""]?.history.messages = 100
    configuration.namespaces[""]?.history.lifetime = .seconds(60)
    return configuration
  }()

  @Test func `a good Redis is all right`() {
    let findings = DoctorChecks.redis(Self.redis, Self.keeping)
    #expect(findings.map(\.level) == [Level](repeating: .ok, count: 10), "\(findings)")
  }

  @Test(arguments: [
    (changedRedis { $0.failure = "refused" }, DoctorCheck.redis, DoctorFinding.Level.problem),
    (changedRedis { $0.roundTripMicroseconds = 10_000 }, .redis, .warning),
    (changedRedis { $0.version = "6.0.16" }, .redisVersion, .problem),
    (changedRedis { $0.version = "6.2.0" }, .redisVersion, .ok),
    (changedRedis { $0.version = "8.0" }, .redisVersion, .ok),
    (changedRedis { $0.version = "unstable" }, .redisVersion, .ok),
    (changedRedis { $0.role = "slave" }, .redisRole, .problem),
    (changedRedis { $0.isCluster = true }, .redisRole, .problem),
    (
      changedRedis { $0.forbidden = [.init(command: "EVAL", reason: "NOPERM")] }, .redisRights,
      .problem
    ),
    (changedRedis { $0.settings = [:] }, .redisEviction, .warning),
    (setting("maxmemory-policy", "allkeys-lru"), .redisEviction, .problem),
    (setting("maxmemory-policy", "volatile-ttl"), .redisEviction, .problem),
    (setting("maxmemory", "0"), .redisMemory, .warning),
    (setting("maxmemory", "\(64 << 20)"), .redisMemory, .warning),
    (changedRedis { $0.usedMemoryBytes = 1 << 30 }, .redisMemory, .problem),
    (setting("client-output-buffer-limit", "pubsub 0 0 0"), .redisOutput, .warning),
    (setting("client-output-buffer-limit", "pubsub 8388607 0 0"), .redisOutput, .warning),
    (setting("client-output-buffer-limit", "pubsub 8388608 1048575 1"), .redisOutput, .warning),
    (setting("client-output-buffer-limit", "pubsub 8388608 1048576 1"), .redisOutput, .ok),
    (setting("appendonly", "no"), .redisPersistence, .warning),
    (
      changedRedis {
        $0.settings["appendonly"] = "no"
        $0.settings["save"] = "3600 1"
      }, .redisPersistence, .warning
    ),
    (changedRedis { $0.lastSaveFailed = true }, .redisPersistence, .problem),
    (setting("min-replicas-to-write", "0"), .redisReplicas, .warning),
    (setting("min-replicas-to-write", "2"), .redisReplicas, .problem),
    (
      changedRedis {
        $0.settings["min-replicas-to-write"] = "0"
        $0.replicas = 0
      }, .redisReplicas, .ok
    ),
  ])
  func `what is wrong with a Redis is named`(
    facts: RedisFacts, check: DoctorCheck, level: DoctorFinding.Level
  ) {
    let findings = DoctorChecks.redis(facts, Self.keeping)
    #expect(Self.level(findings, check) == level, "\(findings)")
    #expect(findings.allSatisfy { ($0.level == .ok) == ($0.remedy == nil) })
  }

  @Test func `the worst case of a room is counted against maxmemory`() {
    #expect(DoctorChecks.roomBytesMax(Configuration()) == 0)
    #expect(DoctorChecks.roomBytesMax(Self.keeping) == 4600 + 1_048_576 + 209_715)
    let findings = DoctorChecks.redis(Self.redis, Self.keeping)
    let memory = findings.first { $0.check == DoctorCheck.redisMemory.rawValue }
    #expect(
      memory?.what
        == "maxmemory is 1 GiB, 1 MiB are in use; a room with full history takes 1.2 MiB, all "
        + "idempotency keys of one room 114 MiB: 850 such rooms")
  }

  @Test(arguments: [
    ("pubsub 1 2 3", true), ("normal 0 0 0 pubsub 1 2 3", true), ("", false), ("pubsub", false),
    ("pubsub 1 2", false), ("pubsub a b c", false), ("normal 0 0 0", false),
  ])
  func `a limit of output is read or left out`(text: String, isRead: Bool) {
    #expect((DoctorChecks.outputLimits(of: text) != nil) == isRead)
  }

  // MARK: The way through a balancer

  private static func path(
    ping: Int, survived: Int = 0, ended: Int? = nil, interrupted: Bool = false
  ) -> PathFacts {
    var facts = PathFacts()
    facts.url = "wss://chat.example/ws"
    facts.pingMilliseconds = ping
    facts.survivedMilliseconds = survived
    facts.endedMilliseconds = ended
    facts.isInterrupted = interrupted
    return facts
  }

  @Test(arguments: [
    (path(ping: 25_000, survived: 25_000, interrupted: true), DoctorFinding.Level.ok),
    (path(ping: 0, survived: 120_000), .ok), (path(ping: 25_000, ended: 10_000), .problem),
    (path(ping: 25_000, ended: 32_000), .problem), (path(ping: 25_000, ended: 33_000), .warning),
    (path(ping: 25_000, ended: 49_999), .warning), (path(ping: 25_000, ended: 50_000), .ok),
    (path(ping: 0, ended: 60_000), .problem),
  ])
  func `silence has to outlast the pings`(facts: PathFacts, level: DoctorFinding.Level) {
    #expect(DoctorChecks.path(facts).map(\.level) == [level])
  }

  @Test func `no connection at all is a problem`() {
    var facts = Self.path(ping: 0)
    facts.failure = "the handshake was answered 400"
    #expect(
      DoctorChecks.path(facts) == [
        .problem(
          .path, "no WebSocket through wss://chat.example/ws: the handshake was answered 400",
          "see that the balancer passes Upgrade on, and that the node is reached by it")
      ])
  }

  // MARK: Words

  @Test(arguments: [
    (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB"), (32 << 20, "32 MiB"),
    (1 << 30, "1 GiB"), (3 << 39, "1.5 TiB"),
  ])
  func `bytes are written as people read them`(bytes: Int, text: String) {
    #expect(DoctorChecks.bytesText(bytes) == text)
  }
}
