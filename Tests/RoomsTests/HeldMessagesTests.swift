import RoostRooms
import TestRandom
import Testing

struct HeldMessagesTests {
  /// A message that counts for so much, with a number to know it by.
  static func message(_ number: Int, cost: Int = 100) -> HeldMessage {
    var bytes = [UInt8](repeating: 0, count: cost - HeldMessages.costOfOne)
    for place in 0..<4 { bytes[place] = UInt8(truncatingIfNeeded: number >> (8 * place)) }
    return HeldMessage(form: .ready, bytes: bytes)
  }

  static func number(_ message: HeldMessage) -> Int {
    (0..<4).reduce(0) { $0 | Int(message.bytes[$1]) << (8 * $1) }
  }

  /// Everything that is told, in words: `gap 1`, `reset 1`, `1:7` for message 7 of room 1.
  static func told(_ held: inout HeldMessages) -> [String] {
    var told: [String] = []
    while let step = held.next {
      switch step {
      case .reset(let room, _): told.append("reset \(room)")
      case .gap(let room): told.append("gap \(room)")
      case .message(let room, let message): told.append("\(room):\(number(message))")
      }
      held.removeNext()
    }
    return told
  }

  @Test func `at first nothing is held back`() {
    let held = HeldMessages()
    #expect(held.isEmpty)
    #expect(held.roomCount == 0)
    #expect(held.bytes == 0)
    #expect(held.next == nil)
    #expect(held.policy(of: 1) == nil)
  }

