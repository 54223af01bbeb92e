// Who is in a room, in the order of coming, so that a long list can be read in pages while members
// come and go.

import RoostRooms

/// Members by connection and by order. Pure.
struct MemberList: Sendable {
  private var places: [ConnectionID: UInt64] = [:]
  private var members: [Member?] = []
  private var base: UInt64 = 1

  /// Members in the list.
  var count: Int { places.count }

  /// Adds a member; false when its connection is there already.
  mutating func add(_ member: Member) -> Bool {
    guard places[member.connection] == nil else { return false }
    places[member.connection] = base + UInt64(members.count)
    members.append(member)
    return true
  }

  /// Takes a member out; nil when its connection is not there.
  mutating func remove(_ connection: ConnectionID) -> Member? {
    guard let place = places.removeValue(forKey: connection) else { return nil }
    let index = Int(place - base)
    let member = members[index]
    members[index] = nil
    // Places at both ends go at once; a list full of holes is not closed up, because the places
    // are what pages are counted by, but it is emptied when its last member goes.
    if places.isEmpty {
      base += UInt64(members.count)
      members = []
    } else {
      while members.last == .some(nil) { members.removeLast() }
      if let first = members.firstIndex(where: { $0 != nil }), first > 64, first * 2 > members.count
      {
        members.removeFirst(first)
        base += UInt64(first)
      }
    }
    return member
  }

  /// Up to `limit` members that came after place `after`; `next` while there are more.
  func page(after: UInt64, limit: Int) -> (members: [Member], next: UInt64?) {
    var page: [Member] = []
    var place = max(after + 1, base)
    while place - base < UInt64(members.count) {
      if let member = members[Int(place - base)] {
        if page.count == limit { return (page, place - 1) }
        page.append(member)
      }
      place += 1
    }
    return (page, nil)
  }
}
