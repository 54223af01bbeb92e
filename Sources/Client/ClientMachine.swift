// All that a client decides, without a socket, a clock or a thread: inputs go in with the time at which
// they came, actions come out. Tests drive it through the same table that roost.js is driven through.
// Concerns have files of their own: the connection, rooms, calls, tokens, what comes in.

public import RoostEventLoop
import RoostRooms

/// What a machine needs to know from the start.
public struct ClientMachineOptions: Sendable {
  /// Whether there is somebody to ask for tokens.
  public var hasTokenProvider: Bool
  /// How long a call may take.
  public var callTimeout: Duration
  /// Calls that may wait.
  public var callsMax: Int
  /// Bytes of calls that may wait.
  public var callBytesMax: Int

  /// Puts options together.
  public init(
    hasTokenProvider: Bool, callTimeout: Duration = .seconds(30), callsMax: Int = 1000,
    callBytesMax: Int = 4 << 20
  ) {
    self.hasTokenProvider = hasTokenProvider
    self.callTimeout = callTimeout
    self.callsMax = callsMax
    self.callBytesMax = callBytesMax
  }
}

/// Where a machine gets what nobody can foresee.
public struct ClientRandomness: Sendable {
  /// A number from 0 up to, not including, 1: for waits.
  public var fraction: @Sendable () -> Double
  /// An idempotency key that nobody else uses.
  public var key: @Sendable () -> String

  /// Puts sources together.
  public init(fraction: @escaping @Sendable () -> Double, key: @escaping @Sendable () -> String) {
    self.fraction = fraction
    self.key = key
  }
}

/// A client's decisions.
///
/// One thread at a time. After each input take the actions and carry them out in their order; then ask
/// for the next deadline. Bounded: by the calls that may wait, by the rooms that the application
/// wishes, and by the rooms that a server gives (`givenRoomsMax`).
public struct ClientMachine {
  /// How long it may take from a dial to the first message.
  public static let connectTimeout = Duration.seconds(10)
  /// How long an answer to a ping may take.
  public static let pongTimeout = Duration.seconds(10)
  /// A timer that fires so much too late means that nothing ran meanwhile.
  public static let lateness = Duration.seconds(5)
  /// A connection that was open for so long was a good one.
  public static let goodAge = Duration.seconds(10)
  /// Requests without an answer at a time.
  public static let requestsMax = 100
  /// Rooms that a server may put this client into and that are told apart.
  public static let givenRoomsMax = 10_000

  enum Phase: Equatable {
    /// Never connected.
    case idle
    /// Connecting: the token is not there yet.
    case asking(until: MonotonicInstant)
    /// Connecting: dialled, or waiting for the first message.
    case dialing(until: MonotonicInstant)
    /// Connected.
    case open(since: MonotonicInstant)
    /// Before the next try.
    case waiting(until: MonotonicInstant)
    /// Ended for good.
    case closed
  }

  /// What an answer is for.
  enum Awaited {
    case join(RoomName)
    case leave(RoomName)
    case call(CallTicket)
    case authentication
  }

  let options: ClientMachineOptions
  let randomness: ClientRandomness

  // The connection.
  var phase = Phase.idle
  /// The one that requests go over, from its dial on; 0 before the first.
  var link: ClientLink = 0
  var lastLink: ClientLink = 0
  /// What the open connection's first message said.
  var session: ClientSession?
  /// Lets the next connection take over from the last one.
  var ticket: String?
  var move = Move()
  var backoff = Backoff()
  var messageBytesMax = Int.max
  var isDraining = false
  /// A refusal of the token that no `welcome` came after.
  var wasUnauthorized = false
  var silence = Silence()

  // Requests of this connection.
  var awaited: [UInt64: Awaited] = [:]
  var nextRequest: UInt64 = 1
  /// Requests that count against `requestsMax`.
  var unanswered = 0
  /// The server has asked for nothing before this.
  var heldUntil = MonotonicInstant.zero

  // Rooms and calls.
  var rooms: [RoomName: WishedRoom] = [:]
  var nextWish: UInt64 = 1
  var given: [RoomName: GivenRoom] = [:]
  /// Wished rooms whose join is to be sent, or sent once more.
  var unsentJoins = 0
  /// Rooms that the server would not let this client leave just then: whether to leave them even though
  /// they are wished again, to be joined anew.
  var unsentLeaves: [RoomName: Bool] = [:]
  /// Wished rooms that this connection did not leave before it asked to join them again.
  var staying: Set<RoomName> = []
  var calls: [CallTicket: PendingCall] = [:]
  var callBytes = 0
  /// Tickets of calls to be sent, in their order.
  var unsentCalls: [CallTicket] = []
  /// No call times out before this; often earlier than need be.
  var callDeadline = MonotonicInstant.distantFuture
  /// Nothing is to be repeated before this; often earlier than need be.
  var repeatDeadline = MonotonicInstant.distantFuture

