// Clients that move from node to node by a ticket, played by hand: connect anew before letting go.
// Nobody sees them leave or join, they miss nothing, and a ticket that is not good makes an
// ordinary connection.

import Auth
import Glibc
import RoostEventLoop
import RoostWebSocket
import TestKeys
import TestSupport
import Testing

@Suite(.serialized, .enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct MoveTests {
  private static let drain = #"{ "lb_grace": 0.2, "window": 4, "hard_stop": 60 }"#

  private static func cluster(
    _ redis: RedisServer, nodes: Int = 2, shards: Int = 1, limit: String = "", _ value: Int = 0
  ) throws -> Cluster {
    let configuration = ClusterNode.configuration(drain: drain)
      .replacing(#""\#(limit)": 0"#, with: #""\#(limit)": \#(value)"#)
    return try Cluster(
      redis, nodes: nodes, shards: shards, populated: false, change: { _ in configuration })
  }

  /// The message with that number, which may come behind others: rooms have no order among them.
  private static func message(_ number: Int, to client: TestClient) throws -> String {
    while true {
      let text = try client.next("message")
      if text.contains("\"data\":\(number)") { return text }
    }
  }

  /// Connects with a ticket; the client and its `welcome`.
  ///
  /// - Parameter readsMarks: whether it says that it reads marks of binary messages.
  private static func open(
    _ node: ClusterNode, ticket: String?, user: String? = nil, readsMarks: Bool = false
  ) throws -> (client: TestClient, welcome: String) {
    let client = TestClient(try BlockingSocket(to: node.address))
    let offers =
      ["roost.v1.json"] + (ticket.map { ["roost.ticket.\($0)"] } ?? [])
      + (readsMarks ? ["roost.mid"] : [])
    try client.upgrade(path: user.map { "/ws?user=\($0)" } ?? "/ws", subprotocols: offers)
    #expect(client.subprotocol == "roost.v1.json")
    return (client, try client.welcomed())
  }

  private static func ticket(in text: String) throws -> String {
    let ticket = try #require(JSONText.value("ticket", of: text), "\(text)")
    #expect((1...600).contains(ticket.utf8.count))
    #expect(ticket.utf8.allSatisfy { isPlain($0) }, "\(ticket)")
    return ticket
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      || byte == 45 || byte == 95
  }

  private static func isResumed(_ welcome: String) -> Bool { welcome.contains(#""resumed":true"#) }

  /// Waits for something that the nodes do by themselves.
  private static func wait(until what: String, _ condition: () throws -> Bool) throws {
    let deadline = MonotonicInstant.now().advanced(by: .seconds(30))
    while try !condition() {
      guard MonotonicInstant.now() < deadline else { throw TestFailure("not \(what)") }
      _ = poll(nil, 0, 10)
    }
  }

  private static func publish(_ data: String, in room: String, key: String? = nil, _ id: String)
    -> String
  {
    let key = key.map { #","key":"\#($0)""# } ?? ""
    return #"{"type":"publish","id":"\#(id)","room":"\#(room)","data":\#(data)\#(key)}"#
  }

  /// The `ok` of a request, over whatever else comes.
  private static func ok(_ client: TestClient, _ request: String) throws -> String {
    try client.send(request)
    return try client.next("ok")
  }

  /// What came of rooms' messages and presence up to an answer to a ping.
  private static func heard(_ client: TestClient) throws -> [String] {
    try client.send(#"{"type":"ping","id":"fence"}"#)
    var texts: [String] = []
    while true {
      let text = try client.text()
      if text == #"{"type":"pong","id":"fence"}"# { return texts }
      texts.append(text)
    }
  }

  // MARK: Moving

  @Test(arguments: [1, 2])
  func `make before break: nobody sees it, nothing is missed`(shards: Int) throws {
    let cluster = try Self.cluster(try RedisServer(), shards: shards)
    let watcher = try TestClient.open(cluster.nodes[1].address)
    let (old, welcome) = try Self.open(cluster.nodes[0], ticket: nil, user: "ann")
    #expect(!Self.isResumed(welcome))
    for room in ["all:r", "here:p"] {
      try watcher.join(room)
      try old.join(room)
      #expect(try watcher.next("joined").contains(old.connection))
    }
    let since = try #require(
      JSONText.value(
        "epoch", of: try Self.ok(old, Self.publish("0", in: "all:r", key: "k", "a"))))
    cluster.nodes[0].signal(SIGTERM)
    let told = try old.next("draining")
    let (new, again) = try Self.open(
      cluster.nodes[1], ticket: try Self.ticket(in: told), user: "ann")
    #expect(Self.isResumed(again), "\(again)")
    #expect(new.connection == old.connection)
    #expect(JSONText.value("user", of: again) == "ann")
    // Both are there: what is published now comes to both, with one mid.
    _ = try Self.ok(watcher, Self.publish("1", in: "all:r", "b"))
    _ = try Self.ok(watcher, Self.publish("2", in: "here:p", "c"))
    let before = try [1, 2].map { try Self.message($0, to: old) }
    try new.send(
      #"{"type":"join","id":1,"room":"all:r","since":{"epoch":"\#(since)","offset":1}}"#)
    #expect(try new.next("ok").contains(#""members":2"#))
    let missed = try new.next("message")
    #expect(missed.contains(#""data":1,"offset":2"#), "\(missed)")
    let mid = try #require(JSONText.value("mid", of: missed))
    #expect(JSONText.value("mid", of: before[0]) == mid)
    try new.join("here:p")
    try watcher.send(Self.publish("3", in: "here:p", "d"))
    let twice = try [old, new].map { try Self.message(3, to: $0) }
    #expect(JSONText.value("mid", of: twice[0]) != nil && twice[0] == twice[1])
    try old.close()
    try watcher.send(Self.publish("4", in: "here:p", "e"))
    #expect(try new.next("message").contains(#""data":4"#))
    // Presence has it once; the watcher has heard of nothing, and gets no mids.
    let listed = try Self.ok(new, #"{"type":"presence","id":2,"room":"here:p"}"#)
    #expect(listed.components(of: #""connection""#) == 2, "\(listed)")
    let events = try Self.heard(watcher)
    #expect(events.filter { $0.contains(#""joined""#) || $0.contains(#""left""#) } == [])
    #expect(events.filter { $0.contains("mid") } == [])
    // What it published before is remembered.
    let repeated = try Self.ok(new, Self.publish("0", in: "all:r", key: "k", "f"))
    #expect(JSONText.value("offset", of: repeated) == "1", "\(repeated)")
    #expect(try cluster.nodes[0].wait() == .exited(0))
    for node in cluster.nodes { #expect(!node.logged.contains(try Self.ticket(in: told))) }
    try new.close()
    #expect(try watcher.next("left").contains(old.connection))
  }

  @Test func `bytes that come twice have a mark, for those who read it`() throws {
    let cluster = try Self.cluster(try RedisServer())
    let watcher = try TestClient.open(cluster.nodes[1].address)
    let (old, _) = try Self.open(cluster.nodes[0], ticket: nil, readsMarks: true)
    let (stock, _) = try Self.open(cluster.nodes[0], ticket: nil)
    for client in [watcher, old, stock] {
      for room in ["here:p", "all:r"] { try client.join(room) }
    }
    cluster.nodes[0].signal(SIGTERM)
    let tickets = try [old, stock].map { try Self.ticket(in: try $0.next("draining")) }
    let (new, _) = try Self.open(cluster.nodes[1], ticket: tickets[0], readsMarks: true)
    let (stockAgain, _) = try Self.open(cluster.nodes[1], ticket: tickets[1])
    for client in [new, stockAgain] { for room in ["here:p", "all:r"] { try client.join(room) } }
    func published(_ payload: UInt8, in room: String) throws -> (
      plain: [[UInt8]], marked: [[UInt8]]
    ) {
      try watcher.send(.binary, [1, UInt8(room.utf8.count)] + Array(room.utf8) + [payload])
      return (
        try [watcher, stock, stockAgain].map { try Self.binary(to: $0) },
        try [old, new].map { try Self.binary(to: $0) }
      )
    }
    let place: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1]
    var marks: Set<[UInt8]> = []
    for (payload, room, offset) in [
      (7, "here:p", []), (8, "here:p", []), (9, "all:r", place),
    ] as [(UInt8, String, [UInt8])] {
      let name = [UInt8(room.utf8.count)] + Array(room.utf8)
      let flag: UInt8 = offset.isEmpty ? 0 : 1
      let (plain, marked) = try published(payload, in: room)
      for message in plain { #expect(message == [1, flag] + name + offset + [payload]) }
      let start = 2 + name.count + offset.count
      try #require(marked[0].count == start + 9, "\(marked[0])")
      let mark = Array(marked[0][start..<start + 8])
      #expect(marked[0] == [1, flag | 2] + name + offset + mark + [payload])
      #expect(marked[1] == marked[0])
      marks.insert(mark)
    }
    #expect(marks.count == 3)
  }

  /// The next binary message, whatever comes before it.
  private static func binary(to client: TestClient) throws -> [UInt8] {
    while true {
      switch try client.next() {
      case .binary(let bytes): return bytes
      case .text, .ping, .pong: continue
      case let event: throw TestFailure("\(event) instead of a binary message")
      }
    }
  }

  @Test func `within one node it is the same, on whichever shard`() throws {
    let cluster = try Self.cluster(try RedisServer(), nodes: 1, shards: 2)
    let node = cluster.nodes[0]
    let watcher = try TestClient.open(node.address)
    try watcher.join("all:r")
    var (client, welcome) = try Self.open(node, ticket: nil)
    let id = client.connection
    try client.join("all:r")
    #expect(try watcher.next("joined").contains(id))
    for _ in 0..<6 {
      let (next, again) = try Self.open(node, ticket: try Self.ticket(in: welcome))
      #expect(Self.isResumed(again) && next.connection == id, "\(again)")
      #expect(try next.join("all:r").contains(#""members":2"#))
      try client.close()
      #expect(try Self.heard(watcher) == [])
      let listed = try Self.ok(next, #"{"type":"presence","id":2,"room":"all:r"}"#)
      #expect(listed.components(of: #""connection""#) == 2, "\(listed)")
      (client, welcome) = (next, again)
    }
    try watcher.send(#"{"type":"send","id":1,"to":{"connection":"\#(id)"},"data":7}"#)
    #expect(try client.next("direct").contains(#""data":7"#))
    #expect(try watcher.next("ok").contains(#""delivered":1"#))
    try client.close()
    #expect(try watcher.next("left").contains(id))
  }

  @Test func `a pair counts once, and is found under its id`() throws {
    let cluster = try Self.cluster(
      try RedisServer(), nodes: 3, limit: "connections_per_user", 3)
    let nodes = cluster.nodes
    let others = try (0..<2).map { _ in try TestClient.open(nodes[2].address, user: "ann") }
    let (old, welcome) = try Self.open(nodes[0], ticket: nil, user: "ann")
    let (new, again) = try Self.open(
      nodes[1], ticket: try Self.ticket(in: welcome), user: "ann")
    #expect(Self.isResumed(again))
    let sender = try TestClient.open(nodes[2].address, user: "bo")
    func send(_ to: String) throws -> String? {
      try sender.send(#"{"type":"send","id":1,"to":\#(to),"data":7}"#)
      return JSONText.value("delivered", of: try sender.next("ok"))
    }
    #expect(try send(#"{"user":"ann"}"#) == "3")
    let directs = try [old.next("direct"), new.next("direct")]
    #expect(JSONText.value("mid", of: directs[0]) != nil && directs[0] == directs[1])
    #expect(
      try others[0].next("direct") == #"{"type":"direct","data":7,"from":{"connection":""#
        + #"\#(sender.connection)","user":"bo"}}"#)
    // Its id leads to both, whoever asks.
    let target = #"{"connection":"\#(old.connection)"}"#
    try Self.wait(until: "known everywhere") {
      #expect(try send(target) == "1")
      return try Self.heard(new).contains { $0.contains(#""direct""#) }
    }
    try sender.send(#"{"type":"ping"}"#)
    let listed = try nodes[2].get("/v1/users/ann/connections").text
    #expect(listed.components(of: #""connection":"#) == 3, "\(listed)")
    try old.close()
    #expect(try send(target) == "1")
    #expect(try send(#"{"user":"ann"}"#) == "3")
    #expect(try nodes[2].get("/v1/connections/\(old.connection)").text.contains(#""node":"n2""#))
    // Nobody was closed for being one too many.
    #expect(try Self.heard(new).allSatisfy { $0.contains(#""direct""#) })
    #expect(try nodes[0].metric(#"roost_closes_total{code="4007",side="server"}"#) == 0)
    #expect(try nodes[1].metric(#"roost_closes_total{code="4007",side="server"}"#) == 0)
  }

  @Test func `rooms that the server joined it to come along`() throws {
    let cluster = try Self.cluster(try RedisServer(), shards: 2)
    let (old, welcome) = try Self.open(cluster.nodes[0], ticket: nil, user: "ann")
    _ = try old.next("added")
    let joined = try request(
      "PUT /v1/rooms/all:vip/users/ann HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n"
        + "Connection: close\r\n\r\n", to: cluster.nodes[1].admin)
    #expect(joined.status == 200, "\(joined.text)")
    #expect(try old.next("added").contains("all:vip"))
    let (new, _) = try Self.open(
      cluster.nodes[1], ticket: try Self.ticket(in: welcome), user: "ann")
    let added = try Set(
      [new.next("added"), new.next("added")].map {
        JSONText.value("room", of: $0)
      })
    #expect(added == ["user:ann", "all:vip"])
    try old.close()
    let listed = try Self.ok(new, #"{"type":"presence","id":2,"room":"all:vip"}"#)
    #expect(listed.components(of: #""connection""#) == 1, "\(listed)")
  }

  // MARK: Tickets that are not good

  @Test func `what is not good makes an ordinary connection`() throws {
    let redis = try RedisServer()
    let cluster = try Self.cluster(redis)
    let (first, welcome) = try Self.open(cluster.nodes[0], ticket: nil, user: "ann")
    let good = try Self.ticket(in: welcome)
    func tried(_ ticket: String, _ user: String?, on node: Int = 1) throws -> Bool {
      let (client, welcome) = try Self.open(cluster.nodes[node], ticket: ticket, user: user)
      let isResumed = Self.isResumed(welcome)
      #expect(isResumed == (client.connection == first.connection), "\(welcome)")
      _ = try Self.ticket(in: welcome)
      try client.close()
      return isResumed
    }
    func count(_ result: String) throws -> Double? {
      try cluster.nodes[1].metric(#"roost_tickets_total{result="\#(result)"}"#)
    }
    var forged = Array(good.utf8)
    forged[40] = forged[40] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
    for text in [
      String(decoding: forged, as: UTF8.self), String(good.dropLast()), "", "A",
      String(repeating: "A", count: 601), String(repeating: "A", count: 2000),
    ] { #expect(try !tried(text, "ann")) }
    // Not used up by those who may not use it.
    #expect(try !tried(good, "bo"))
    #expect(try !tried(good, nil))
    #expect(try tried(good, "ann"))
    #expect(try !tried(good, "ann"))
    #expect(try !tried(good, "ann", on: 0))
    #expect(try count("other_user") == 2)
    #expect(try count("accepted") == 1)
    #expect(try count("used") == 1)
    #expect(try (count("malformed") ?? 0) + (count("forged") ?? 0) == 6)
    // Without Redis.
    let last = try Self.ticket(in: try Self.open(cluster.nodes[0], ticket: nil).welcome)
    redis.pause()
    #expect(try !tried(last, nil))
    redis.resume()
    #expect(try (count("undecided") ?? 0) == 1)
  }

  @Test func `a node with far more than the others gives some away, until a node drains`() throws {
    let settings = #"{ "lb_grace": 30, "window": 4, "hard_stop": 60, "rebalance": true }"#
    let cluster = try Cluster(
      try RedisServer(), nodes: 3, populated: false,
      change: { _ in ClusterNode.configuration(drain: settings) })
    let full = cluster.nodes[0]
    let clients = try (0..<240).map { _ in try TestClient.open(full.address) }
    try Self.wait(until: "rebalanced") {
      try full.metric("roost_rebalanced_total") ?? 0 > 0
    }
    var told: (client: TestClient, ticket: String)?
    try Self.wait(until: "told") {
      for client in clients where told == nil {
        guard case .text(let text)? = try client.nextWithoutWaiting() else { continue }
        #expect(JSONText.value("type", of: text) == "draining", "\(text)")
        told = (client, try Self.ticket(in: text))
      }
      return told != nil
    }
    let (client, ticket) = try #require(told)
    let (moved, welcome) = try Self.open(cluster.nodes[1], ticket: ticket)
    #expect(Self.isResumed(welcome) && moved.connection == client.connection)
    #expect(
      try client.eventsToEnd().contains(.close(1001, "the node is going away: connect again")))
    #expect(try full.metric("roost_drain_told_total") == 0)
    cluster.nodes[2].signal(SIGTERM)
    try Self.wait(until: "ended") {
      full.takeLog()
      return full.logged.contains(#""rebalance_ended""#)
    }
    #expect(full.logged.contains(#""rebalance_started""#))
    let count = try full.metric("roost_rebalanced_total") ?? 0
    #expect((1..<100).contains(count))
  }

  @Test func `who holds a ticket gets in where others have to wait`() throws {
    let cluster = try Self.cluster(
      try RedisServer(),
      limit: "handshakes_per_second", 20)
    let welcomes = try (0..<15).map { _ in try Self.open(cluster.nodes[0], ticket: nil) }
    var refused = false
    var others: [TestClient] = []
    for _ in 0..<60 where !refused {
      let client = TestClient(try BlockingSocket(to: cluster.nodes[1].address))
      others.append(client)
      do { try client.upgrade() } catch { refused = true }
    }
    #expect(refused)
    for (_, welcome) in welcomes {
      let (client, again) = try Self.open(cluster.nodes[1], ticket: try Self.ticket(in: welcome))
      #expect(Self.isResumed(again))
      others.append(client)
    }
  }
}

extension String {
  /// How often a text stands in it.
  fileprivate func components(of text: String) -> Int {
    var (count, rest) = (0, self[...])
    while let range = rest.firstRange(of: text) {
      count += 1
      rest = rest[range.upperBound...]
    }
    return count
  }
}
