// The rooms of one shard and who of its connections is in them. Delivery walks a plain array of slot
// numbers; joining and leaving keep each connection's note of its place in that array true.

/// A room of a shard, by index; valid while the room has members.
public typealias RoomIndex = Int32

/// One connection's place in one room.
public struct RoomSeat: Sendable, Equatable {
  /// The room.
  public let room: RoomIndex
  /// Where the connection stands in the room's members.
  public var position: Int32

  /// Puts a seat together.
  public init(room: RoomIndex, position: Int32) {
    self.room = room
    self.position = position
  }
}

/// How many members a room has.
public struct RoomSize: Sendable, Equatable {
  /// The room.
  public let room: RoomName
  /// Its members, where they were counted.
  public var members: Int

  /// Puts a size together.
  public init(room: RoomName, members: Int) {
    self.room = room
    self.members = members
  }
}

/// What goes on in a room, where it was counted.
public struct RoomActivity: Sendable, Equatable {
  /// The room.
  public let room: RoomName
  /// Its members.
  public let members: Int
  /// Messages a second, lately.
  public let messagesPerSecond: Double

  /// Puts figures together.
  public init(room: RoomName, members: Int, messagesPerSecond: Double) {
    self.room = room
    self.members = members
    self.messagesPerSecond = messagesPerSecond
  }
}

/// A member that a removal moved to another place.
public struct MovedMember: Sendable, Equatable {
  /// The connection's slot.
  public let slot: Int32
  /// Its new place in the room's members.
  public let position: Int32
}

/// Rooms by name and by index, with the slots of their members.
///
/// Owned by one shard; pure.
public struct RoomTable: Sendable {
  private struct Room: Sendable {
    var name: RoomName?
    var policy: Int32 = 0
    var members: [Int32] = []
    var rate = RecentRate()
  }

  private var rooms: [Room] = []
  private var free: [RoomIndex] = []
  private var indices: [RoomName: RoomIndex] = [:]

  // The room that was asked for last, while it has members.
  private var recentName: RoomName?
  private var recentIndex: RoomIndex = 0

  /// Seats taken, over all rooms.
  public private(set) var memberCount = 0

  /// An empty table.
  public init() {}

  /// Rooms that have a member here.
  public var count: Int { indices.count }

  /// The room with that name; nil when nobody here is in it.
  public func index(of name: RoomName) -> RoomIndex? {
    if let recent = recentName, recent == name { return recentIndex }
    return indices[name]
  }

  /// As `index(of:)`, and remembers the answer: a publish is followed by its delivery.
  public mutating func find(_ name: RoomName) -> RoomIndex? {
    guard let index = index(of: name) else { return nil }
    recentName = name
    recentIndex = index
    return index
  }

  /// The name of a room in use.
  public func name(of room: RoomIndex) -> RoomName {
    guard let name = rooms[Int(room)].name else {
      preconditionFailure("room \(room) is not in use")
    }
    return name
  }

  /// The policy number that was given when the room appeared.
  public func policy(of room: RoomIndex) -> Int32 { rooms[Int(room)].policy }

  /// The slots of a room's members, in no order.
  public func members(of room: RoomIndex) -> [Int32] { rooms[Int(room)].members }

  /// The rooms that have members, in no order; linear in them.
  public var names: [RoomName] { Array(indices.keys) }

  /// The first `limit` rooms behind a name, or from the first one on, in the order of their bytes.
  ///
  /// Linear in the rooms, and a little more for those that are given.
  public func page(after name: RoomName?, limit: Int) -> (rooms: [RoomSize], hasMore: Bool) {
    var page: [RoomSize] = []
    var hasMore = false
    for (candidate, index) in indices {
      if let name, !name.precedes(candidate) { continue }
      if page.count == limit {
        hasMore = true
        guard let last = page.last, candidate.precedes(last.room) else { continue }
        page.removeLast()
      }
      let size = RoomSize(room: candidate, members: rooms[Int(index)].members.count)
      page.insert(size, at: Self.place(in: page) { candidate.precedes($0.room) })
    }
    return (page, hasMore)
  }

  /// Places of rooms so far, in use or not: the bound for a walk over all of them in steps.
  public var placesUsed: Int { rooms.count }

  /// What goes on in the room at a place; nil when none is there.
  public func activity(at place: Int, second: UInt32) -> RoomActivity? {
    guard rooms.indices.contains(place), let name = rooms[place].name else { return nil }
    return RoomActivity(
      room: name, members: rooms[place].members.count,
      messagesPerSecond: rooms[place].rate.perSecond(at: second))
  }

  /// Counts a message of a room.
  public mutating func countMessage(in room: RoomIndex, second: UInt32) {
    rooms[Int(room)].rate.add(at: second)
  }

  /// The first place whose element is to stand behind a new one, by halving.
  private static func place(in sorted: [RoomSize], isBehind: (RoomSize) -> Bool) -> Int {
    var low = 0
    var high = sorted.count
    while low < high {
      let middle = (low + high) / 2
      if isBehind(sorted[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Adds a slot to a room, which appears when it is the first; the slot must not be in it.
  public mutating func join(_ name: RoomName, policy: Int32, slot: Int32) -> RoomSeat {
    let room: RoomIndex
    if let known = indices[name] {
      room = known
    } else {
      if let reused = free.popLast() {
        room = reused
      } else {
        room = RoomIndex(rooms.count)
        rooms.append(Room())
      }
      rooms[Int(room)].name = name
      rooms[Int(room)].policy = policy
      indices[name] = room
    }
    let position = Int32(rooms[Int(room)].members.count)
    rooms[Int(room)].members.append(slot)
    memberCount += 1
    return RoomSeat(room: room, position: position)
  }

  /// Takes a seat away; the room disappears with its last member.
  ///
  /// Returns the member that took over the place, whose own note of it must be corrected.
  public mutating func leave(_ seat: RoomSeat, slot: Int32) -> MovedMember? {
    let index = Int(seat.room)
    let position = Int(seat.position)
    precondition(
      position < rooms[index].members.count && rooms[index].members[position] == slot,
      "slot \(slot) is not at place \(position) of room \(index)")
    memberCount -= 1
    let last = rooms[index].members.removeLast()
    guard last == slot else {
      rooms[index].members[position] = last
      return MovedMember(slot: last, position: seat.position)
    }
    if rooms[index].members.isEmpty, let name = rooms[index].name {
      indices.removeValue(forKey: name)
      if recentName == name { recentName = nil }
      rooms[index] = Room()
      free.append(seat.room)
    }
    return nil
  }

  /// Gives memory back after a crowd has left: when the tables hold far more than they need.
  public mutating func compact() {
    if indices.isEmpty {
      if rooms.count > 64 { self = RoomTable() }
    } else if indices.capacity > 4 * indices.count + 1024 {
      indices = Dictionary(uniqueKeysWithValues: indices.map { ($0.key, $0.value) })
    }
  }
}