  @Test func `what fits is told in its order, without a gap`() {
    var held = HeldMessages()
    for number in 1...3 {
      #expect(
        held.keep(Self.message(number), of: 7, .dropOldest, bytesMax: 300) == HeldDrops())
    }
    #expect(held.bytes == 300)
    #expect(held.policy(of: 7) == .dropOldest)
    #expect(Self.told(&held) == ["7:1", "7:2", "7:3"])
    #expect(held.isEmpty)
    #expect(held.bytes == 0)
  }

  @Test(arguments: [
    (399, 2, ["gap 7", "7:3", "7:4", "7:5"]), (400, 1, ["gap 7", "7:2", "7:3", "7:4", "7:5"]),
    (401, 1, ["gap 7", "7:2", "7:3", "7:4", "7:5"]), (100, 4, ["gap 7", "7:5"]),
    (0, 4, ["gap 7", "7:5"]), (500, 0, ["7:1", "7:2", "7:3", "7:4", "7:5"]),
  ])
  func `the oldest make way, the newest stays, and one gap stands where they were`(
    bytesMax: Int, dropped: Int, told: [String]
  ) {
    var held = HeldMessages()
    var drops = 0
    for number in 1...5 {
      let made = held.keep(Self.message(number), of: 7, .dropOldest, bytesMax: bytesMax)
      drops += made.dropOldest
      #expect(made.latest == 0)
    }
    #expect(drops == dropped)
    #expect(Self.told(&held) == told)
  }

  @Test func `of a room with the latest only, one message waits, behind one gap`() {
    var held = HeldMessages()
    #expect(held.keep(Self.message(1), of: 7, .latest, bytesMax: 1000) == HeldDrops())
    for number in 2...4 {
      #expect(held.keep(Self.message(number), of: 7, .latest, bytesMax: 1000).latest == 1)
    }
    #expect(held.bytes == 100)
    #expect(Self.told(&held) == ["gap 7", "7:4"])
  }

  @Test func `a single message of the latest needs no gap`() {
    var held = HeldMessages()
    _ = held.keep(Self.message(1), of: 7, .latest, bytesMax: 1000)
    #expect(Self.told(&held) == ["7:1"])
  }

  @Test func `the room that has most makes way for the others`() {
    var held = HeldMessages()
    for number in 1...8 { _ = held.keep(Self.message(number), of: 1, .dropOldest, bytesMax: 1000) }
    for number in 1...4 {
      let drops = held.keep(Self.message(number), of: 2, .dropOldest, bytesMax: 1000)
      #expect(drops.dropOldest == (number > 2 ? 1 : 0))
    }
    #expect(
      Self.told(&held)
        == ["gap 1", "1:3", "1:4", "1:5", "1:6", "1:7", "1:8", "2:1", "2:2", "2:3", "2:4"])
  }

  @Test func `a large message takes the place of others and stays whatever it counts for`() {
    var held = HeldMessages()
    for number in 1...4 { _ = held.keep(Self.message(number), of: 1, .dropOldest, bytesMax: 500) }
    _ = held.keep(Self.message(9), of: 3, .latest, bytesMax: 500)
    let drops = held.keep(Self.message(5, cost: 900), of: 2, .dropOldest, bytesMax: 500)
    #expect(drops.dropOldest == 4)
    #expect(drops.latest == 1)
    #expect(held.bytes == 900)
    #expect(Self.told(&held) == ["gap 1", "gap 3", "2:5"])
  }

  @Test func `what shrinks may lose its last message, and says so`() {
    var held = HeldMessages()
    for number in 1...3 { _ = held.keep(Self.message(number), of: 1, .dropOldest, bytesMax: 500) }
    #expect(held.shrink(to: 299).dropOldest == 1)
    #expect(held.bytes == 200)
    #expect(held.shrink(to: 200) == HeldDrops())
    #expect(held.shrink(to: 0).dropOldest == 2)
    #expect(held.bytes == 0)
    #expect(held.policy(of: 1) == .dropOldest)
    #expect(Self.told(&held) == ["gap 1"])
    #expect(held.isEmpty)
  }

  @Test func `a gap may come in the middle of what is told`() {
    var held = HeldMessages()
    for number in 1...3 { _ = held.keep(Self.message(number), of: 1, .dropOldest, bytesMax: 300) }
    #expect(held.next == .message(1, Self.message(1)))
    held.removeNext()
    for number in 4...5 { _ = held.keep(Self.message(number), of: 1, .dropOldest, bytesMax: 300) }
    #expect(Self.told(&held) == ["gap 1", "1:3", "1:4", "1:5"])
  }

  @Test func `a reset takes the place of what came before it and stands before its gap`() {
    var held = HeldMessages()
    for number in 1...4 { _ = held.keep(Self.message(number), of: 1, .dropOldest, bytesMax: 300) }
    let reset = HeldMessage(form: .ready, bytes: [1, 2, 3])
    #expect(held.reset(1, reset).dropOldest == 3)
    #expect(held.bytes == 3 + HeldMessages.costOfOne)
    #expect(held.next == .reset(1, reset))
    #expect(held.reset(1, HeldMessage(form: .ready, bytes: [4])) == HeldDrops())
    #expect(held.bytes == 1 + HeldMessages.costOfOne)
    for number in 5...9 { _ = held.keep(Self.message(number), of: 1, .dropOldest, bytesMax: 300) }
    #expect(Self.told(&held) == ["reset 1", "gap 1", "1:8", "1:9"])
    #expect(held.bytes == 0)
  }

  @Test func `of a room whose log will be read nothing is told, however long`() {
    var held = HeldMessages()
    held.stop(1)
    _ = held.keep(Self.message(1), of: 2, .dropOldest, bytesMax: 300)
    #expect(held.roomCount == 2)
    #expect(held.policy(of: 1) == .recover)
    #expect(Self.told(&held) == ["2:1"])
    #expect(!held.isEmpty)
    #expect(held.next == nil)
    held.forget(1)
    #expect(held.isEmpty)
  }

  @Test func `a room that is left is forgotten with all it had`() {
    var held = HeldMessages()
    for number in 1...4 { _ = held.keep(Self.message(number), of: 1, .dropOldest, bytesMax: 600) }
    _ = held.reset(1, HeldMessage(form: .ready, bytes: [1]))
    _ = held.keep(Self.message(5), of: 1, .dropOldest, bytesMax: 600)
    _ = held.keep(Self.message(6), of: 2, .latest, bytesMax: 600)
    held.forget(1)
    held.forget(9)
    #expect(held.bytes == 100)
    #expect(held.policy(of: 1) == nil)
    #expect(Self.told(&held) == ["2:6"])
  }

  @Test func `whatever comes and goes, order, gaps, numbers and the bound hold`() {
    var generator = SeededGenerator.make()
    for _ in 0..<50 {
      var held = HeldMessages()
      var model = Model()
      let bytesMax = Int.random(in: 0...3000, using: &generator)
      for number in 1...150 {
        let room = RoomIndex.random(in: 0..<5, using: &generator)
        switch Int.random(in: 0..<20, using: &generator) {
        case 0..<13:
          let cost = Int.random(in: 68...400, using: &generator)
          let drops = held.keep(
            Self.message(number, cost: cost), of: room, Model.policy(room), bytesMax: bytesMax)
          model.keep(number, cost, room, drops)
          #expect(held.bytes <= max(bytesMax, cost), "\(generator)")
        case 13..<17: model.take(&held, "\(generator)")
        case 17:
          let bytes = Int.random(in: 0...2000, using: &generator)
          model.dropped += held.shrink(to: bytes).total
          #expect(held.bytes <= bytes, "\(generator)")
        case 18: model.forget(room, &held)
        default: while held.next != nil { model.take(&held, "\(generator)") }
        }
        model.compare(held, "\(generator)")
      }
    }
  }
}

