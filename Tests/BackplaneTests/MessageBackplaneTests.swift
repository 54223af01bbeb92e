// The contract that every backplane keeps, held against each implementation on one, two and five
// shards. Publishing and leaving are here; the other files of the suite are named by their part.

import Backplane
import RoostRooms
import Testing

@Suite(.sharedRedis)
struct MessageBackplaneTests {
  @Test(arguments: BackplaneSetup.all)
  func `a publish without history has no position and reaches every shard with members once`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.plain)
    let lobby = try room("lobby")
    for shard in 0..<harness.shardCount {
      try harness.join(member(UInt32(2 * shard)), lobby, on: shard)
      try harness.join(member(UInt32(2 * shard + 1)), lobby, on: shard)
    }
    #expect(try harness.publish(json("hello"), in: lobby, on: harness.lastShard) == nil)
    let envelope = Envelope(
      room: lobby, position: nil, payload: json("hello"), sender: nil, wallMilliseconds: nil)
    for inbox in harness.takeAll() { #expect(inbox == [.envelope(envelope)]) }
    if setup.kind.holdsLogs { #expect(harness.figures.logEntries == 0) }
  }

  @Test(arguments: BackplaneSetup.all)
  func `a shard without members in a room hears nothing of it`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let other = try room("other")
    try harness.join(member(1), lobby, on: harness.lastShard)
    for shard in 0..<harness.shardCount { try harness.join(member(9), other, on: shard) }
    try harness.publish(json("hello"), in: lobby)
    for shard in 0..<harness.lastShard { #expect(harness.take(shard) == []) }
    #expect(harness.take(harness.lastShard).offsets == [1])
  }

  @Test(arguments: BackplaneSetup.all)
  func `a publish into a room that nobody is in is acknowledged and delivered to nobody`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.plain, .logged())
    #expect(try harness.publish(json("a"), in: try room("empty"), policy: 0) == nil)
    #expect(try harness.publish(json("a"), in: try room("kept"), policy: 1)?.offset == 1)
    #expect(harness.isSilent())
    if setup.kind.holdsLogs { #expect(harness.figures.rooms == 1) }
  }

  @Test(arguments: BackplaneSetup.all)
  func `offsets begin at one and follow each other in one epoch`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let joined = try #require(try harness.join(member(1), lobby).position)
    #expect(joined.offset == 0)
    for number in 1...20 {
      let position = try harness.publish(
        json("\(number)"), in: lobby, on: number % harness.shardCount)
      #expect(position == Position(epoch: joined.epoch, offset: UInt64(number)))
    }
    let envelopes = harness.take(0).compactMap(\.envelope)
    #expect(envelopes.map(\.position?.offset) == (1...20).map { UInt64($0) })
    #expect(envelopes.map(\.payload) == (1...20).map { json("\($0)") })
    #expect(envelopes.allSatisfy { $0.position?.epoch == joined.epoch })
  }

  @Test(arguments: BackplaneSetup.all)
  func `two rooms count for themselves and have epochs of their own`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged())
    let first = try harness.publish(numbers: 1...3, in: try room("one"))
    let second = try harness.publish(numbers: 1...2, in: try room("two"))
    #expect(first.offset == 3)
    #expect(second.offset == 2)
    #expect(first.epoch != second.epoch)
  }

  @Test(arguments: BackplaneSetup.all)
  func `a binary payload comes out as it went in`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let bytes = Payload.binary([0, 255, 10, 0])
    try harness.join(member(1), lobby)
    try harness.publish(bytes, in: lobby)
    #expect(harness.take(0).compactMap(\.envelope?.payload) == [bytes])
    #expect(try harness.history(lobby).entries.map(\.payload) == [bytes])
  }

  @Test(arguments: BackplaneSetup.all, [false, true])
  func `sender and time are shown where the policy says so, in envelopes and in the log alike`(
    setup: BackplaneSetup, isShown: Bool
  ) throws {
    var policy = RoomPolicy.logged()
    policy.showsSender = isShown
    policy.showsTime = isShown
    let harness = setup.harness(policy)
    let lobby = try room("lobby")
    let ann = member(1, user: "ann", info: Array("{}".utf8))
    try harness.join(ann, lobby)
    try harness.publish(json("a"), in: lobby, sender: ann)
    let sender = isShown ? ann : nil
    let time: Int64? = isShown ? 1_700_000_000_000 : nil
    let envelope = try #require(harness.take(0).first?.envelope)
    #expect(envelope.sender == sender)
    #expect(envelope.wallMilliseconds == time)
    let entry = LogEntry(offset: 1, payload: json("a"), sender: sender, wallMilliseconds: time)
    #expect(try harness.history(lobby).entries == [entry])
  }

  @Test(arguments: BackplaneSetup.all)
  func `a publish that nobody waits for is delivered and not acknowledged`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.plain)
    let lobby = try room("lobby")
    try harness.join(member(1), lobby)
    let command = PublishCommand(
      room: lobby, policy: 0, payload: json("a"), key: nil, sender: nil, ticket: nil)
    harness.submit(.publish(command), on: harness.lastShard)
    harness.settle()
    #expect(harness.take(0).count == 1)
    #expect(harness.isSilent())
  }

  @Test(arguments: BackplaneSetup.answeringFirst)
  func `the publisher's acknowledgement comes before its own copy of the message`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let shard = harness.lastShard
    try harness.join(member(1), lobby, on: shard)
    let ticket = harness.ticket(shard)
    let command = PublishCommand(
      room: lobby, policy: 0, payload: json("a"), key: nil, sender: nil, ticket: ticket)
    harness.submit(.publish(command), on: shard)
    harness.settle()
    let events = harness.take(shard)
    try #require(events.count == 2)
    #expect(events[0].ticket == ticket)
    #expect(events[1].envelope?.position?.offset == 1)
  }

  @Test(arguments: BackplaneSetup.all)
  func `every question has exactly one answer with its own ticket, whatever the order of letters`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged())
    let rooms = try (0..<7).map { try room("room\($0)") }
    var asked: [ReplyTicket] = []
    for number in 0..<200 {
      let shard = number % harness.shardCount
      let ticket = harness.ticket(shard)
      asked.append(ticket)
      let room = rooms[number % rooms.count]
      switch number % 5 {
      case 0:
        harness.submit(
          .join(
            JoinCommand(
              room: room, policy: 0, member: member(UInt32(number)), since: nil,
              pageBytesMax: 100, ticket: ticket)), on: shard)
      case 1:
        harness.submit(.presence(room, limit: 10, after: 0, ticket: ticket), on: shard)
      case 2:
        harness.submit(
          .history(room, policy: 0, since: nil, limit: 3, reverse: true, ticket: ticket), on: shard)
      case 3:
        harness.submit(
          .replay(
            room, after: Position(epoch: Epoch(high: 1, low: 1), offset: 1), pageBytesMax: 10,
            ticket: ticket), on: shard)
      default:
        harness.submit(
          .publish(
            PublishCommand(
              room: room, policy: 0, payload: json("a"), key: nil, sender: nil, ticket: ticket)),
          on: shard)
      }
    }
    harness.settle()
    for shard in 0..<harness.shardCount {
      let answered = harness.take(shard).compactMap(\.ticket?.slot)
      #expect(answered.sorted() == asked.filter { $0.shard == shard }.map(\.slot))
    }
  }

  // MARK: Leaving

  @Test(arguments: BackplaneSetup.all)
  func `after a leave the shard hears nothing more once its last member went`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.plain)
    let lobby = try room("lobby")
    try harness.join(member(1), lobby)
    try harness.join(member(2), lobby)
    harness.leave(member(1), lobby)
    try harness.publish(json("a"), in: lobby)
    #expect(harness.take(0).count == 1)
    harness.leave(member(2), lobby)
    try harness.publish(json("b"), in: lobby)
    #expect(harness.isSilent())
    if setup.kind.holdsLogs { #expect(harness.figures.rooms == 0) }
  }

  @Test(arguments: BackplaneSetup.all)
  func `a leave right behind a join that was not answered yet ends the membership`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.known)
    let lobby = try room("lobby")
    let shard = harness.lastShard
    let command = JoinCommand(
      room: lobby, policy: 0, member: member(1), since: nil, pageBytesMax: 100,
      ticket: harness.ticket(shard))
    harness.submit(.join(command), on: shard)
    harness.submit(.leave(lobby, member(1).connection, shard: shard), on: shard)
    harness.settle()
    #expect(try harness.presence(lobby).members == [])
    if setup.kind.holdsLogs { #expect(harness.figures.rooms == 0) }
  }

  @Test(arguments: BackplaneSetup.all)
  func `the shards that stay members are not disturbed by another shard's leave`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    for shard in 0..<harness.shardCount {
      try harness.join(member(UInt32(shard)), lobby, on: shard)
    }
    harness.leave(member(0), lobby, on: 0)
    try harness.publish(json("a"), in: lobby)
    #expect(harness.take(0) == [])
    for shard in 1..<max(1, harness.shardCount) { #expect(harness.take(shard).offsets == [1]) }
  }

  @Test(arguments: BackplaneSetup.holdingLogs)
  func `when everybody left and everything expired nothing is held`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged(10, for: .seconds(60)), .known, .plain)
    for number in 0..<60 {
      let name = try room("room\(number)")
      let policy = Int32(number % 3)
      let shard = number % harness.shardCount
      try harness.join(member(UInt32(number)), name, policy: policy, on: shard)
      let key = ScopedKey(scope: [1], key: [UInt8(number)])
      for _ in 0..<15 { try harness.publish(json("a"), in: name, policy: policy) }
      try harness.publish(json("b"), in: name, policy: policy, key: key, on: shard)
      harness.leave(member(UInt32(number)), name, on: shard)
    }
    #expect(harness.figures.rooms == 20)
    #expect(harness.figures.logEntries == 200)
    #expect(harness.figures.logBytes == 600)
    #expect(harness.figures.keys == 60)
    // The messages, then the positions, ten lifetimes later.
    for _ in 0..<3 {
      harness.advance(.seconds(601))
      harness.sweep()
    }
    #expect(harness.figures == BackplaneFigures())
  }
}
