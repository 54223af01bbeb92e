// What is particular to the backplane within one process: the homes of rooms, and bounds that count
// for all rooms of a shard.

import Backplane
import RoostRooms
import Testing

struct LocalBackplaneTests {
  static let single = BackplaneSetup(kind: .local, shardCount: 1)

  /// Ten messages of three bytes fit all logs together; two idle rooms are kept.
  static let narrow = LocalBackplaneLimits(
    logBytesMax: 30, keysMax: 10, keyWindow: .seconds(1), idleRoomsMax: 2, presenceEventsMax: 10,
    pageBytesMax: 1000)

  @Test(arguments: [1, 2, 3, 5, 64])
  func `a room has one home, and all shards get their share of rooms`(shardCount: Int) throws {
    var homes = Array(repeating: 0, count: shardCount)
    for number in 0..<6400 {
      let home = LocalBackplane.home(of: try room("chat:\(number)"), shardCount: shardCount)
      try #require((0..<shardCount).contains(home))
      homes[home] += 1
    }
    let share = 6400 / shardCount
    #expect(homes.allSatisfy { $0 > share / 2 && $0 < share * 2 })
  }

  @Test func `homes are the same in every process`() throws {
    #expect(LocalBackplane.home(of: try room("lobby"), shardCount: 64) == 5)
    #expect(LocalBackplane.home(of: try room("chat:1"), shardCount: 64) == 53)
  }

  @Test func `a command for another shard's room is passed on untouched`() throws {
    let lobby = try room("lobby")
    let home = LocalBackplane.home(of: lobby, shardCount: 2)
    let stranger = try BackplaneKind.local.make(2, [.plain], .generous).parts[1 - home]
    let command = BackplaneCommand.leave(lobby, member(1).connection, shard: 1 - home)
    let now = Moment(monotonic: .zero, wallMilliseconds: 0)
    #expect(stranger.submit(command, at: now) == [.command(shard: home, command)])
    #expect(stranger.figures == BackplaneFigures())
  }

  @Test func `a wide log pushes out the oldest message of all rooms`() throws {
    let harness = Self.single.harness(.logged(), limits: Self.narrow)
    for name in ["old", "young"] { try harness.publish(numbers: 1...5, in: try room(name)) }
    #expect(harness.figures.logBytes == 30)
    try harness.publish(json("6"), in: try room("young"))
    #expect(try harness.history(try room("old")).entries.offsets == [2, 3, 4, 5])
    try harness.publish(numbers: 1...5, in: try room("third"))
    #expect(try harness.history(try room("old")).entries.offsets == [])
    #expect(try harness.history(try room("young")).entries.offsets == [2, 3, 4, 5, 6])
    #expect(try harness.history(try room("third")).entries.offsets == [1, 2, 3, 4, 5])
    #expect(harness.figures.logBytes == 30)
    #expect(harness.figures.logEntries == 10)
  }

  @Test func `a message over the bound of all logs empties them and is delivered`() throws {
    let harness = Self.single.harness(.logged(), limits: Self.narrow)
    let lobby = try room("lobby")
    try harness.publish(numbers: 1...5, in: try room("other"))
    try harness.join(member(1), lobby)
    try harness.publish(json(String(repeating: "a", count: 29)), in: lobby)
    #expect(harness.take(0).offsets == [1])
    #expect(harness.figures.logBytes == 0)
    #expect(harness.figures.logEntries == 0)
  }

  // Notes of messages that a room had already dropped by its own bound took newer messages of that
  // room in their stead, while older ones of other rooms stayed.
  @Test func `what a room dropped by itself does not cost it newer messages`() throws {
    let harness = Self.single.harness(.logged(), .logged(2), limits: Self.narrow)
    try harness.publish(numbers: 1...2, in: try room("busy"), policy: 1)
    try harness.publish(numbers: 1...1, in: try room("old"))
    try harness.publish(numbers: 3...9, in: try room("busy"), policy: 1)
    try harness.publish(numbers: 1...8, in: try room("young"))
    #expect(harness.figures.logBytes == 30)
    #expect(try harness.history(try room("busy"), policy: 1).entries.offsets == [8, 9])
    #expect(try harness.history(try room("old")).entries.offsets == [])
    #expect(try harness.history(try room("young")).entries.count == 8)
  }