extension HeldDrops {
  fileprivate var total: Int { dropOldest + latest }
}

/// Knows what was kept of each room, and finds out from what is told what was dropped.
private struct Model {
  /// What was kept and neither told nor seen to be dropped, oldest first.
  var waiting: [RoomIndex: [(number: Int, cost: Int)]] = [:]
  var hadGap: Set<RoomIndex> = []
  /// Drops that were reported and not yet seen.
  var dropped = 0

  static func policy(_ room: RoomIndex) -> SlowConsumerPolicy {
    room == 4 ? .latest : .dropOldest
  }

  mutating func keep(_ number: Int, _ cost: Int, _ room: RoomIndex, _ drops: HeldDrops) {
    waiting[room, default: []].append((number, cost))
    dropped += drops.total
  }

  /// Takes one step: what is skipped needs a gap, and a gap needs something that was skipped.
  mutating func take(_ held: inout HeldMessages, _ seed: String) {
    guard let step = held.next else { return }
    held.removeNext()
    switch step {
    case .reset: Issue.record("nothing was reset; \(seed)")
    case .gap(let room): hadGap.insert(room)
    case .message(let room, let message):
      let number = HeldMessagesTests.number(message)
      guard let place = waiting[room]?.firstIndex(where: { $0.number == number }) else {
        Issue.record("message \(number) came twice, or was never kept; \(seed)")
        return
      }
      if place > 0 { #expect(hadGap.contains(room), "a hole without a gap; \(seed)") }
      // Where a gap was told nothing may have been dropped of what is there now: it was before.
      if hadGap.contains(room) { #expect(place > 0, "a gap without a hole; \(seed)") }
      if Self.policy(room) == .latest {
        #expect(place == (waiting[room]?.count ?? 0) - 1, "not the latest; \(seed)")
      }
      dropped -= place
      hadGap.remove(room)
      waiting[room]?.removeFirst(place + 1)
    }
    // Everything of the room was dropped: the gap was all that there was to tell.
    if case .gap(let room) = step, held.policy(of: room) == nil {
      dropped -= waiting[room]?.count ?? 0
      waiting[room] = nil
      hadGap.remove(room)
    }
  }

  /// What was dropped of a room is found out before it is forgotten.
  mutating func forget(_ room: RoomIndex, _ held: inout HeldMessages) {
    var copy = held
    var left = 0
    while let step = copy.next {
      if case .message(room, _) = step { left += 1 }
      copy.removeNext()
    }
    dropped -= (waiting[room]?.count ?? 0) - left
    waiting[room] = nil
    hadGap.remove(room)
    held.forget(room)
  }

  func compare(_ held: HeldMessages, _ seed: String) {
    var copy = held
    var model = self
    while copy.next != nil { model.take(&copy, seed) }
    #expect(copy.bytes == 0, "\(seed)")
    #expect(copy.isEmpty, "\(seed)")
    #expect(model.waiting.values.allSatisfy { $0.isEmpty }, "something was lost; \(seed)")
    #expect(model.dropped == 0, "drops were not counted; \(seed)")
  }
}
