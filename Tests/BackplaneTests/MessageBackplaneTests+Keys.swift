import Backplane
import RoostRooms
import Testing

extension MessageBackplaneTests {
  static let key = ScopedKey(scope: Array("user:ann".utf8), key: Array("key".utf8))

  @Test(arguments: BackplaneSetup.all)
  func `a repeated key gives the first result again, on any shard, and is delivered once`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    try harness.join(member(1), lobby)
    let first = try harness.publish(json("a"), in: lobby, key: Self.key)
    try harness.publish(json("b"), in: lobby)
    #expect(try harness.publish(json("a"), in: lobby, key: Self.key) == first)
    #expect(
      try harness.publish(json("a"), in: lobby, key: Self.key, on: harness.lastShard) == first)
    #expect(first?.offset == 1)
    #expect(harness.take(0).offsets == [1, 2])
    if setup.kind.holdsLogs { #expect(harness.figures.keys == 1) }
  }

  @Test(arguments: BackplaneSetup.all)
  func `keys work in rooms without history too`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.plain)
    let lobby = try room("lobby")
    try harness.join(member(1), lobby)
    for _ in 1...3 {
      #expect(try harness.publish(json("a"), in: lobby, key: Self.key) == nil)
    }
    #expect(harness.take(0).count == 1)
  }

  @Test(arguments: BackplaneSetup.all)
  func `a key that was used for other data is refused, and nothing is delivered`(
    setup: BackplaneSetup
  ) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    try harness.join(member(1), lobby)
    let first = try harness.publish(json("a"), in: lobby, key: Self.key)
    #expect(throws: BackplaneFailure.keyConflict) {
      try harness.publish(json("b"), in: lobby, key: Self.key, on: harness.lastShard)
    }
    #expect(harness.take(0).offsets == [1])
    // The conflict did not spoil the key.
    #expect(try harness.publish(json("a"), in: lobby, key: Self.key) == first)
  }

  @Test(
    arguments: BackplaneSetup.all,
    [
      ("user:bo", "key", "lobby"), ("user:ann", "other", "lobby"), ("user:ann", "key", "hall"),
      ("user:annk", "ey", "lobby"), ("", "user:annkey", "lobby"),
    ])
  func `another publisher's key, another key and another room's key are other keys`(
    setup: BackplaneSetup, other: (scope: String, key: String, room: String)
  ) throws {
    let harness = setup.harness(.logged())
    let lobby = try room("lobby")
    try harness.publish(json("a"), in: lobby, key: Self.key)
    let key = ScopedKey(scope: Array(other.scope.utf8), key: Array(other.key.utf8))
    let position = try harness.publish(json("b"), in: try room(other.room), key: key)
    #expect(position?.offset == (other.room == "lobby" ? 2 : 1))
    if setup.kind.holdsLogs { #expect(harness.figures.keys == 2) }
  }

  @Test(
    arguments: BackplaneSetup.holdingLogs,
    [(299_999, 1), (300_000, 2), (300_001, 2)] as [(milliseconds: Int, offset: UInt64)])
  func `a key is remembered for its window`(
    setup: BackplaneSetup, table: (milliseconds: Int, offset: UInt64)
  ) throws {
    let harness = setup.harness(.logged(for: .seconds(1000)))
    let lobby = try room("lobby")
    try harness.publish(json("a"), in: lobby, key: Self.key)
    harness.advance(.milliseconds(table.milliseconds))
    #expect(try harness.publish(json("a"), in: lobby, key: Self.key)?.offset == table.offset)
    #expect(harness.figures.keys == 1)
  }

  @Test(arguments: BackplaneSetup.holdingLogs)
  func `a repetition does not lengthen the window`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged(for: .seconds(1000)))
    let lobby = try room("lobby")
    try harness.publish(json("a"), in: lobby, key: Self.key)
    harness.advance(.seconds(200))
    #expect(try harness.publish(json("a"), in: lobby, key: Self.key)?.offset == 1)
    harness.advance(.seconds(100))
    #expect(try harness.publish(json("a"), in: lobby, key: Self.key)?.offset == 2)
  }

  @Test(arguments: BackplaneSetup.all)
  func `a key outlives its message`(setup: BackplaneSetup) throws {
    let harness = setup.harness(.logged(1))
    let lobby = try room("lobby")
    let first = try harness.publish(json("a"), in: lobby, key: Self.key)
    try harness.publish(json("b"), in: lobby)
    #expect(try harness.publish(json("a"), in: lobby, key: Self.key) == first)
  }

  @Test(arguments: BackplaneSetup.all)
  func `a full window refuses new keys, knows its own and opens when they are old`(
    setup: BackplaneSetup
  ) throws {
    let limits = LocalBackplaneLimits(
      logBytesMax: 1000, keysMax: 3, keyWindow: .seconds(300), idleRoomsMax: 10,
      presenceEventsMax: 10, pageBytesMax: 100)
    let harness = setup.harness(.logged(for: .seconds(1000)), limits: limits)
    let lobby = try room("lobby")
    try harness.join(member(1), lobby)
    for number: UInt8 in 1...3 {
      let key = ScopedKey(scope: [], key: [number])
      #expect(try harness.publish(json("a"), in: lobby, key: key)?.offset == UInt64(number))
    }
    let fourth = ScopedKey(scope: [], key: [4])
    #expect(throws: BackplaneFailure.keysExhausted) {
      try harness.publish(json("a"), in: lobby, key: fourth)
    }
    #expect(harness.take(0).offsets == [1, 2, 3])
    #expect(
      try harness.publish(json("a"), in: lobby, key: ScopedKey(scope: [], key: [2]))?.offset == 2)
    #expect(try harness.publish(json("a"), in: lobby)?.offset == 4)
    guard setup.kind.holdsLogs else { return }
    harness.advance(.seconds(300))
    #expect(try harness.publish(json("a"), in: lobby, key: fourth)?.offset == 5)
    #expect(harness.figures.keys == 1)
  }
}