  // The notes of quiet rooms were dropped when a busy room had left thousands behind them, and the
  // messages could not be found any more when they were the oldest.
  @Test func `a quiet room's message is still the oldest after thousands in a busy one`() throws {
    let harness = Self.single.harness(.logged(), .logged(2), limits: Self.narrow)
    try harness.publish(numbers: 1...1, in: try room("quiet"))
    for _ in 1...10_000 { try harness.publish(json("a"), in: try room("busy"), policy: 1) }
    #expect(harness.figures.logEntries == 3)
    try harness.publish(numbers: 1...7, in: try room("young"))
    #expect(harness.figures.logEntries == 10)
    try harness.publish(json("8"), in: try room("young"))
    #expect(try harness.history(try room("quiet")).entries.offsets == [])
    #expect(try harness.history(try room("busy"), policy: 1).entries.count == 2)
    #expect(try harness.history(try room("young")).entries.count == 8)
  }

  @Test func `a room that lost its messages to the bound goes like one whose messages aged`() throws
  {
    let harness = Self.single.harness(.logged(), limits: Self.narrow)
    try harness.publish(numbers: 1...3, in: try room("old"))
    let lobby = try room("lobby")
    try harness.join(member(1), lobby)
    try harness.publish(numbers: 1...9, in: lobby)
    try harness.publish(json("a"), in: lobby)
    #expect(harness.figures.rooms == 2)
    harness.sweep()
    harness.advance(.seconds(600))
    harness.sweep()
    #expect(harness.figures.rooms == 1)
  }

  @Test func `as many idle rooms keep their position as the bound says`() throws {
    let harness = Self.single.harness(.logged(for: .seconds(60)), limits: Self.narrow)
    for number in 1...4 { try harness.publish(json("a"), in: try room("room\(number)")) }
    #expect(harness.figures.rooms == 4)
    harness.advance(.seconds(60))
    harness.sweep()
    #expect(harness.figures.rooms == 2)
    // A room that is used again makes place for another.
    let before = harness.figures.rooms
    for number in 1...4 { try harness.join(member(UInt32(number)), try room("room\(number)")) }
    #expect(harness.figures.rooms == before + 2)
  }

  @Test func `a room without members and without a first message leaves nothing behind`() throws {
    let harness = Self.single.harness(.logged())
    try harness.join(member(1), try room("lobby"))
    harness.leave(member(1), try room("lobby"))
    #expect(harness.figures.rooms == 0)
  }

  @Test func `the place of a room that is gone is taken by another without its messages`() throws {
    let harness = Self.single.harness(.logged(for: .seconds(60)))
    for number in 0..<50 {
      let name = try room("room\(number)")
      try harness.publish(numbers: 1...3, in: name)
      #expect(try harness.history(name).entries.offsets == [1, 2, 3])
      harness.advance(.seconds(601))
      harness.sweep()
      harness.advance(.seconds(600))
      harness.sweep()
      #expect(harness.figures == BackplaneFigures())
    }
  }

  @Test func `thousands of rooms are swept in parts until all are gone`() throws {
    let limits = LocalBackplaneLimits(
      logBytesMax: 1 << 20, keysMax: 10, keyWindow: .seconds(1), idleRoomsMax: 10_000,
      presenceEventsMax: 10, pageBytesMax: 1000)
    let harness = Self.single.harness(.logged(for: .seconds(60)), limits: limits)
    for number in 0..<3_000 { try harness.publish(json("a"), in: try room("room\(number)")) }
    harness.advance(.seconds(60))
    for _ in 0..<3 { harness.sweep() }
    #expect(harness.figures.logEntries == 0)
    #expect(harness.figures.rooms == 3_000)
    harness.advance(.seconds(600))
    for _ in 0..<3 { harness.sweep() }
    #expect(harness.figures == BackplaneFigures())
  }
}
