// One client of the engine: who it is, how it comes back, what it waits for. The engine's core
// drives it.

import RoostClient
import RoostEventLoop
import RoostRooms

/// How a stock client comes back.
struct StockPause {
  private var failures = 0

  /// A connection was good.
  mutating func reset() { failures = 0 }

  /// The pause before the next try: a tenth of a second that doubles up to five, half of it by
  /// chance.
  mutating func next(retryAfter: Duration?, fraction: Double) -> Duration {
    let ceiling = min(Duration.seconds(5), .milliseconds(100) * (1 << min(failures, 6)))
    failures += 1
    let pause = ceiling * (0.5 + fraction / 2)
    return retryAfter.map { $0 + pause } ?? pause
  }
}

/// One connection of a client, with what the judge knows about it.
///
/// Owner: the engine's thread.
final class SoakLink {
  /// The number that the client's logic has for it.
  let number: UInt64
  let connection: SoakConnection
  /// Its number at the judge; -1 for those that are not judged.
  let member: Int
  /// Its `welcome` has come.
  var isWelcome = false
  /// The node that has it.
  var node = ""
  /// When something came last, were it a ping.
  var heardAt: MonotonicInstant
  /// It is dead, which the client has to find out.
  var isSevered = false

  init(number: UInt64, connection: SoakConnection, member: Int, now: MonotonicInstant) {
    self.number = number
    heardAt = now
    self.connection = connection
    self.member = member
  }
}

/// One client.
///
/// Owner: the engine's thread.
final class SoakClient {
  /// What decides for it.
  enum Logic {
    /// The client library's machine.
    case ours
    /// A timer and a position.
    case stock
  }

  let index: Int
  let kind: ClientKind
  let logic: Logic
  /// Its numbers at the judge, one for each connection that it may have at a time; none for those
  /// that are not judged.
  var members: [Int] = []
  let room: Int
  let roomName: RoomName
  /// Whether it connects over TLS.
  var isSecured = false
  /// The path of its upgrade.
  let path: String

  /// The machine, used by `ours` only.
  var machine: ClientMachine
  var pause = StockPause()

  /// One connection, and more while the library's machine moves to another node.
  var links: [SoakLink] = []
  /// Counts connections, so that a late event never meets another one.
  var generation: UInt32 = 0
  var isDirty = false
  /// When it wants to be looked at.
  var wake = MonotonicInstant.distantFuture
  var scheduled = MonotonicInstant.distantFuture
  /// When the last connection was lost; nil while there is one, or before the first.
  var lostAt: MonotonicInstant?
  /// Whether it wants to be connected.
  var isWanted = false
  /// Whether it goes away for good.
  var isFinished = false
  /// Turns of slow, frozen and churning clients.
  var turn = 0

  /// Publishes without an answer: the request's number, or the machine's ticket, to the number in
  /// the room.
  var outstanding: [UInt64: Int] = [:]
  var nextRequest: UInt64 = 1
  /// The offset of the last message that the machine has handed over; -1 before the first one.
  var handedOver: Int64 = -1

  init(
    index: Int, kind: ClientKind, room: Int, roomName: RoomName, seed: UInt64
  ) {
    self.index = index
    self.kind = kind
    self.room = room
    self.roomName = roomName
    logic = kind == .ours ? .ours : .stock
    path = "/ws?user=\(kind.rawValue)-\(index)"
    let numbers = Lock(SeededNumbers(seed: seed, stream: UInt64(index) + 1000))
    machine = ClientMachine(
      ClientMachineOptions(hasTokenProvider: false, callTimeout: .seconds(60)),
      ClientRandomness(
        fraction: { numbers.withLock { $0.fraction() } },
        key: { numbers.withLock { String($0.next(), radix: 36) } }))
  }

  var token: UInt64 { UInt64(generation) << 32 | UInt64(index) }

  /// Whether there is a connection that requests may go over.
  var isWelcome: Bool { links.contains(where: \.isWelcome) }

  /// The connection of a client that has one at a time.
  var connection: SoakConnection? { links.last?.connection }

  func link(_ number: UInt64) -> SoakLink? { links.first { $0.number == number } }

  /// Whether the judge takes it for a publisher.
  var publishes: Bool { kind == .ours || kind == .stock }
}
