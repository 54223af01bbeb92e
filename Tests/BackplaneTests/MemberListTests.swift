import RoostRooms
import TestRandom
import Testing

@testable import Backplane

struct MemberListTests {
  private func add(_ member: Member, to list: inout MemberList, isNew: Bool = true) {
    let added = list.add(member)
    #expect(added == isNew, "\(member)")
  }

  private func remove(_ member: Member, from list: inout MemberList, isThere: Bool = true) {
    let removed = list.remove(member.connection)
    #expect(removed == (isThere ? member : nil), "\(member)")
  }

  @Test func `a connection is in the list once`() {
    var list = MemberList()
    add(member(1), to: &list)
    add(member(1, user: "ann"), to: &list, isNew: false)
    #expect(list.count == 1)
    remove(member(1), from: &list)
    remove(member(1), from: &list, isThere: false)
    #expect(list.count == 0)
  }

  @Test func `who left and came back stands at the end`() {
    var list = MemberList()
    for number: UInt32 in 1...3 { add(member(number), to: &list) }
    remove(member(1), from: &list)
    add(member(1), to: &list)
    #expect(list.page(after: 0, limit: 10).members == [member(2), member(3), member(1)])
  }

  @Test func `a limit under one is taken for one`() {
    var list = MemberList()
    for number: UInt32 in 1...2 { add(member(number), to: &list) }
    for limit in [Int.min, -1, 0, 1] {
      let page = list.page(after: 0, limit: limit)
      #expect(page.members == [member(1)])
      #expect(page.next == 1)
    }
  }

  // With one member that never left and others that overlapped, the list grew by a seat with every
  // join for as long as the room lived.
  @Test func `a room that never empties does not grow with its comings and goings`() {
    var list = MemberList()
    add(member(0), to: &list)
    add(member(1), to: &list)
    for number: UInt32 in 2...10_000 {
      add(member(number), to: &list)
      remove(member(number - 1), from: &list)
      #expect(list.seatCount <= 2 * list.count + 65)
    }
    #expect(list.page(after: 0, limit: 10).members == [member(0), member(10_000)])
  }

  @Test func `the list agrees with an array whatever happens`() {
    var generator = SeededGenerator.make()
    let seed = generator.description
    var list = MemberList()
    var model: [Member] = []
    for step in 0..<20_000 {
      let number = member(UInt32.random(in: 0..<400, using: &generator))
      if Int.random(in: 0..<5, using: &generator) < (step / 2_000) % 5 {
        let isThere = model.contains(number)
        remove(number, from: &list, isThere: isThere)
        model.removeAll { $0 == number }
      } else {
        let isNew = !model.contains(number)
        add(number, to: &list, isNew: isNew)
        if isNew { model.append(number) }
      }
      guard step % 500 == 0 else { continue }
      var listed: [Member] = []
      var after: UInt64? = 0
      while let start = after {
        let page = list.page(after: start, limit: Int.random(in: 1...50, using: &generator))
        listed += page.members
        after = page.next
      }
      #expect(listed == model, "\(seed)")
      #expect(list.count == model.count, "\(seed)")
    }
  }
}
