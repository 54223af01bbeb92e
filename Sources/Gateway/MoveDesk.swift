// A shard's notes about connections that move between nodes: who came from elsewhere, who has
// another connection by now, and what is to be done about them in a while.

import RoostEventLoop
import RoostRooms

/// Where a connection came from; few have one.
///
/// Its shard's thread only.
final class Resumption {
  /// The id by which it was known before, and still is.
  let member: ConnectionID
  /// The run of the node that may still hold the connection before; nil when that one is gone.
  let issuer: String?
  /// Whether the cluster counts it in a while, because it counts the one before until then.
  var countsLater = false

  init(member: ConnectionID, issuer: String?) {
    self.member = member
    self.issuer = issuer
  }
}

/// What became of a ticket that was shown at a handshake.
enum TicketResult: String, CaseIterable, Sendable {
  /// The connection goes on as the one before.
  case accepted
  /// It is not written like a ticket.
  case malformed
  /// It is not signed by this cluster.
  case forged
  /// Its time is over.
  case expired
  /// It is somebody else's.
  case otherUser = "other_user"
  /// It had been used.
  case used
  /// The node that made it has been gone for too long.
  case outlived
  /// Redis did not say whether it had been used.
  case undecided
}

/// The notes of one shard.
///
/// Its thread only.
struct MoveDesk: Sendable {
  private struct Due: Sendable {
    let token: SlotToken
    let at: MonotonicInstant
  }

  /// What a second has brought.
  struct Settlement: Sendable {
    /// Messages need no longer tell them which they are.
    var unmarked: [SlotToken] = []
    /// They are counted from now on.
    var counted: [SlotToken] = []
    /// Their clients had time enough to let go.
    var ended: [SlotToken] = []
  }

  /// Open connections that are told which message is which.
  var markedCount = 0
  private var guestSlots: [ConnectionID: [Int32]] = [:]
  private var serverRooms: [Int32: Set<RoomName>] = [:]
  // Each in the order of its time, because each has one delay.
  private var marked: [Due] = []
  private var uncounted: [Due] = []
  private var superseded: [Due] = []

  /// The slots of connections that came from elsewhere and are known by an id.
  func guests(_ member: ConnectionID) -> [Int32] { guestSlots[member] ?? [] }

  mutating func welcome(_ member: ConnectionID, _ token: SlotToken, _ now: MonotonicInstant) {
    guestSlots[member, default: []].append(token.index)
    marked.append(Due(token: token, at: now.advanced(by: Bounds.midTime)))
  }

  mutating func countLater(_ token: SlotToken, _ now: MonotonicInstant) {
    uncounted.append(Due(token: token, at: now.advanced(by: Bounds.overlapUsual)))
  }

  mutating func supersede(_ token: SlotToken, _ now: MonotonicInstant) {
    superseded.append(Due(token: token, at: now.advanced(by: Bounds.overlapMax)))
  }

  mutating func forget(_ member: ConnectionID, _ slot: Int32) {
    guard var slots = guestSlots.removeValue(forKey: member) else { return }
    slots.removeAll { $0 == slot }
    if !slots.isEmpty { guestSlots[member] = slots }
  }

  // MARK: Rooms that the server joined them to

  /// The rooms that the server joined a connection to, but its user's own.
  func serverRooms(of slot: Int32) -> Set<RoomName> { serverRooms[slot] ?? [] }

  mutating func note(_ room: RoomName, of slot: Int32) {
    serverRooms[slot, default: []].insert(room)
  }

  mutating func forget(_ room: RoomName, of slot: Int32) {
    guard !serverRooms.isEmpty, serverRooms[slot]?.remove(room) != nil else { return }
    if serverRooms[slot]?.isEmpty == true { serverRooms[slot] = nil }
  }

  mutating func forgetRooms(of slot: Int32) {
    if !serverRooms.isEmpty { serverRooms[slot] = nil }
  }

  // MARK: Time

  /// Whose time has come.
  mutating func settle(_ now: MonotonicInstant) -> Settlement {
    Settlement(
      unmarked: Self.take(&marked, now), counted: Self.take(&uncounted, now),
      ended: Self.take(&superseded, now))
  }

  private static func take(_ list: inout [Due], _ now: MonotonicInstant) -> [SlotToken] {
    let count = list.firstIndex { $0.at > now } ?? list.count
    guard count > 0 else { return [] }
    let tokens = list.prefix(count).map(\.token)
    list.removeFirst(count)
    return tokens
  }
}
