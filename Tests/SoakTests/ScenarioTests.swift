import Testing

@testable import Soak

@Suite struct ScenarioTests {
  @Test func `a scenario is read with all its keys`() throws {
    let text = """
      { "about": "a test", "seconds": 30, "nodes": 2, "shards": 2, "balancer": false,
        "rooms": { "history": 7, "plain": 3, "presence_percent": 50 },
        "clients": { "ours": 10, "stock": 5, "slow": 1, "connects_per_second": 50,
                     "tls_percent": 100 },
        "publishes": { "per_second": 40, "bytes": 256 }, "history": { "messages": 9, "seconds": 8 },
        "redis": { "persistence": false }, "drain": { "window": 4, "lb_grace": 1 },
        "limits": { "ping_interval": 6, "pong_timeout": 5 },
        "faults": { "quiet_seconds": 3, "every_seconds": 6, "kinds": ["node_kill", "redis_cut"],
                    "at": [{ "at": 9, "kind": "node_freeze", "node": 2, "seconds": 4 }] },
        "must": { "delivery_p99_ms": 50 } }
      """
    var expected = Scenario()
    expected.about = "a test"
    expected.seconds = 30
    expected.nodes = 2
    expected.shards = 2
    expected.balancer = false
    expected.rooms = 7
    expected.plainRooms = 3
    expected.presencePercent = 50
    expected.clients = [.ours: 10, .stock: 5, .slow: 1]
    expected.connectsPerSecond = 50
    expected.tlsPercent = 100
    expected.publishesPerSecond = 40
    expected.payloadBytes = 256
    expected.historyMessages = 9
    expected.historySeconds = 8
    expected.persistence = false
    expected.drainWindow = 4
    expected.drainGrace = 1
    expected.pingSeconds = 6
    expected.pongSeconds = 5
    expected.quietSeconds = 3
    expected.faultEverySeconds = 6
    expected.faultKinds = [.nodeKill, .redisCut]
    expected.faults = [PlannedFault(at: 9, kind: .nodeFreeze, node: 2, seconds: 4)]
    expected.deliveryP99Milliseconds = 50
    #expect(try Scenario(parsing: Array(text.utf8)) == expected)
  }

  @Test(arguments: [
    ("{", "line 1, column 2: "),
    ("[]", "a scenario is one object"),
    (#"{"secnods": 3}"#, "secnods is no key of a scenario; did you mean seconds?"),
    (#"{"rooms": {"plian": 3}}"#, "rooms.plian is no key of a scenario; did you mean rooms.plain?"),
    (#"{"rooms": 3}"#, "rooms is no key of a scenario"),
    (#"{"seconds": 0}"#, "seconds takes 1 to 86400, 60 without it"),
    (#"{"seconds": "1"}"#, "seconds takes 1 to 86400, 60 without it"),
    (#"{"nodes": 7}"#, "nodes takes 1 to 6, 3 without it"),
    (#"{"balancer": 1}"#, "balancer takes true or false, true without it"),
    (#"{"rooms": {"history": 0}}"#, "there are no rooms"),
    (#"{"clients": {"flooding": 3}}"#, "there are no clients that are judged"),
    (
      #"{"faults": {"kinds": ["node_kil"]}}"#,
      "node_kil is no kind of fault; did you mean node_kill?; there are node_kill"
    ),
    (#"{"faults": {"at": [{"kind": "storm"}]}}"#, "faults.at: at takes 0 to 86400 seconds"),
    (
      #"{"faults": {"at": [{"at": 1, "kind": "storm", "x": 1}]}}"#,
      "faults.at has the unknown key x"
    ),
    (
      #"{"balancer": false, "clients": {"ours": 1, "tls_percent": 50}}"#,
      "clients.tls_percent is 0 or 100 without a balancer"
    ),
    (
      #"{"limits": {"ping_interval": 5, "pong_timeout": 6}}"#,
      "limits.pong_timeout is at most limits.ping_interval"
    ),
    (
      #"{"limits": {"ping_interval": 0}, "faults": {"kinds": ["path_drop"]}}"#,
      "path_drop needs limits.ping_interval"
    ),
    (
      #"{"balancer": false, "faults": {"kinds": ["balancer_reload"]}}"#,
      "balancer_reload needs a balancer"
    ),
    (
      #"{"rooms": {"history": 1, "presence_percent": 1}, "clients": {"ours": 201}}"#,
      "presence is judged in rooms of up to 200 clients, and there would be 201"
    ),
    (
      #"{"faults": {"at": [{"at": 60, "kind": "storm"}]}}"#,
      "a fault at 60 s is behind the end of the run at 60 s"
    ),
    (
      #"{"nodes": 2, "faults": {"at": [{"at": 6, "kind": "node_kill", "node": 3}]}}"#,
      "a fault names node 3 of 2"
    ),
  ])
  func `what is wrong with a scenario is said in a sentence`(text: String, sentence: String) {
    let problem = #expect(throws: ScenarioProblem.self) {
      try Scenario(parsing: Array(text.utf8))
    }
    #expect(problem?.sentence.hasPrefix(sentence) == true, "\(problem?.sentence ?? "")")
  }

  @Test func `rooms with presence stand at even distances`() {
    var scenario = Scenario()
    scenario.rooms = 4
    scenario.plainRooms = 2
    scenario.presencePercent = 50
    #expect(
      scenario.roomList.map(\.name) == [
        "log:0", "seenlog:1", "log:2", "seenlog:3", "plain0", "seen:1",
      ])
    #expect(scenario.roomList.map(\.hasPresence) == [false, true, false, true, false, true])
  }

  @Test func `every key is there once and has a sentence`() {
    let paths = ScenarioKey.all.map(\.path)
    #expect(Set(paths).count == paths.count)
    #expect(ScenarioKey.all.allSatisfy { $0.meaning.hasSuffix(".") })
  }

  @Test func `another number of clients keeps the share of each kind`() {
    var scenario = Scenario()
    scenario.clients = [.ours: 50, .stock: 40, .slow: 10]
    scenario.setClients(1000)
    #expect(scenario.clients == [.ours: 500, .stock: 400, .slow: 100])
    scenario.setClients(3)
    #expect(scenario.clients == [.ours: 1, .stock: 1, .slow: 1])
  }
}

@Suite struct FaultPlanTests {
  @Test func `a seed gives one plan, another seed another one`() {
    var scenario = Scenario()
    scenario.seconds = 120
    scenario.faultKinds = FaultKind.allCases
    scenario.faultEverySeconds = 5
    let plan = FaultPlan.make(scenario, seed: 7)
    #expect(plan == FaultPlan.make(scenario, seed: 7))
    #expect(plan != FaultPlan.make(scenario, seed: 8))
    #expect((18...30).contains(plan.count), "\(plan.count)")
    #expect(plan.allSatisfy { (5..<118).contains($0.at) && (1...3).contains($0.seconds) })
    #expect(plan.allSatisfy { ($0.node != nil) == $0.kind.isOfNode })
    #expect(plan.map(\.at) == plan.map(\.at).sorted())
  }

  @Test func `a fault of a node without a number gets one`() {
    var scenario = Scenario()
    scenario.faults = [PlannedFault(at: 9, kind: .nodeKill), PlannedFault(at: 2, kind: .storm)]
    let plan = FaultPlan.make(scenario, seed: 1)
    #expect(plan.map(\.kind) == [.storm, .nodeKill])
    #expect(plan[0].node == nil)
    #expect((1...3).contains(plan[1].node ?? 0))
  }
}
