// Who is in a room, in the order of coming, so that a long list can be read in pages while members
// come and go.

import RoostRooms

/// Members by connection and by order.
///
/// Pure.
struct MemberList: Sendable {
  private struct Seat: Sendable {
    // Counts everybody who ever came. Pages are counted by it, so it is never given twice.
    let place: UInt64
    var member: Member?
  }

  private var places: [ConnectionID: UInt64] = [:]
  // In the order of coming; who went leaves an empty seat until the empty ones are the most.
  private var seats: [Seat] = []
  private var lastPlace: UInt64 = 0

  /// Members in the list.
  var count: Int { places.count }

  /// Seats in memory, the empty ones included: at most twice the members, and a few.
  var seatCount: Int { seats.count }

  /// Adds a member; false when its connection is there already.
  mutating func add(_ member: Member) -> Bool {
    guard places[member.connection] == nil else { return false }
    lastPlace += 1
    places[member.connection] = lastPlace
    seats.append(Seat(place: lastPlace, member: member))
    return true
  }

  /// Takes a member out; nil when its connection is not there.
  mutating func remove(_ connection: ConnectionID) -> Member? {
    guard let place = places.removeValue(forKey: connection) else { return nil }
    let index = firstSeat(after: place - 1)
    precondition(
      index < seats.count && seats[index].place == place, "\(connection) has no seat \(place)")
    let member = seats[index].member
    seats[index].member = nil
    // Half of the seats were emptied since the last time, so this costs each of them a constant.
    if seats.count > 2 * places.count + 64 || places.isEmpty {
      seats.removeAll { $0.member == nil }
    }
    return member
  }

  /// Up to `limit` members that came after place `after`; `next` while there are more.
  ///
  /// - Parameter limit: at least 1; less is taken for 1, since an empty page has no next one.
  func page(after: UInt64, limit: Int) -> (members: [Member], next: UInt64?) {
    var page: [Member] = []
    var last = after
    for seat in seats[firstSeat(after: after)...] {
      guard let member = seat.member else { continue }
      if page.count == max(limit, 1) { return (page, last) }
      page.append(member)
      last = seat.place
    }
    return (page, nil)
  }

  /// The first seat with a place above `place`, by halving.
  private func firstSeat(after place: UInt64) -> Int {
    var low = 0
    var high = seats.count
    while low < high {
      let middle = (low + high) / 2
      if seats[middle].place <= place { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