  var tokens = TokenState()
  var actions: [ClientAction] = []

  /// A machine that has done nothing yet.
  public init(_ options: ClientMachineOptions, _ randomness: ClientRandomness) {
    self.options = options
    self.randomness = randomness
  }

  /// What is to be done, in order; it is given out once.
  public mutating func takeActions() -> [ClientAction] {
    guard !actions.isEmpty else { return [] }
    var taken: [ClientAction] = []
    swap(&taken, &actions)
    return taken
  }

  /// When `fire` has something to do next.
  public var nextDeadline: MonotonicInstant? {
    var next = min(callDeadline, tokens.askAgain, move.seen.forgetAt)
    switch phase {
    case .asking(let until), .dialing(let until), .waiting(let until): next = min(next, until)
    case .open:
      next = min(next, silence.deadline, repeatDeadline, move.deadline)
      if heldUntil > .zero { next = min(next, heldUntil) }
    case .idle, .closed: break
    }
    return next == .distantFuture ? nil : next
  }

  /// Time has passed.
  public mutating func fire(now: MonotonicInstant) {
    switch phase {
    case .asking(let until) where now >= until:
      tokens.giveUp()
      fail(1006, "no token came in time", retryAfter: nil, now)
    case .dialing(let until) where now >= until: loseConnection(at: now, "no welcome came in time")
    case .waiting(let until) where now >= until: beginConnecting(now)
    case .open:
      // First, because the end of this connection may make the next one, which is given up here, the one.
      watchMove(now)
      watchSilence(now)
    default: break
    }
    if now >= tokens.askAgain { askToken() }
    if now >= move.seen.forgetAt { move.seen.forget() }
    if now >= callDeadline { expireCalls(now) }
    if heldUntil > .zero, now >= heldUntil { heldUntil = .zero }
    if now >= repeatDeadline { repeatDeadline = .distantFuture }
    pump(now)
  }

  // MARK: Figures for tests

  /// How many of its timers run.
  public var timerCount: Int {
    var count = 0
    switch phase {
    case .asking, .dialing, .waiting: count += 1
    case .open: count += silence.deadline < .distantFuture ? 1 : 0
    default: break
    }
    if tokens.askAgain < .distantFuture { count += 1 }
    if !calls.isEmpty { count += 1 }
    if heldUntil > .zero { count += 1 }
    if move.deadline < .distantFuture { count += 1 }
    if move.seen.forgetAt < .distantFuture { count += 1 }
    return count
  }

  /// Connections that it holds or is about to have: 0 or 1, and 2 while it moves.
  public var socketCount: Int {
    switch phase {
    case .dialing: 1
    case .open: 1 + (move.dialledLink == nil ? 0 : 1) + (move.old == nil ? 0 : 1)
    default: 0
    }
  }

  /// Calls without an outcome.
  public var waitingCount: Int { calls.count }

  // MARK: Used by all concerns

  var isOpen: Bool {
    if case .open = phase { true } else { false }
  }

  mutating func tell(_ event: ClientEvent) { actions.append(.event(event)) }

  mutating func tell(_ room: RoomName, _ event: RoomEvent) {
    actions.append(.roomEvent(room, event))
  }

  /// Sends a request and remembers what its answer is for.
  mutating func request(_ body: [UInt8], _ purpose: Awaited) -> UInt64 {
    let id = nextRequest
    nextRequest += 1
    awaited[id] = purpose
    actions.append(.sendText(ClientRequest.finished(body, id: id), on: link))
    return id
  }

  /// The server wants nothing for a while.
  mutating func hold(_ time: Duration?, _ now: MonotonicInstant) {
    var pause = Backoff()
    let length = pause.fail(retryAfter: time, random: randomness.fraction())
    heldUntil = max(heldUntil, now.advanced(by: length))
  }

  /// Sends what may be sent: joins first, then calls in their order.
  mutating func pump(_ now: MonotonicInstant) {
    guard isOpen, now >= heldUntil else { return }
    if !unsentLeaves.isEmpty { sendLeaves() }
    if unsentJoins > 0 { sendJoins(now) }
    if !unsentCalls.isEmpty { sendCalls(now) }
  }
}
