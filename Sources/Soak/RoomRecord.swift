// What is known of one room: each publish once, and for each life of the room's log which publish
// stands at which offset. The size follows from the publishes, never from the deliveries.

import RoostEventLoop

/// One publish.
struct PublishRecord: Sendable {
  enum Standing: UInt8, Sendable {
    /// Without an answer so far.
    case pending
    case acknowledged
    /// Certainly not done.
    case refused
    /// May have been done.
    case unknown
  }

  let publisher: Int32
  var standing = Standing.pending
  /// The life in which it was acknowledged or first delivered.
  var life: UInt16 = 0
  /// The offset that was acknowledged; 0 for none.
  var acknowledged: UInt32 = 0
  /// The offset at which it was first delivered; 0 for none.
  var delivered: UInt32 = 0
  /// The highest offset that anybody had an answer with when it was sent, in the life above.
  var floor: UInt32 = 0
  var floorLife: UInt16 = 0
}

/// A life of a room's log.
struct RoomLife: Sendable {
  let epoch: String
  /// The offset of the first entry.
  private(set) var first: Int64 = 0
  /// Numbers of publishes plus one; 0 where nothing was seen.
  private(set) var entries: [UInt32] = []
  /// The highest offset that was acknowledged.
  var acknowledgedTop: Int64 = 0

  /// Offsets further from all others than this are not believed.
  static let distanceMax: Int64 = 4_000_000

  init(epoch: String) { self.epoch = epoch }

  /// The number of the publish at an offset, if one was seen there.
  func number(at offset: Int64) -> Int? {
    guard offset >= first, offset - first < entries.count else { return nil }
    let entry = entries[Int(offset - first)]
    return entry == 0 ? nil : Int(entry) - 1
  }

  /// The highest offset that was seen.
  var seenTop: Int64 { entries.isEmpty ? 0 : first + Int64(entries.count) - 1 }

  /// Writes down what stands at an offset; false when no log can be so long.
  mutating func set(_ number: Int, at offset: Int64) -> Bool {
    guard offset > 0, offset < Int64(UInt32.max) else { return false }
    if entries.isEmpty { first = offset }
    if offset < first {
      guard first - offset <= Self.distanceMax else { return false }
      entries.insert(contentsOf: repeatElement(0, count: Int(first - offset)), at: 0)
      first = offset
    }
    let place = offset - first
    guard place < Int64(entries.count) + Self.distanceMax else { return false }
    while Int64(entries.count) <= place { entries.append(0) }
    entries[Int(place)] = UInt32(number) + 1
    return true
  }
}

/// One room.
struct RoomRecord: Sendable {
  let name: String
  let keepsHistory: Bool
  var publishes: [PublishRecord] = []
  var lives: [RoomLife] = []
  /// The life that was told last.
  var newestLife = 0

  init(name: String, keepsHistory: Bool) {
    self.name = name
    self.keepsHistory = keepsHistory
  }

  /// The place of a life, which is new when its name is; nil when there are too many.
  mutating func life(_ epoch: String) -> Int? {
    if let last = lives.indices.last, lives[last].epoch == epoch { return last }
    if let known = lives.firstIndex(where: { $0.epoch == epoch }) { return known }
    guard lives.count < 4096 else { return nil }
    lives.append(RoomLife(epoch: epoch))
    newestLife = lives.count - 1
    return newestLife
  }
}
