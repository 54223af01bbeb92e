// What waits for a member that reads too slowly, beside its queue: whole messages, room by room, so
// that old ones can make way for new ones, and the hole is told where it is. Or nothing but the fact
// that a room's log is to be read later. Bounded by its caller; no socket, no clock.

/// How far a held message is from what goes on the wire.
public enum HeldForm: Sendable, Equatable {
  /// It is what goes on the wire.
  case ready
  /// A text message that is not yet compressed, nor a frame.
  case text
  /// A binary message that is not yet compressed, nor a frame.
  case binary
}

/// A message that waits.
public struct HeldMessage: Sendable, Equatable {
  /// How far it is from what goes on the wire.
  public let form: HeldForm
  /// Its bytes, which the members of a room share.
  public let bytes: [UInt8]

  /// Puts a message together.
  public init(form: HeldForm, bytes: [UInt8]) {
    self.form = form
    self.bytes = bytes
  }

  /// What it counts for: the bytes, and what keeping them costs.
  var cost: Int { bytes.count + HeldMessages.costOfOne }
}

/// What a member is told next.
public enum HeldStep: Sendable, Equatable {
  /// The room's `reset`, in front of everything else of it.
  case reset(RoomIndex, HeldMessage)
  /// Messages of the room were dropped here.
  case gap(RoomIndex)
  /// A message.
  case message(RoomIndex, HeldMessage)
}

/// Messages that made way, by the policy of their rooms.
public struct HeldDrops: Sendable, Equatable {
  /// In rooms with ``SlowConsumerPolicy/dropOldest``.
  public var dropOldest = 0
  /// In rooms with ``SlowConsumerPolicy/latest``.
  public var latest = 0

  /// None.
  public init() {}
}

/// What is held back for one connection.
///
/// Its rooms stand in an array, because few of a connection's rooms are busy at the same time: what
/// is done here takes time in proportion to the rooms that are held back.
public struct HeldMessages: Sendable {
  /// Bytes that a message counts for beside its own: tiny ones cost memory, too.
  public static let costOfOne = 64

  private struct Room: Sendable {
    let index: RoomIndex
    let policy: SlowConsumerPolicy
    var reset: HeldMessage?
    /// Whether messages were dropped in front of the first.
    var hasGap = false
    /// Those before `first` are gone.
    var messages: [HeldMessage?] = []
    var first = 0
    var cost = 0

    var count: Int { messages.count - first }
    var isEmpty: Bool { reset == nil && !hasGap && count == 0 }

    mutating func append(_ message: HeldMessage) {
      messages.append(message)
      cost += message.cost
    }

    /// Takes the oldest message away; what it counted for.
    mutating func removeFirst() -> Int {
      guard let message = messages[first] else {
        preconditionFailure("message \(first) of room \(index) is gone")
      }
      messages[first] = nil
      first += 1
      cost -= message.cost
      if first >= 32, 2 * first >= messages.count {
        messages.removeFirst(first)
        first = 0
      }
      return message.cost
    }
  }

  private var rooms: [Room] = []

  /// What all that waits counts for.
  public private(set) var bytes = 0

  /// Nothing is held back.
  public init() {}

  /// Rooms of which something is held back.
  public var roomCount: Int { rooms.count }

  /// Whether nothing is held back.
  public var isEmpty: Bool { rooms.isEmpty }

  /// How a room's messages are held back; nil when they are not.
  public func policy(of room: RoomIndex) -> SlowConsumerPolicy? {
    place(of: room).map { rooms[$0].policy }
  }

  private func place(of room: RoomIndex) -> Int? {
    rooms.firstIndex { $0.index == room }
  }

  // MARK: Coming

