// Nodes that leave in order, as an operator restarts them: nobody loses anything, everybody ends in
// time with the right status, whatever else is wrong meanwhile.

import Glibc
import RoostEventLoop
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct DrainTests {
  private static let short = #"{ "lb_grace": 0.2, "window": 0.8, "hard_stop": 30 }"#
  private static let long = #"{ "lb_grace": 0, "window": 600, "hard_stop": 700 }"#
  private static let goodbye = TestEvent.close(1001, "the node is going away: connect again")

  private func cluster(
    _ redis: RedisServer, nodes: Int = 2, shards: Int = 1, drain: String = short,
    limits: String = ""
  ) throws -> Cluster {
    try Cluster(
      redis, nodes: nodes, shards: shards, populated: false,
      change: { _ in ClusterNode.configuration(drain: drain, limits: limits) })
  }

  /// Waits for something that the node does by itself.
  private func wait(
    until what: String, _ node: ClusterNode, _ condition: () throws -> Bool
  ) throws {
    let deadline = MonotonicInstant.now().advanced(by: .seconds(30))
    while try !condition() {
      node.takeLog()
      guard MonotonicInstant.now() < deadline else {
        throw TestFailure("not \(what): \(node.logged)")
      }
      _ = poll(nil, 0, 10)
    }
  }

  private func step(of node: ClusterNode) throws -> String? {
    JSONText.value("step", of: try node.get("/v1/drain").text)
  }

  /// What a client is told until the end; only `draining` and the close may come.
  private func farewell(_ client: TestClient) throws -> (milliseconds: Int?, ends: Bool) {
    var milliseconds: Int?
    for event in try client.eventsToEnd() {
      switch event {
      case .text(let text) where text.contains("\"draining\""):
        milliseconds = JSONText.value("reconnect_after_ms", of: text).flatMap { Int($0) }
      case Self.goodbye, .end: continue
      default: throw TestFailure("\(event)")
      }
    }
    return (milliseconds, true)
  }

  // MARK: A rollout

  @Test func `a rolling restart under 300 clients loses nothing and doubles nothing`() throws {
    let drain = #"{ "lb_grace": 0.2, "window": 1.6, "hard_stop": 60 }"#
    let cluster = try cluster(try RedisServer(), nodes: 3, shards: 2, drain: drain)
    for room in 0..<7 { cluster.swarm.add(30, to: "log:\(room)") }
    for room in 0..<2 { cluster.swarm.add(30, to: "all:\(room)") }
    cluster.swarm.add(30, to: "plain")
    try cluster.swarm.awaitPresent(within: .seconds(60))
    cluster.swarm.pace = .seconds(4)
    for place in 0..<3 {
      let node = cluster.nodes[place]
      node.signal(SIGTERM)
      try cluster.swarm.run(until: "\(node.name) gone", within: .seconds(60)) { node.hasEnded }
      #expect(try node.wait() == .exited(0), "\(node.logged)")
      #expect(node.logged.contains(#""drain_done""#))
      #expect(!node.logged.contains(#""drain_cut""#))
      let next = try cluster.addNode(node.name)
      try cluster.swarm.run(until: "\(node.name) ready again", within: .seconds(30)) {
        next.isReady
      }
    }
    try cluster.conclude(within: .seconds(60))
    #expect(cluster.swarm.members.allSatisfy { $0.connections >= 2 })
    // What met the close frame on its way has no answer. What a draining node has accepted has one.
    let members = cluster.swarm.members
    let unanswered = members.flatMap { $0.ends.filter { $0.value == .unknown }.keys }
    #expect(unanswered.filter { text in members.contains { $0.texts.contains(text) } } == [])
  }

  // MARK: Steps

  @Test(arguments: [1, 2])
  func `it is not ready at once, accepts in the grace, tells everybody, and ends with 0`(
    shards: Int
  ) throws {
    let drain = #"{ "lb_grace": 1, "window": 0.8, "hard_stop": 30 }"#
    let cluster = try cluster(
      try RedisServer(), nodes: 1, shards: shards, drain: drain, limits: #""close_timeout": 0.3"#)
    let node = cluster.nodes[0]
    var clients = try (0..<9).map { _ in try TestClient.open(node.address) }
    let asked = MonotonicInstant.now()
    node.signal(SIGTERM)
    try wait(until: "told to go", node) { try node.get("/readyz").text == "draining\n" }
    if MonotonicInstant.now().since(asked) < .milliseconds(700) {
      clients.append(try TestClient.open(node.address))
      #expect(try step(of: node) == "grace")
    }
    let stream = try BlockingSocket(to: node.address)
    try stream.write(Array("GET /v1/rooms/plain/events HTTP/1.1\r\nHost: a\r\n\r\n".utf8))
    try wait(until: "refusing", node) { try step(of: node) != "grace" }
    for client in clients {
      let told = try farewell(client)
      // An eighth of the window, and up to one tick.
      #expect(told.milliseconds.map { (100...150).contains($0) } == true)
    }
    #expect(try node.wait() == .exited(0))
    for event in ["draining", "drain_step", "drain_done", "node_stopped"] {
      #expect(node.logged.contains("\"event\":\"\(event)\""), "\(event)")
    }
  }

  @Test func `the API drains a node, takes it back in time, and then drains it to its end`() throws
  {
    let cluster = try cluster(
      try RedisServer(), drain: #"{ "lb_grace": 600, "window": 1, "hard_stop": 700 }"#)
    let node = cluster.nodes[0]
    #expect(try step(of: node) == "serving")
    #expect(try node.post("/v1/undrain").status == 409)
    let begun = try node.post("/v1/drain")
    #expect(begun.status == 202)
    #expect(JSONText.value("step", of: begun.text) == "grace")
    #expect(JSONText.value("cause", of: begun.text) == "request")
    #expect(try node.get("/readyz").status == 503)
    // The neighbours hear of it.
    try wait(until: "heard", cluster.nodes[1]) {
      try cluster.nodes[1].get("/v1/nodes").text.contains(#""phase":"draining""#)
    }
    #expect(try node.post("/v1/drain").status == 202)
    let client = try TestClient.open(node.address)
    #expect(try node.post("/v1/undrain").status == 200)
    #expect(try node.get("/readyz").status == 200)
    #expect(try client.nothingCame())
    try wait(until: "heard", cluster.nodes[1]) {
      try !cluster.nodes[1].get("/v1/nodes").text.contains(#""phase":"draining""#)
    }
    // A signal makes it final.
    #expect(try node.post("/v1/drain").status == 202)
    node.signal(SIGTERM)
    try wait(until: "final", node) { try node.get("/v1/drain").text.contains(#""cause":"signal""#) }
    #expect(try node.post("/v1/undrain").status == 409)
    node.signal(SIGTERM)
    #expect(try node.wait() == .exited(1))
    #expect(node.logged.contains("\"undrained\""))
  }

  @Test func `a drain that the API began ends the process with 0`() throws {
    let cluster = try cluster(try RedisServer(), nodes: 1)
    let client = try TestClient.open(cluster.nodes[0].address)
    #expect(try cluster.nodes[0].post("/v1/drain").status == 202)
    #expect(try farewell(client).ends)
    #expect(try cluster.nodes[0].wait() == .exited(0))
  }

  @Test func `a connection waits for the answer to what it published`() throws {
    let redis = try RedisServer()
    let drain = #"{ "lb_grace": 0, "window": 0, "hard_stop": 60 }"#
    let cluster = try cluster(redis, nodes: 1, drain: drain)
    let node = cluster.nodes[0]
    let clients = try (0..<2).map { _ in try TestClient.open(node.address) }
    try clients[0].join("log:r")
    redis.pause()
    try clients[0].send(#"{"type":"publish","id":7,"room":"log:r","data":1}"#)
    #expect(try clients[0].ask(#"{"type":"ping","id":8}"#) == #"{"type":"pong","id":8}"#)
    node.signal(SIGTERM)
    // The other one has nothing to wait for.
    #expect(try farewell(clients[1]).ends)
    #expect(
      try clients[0].ask(#"{"type":"publish","id":9,"room":"log:r","data":2}"#)
        .contains(#""id":9,"code":"unavailable""#))
    redis.resume()
    var events = try clients[0].eventsToEnd()
    if case .text(let text) = events.first, text.contains("\"message\"") { events.removeFirst() }
    guard case .text(let answer) = events.first else { throw TestFailure("\(events)") }
    // On a machine that is slow enough nobody knows any more; it is answered in any case.
    #expect(answer.contains(#""id":7"#))
    #expect(events.suffix(2) == [Self.goodbye, .end])
    #expect(try node.wait() == .exited(0))
  }

  // MARK: What else may be wrong

  @Test func `the pace is what the only other node announces, and a second signal cuts it`() throws
  {
    // Ten a second are announced as five; a tenth of ninety connections are nine; evenly over ten
    // minutes would be one in seven seconds.
    let cluster = try cluster(try RedisServer(), nodes: 1, drain: Self.long)
    let clients = try (0..<90).map { _ in try TestClient.open(cluster.nodes[0].address) }
    let slow = try Cluster(
      cluster.redis, nodes: 0, populated: false,
      change: { _ in
        ClusterNode.configuration(drain: Self.short).replacing(
          #""handshakes_per_second": 0"#, with: #""handshakes_per_second": 10"#)
      })
    let survivor = try slow.addNode("slow")
    try wait(until: "ready", survivor) { survivor.isReady }
    let node = cluster.nodes[0]
    try wait(until: "known", node) { try node.get("/v1/nodes").text.contains("\"slow\"") }
    node.signal(SIGINT)
    try wait(until: "at that pace", node) {
      try JSONText.value("pace", of: node.get("/v1/drain").text) == "5"
    }
    let report = try node.get("/v1/drain").text
    #expect(JSONText.value("step", of: report) == "moving")
    #expect(JSONText.value("cause", of: report) == "signal")
    #expect(try node.metric("roost_drain_pace") == 5)
    #expect(try node.metric(#"roost_drain_step{step="moving"}"#) == 1)
    try wait(until: "logged", node) { node.logged.contains(#""survivors":1"#) }
    node.signal(SIGINT)
    #expect(try node.wait() == .exited(1))
    #expect(node.logged.contains("\"drain_cut\""))
    _ = clients
  }

  @Test func `a frozen client is waited for as long as a close may take`() throws {
    let cluster = try cluster(
      try RedisServer(), nodes: 1, limits: #""close_timeout": 0.3"#)
    let node = cluster.nodes[0]
    let frozen = try TestClient.open(node.address)
    let client = try TestClient.open(node.address)
    node.signal(SIGTERM)
    #expect(try farewell(client).ends)
    // It never reads and never answers.
    #expect(try node.wait() == .exited(0))
    #expect(!node.logged.contains("\"drain_cut\""))
    frozen.socket.close()
  }

  @Test func `the hard stop ends a drain that a frozen client holds up, with status 1`() throws {
    let cluster = try cluster(
      try RedisServer(), nodes: 1,
      drain: #"{ "lb_grace": 0.1, "window": 0.1, "hard_stop": 1 }"#,
      limits: #""close_timeout": 60"#)
    let frozen = try TestClient.open(cluster.nodes[0].address)
    cluster.nodes[0].signal(SIGTERM)
    #expect(try cluster.nodes[0].wait() == .exited(1))
    #expect(cluster.nodes[0].logged.contains("drain.hard_stop has passed"))
    frozen.socket.close()
  }

  @Test(arguments: [1, 2])
  func `without Redis connections go evenly over the window`(shards: Int) throws {
    let redis = try RedisServer()
    let cluster = try cluster(redis, shards: shards)
    let node = cluster.nodes[0]
    let clients = try (0..<10).map { _ in try TestClient.open(node.address) }
    try redis.kill()
    node.signal(SIGTERM)
    for client in clients { #expect(try farewell(client).milliseconds != nil) }
    #expect(try node.wait() == .exited(0))
    #expect(!node.logged.contains("\"drain_cut\""))
    // A node that has never reached Redis leaves, too.
    let other = try cluster.addNode("late")
    other.signal(SIGTERM)
    #expect(try other.wait() == .exited(0))
  }

  @Test func `when the only other node is full the whole window is used`() throws {
    let cluster = try cluster(
      try RedisServer(), drain: #"{ "lb_grace": 0.5, "window": 1.6, "hard_stop": 30 }"#,
      limits: #""connections": 4"#)
    let full = try (0..<4).map { _ in try TestClient.open(cluster.nodes[1].address) }
    let node = cluster.nodes[0]
    let clients = try (0..<4).map { _ in try TestClient.open(node.address) }
    try wait(until: "known to be full", node) {
      try node.get("/v1/nodes").text.split(separator: #""connections":4"#).count == 3
    }
    node.signal(SIGTERM)
    for client in clients { #expect(try farewell(client).milliseconds != nil) }
    #expect(try node.wait() == .exited(0))
    #expect(node.logged.contains(#""survivors":0"#))
    _ = full
  }
}
