import RoostRooms
import TestRandom
import Testing

struct RoomTableTests {
  static func name(_ number: Int) throws -> RoomName { try RoomName(Array("room\(number)".utf8)) }

  @Test func `a room appears with its first member and disappears with its last`() throws {
    var table = RoomTable()
    let name = try Self.name(1)
    #expect(table.index(of: name) == nil)
    let first = table.join(name, policy: 7, slot: 10)
    let second = table.join(name, policy: 7, slot: 20)
    #expect(first == RoomSeat(room: first.room, position: 0))
    #expect(second == RoomSeat(room: first.room, position: 1))
    #expect(table.index(of: name) == first.room)
    #expect(table.name(of: first.room) == name)
    #expect(table.policy(of: first.room) == 7)
    #expect(table.members(of: first.room) == [10, 20])
    #expect(table.count == 1)
    #expect(table.memberCount == 2)
    let moved = table.leave(second, slot: 20)
    #expect(moved == nil)
    #expect(table.members(of: first.room) == [10])
    let last = table.leave(first, slot: 10)
    #expect(last == nil)
    #expect(table.index(of: name) == nil)
    #expect(table.count == 0)
    #expect(table.memberCount == 0)
  }

  @Test func `who leaves from the middle is replaced by the last, who is told`() throws {
    var table = RoomTable()
    let seats = try (0..<4).map { table.join(try Self.name(1), policy: 0, slot: Int32($0)) }
    let moved = table.leave(seats[1], slot: 1)
    #expect(moved?.slot == 3)
    #expect(moved?.position == 1)
    #expect(table.members(of: seats[0].room) == [0, 3, 2])
    #expect(table.memberCount == 3)
  }

  @Test func `the place of a room that went is taken by the next, with its own policy`() throws {
    var table = RoomTable()
    let first = table.join(try Self.name(1), policy: 1, slot: 1)
    _ = table.leave(first, slot: 1)
    let second = table.join(try Self.name(2), policy: 2, slot: 1)
    #expect(second.room == first.room)
    #expect(table.name(of: second.room) == (try Self.name(2)))
    #expect(table.policy(of: second.room) == 2)
    #expect(table.index(of: try Self.name(1)) == nil)
  }

  @Test func `leaving a seat that another has is a bug`() async {
    await #expect(processExitsWith: .failure) {
      var table = RoomTable()
      let seat = table.join(try RoomTableTests.name(1), policy: 0, slot: 1)
      _ = table.leave(seat, slot: 2)
    }
  }

  @Test func `asking for the name of a room that went is a bug`() async {
    await #expect(processExitsWith: .failure) {
      var table = RoomTable()
      let seat = table.join(try RoomTableTests.name(1), policy: 0, slot: 1)
      _ = table.leave(seat, slot: 1)
      _ = table.name(of: seat.room)
    }
  }

  @Test func `memory is given back and nothing that is in use changes`() throws {
    var table = RoomTable()
    var seats: [RoomSeat] = []
    for number in 0..<5000 { seats.append(table.join(try Self.name(number), policy: 3, slot: 9)) }
    for number in 1..<5000 { _ = table.leave(seats[number], slot: 9) }
    table.compact()
    #expect(table.count == 1)
    #expect(table.index(of: try Self.name(0)) == seats[0].room)
    #expect(table.members(of: seats[0].room) == [9])
    #expect(table.index(of: try Self.name(4999)) == nil)
    let other = table.join(try Self.name(1), policy: 4, slot: 8)
    #expect(other.room != seats[0].room)
    _ = table.leave(other, slot: 8)
    _ = table.leave(seats[0], slot: 9)
    table.compact()
    #expect(table.count == 0)
    #expect(table.join(try Self.name(1), policy: 5, slot: 1).position == 0)
  }

  @Test
  func `the table agrees with a dictionary of sets, and every member's note of its seat is true`()
    throws
  {
    var generator = SeededGenerator.make()
    let seed = generator.description
    var table = RoomTable()
    var model: [RoomName: Set<Int32>] = [:]
    // What each connection wrote down of its seats.
    var notes: [Int32: [RoomSeat]] = [:]
    for step in 0..<30_000 {
      let slot = Int32.random(in: 0..<60, using: &generator)
      let name = try Self.name(Int.random(in: 0..<20, using: &generator))
      let isLeaving = Int.random(in: 0..<10, using: &generator) < (step / 3_000 % 2 == 0 ? 4 : 6)
      let isMember = model[name]?.contains(slot) == true
      if isLeaving, isMember {
        let room = try #require(table.index(of: name), "\(seed)")
        let place = try #require(notes[slot]?.firstIndex { $0.room == room }, "\(seed)")
        let seat = try #require(notes[slot]?[place], "\(seed)")
        notes[slot]?.remove(at: place)
        if let moved = table.leave(seat, slot: slot) {
          let its = try #require(notes[moved.slot]?.firstIndex { $0.room == room }, "\(seed)")
          notes[moved.slot]?[its].position = moved.position
        }
        model[name]?.remove(slot)
        if model[name]?.isEmpty == true { model[name] = nil }
      } else if !isLeaving, !isMember {
        notes[slot, default: []].append(table.join(name, policy: 0, slot: slot))
        model[name, default: []].insert(slot)
      }
      if step % 1000 == 0 { table.compact() }
      guard step % 100 == 0 else { continue }
      try check(table, model, notes, seed)
    }
  }

  private func check(
    _ table: RoomTable, _ model: [RoomName: Set<Int32>], _ notes: [Int32: [RoomSeat]],
    _ seed: String
  ) throws {
    #expect(table.count == model.count, "\(seed)")
    #expect(table.memberCount == model.values.reduce(0) { $0 + $1.count }, "\(seed)")
    for (name, slots) in model {
      let room = try #require(table.index(of: name), "\(seed)")
      #expect(table.name(of: room) == name, "\(seed)")
      let members = table.members(of: room)
      #expect(members.count == slots.count, "\(seed)")
      #expect(Set(members) == slots, "\(seed)")
      for (position, slot) in members.enumerated() {
        let seat = RoomSeat(room: room, position: Int32(position))
        #expect(notes[slot]?.contains(seat) == true, "\(seed)")
      }
    }
  }

  @Test func `a room that was found is forgotten with its last member`() throws {
    var table = RoomTable()
    let (first, second) = (try Self.name(1), try Self.name(2))
    let seat = table.join(first, policy: 0, slot: 7)
    #expect(table.find(first) == seat.room)
    _ = table.leave(seat, slot: 7)
    #expect(table.find(first) == nil)
    // Its place goes to another room, which must not be found under the old name.
    let other = table.join(second, policy: 0, slot: 8)
    #expect(other.room == seat.room)
    #expect(table.find(first) == nil)
    #expect(table.index(of: second) == other.room)
  }
}
