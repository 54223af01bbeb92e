import Backplane
import RoostRooms
import Testing

// Payloads of `publish(numbers:)` below 10 are three bytes long, quotes included.
extension MessageBackplaneTests {
  @Test(arguments: BackplaneSetup.all)
  func `missed messages that do not fit the answer are read on page by page without a hole`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...9, in: lobby)
    let shard = harness.lastShard
    let receipt = try harness.join(
      member(1), lobby, since: Position(epoch: newest.epoch, offset: 1), pageBytesMax: 8, on: shard)
    #expect(receipt.recovered == true)
    #expect(receipt.missed.offsets == [2, 3])
    #expect(receipt.position == newest)
    #expect(!receipt.isComplete)

    var last: UInt64 = 3
    for (offsets, isLast) in [([4, 5], false), ([6, 7], false), ([8, 9], true)]
      as [([UInt64], Bool)]
    {
      let page = try harness.replay(
        lobby, after: Position(epoch: newest.epoch, offset: last), pageBytesMax: 8, on: shard)
      guard case .entries(let entries, newest, let isComplete) = page else {
        Issue.record("\(page)")
        return
      }
      #expect(entries.offsets == offsets)
      #expect(isComplete == isLast)
      last = entries.last?.offset ?? 0
    }
  }

  @Test(
    arguments: BackplaneSetup.all,
    [(5, 1), (6, 2), (8, 2), (9, 3), (10, 3)] as [(bytesMax: Int, entries: Int)])
  func `a page holds as many whole messages as its bytes allow`(
    setup: BackplaneSetup, limit: (bytesMax: Int, entries: Int)
  ) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...9, in: lobby)
    let start = Position(epoch: newest.epoch, offset: 0)
    let receipt = try harness.join(
      member(1), lobby, since: start, pageBytesMax: limit.bytesMax)
    #expect(receipt.missed.count == limit.entries)
    guard
      case .entries(let entries, _, false) = try harness.replay(
        lobby, after: start, pageBytesMax: limit.bytesMax)
    else {
      Issue.record("the page says that it is the last")
      return
    }
    #expect(entries.count == limit.entries)
  }

  @Test(arguments: BackplaneSetup.all)
  func `a page holds one message at least, however long`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...2, in: lobby)
    let start = Position(epoch: newest.epoch, offset: 0)
    let receipt = try harness.join(member(1), lobby, since: start, pageBytesMax: 0)
    #expect(receipt.missed.offsets == [1])
    #expect(!receipt.isComplete)
    #expect(
      try harness.replay(
        lobby, after: Position(epoch: newest.epoch, offset: 1), pageBytesMax: 0)
        == .entries(
          [LogEntry(offset: 2, payload: json("2"), sender: nil, wallMilliseconds: nil)],
          position: newest, isComplete: true))
  }

  @Test(arguments: BackplaneSetup.all)
  func `the backplane's own bound on a page holds against a larger wish`(
    setup: BackplaneSetup
  ) throws {
    let limits = LocalBackplaneLimits(
      logBytesMax: 1000, keysMax: 10, keyWindow: .seconds(1), idleRoomsMax: 10,
      presenceEventsMax: 10, pageBytesMax: 6)
    let harness = setup.harness(.logged(), limits: limits)
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...9, in: lobby)
    let start = Position(epoch: newest.epoch, offset: 0)
    #expect(try harness.join(member(1), lobby, since: start).missed.offsets == [1, 2])
    guard case .entries(let entries, _, false) = try harness.replay(lobby, after: start) else {
      Issue.record("the page says that it is the last")
      return
    }
    #expect(entries.offsets == [1, 2])
    #expect(try harness.history(lobby).entries.offsets == [1, 2])
    #expect(try harness.history(lobby, reverse: true).entries.offsets == [9, 8])
  }

  @Test(arguments: BackplaneSetup.all)
  func `messages that are published between two pages come once, by page or by envelope`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...9, in: lobby)
    let audience = Audience(harness)
    let start = Position(epoch: newest.epoch, offset: 0)
    let listener = audience.join(
      member(1), lobby, since: start, pageBytesMax: 11, on: harness.lastShard)
    audience.settle()
    for _ in 0..<20 {
      try harness.publish(json("a"), in: lobby)
      listener.readOn()
      // Published while the question is on its way to the room's home, or its answer back.
      try harness.publish(json("b"), in: lobby)
      audience.settle()
    }
    // Three messages a page against two publishes a round: it caught up on the way.
    #expect(listener.isLive)
    #expect(listener.seen == Array(1...49))
  }

  @Test(arguments: BackplaneSetup.all)
  func `a replay that trimming overtook is told that it is lost, and where to go on`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged(5))
    let lobby = try room("lobby")
    let before = try harness.publish(numbers: 1...5, in: lobby)
    let receipt = try harness.join(
      member(1), lobby, since: Position(epoch: before.epoch, offset: 0), pageBytesMax: 3)
    #expect(receipt.missed.offsets == [1])
    let reached = Position(epoch: before.epoch, offset: 1)
    // The oldest is 2: still right behind what the member has.
    try harness.publish(json("6"), in: lobby)
    guard case .entries = try harness.replay(lobby, after: reached) else {
      Issue.record("lost too early")
      return
    }
    let newest = try #require(try harness.publish(json("7"), in: lobby))
    #expect(try harness.replay(lobby, after: reached) == .lost(newest))
  }

  @Test(arguments: BackplaneSetup.all, [1, 10])
  func `a replay from a position that this log never had is lost`(
    setup: BackplaneSetup, offset: UInt64
  ) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...9, in: lobby)
    try harness.join(member(1), lobby)
    let foreign = Position(epoch: Epoch(high: 9, low: 9), offset: offset)
    #expect(try harness.replay(lobby, after: foreign) == .lost(newest))
    let ahead = Position(epoch: newest.epoch, offset: 9 + offset)
    #expect(try harness.replay(lobby, after: ahead) == .lost(newest))
    #expect(try harness.replay(try room("nowhere"), after: foreign) == .lost(foreign))
  }

  @Test(arguments: BackplaneSetup.all)
  func `a replay from the newest position is complete and empty`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    let newest = try harness.publish(numbers: 1...9, in: lobby)
    try harness.join(member(1), lobby)
    #expect(
      try harness.replay(lobby, after: newest)
        == .entries([], position: newest, isComplete: true))
  }
}
