// The rules of the backplane through Redis, one by one, against a Redis that is restarted, frozen and
// written to by strangers. What every backplane promises is in the contract's suite.

import RoostRooms
import Telemetry
import TestRandom
import TestSupport
import Testing

@testable import Backplane

@Suite(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct RedisBackplaneTests {
  /// Nodes around a Redis of their own.
  struct Stage {
    let server: RedisServer
    let cluster: RedisCluster
    let harness: BackplaneHarness

    init(
      _ nodeCount: Int = 1, _ policies: [RoomPolicy] = [.logged()], appendOnly: Bool = false,
      _ change: (inout RedisBackplaneSettings) -> Void = { _ in }
    ) throws {
      server = try RedisServer(door: .none, appendOnly: appendOnly)
      cluster = try RedisCluster(
        nodeCount: nodeCount, shardCount: nodeCount, policies: policies, limits: .generous,
        url: server.unixURL, change)
      harness = BackplaneHarness(cluster, shardCount: nodeCount)
    }

    /// Serves the links until something is so.
    func wait(until isSo: () -> Bool) throws {
      let deadline = ContinuousClock.now.advanced(by: .seconds(20))
      while !isSo() {
        guard ContinuousClock.now < deadline else { throw TestFailure("it did not happen") }
        cluster.tick(at: harness.now, wait: .milliseconds(5))
        harness.step()
      }
    }

    func key(_ room: String, _ suffix: String) -> String { "\(cluster.prefix){\(room)}:\(suffix)" }

    /// Where a room's members stand who are on the first node.
    func membersKey(_ room: String) -> String {
      key(room, "members:\(cluster.nodes[0].driver.backplane.incarnation)")
    }

    /// Serves the links until Redis has a key no more.
    func waitForEnd(of key: String) throws {
      try wait { (try? server.cli("EXISTS", key))?.contains("0") == true }
    }
  }

  /// Publishes without waiting for anything.
  static func send(_ payload: Payload, in room: RoomName, _ harness: BackplaneHarness) {
    harness.submit(
      .publish(
        PublishCommand(
          room: room, policy: 0, payload: payload, key: nil, sender: nil,
          ticket: harness.ticket(0))), on: 0)
  }

  @Test func `what is published into a room within a tick leaves in one script`() throws {
    let stage = try Stage()
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby)
    for number in 1...50 { Self.send(json("\(number)"), in: lobby, stage.harness) }
    stage.harness.settle()
    let events = stage.harness.take(0)
    #expect(events.compactMap(\.envelope?.payload) == (1...50).map { json("\($0)") })
    #expect(events.offsets == Array(1...50))
    #expect(stage.cluster.nodes[0].status.publishCommands.value == 1)
    #expect(stage.cluster.nodes[0].status.publishes.value == 50)
  }

  // Pipelined EVALSHA that are refused one by one while another loads the script change places.
  @Test func `scripts that are flushed under a stream of publishes change no order`() throws {
    let stage = try Stage(2)
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby, on: 1)
    for number in 1...60 {
      Self.send(json("\(number)"), in: lobby, stage.harness)
      if number % 3 == 0 { try stage.server.cli("SCRIPT", "FLUSH") }
      stage.harness.step()
    }
    stage.harness.settle()
    let acknowledged = stage.harness.take(0)
    #expect(acknowledged.count == 60)
    #expect(acknowledged.allSatisfy { if case .published = $0 { true } else { false } })
    let payloads = stage.harness.take(1).compactMap(\.envelope?.payload)
    #expect(payloads == (1...60).map { json("\($0)") })
  }

  @Test func `a restart that keeps the data begins an epoch that goes on from the old one`() throws
  {
    let stage = try Stage(appendOnly: true)
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby)
    let before = try stage.harness.publish(numbers: 1...3, in: lobby)
    _ = stage.harness.takeAll()
    try stage.server.kill()
    try stage.server.restart()
    stage.harness.settle()
    let after = try #require(try stage.harness.publish(json("4"), in: lobby))
    #expect(after.offset == 4)
    #expect(after.epoch != before.epoch)
    let envelopes = stage.harness.take(0)
    #expect(envelopes.compactMap(\.envelope?.position) == [after])
    #expect(envelopes.compactMap(\.envelope?.startsEpoch) == [true])
    #expect(envelopes.count == 1, "a reset where nothing was lost: \(envelopes)")
    let old = Position(epoch: before.epoch, offset: 2)
    let receipt = try stage.harness.join(member(2), lobby, since: old)
    #expect(receipt.recovered == true)
    #expect(receipt.missed.offsets == [3, 4])
  }

  // A failover, or a snapshot that is older than what was acknowledged.
  @Test func `a restart from an old snapshot resets who has seen more, and recovers who has not`()
    throws
  {
    let stage = try Stage()
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby)
    let kept = try stage.harness.publish(numbers: 1...3, in: lobby)
    try stage.server.cli("SAVE")
    let lost = try stage.harness.publish(numbers: 4...6, in: lobby)
    _ = stage.harness.takeAll()
    try stage.server.kill()
    try stage.server.restart()
    stage.harness.settle()
    let events = stage.harness.take(0)
    try #require(events.count == 1, "\(events)")
    guard case .reset(lobby, let position) = events[0] else {
      throw UnexpectedAnswer(event: events[0])
    }
    #expect(position.offset == 3)
    #expect(position.epoch != kept.epoch)
    #expect(try stage.harness.join(member(2), lobby, since: kept).recovered == true)
    #expect(try stage.harness.join(member(3), lobby, since: lost).recovered == false)
    // The offset is used again, in another epoch.
    let again = try stage.harness.publish(numbers: 7...7, in: lobby)
    #expect(again == Position(epoch: position.epoch, offset: 4))
    #expect(try stage.harness.join(member(4), lobby, since: kept).missed.offsets == [4])
  }

  @Test func `data that is gone is noticed within a probe, and members are told to begin anew`()
    throws
  {
    let stage = try Stage(2, [.logged(), .known])
    let lobby = try room("lobby")
    let hall = try room("hall")
    for shard in 0...1 {
      try stage.harness.join(member(UInt32(shard)), lobby, on: shard)
      try stage.harness.join(member(UInt32(shard)), hall, policy: 1, on: shard)
    }
    try stage.harness.publish(numbers: 1...3, in: lobby)
    _ = stage.harness.takeAll()
    try stage.server.cli("FLUSHALL")
    for _ in 0..<3 { stage.harness.settle() }
    for shard in 0...1 {
      let events = stage.harness.take(shard)
      let resets = events.filter { if case .reset(lobby, _) = $0 { true } else { false } }
      #expect(resets.count == 1, "\(events)")
      #expect(events.contains(.presenceReset(hall)), "\(events)")
    }
    #expect(try stage.harness.presence(hall).members.count == 2)
    #expect(try stage.harness.publish(json("a"), in: lobby)?.offset == 1)
    for shard in 0...1 { #expect(stage.harness.take(shard).offsets == [1]) }
  }

  @Test func `a publish that was handed over is unknown, one that could not be is unavailable`()
    throws
  {
    let stage = try Stage()
    let lobby = try room("lobby")
    stage.server.pause()
    Self.send(json("a"), in: lobby, stage.harness)
    stage.cluster.tick(at: stage.harness.now, wait: .zero)
    try stage.server.kill()
    try stage.wait { !stage.harness.inboxes[0].isEmpty }
    Self.send(json("b"), in: lobby, stage.harness)
    stage.harness.step()
    let events = stage.harness.take(0)
    try #require(events.count == 2, "\(events)")
    guard case .failed(_, lobby, .unknown) = events[0],
      case .failed(_, lobby, .unavailable) = events[1]
    else {
      Issue.record("\(events)")
      return
    }
  }

  @Test func `a publish with a key that had no answer is sent again and done once`() throws {
    let stage = try Stage(appendOnly: true)
    let lobby = try room("lobby")
    let ticket = stage.harness.ticket(0)
    stage.cluster.fault = { node, _, hasWritten in
      guard hasWritten, node.driver.backplane.hasDue else { return }
      node.driver.backplane.closeWishes.append((.commands, "a fault"))
    }
    let key = ScopedKey(scope: [1], key: [2])
    let command = PublishCommand(
      room: lobby, policy: 0, payload: json("a"), key: key, sender: nil, ticket: ticket)
    stage.harness.submit(.publish(command), on: 0)
    stage.cluster.tick(at: stage.harness.now, wait: .zero)
    stage.cluster.fault = nil
    stage.harness.settle()
    let events = stage.harness.take(0)
    #expect(events.count == 1)
    guard case .published(ticket, let position?) = events.first else {
      Issue.record("\(events)")
      return
    }
    #expect(position.offset == 1)
    #expect(try stage.server.cli("XLEN", stage.key("lobby", "log")) == "1")
  }

  // The node remembers for ten seconds that a join failed; a leave that came later took the seat of
  // another member.
  @Test func `a leave long after a join that was refused takes nobody out`() throws {
    let stage = try Stage(1, [.known.members(max: 1)])
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby)
    #expect(throws: BackplaneFailure.roomIsFull) { try stage.harness.join(member(2), lobby) }
    stage.cluster.nodes[0].driver.backplane.refused = [:]
    stage.harness.leave(member(2), lobby)
    #expect(throws: BackplaneFailure.roomIsFull) { try stage.harness.join(member(3), lobby) }
    #expect(try stage.harness.presence(lobby).members == [member(1)])
  }

  // A look at all positions found Redis ahead by what was still on its way, read a log that had lost
  // it already, and told members to load anew.
  @Test func `a comparison under a stream of publishes into a short log resets nobody`() throws {
    let stage = try Stage(2, [.logged(3)])
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby, on: 1)
    for number in 1...300 {
      for _ in 0..<5 { Self.send(json("\(number)"), in: lobby, stage.harness) }
      if number % 3 == 0 { stage.cluster.sweep(1, at: stage.harness.now) }
      // The publisher's turns are more than the reader's.
      stage.cluster.frozen = number % 4 == 0 ? [] : [1]
      stage.harness.step()
    }
    stage.cluster.frozen = []
    stage.harness.settle()
    let events = stage.harness.take(1)
    #expect(events.offsets == Array(1...1500))
    #expect(events.count == 1500)
  }

  // The nodes' times differ by what their probes took. An entry with an older time behind a younger
  // one was left out of what was read, and who recovered across it was told to load anew.
  @Test func `an older time behind a younger one makes no hole in what is read`() throws {
    let stage = try Stage(1, [.logged(10, for: .seconds(5))])
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby)
    for number in 1...4 { Self.send(json("\(number)"), in: lobby, stage.harness) }
    stage.harness.settle()
    let start = stage.harness.now.wallMilliseconds
    try stage.server.cli(
      "EVAL",
      """
      local entries = redis.call('XRANGE', KEYS[1], '-', '+')
      redis.call('DEL', KEYS[1])
      for i, entry in ipairs(entries) do
        redis.call('XADD', KEYS[1], i .. '-' .. ARGV[i], unpack(entry[2]))
      end
      """, "1", stage.key("lobby", "log"), "\(start)", "\(start + 1000)", "\(start + 500)",
      "\(start + 1100)")
    stage.harness.advance(.milliseconds(5700))
    let history = try stage.harness.history(lobby, policy: 0, limit: .max)
    #expect(history.entries.map(\.offset) == [2, 3, 4])
    #expect(history.position.offset == 4)
  }

  @Test func `a join while its channel is being given up subscribes anew`() throws {
    let stage = try Stage()
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby)
    stage.harness.submit(.leave(lobby, member(1).connection, shard: 0), on: 0)
    let node = stage.cluster.nodes[0]
    node.driver.backplane.nextLinger = .zero
    stage.cluster.tick(at: stage.harness.now, wait: .zero)
    try #require(node.driver.backplane.rooms[lobby]?.channel == .unsubscribing)
    try stage.harness.join(member(2), lobby)
    try stage.harness.publish(json("a"), in: lobby)
    #expect(stage.harness.take(0).offsets == [1])
    #expect(try stage.server.cli("PUBSUB", "NUMSUB", stage.key("lobby", "live")).hasSuffix("1"))
  }

  @Test func `while Redis is away a join gets what the node knows, or nothing`() throws {
    let stage = try Stage(1, [.logged(), .plain]) { $0.replyTimeout = .milliseconds(500) }
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby)
    let newest = try stage.harness.publish(numbers: 1...3, in: lobby)
    try stage.server.kill()
    let node = stage.cluster.nodes[0]
    try stage.wait {
      node.driver.backplane.awaySince.map {
        node.driver.backplane.nowMonotonic - $0 > .milliseconds(1100)
      } ?? false
    }
    _ = stage.harness.takeAll()
    func join(_ number: UInt32, _ room: RoomName, _ policy: Int32, _ since: Position?)
      -> BackplaneEvent?
    {
      let ticket = stage.harness.ticket(0)
      stage.harness.submit(
        .join(
          JoinCommand(
            room: room, policy: policy, member: member(number), since: since, pageBytesMax: 100,
            ticket: ticket)), on: 0)
      return stage.harness.take(0).first { $0.ticket == ticket }
    }
    func receipt(_ position: Position?, _ recovered: Bool?) -> JoinReceipt {
      JoinReceipt(
        members: nil, position: position, recovered: recovered, missed: [], isComplete: true,
        isDegraded: true)
    }
    guard case .joined(_, _, receipt(newest, nil)) = join(2, lobby, 0, nil),
      case .joined(_, _, receipt(newest, true)) = join(3, lobby, 0, newest),
      case .failed(_, _, .unavailable) = join(
        4, lobby, 0, Position(epoch: newest.epoch, offset: 2)),
      case .failed(_, _, .unavailable) = join(5, try room("unknown"), 0, nil),
      case .joined(_, _, receipt(nil, nil)) = join(6, try room("plain"), 1, nil)
    else {
      Issue.record("a join while Redis is away")
      return
    }
    // When it is back, everybody stands in it, and is told what it missed.
    try stage.server.restart()
    stage.harness.settle()
    let events = stage.harness.take(0)
    #expect(events.contains(.gap(try room("plain"))), "\(events)")
    #expect(try stage.harness.join(member(7), lobby).members == 4)
    #expect(try stage.harness.join(member(8), try room("plain"), policy: 1).members == 2)
  }

  @Test func `a demoted primary takes no publishes, and is used again once it is one`() throws {
    let stage = try Stage()
    let lobby = try room("lobby")
    try stage.server.cli("REPLICAOF", "127.0.0.1", "1")
    let node = stage.cluster.nodes[0]
    try stage.wait { !node.driver.backplane.isCommandReady }
    Self.send(json("a"), in: lobby, stage.harness)
    guard case .failed(_, lobby, .unavailable) = stage.harness.take(0).last else {
      Issue.record("a demoted primary took a publish")
      return
    }
    try stage.server.cli("REPLICAOF", "NO", "ONE")
    stage.harness.settle()
    #expect(try stage.harness.publish(json("b"), in: lobby)?.offset == 1)
  }

  // MARK: What strangers publish

  @Test func `garbage on a room's channel neither traps nor is delivered, cut at any byte`() throws
  {
    let stage = try Stage(1, [.logged()])
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby)
    let position = try stage.harness.publish(numbers: 1...2, in: lobby)
    _ = stage.harness.takeAll()
    let channel = stage.cluster.nodes[0].driver.backplane.names.channel(lobby)
    let body = RedisEnvelope.lengthPrefixed(RedisEnvelopeTests.bodies[1])
    let digits = position.epoch.digits
    let whole = [
      Array("H".utf8) + digits + Array("2:".utf8) + body,
      Array("H".utf8) + digits + Array("4:".utf8) + body,
      Array("H".utf8) + digits + Array("9999999999999999999:".utf8) + body + body,
      RedisEnvelopeTests.history(), RedisEnvelopeTests.history("9999999999999999999:"),
      Array("J9:".utf8) + RedisEnvelopeTests.bytes(RedisEnvelopeTests.ann),
      Array("L9:".utf8) + RedisEnvelopeTests.bytes(RedisEnvelopeTests.ann), Array("C7".utf8),
    ]
    for payload in whole {
      for end in 0...payload.count {
        stage.cluster.hear(Array(payload[..<end]), on: channel, at: stage.harness.now)
      }
      stage.harness.settle()
    }
    let events = stage.harness.take(0)
    #expect(events == [], "\(events)")
    #expect(try stage.harness.publish(json("3"), in: lobby)?.offset == 3)
    #expect(stage.harness.take(0).offsets == [3])
  }

  @Test func `random bytes on any channel neither trap nor are delivered`() throws {
    var generator = SeededGenerator.make()
    let stage = try Stage(1, [.logged(), .known, .plain])
    for policy: Int32 in 0...2 {
      try stage.harness.join(member(1), try room("room\(policy)"), policy: policy)
    }
    _ = stage.harness.takeAll()
    let backplane = stage.cluster.nodes[0].driver.backplane.names
    let inbox = stage.cluster.nodes[0].driver.backplane.systemChannels
    let channels = try (0...1).map { backplane.channel(try room("room\($0)")) } + inbox
    for _ in 0..<3000 {
      var payload = Array("HJLAQWN".utf8.shuffled(using: &generator).prefix(1))
      let count = Int.random(in: 0...60, using: &generator)
      for _ in 0..<count { payload.append(.random(in: 0...255, using: &generator)) }
      if Bool.random(using: &generator), payload.count > 12 { payload[1...2] = [49, 58] }
      let channel = channels[Int.random(in: 0..<channels.count, using: &generator)]
      stage.cluster.hear(payload, on: channel, at: stage.harness.now)
    }
    stage.harness.settle()
    let delivered = stage.harness.take(0).compactMap(\.envelope)
    #expect(delivered == [], "\(generator)")
  }

  // MARK: Nodes

  @Test func `a node that stands still is cleared away once, and comes back as a new one`() throws {
    let stage = try Stage(3, [.known]) { $0.leaseLife = .milliseconds(2500) }
    let lobby = try room("lobby")
    for shard in 0...2 { try stage.harness.join(member(UInt32(shard)), lobby, on: shard) }
    _ = stage.harness.takeAll()
    stage.cluster.frozen = [2]
    try stage.wait { (0...1).allSatisfy { !stage.harness.inboxes[$0].isEmpty } }
    stage.harness.settle()
    for shard in 0...1 { #expect(stage.harness.take(shard) == [.memberLeft(lobby, member(2))]) }
    let left = try stage.harness.presence(lobby).members
    #expect(Set(left) == [member(0), member(1)])
    // It goes on: its members stand under a new incarnation.
    stage.cluster.frozen = []
    try stage.wait { (0...1).allSatisfy { !stage.harness.inboxes[$0].isEmpty } }
    stage.harness.settle()
    for shard in 0...1 { #expect(stage.harness.take(shard) == [.memberJoined(lobby, member(2))]) }
    #expect(
      try Set(stage.harness.presence(lobby, on: 2).members) == [member(0), member(1), member(2)])
    #expect(stage.cluster.nodes[2].status.leasesLost.value == 1)
  }

  @Test func `presence events that are missing are told as such`() throws {
    let stage = try Stage(1, [.known])
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby)
    _ = stage.harness.takeAll()
    let channel = stage.cluster.nodes[0].driver.backplane.names.channel(lobby)
    let bytes = RedisEnvelopeTests.bytes(member(2))
    stage.cluster.hear(Array("J2:".utf8) + bytes, on: channel, at: stage.harness.now)
    stage.cluster.hear(Array("J2:".utf8) + bytes, on: channel, at: stage.harness.now)
    stage.cluster.hear(Array("L4:".utf8) + bytes, on: channel, at: stage.harness.now)
    stage.harness.step()
    #expect(
      stage.harness.take(0) == [
        .memberJoined(lobby, member(2)), .presenceReset(lobby), .memberLeft(lobby, member(2)),
      ])
  }

  // A comparison that was faster than the event had everybody read the list again.
  @Test(arguments: [true, false])
  func `an event of which a comparison tells first has the time to come`(comes: Bool) throws {
    let stage = try Stage(1, [.known])
    let lobby = try room("lobby")
    try stage.harness.join(member(1), lobby)
    _ = stage.harness.takeAll()
    let node = stage.cluster.nodes[0]
    try stage.server.cli("HSET", stage.key("lobby", "meta"), "pseq", "2")
    stage.cluster.sweep(0, at: stage.harness.now)
    stage.cluster.run(at: stage.harness.now) { !$0.driver.backplane.expected.isEmpty }
    if comes {
      let event = Array("J2:".utf8) + RedisEnvelopeTests.bytes(member(2))
      let channel = node.driver.backplane.names.channel(lobby)
      stage.cluster.hear(event, on: channel, at: stage.harness.now)
    }
    stage.harness.settle()
    #expect(
      stage.harness.take(0) == [comes ? .memberJoined(lobby, member(2)) : .presenceReset(lobby)])
  }

  // MARK: Questions

  @Test func `a question to every node is heard once by each, also over a lost link`() throws {
    let stage = try Stage(2)
    try stage.wait { stage.cluster.nodes.allSatisfy { $0.driver.backplane.nodes.count == 2 } }
    let ticket = stage.harness.ticket(0)
    stage.cluster.nodes[1].driver.backplane.closeWishes = [
      (.subscriptions, "a fault"), (.commands, "a fault"),
    ]
    let question = ClusterQuestion(
      audience: .everyNode, text: Array("who".utf8), ticket: ticket)
    stage.harness.submit(.ask(question), on: 0)
    // Questions come to a node's first shard, which both nodes take to be the test's.
    var asked: [QuestionID] = []
    var answers: [ClusterAnswers] = []
    try stage.wait {
      for event in stage.harness.take(0) {
        switch event {
        case .asked(let id, Array("who".utf8)):
          let node = asked.count
          asked.append(id)
          stage.cluster.submit(.answer(id, [UInt8(node)]), on: node, at: stage.harness.now)
        case .answered(ticket, let gathered): answers.append(gathered)
        default: Issue.record("\(event)")
        }
      }
      return !answers.isEmpty
    }
    #expect(asked.count == 2)
    #expect(Set(asked).count == 1)
    #expect(answers.count == 1)
    #expect(answers[0].answers.map(\.node).sorted() == ["node-0", "node-1"])
    #expect(answers[0].missing == [])
    stage.harness.settle()
    #expect(stage.harness.isSilent())
  }

  @Test func `a question to a user's nodes reaches those that hold its room`() throws {
    let stage = try Stage(3, [.plain])
    let ann = try room("user:ann")
    try stage.harness.join(member(1, user: "ann"), ann, on: 1)
    let ticket = stage.harness.ticket(0)
    let question = ClusterQuestion(audience: .user("ann"), text: [7], ticket: ticket)
    stage.harness.submit(.ask(question), on: 0)
    try stage.wait { !stage.harness.inboxes[0].isEmpty }
    guard case .asked(let id, [7]) = stage.harness.take(0).first else {
      Issue.record("nobody was asked")
      return
    }
    stage.cluster.submit(.answer(id, [8]), on: 1, at: stage.harness.now)
    try stage.wait { !stage.harness.inboxes[0].isEmpty }
    let answers = ClusterAnswers(answers: [("node-1", [8])], missing: [])
    #expect(stage.harness.take(0) == [.answered(ticket, answers)])
    // A user whom nobody holds is answered at once, by nobody.
    let other = stage.harness.ticket(0)
    let nobody = ClusterQuestion(audience: .user("bo"), text: [7], ticket: other)
    #expect(
      try stage.harness.ask(.ask(nobody), other)
        == .answered(other, ClusterAnswers(answers: [], missing: [])))
  }
}
