// What a connection waits for the callback with: the upgrade that is not answered yet, joins and
// publishes that are not decided.

import Auth
import RoostHTTP
import RoostRooms

/// An upgrade or an event stream whose request was read and judged, and that waits for a decision.
struct HeldUpgrade {
  /// What the connection is to become.
  enum Purpose: Sendable {
    case socket
    case stream(RoomName)
  }

  /// Which of the shard's questions it is.
  let number: UInt64
  let head: RequestHead
  let admitted: Admitted
  let purpose: Purpose
  /// The ticket that it has shown; its signature is good.
  var ticket: Ticket?
  /// Whether Redis is asked whether that ticket was used, and no longer the callback.
  var isClaim = false
}

/// A join that waits for a decision.
struct HeldJoin: Sendable {
  let number: UInt64
  let room: RoomName
  let since: Position?
  let id: [UInt8]?
}

/// A publish that waits for a decision, or behind one that does.
struct HeldPublish: Sendable {
  let room: RoomName
  let payload: RoostRooms.Payload
  let key: [UInt8]?
  let id: [UInt8]?

  var bytes: Int { payload.bytes.count }
}

/// All that one connection waits with; most have none.
///
/// Its shard's thread only.
final class HeldRequests {
  /// Publishes that one connection may have waiting.
  static let publishesMax = 64

  var upgrade: HeldUpgrade?
  var joins: [HeldJoin] = []
  private(set) var publishes: [HeldPublish] = []
  private var publishBytes = 0
  /// The question about the first of the publishes.
  var publishNumber: UInt64 = 0

  /// Whether nothing waits.
  var isEmpty: Bool { upgrade == nil && joins.isEmpty && publishes.isEmpty }

  /// Puts a publish behind the others; false when they are too many or hold too many bytes.
  func append(_ publish: HeldPublish, bytesMax: Int) -> Bool {
    guard publishes.count < Self.publishesMax,
      publishes.isEmpty || publishBytes + publish.bytes <= bytesMax
    else { return false }
    publishes.append(publish)
    publishBytes += publish.bytes
    return true
  }

  /// Takes the first publish, if it is the one that was asked about.
  func takePublish(_ number: UInt64) -> HeldPublish? {
    guard publishNumber == number, !publishes.isEmpty else { return nil }
    let first = publishes.removeFirst()
    publishBytes -= first.bytes
    return first
  }

  /// Takes the join that was asked about.
  func takeJoin(_ number: UInt64) -> HeldJoin? {
    guard let place = joins.firstIndex(where: { $0.number == number }) else { return nil }
    return joins.remove(at: place)
  }

  /// Takes the join of a room.
  func takeJoin(of room: RoomName) -> HeldJoin? {
    guard let place = joins.firstIndex(where: { $0.room == room }) else { return nil }
    return joins.remove(at: place)
  }
}
