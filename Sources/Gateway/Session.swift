// Who a connection is to the rooms: identity, the rooms it is in, its rates. No socket, no frames.

import Auth
import RoostEventLoop
import RoostRooms

/// A room that a connection wants to be in but does not get live messages of yet.
struct PendingRoom: Sendable, Equatable {
  /// How far the way in is.
  enum Stage: Sendable, Equatable {
    /// The callback has not decided yet; nobody else knows of the room.
    case asking
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

/// The rooms' side of a connection.
struct Session {
  var identity = Identity.anonymous {
    didSet { userKey = identity.user.map(Admission.key) }
  }
  /// The number that stands for the user in rates.
  private(set) var userKey: UInt64?
  /// Whether the user was counted by the doorkeeper.
  var isUserCounted = false
  /// Whether a first `auth` has to come before anything else.
  var awaitsAuth = false
  /// The token that says who it is; nil without one.
  var term: TokenTerm?

  // Live rooms. Most connections are in one, which costs no array.
  private var first: RoomSeat?
  private var others: [RoomSeat] = []

  /// Rooms on their way in.
  var pending: [PendingRoom] = []
  /// Whether the shard's list of replays has the connection.
  var isReplayListed = false

  /// Requests other than joins that the backplane or other nodes have not answered yet.
  var unanswered: UInt32 = 0

  // Rates.
  private var messages = TokenBucket()
  private var bytes = TokenBucket()
  /// Of namespaces with a rate of their own, by the policy's number; at most one each.
  private var publishes: [(policy: Int32, bucket: TokenBucket)] = []
  /// By how many more requests were refused than let through since they last were even.
  private var refusalSurplus: UInt32 = 0

  /// Rooms that count against the limit.
  var roomCount: Int { (first == nil ? 0 : 1) + others.count + pending.count { !$0.isSeated } }

  /// Whether no room is left.
  var isInNoRoom: Bool { roomCount == 0 }

  /// Takes a message's bytes, at least one, from the connection's rate; the time to wait otherwise.
  mutating func takeBytes(_ count: Int, limits: Limits, now: MonotonicInstant) -> Duration? {
    bytes.take(
      count, ratePerSecond: limits.bytesPerSecond, burst: limits.bytesBurst, now: now.nanoseconds)
  }

  /// Takes one request from the connection's rate; the time to wait otherwise.
  mutating func takeMessage(limits: Limits, now: MonotonicInstant) -> Duration? {
    guard limits.limitsMessages else { return nil }
    return messages.take(
      1, ratePerSecond: limits.messagesPerSecond, burst: limits.messagesBurst,
      now: now.nanoseconds)
  }

  /// Takes one publish from the rate of a namespace; the time to wait otherwise.
  mutating func takePublish(
    policy: Int32, ratePerSecond: Int, now: MonotonicInstant
  ) -> Duration? {
    let place: Int
    if let known = publishes.firstIndex(where: { $0.policy == policy }) {
      place = known
    } else {
      place = publishes.count
      publishes.append((policy, TokenBucket()))
    }
    return publishes[place].bucket.take(
      1, ratePerSecond: ratePerSecond, burst: 0, now: now.nanoseconds)
  }

  /// A request passed all rates.
  ///
  /// It takes back one refusal and not all of them: whoever sends ten times too much has one in ten
  /// let through, and does not listen all the same.
  mutating func wasAllowed() {
    if refusalSurplus > 0 { refusalSurplus -= 1 }
  }

  /// A rate was used up; true when so many refusals say that the peer does not listen to
  /// `retry_after_ms`.
  mutating func wasRefused(limits: Limits) -> Bool {
    refusalSurplus += refusalSurplus == .max ? 0 : 1
    return Int(refusalSurplus) > max(limits.messagesBurst, 50)
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
