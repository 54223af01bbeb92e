// Who a connection is to the rooms: identity, the rooms it is in, its rates. No socket, no frames.

import Auth
import RoostEventLoop
import RoostRooms

/// A room that a connection wants to be in but does not get live messages of yet.
struct PendingRoom: Sendable, Equatable {
  /// How far the way in is.
  enum Stage: Sendable, Equatable {
    /// The backplane has not answered yet.
    case joining
    /// Missed messages are being sent, up to this position so far.
    case replaying(Position)
  }

  let room: RoomName
  /// Which of the shard's joins this is; its answers carry the number.
  let join: UInt64
  var stage: Stage
  /// Whether a page of missed messages was asked for and has not come yet.
  var awaitsPage: Bool
  /// Whether the next missed message fits an empty queue only.
  var awaitsEmptyQueue = false
  /// Whether a page came with nothing in it, because the log cannot be read now: it is asked for
  /// again after the next sweep.
  var pauses = false
  /// Whether the next message is the first of another epoch, which the client does not know yet.
  var tellsEpoch = false
  /// Whether the server put the connection there.
  let isServerJoin: Bool
  /// Whether it is a live member that read too slowly, and has kept its seat.
  var isSeated = false

  /// Whether missed messages are being sent.
  var isReplaying: Bool {
    if case .replaying = stage { return true }
    return false
  }
}

/// What a rate limit says about a message.
enum RateVerdict: Equatable, Sendable {
  case allowed
  /// Refused, and worth another try after the time.
  case limited(Duration)
  /// Refused so often in a row that the connection is to be closed.
  case excessive
}

/// The rooms' side of a connection.
struct Session: Sendable {
  var identity = Identity.anonymous
  /// Whether the user was counted by the doorkeeper.
  var isUserCounted = false

  // Live rooms. Most connections are in one, which costs no array.
  private var first: RoomSeat?
  private var others: [RoomSeat] = []

  /// Rooms on their way in.
  var pending: [PendingRoom] = []
  /// Whether the shard's list of replays has the connection.
  var isReplayListed = false

  // Rates.
  private var messages = TokenBucket()
  private var bytes = TokenBucket()
  private var refusalsInARow: UInt16 = 0

  /// Rooms that count against the limit.
  var roomCount: Int { (first == nil ? 0 : 1) + others.count + pending.count { !$0.isSeated } }

  /// Whether no room is left.
  var isInNoRoom: Bool { roomCount == 0 }

  /// Takes a message's bytes from the rate of bytes.
  mutating func take(bytes count: Int, limits: Limits, now: MonotonicInstant) -> RateVerdict {
    verdict(
      bytes.take(
        max(count, 1), ratePerSecond: limits.bytesPerSecond, burst: limits.bytesBurst,
        now: now.nanoseconds), limits)
  }

  /// Takes one request from the rate of messages.
  mutating func takeMessage(limits: Limits, now: MonotonicInstant) -> RateVerdict {
    guard limits.limitsMessages else { return .allowed }
    return verdict(
      messages.take(
        1, ratePerSecond: limits.messagesPerSecond, burst: limits.messagesBurst,
        now: now.nanoseconds), limits)
  }

  private mutating func verdict(_ wait: Duration?, _ limits: Limits) -> RateVerdict {
    guard let wait else {
      refusalsInARow = 0
      return .allowed
    }
    refusalsInARow &+= 1
    // As many refusals in a row as the burst holds: the peer does not listen to `retry_after_ms`.
    return Int(refusalsInARow) > max(limits.messagesBurst, 50) ? .excessive : .limited(wait)
  }

  /// The seat in a room; nil when the connection is not a live member.
  func seat(in room: RoomIndex) -> RoomSeat? {
    if let first, first.room == room { return first }
    return others.first { $0.room == room }
  }

  /// Adds a seat.
  mutating func add(_ seat: RoomSeat) {
    if first == nil { first = seat } else { others.append(seat) }
  }

  /// Takes the seat in a room away.
  mutating func removeSeat(in room: RoomIndex) -> RoomSeat? {
    if let seat = first, seat.room == room {
      first = others.popLast()
      return seat
    }
    guard let place = others.firstIndex(where: { $0.room == room }) else { return nil }
    let seat = others[place]
    others.swapAt(place, others.count - 1)
    others.removeLast()
    return seat
  }

  /// Notes that another member's removal moved this connection within a room.
  mutating func move(in room: RoomIndex, to position: Int32) {
    if first?.room == room {
      first?.position = position
    } else if let place = others.firstIndex(where: { $0.room == room }) {
      others[place].position = position
    }
  }

  /// Takes any seat away; nil when none is left.
  mutating func removeAnySeat() -> RoomSeat? {
    if let seat = others.popLast() { return seat }
    let seat = first
    first = nil
    return seat
  }

  /// The rooms whose live member the connection is.
  var seats: [RoomSeat] { (first.map { [$0] } ?? []) + others }
}
