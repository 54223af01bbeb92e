// What is known of one member of one room: where it stands, and what is open. Constant in size.

/// One client in one room.
struct MemberRecord: Sendable {
  /// Holes and skipped publishes that are remembered.
  static let openMax = 16

  let room: Int32
  let client: Int32
  /// Whether its join was answered and its connection lives.
  var isIn = false
  /// It was in the room before.
  var hasJoined = false

  // Rooms with history.
  var life = -1
  var offset: Int64 = -1
  /// Where a recovery ends: what comes up to here was missed before.
  var recoveredTo: Int64 = -1
  /// Holes that nobody announced, so far.
  var holes: [ClosedRange<Int64>] = []

  // Rooms without history.
  /// The last publish by publisher.
  var last: [Int32: Int] = [:]
  /// Publishes that were sent behind its join have this number or a higher one.
  var from = 0
  /// Publishes that were passed over and may still come.
  var skipped: [Int] = []
}
