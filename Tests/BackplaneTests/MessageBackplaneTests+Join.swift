import Backplane
import RoostRooms
import Testing

extension MessageBackplaneTests {
  @Test(arguments: BackplaneSetup.all)
  func `a join tells the room's size, the new member included, over all shards`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.plain)
    let lobby = try room("lobby")
    for number in 1...12 {
      let receipt = try harness.join(
        member(UInt32(number)), lobby, on: number % harness.shardCount)
      #expect(
        receipt
          == JoinReceipt(
            members: number, position: nil, recovered: nil, missed: [], isComplete: true))
    }
    harness.leave(member(12), lobby, on: 12 % harness.shardCount)
    #expect(try harness.join(member(13), lobby).members == 12)
  }

  @Test(arguments: BackplaneSetup.all)
  func `a join without a position gets the newest one and no messages`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...3, in: lobby)
    let receipt = try harness.join(member(1), lobby, on: harness.lastShard)
    #expect(
      receipt
        == JoinReceipt(members: 1, position: newest, recovered: nil, missed: [], isComplete: true))
  }

  @Test(arguments: BackplaneSetup.all)
  func `the first envelope after a join follows the position that the join told`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    try harness.publish(numbers: 1...4, in: lobby)
    let shard = harness.lastShard
    let position = try #require(try harness.join(member(1), lobby, on: shard).position)
    try harness.publish(json("5"), in: lobby)
    #expect(position.offset == 4)
    #expect(harness.take(shard).offsets == [5])
  }

  /// What a client says it has, and what becomes of it, in a room whose log holds 6 to 10.
  struct Recovery: Sendable, CustomTestStringConvertible {
    let offset: UInt64
    var isForeignEpoch = false
    let recovered: Bool
    let missed: [UInt64]

    var testDescription: String {
      "since \(offset)\(isForeignEpoch ? " of another epoch" : ""): \(recovered)"
    }

    static let all = [
      Recovery(offset: 10, recovered: true, missed: []),
      Recovery(offset: 9, recovered: true, missed: [10]),
      Recovery(offset: 6, recovered: true, missed: [7, 8, 9, 10]),
      Recovery(offset: 5, recovered: true, missed: [6, 7, 8, 9, 10]),
      // Behind the log: 5 itself is gone.
      Recovery(offset: 4, recovered: false, missed: []),
      Recovery(offset: 0, recovered: false, missed: []),
      // Ahead of the log: it cannot have come from here.
      Recovery(offset: 11, recovered: false, missed: []),
      Recovery(offset: .max, recovered: false, missed: []),
      Recovery(offset: 10, isForeignEpoch: true, recovered: false, missed: []),
      Recovery(offset: 7, isForeignEpoch: true, recovered: false, missed: []),
    ]
  }

  @Test(arguments: BackplaneSetup.all, Recovery.all)
  func `a join recovers exactly when the log reaches back to the client's position`(
    setup: BackplaneSetup, recovery: Recovery
  ) throws {
    let harness = setup.harness(.logged(5))
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...10, in: lobby)
    let epoch = recovery.isForeignEpoch ? Epoch(high: 1, low: 2) : newest.epoch
    let receipt = try harness.join(
      member(1), lobby, since: Position(epoch: epoch, offset: recovery.offset),
      on: harness.lastShard)
    #expect(receipt.recovered == recovery.recovered)
    #expect(receipt.missed.offsets == recovery.missed)
    #expect(receipt.missed.map(\.payload) == recovery.missed.map { json("\($0)") })
    #expect(receipt.position == newest)
    #expect(receipt.isComplete)
  }

  @Test(arguments: BackplaneSetup.all)
  func `a join with a position into a room without history is not recovered`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.plain)
    let receipt = try harness.join(
      member(1), try room("lobby"), since: Position(epoch: Epoch(high: 1, low: 1), offset: 1))
    #expect(
      receipt
        == JoinReceipt(
          members: 1, position: nil, recovered: false, missed: [], isComplete: true))
  }

  @Test(arguments: BackplaneSetup.all)
  func `a join into an empty log with the newest position is recovered`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged(100, for: .seconds(60)))
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...3, in: lobby)
    harness.advance(.seconds(60))
    #expect(try harness.join(member(1), lobby, since: newest).recovered == true)
    let before = Position(epoch: newest.epoch, offset: 2)
    #expect(try harness.join(member(2), lobby, since: before).recovered == false)
    if setup.kind.holdsLogs { #expect(harness.figures.logEntries == 0) }
  }

  @Test(arguments: BackplaneSetup.all, [RoomPolicy.plain, .known, .logged()])
  func `a room takes as many members as its policy allows and not one more`(
    setup: BackplaneSetup, policy: RoomPolicy
  ) throws {
    let harness = setup.harness(policy.members(max: 3))
    let lobby = try room("lobby")
    for number in 1...3 {
      let shard = number % harness.shardCount
      #expect(try harness.join(member(UInt32(number)), lobby, on: shard).members == number)
    }
    #expect(throws: BackplaneFailure.roomIsFull) {
      try harness.join(member(4), lobby, on: harness.lastShard)
    }
    harness.leave(member(2), lobby, on: 2 % harness.shardCount)
    #expect(try harness.join(member(4), lobby).members == 3)
    #expect(throws: BackplaneFailure.roomIsFull) { try harness.join(member(5), lobby) }
  }

  // A connection that closes while its join is under way sends its leave behind it. When the room
  // turned out to be full, that leave used to end somebody else's membership, or, on a shard
  // without members in the room, the process.
  @Test(arguments: BackplaneSetup.all, [RoomPolicy.plain, .known])
  func `a leave behind a join that is refused takes nobody out`(
    setup: BackplaneSetup, policy: RoomPolicy
  ) throws {
    for shard in [0, setup.shardCount - 1] {
      let harness = setup.harness(policy.members(max: 1))
      let lobby = try room("lobby")
      try harness.join(member(1), lobby, on: 0)
      let ticket = harness.ticket(shard)
      let command = JoinCommand(
        room: lobby, policy: 0, member: member(2), since: nil, pageBytesMax: 100, ticket: ticket)
      harness.submit(.join(command), on: shard)
      harness.submit(.leave(lobby, member(2).connection, shard: shard), on: shard)
      harness.settle()
      let answers = harness.take(shard)
      #expect(answers.map(\.ticket) == [ticket])
      if setup.kind.entersAtOnce { #expect(answers == [.failed(ticket, lobby, .roomIsFull)]) }
      try harness.publish(json("a"), in: lobby)
      #expect(harness.take(0).count == 1)
      #expect(throws: BackplaneFailure.roomIsFull) { try harness.join(member(3), lobby) }
      harness.leave(member(1), lobby)
      // The room is gone by now; a leave that comes even later finds nothing.
      harness.leave(member(2), lobby, on: shard)
      if setup.kind.holdsLogs { #expect(harness.figures == BackplaneFigures()) }
    }
  }

  @Test(arguments: BackplaneSetup.all)
  func `a room with a bound on members but without presence tells nobody who they are`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(RoomPolicy.plain.members(max: 3))
    let lobby = try room("lobby")
    try harness.join(member(1, user: "ann"), lobby)
    try harness.join(member(2), lobby)
    harness.leave(member(2), lobby)
    #expect(harness.isSilent())
    #expect(try harness.presence(lobby).members == [])
  }
}