  /// Keeps a message behind those of its room that wait already, and drops what is too much.
  ///
  /// - Parameters:
  ///   - policy: `dropOldest` or `latest`; the room's, always the same.
  ///   - bytesMax: what everything may count for. The new message stays, however large it is.
  public mutating func keep(
    _ message: HeldMessage, of room: RoomIndex, _ policy: SlowConsumerPolicy, bytesMax: Int
  ) -> HeldDrops {
    precondition(policy == .dropOldest || policy == .latest, "\(policy) keeps no messages")
    let place = placeOrNew(of: room, policy)
    var drops = HeldDrops()
    if policy == .latest {
      while rooms[place].count > 0 { drop(at: place, &drops) }
    }
    rooms[place].append(message)
    bytes += message.cost
    shrink(to: bytesMax, sparing: room, &drops)
    return drops
  }

  /// Keeps a room's `reset`, which makes everything of the room that came before it worthless.
  public mutating func reset(_ room: RoomIndex, _ message: HeldMessage) -> HeldDrops {
    guard let place = place(of: room) else { preconditionFailure("room \(room) is not held back") }
    var drops = HeldDrops()
    while rooms[place].count > 0 { drop(at: place, &drops) }
    bytes += message.cost - (rooms[place].reset?.cost ?? 0)
    rooms[place].reset = message
    rooms[place].hasGap = false
    return drops
  }

  /// Keeps nothing of a room: its log is read later.
  public mutating func stop(_ room: RoomIndex) {
    precondition(place(of: room) == nil, "room \(room) is held back already")
    _ = placeOrNew(of: room, .recover)
  }

  private mutating func placeOrNew(
    of room: RoomIndex, _ policy: SlowConsumerPolicy
  ) -> Int {
    if let place = place(of: room) {
      precondition(rooms[place].policy == policy, "room \(room) has \(rooms[place].policy)")
      return place
    }
    rooms.append(Room(index: room, policy: policy))
    return rooms.count - 1
  }

  // MARK: Making way

  /// Drops messages until the rest counts for no more than `bytesMax`, or none is left.
  public mutating func shrink(to bytesMax: Int) -> HeldDrops {
    var drops = HeldDrops()
    shrink(to: bytesMax, sparing: nil, &drops)
    return drops
  }

  /// The room that has most loses its oldest: a noisy room does not cost a quiet one its messages.
  private mutating func shrink(
    to bytesMax: Int, sparing spared: RoomIndex?, _ drops: inout HeldDrops
  ) {
    while bytes > bytesMax {
      var largest: Int?
      for place in rooms.indices
      where rooms[place].count > (rooms[place].index == spared ? 1 : 0) {
        if let known = largest, rooms[known].cost >= rooms[place].cost { continue }
        largest = place
      }
      guard let largest else { return }
      drop(at: largest, &drops)
    }
  }

  private mutating func drop(at place: Int, _ drops: inout HeldDrops) {
    bytes -= rooms[place].removeFirst()
    rooms[place].hasGap = true
    if rooms[place].policy == .latest { drops.latest += 1 } else { drops.dropOldest += 1 }
  }

  // MARK: Going

  /// What is told next; nil when nothing waits but logs to be read.
  ///
  /// Rooms come one after the other, each in its order.
  public var next: HeldStep? {
    for room in rooms where room.policy != .recover {
      if let reset = room.reset { return .reset(room.index, reset) }
      if room.hasGap { return .gap(room.index) }
      if let message = room.messages[room.first] { return .message(room.index, message) }
    }
    return nil
  }

  /// Takes `next` away, which was told.
  ///
  /// The room is held back no longer when nothing else of it waits.
  public mutating func removeNext() {
    guard let place = rooms.firstIndex(where: { $0.policy != .recover }) else {
      preconditionFailure("nothing waits")
    }
    if let reset = rooms[place].reset {
      bytes -= reset.cost
      rooms[place].reset = nil
    } else if rooms[place].hasGap {
      rooms[place].hasGap = false
    } else {
      bytes -= rooms[place].removeFirst()
    }
    if rooms[place].isEmpty { rooms.remove(at: place) }
  }

  /// Forgets a room: it was left, or its log was read to the end.
  public mutating func forget(_ room: RoomIndex) {
    guard let place = place(of: room) else { return }
    bytes -= rooms[place].cost + (rooms[place].reset?.cost ?? 0)
    rooms.remove(at: place)
  }
}
