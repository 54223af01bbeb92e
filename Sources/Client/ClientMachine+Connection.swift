// Connecting, ending, coming back: which end is final, how long each wait is, and whether the other side
// is still there.

public import RoostEventLoop
import RoostRooms

/// How long nothing has come.
struct Silence: Equatable {
  /// Silence for so long is worth a question; nil where the server sends no pings.
  private var patience: Duration?
  /// Whether a ping waits for its answer.
  private(set) var isPinging = false
  /// When there is something to do.
  private(set) var deadline = MonotonicInstant.distantFuture

  /// Begins to watch a connection whose server pings so often.
  mutating func begin(_ pingInterval: Duration, at now: MonotonicInstant) {
    patience = pingInterval > .zero ? pingInterval / 2 * 3 : nil
    hear(at: now)
  }

  /// Something came.
  mutating func hear(at now: MonotonicInstant) {
    isPinging = false
    deadline = patience.map { now.advanced(by: $0) } ?? .distantFuture
  }

  /// A ping has been sent.
  mutating func ping(at now: MonotonicInstant) {
    isPinging = true
    deadline = now.advanced(by: ClientMachine.pongTimeout)
  }

  /// Stops watching.
  mutating func end() { self = Silence() }
}

extension ClientMachine {
  // MARK: The application

  /// The application wants to be connected, which ends a wait at once.
  public mutating func connect(now: MonotonicInstant) {
    switch phase {
    case .idle, .closed:
      backoff.reset()
      wasUnauthorized = false
      beginConnecting(now)
    case .waiting: beginConnecting(now)
    case .asking, .dialing, .open: break
    }
  }

  /// The application wants no more; what waits is rejected.
  public mutating func close(now: MonotonicInstant) {
    guard phase != .closed else { return }
    if socketCount > 0 { actions.append(.hangUp(link, code: 1000)) }
    endMoving()
    leaveConnection(now)
    finish(1000, "")
  }

  // MARK: The connection

  /// The server has answered the upgrade with something else.
  ///
  /// - Parameters:
  ///   - status: the HTTP status, 100 to 999.
  ///   - retryAfter: what the answer's `Retry-After` says.
  public mutating func refused(
    _ link: ClientLink, status: Int, retryAfter: Duration?, now: MonotonicInstant
  ) {
    end(
      link, RetryRule.closeCode(ofStatus: status), "the server answered \(status)",
      retryAfter: retryAfter, now)
  }

  /// A connection has ended, or did not come about: 1006 and the reason.
  public mutating func closed(
    _ link: ClientLink, code: UInt16, reason: String, now: MonotonicInstant
  ) {
    end(link, code, reason, retryAfter: nil, now)
  }

  /// Something came that is no message, such as a WebSocket ping.
  public mutating func heard(_ link: ClientLink, now: MonotonicInstant) {
    if isOpen, link == self.link { silence.hear(at: now) }
  }

  /// Begins a try: a token, where there is a provider, then the dial.
  mutating func beginConnecting(_ now: MonotonicInstant) {
    tell(.connecting)
    guard options.hasTokenProvider, !tokens.isUsable(at: now) else { return dial(now) }
    phase = .asking(until: now.advanced(by: Self.connectTimeout))
    askToken()
  }

  mutating func dial(_ now: MonotonicInstant) {
    phase = .dialing(until: now.advanced(by: Self.connectTimeout))
    link = nextDial()
  }

  /// Has a connection opened, and says which.
  mutating func nextDial() -> ClientLink {
    lastLink += 1
    let token = options.hasTokenProvider ? tokens.current : nil
    actions.append(.dial(lastLink, token: token, ticket: ticket))
    return lastLink
  }

  /// Gives a connection up that is of no use.
  mutating func loseConnection(at now: MonotonicInstant, _ reason: String) {
    actions.append(.hangUp(link, code: nil))
    end(link, 1006, reason, retryAfter: nil, now)
  }

  private mutating func end(
    _ link: ClientLink, _ code: UInt16, _ reason: String, retryAfter: Duration?,
    _ now: MonotonicInstant
  ) {
    if isOpen, link == move.old?.link { return letOldGo(now, hangsUp: false) }
    if isOpen, link == move.dialledLink { return loseMove(to: code) }
    guard link == self.link else { return }
    let rule = RetryRule(closeCode: code)
    let isAgain = comesBack(rule, code)
    if isOpen, move.old != nil, isAgain { return goBack(now) }
    switch phase {
    case .dialing: break
    case .open(let since): if now.since(since) >= Self.goodAge { backoff.reset() }
    case .idle, .asking, .waiting, .closed: return
    }
    let wasDraining = isDraining
    let next = isAgain ? move.next : nil
    if next == nil { endMoving() }
    leaveConnection(now)
    switch rule {
    case .final: return finish(code, reason)
    case .again:
      // The node said so before: nothing has failed.
      if next == nil, wasDraining, code == 1001 {
        let pause = Backoff.part(of: Backoff.spread, randomness.fraction())
        return wait(pause, code, reason, now)
      }
    case .againSlowly(let failures): backoff.raise(to: failures)
    case .withNewToken:
      guard isAgain else { return finish(code, reason) }
      wasUnauthorized = code == 4001
      tokens.forget()
    }
    // The next connection is on its way already.
    if let next { return goOn(next) }
    fail(code, reason, retryAfter: retryAfter, now)
  }

  private func comesBack(_ rule: RetryRule, _ code: UInt16) -> Bool {
    switch rule {
    case .final: false
    case .again, .againSlowly: true
    case .withNewToken: options.hasTokenProvider && (code != 4001 || !wasUnauthorized)
    }
  }

  /// Counts a failure and waits.
  mutating func fail(
    _ code: UInt16?, _ reason: String, retryAfter: Duration?, _ now: MonotonicInstant
  ) {
    let pause = backoff.fail(retryAfter: retryAfter, random: randomness.fraction())
    wait(pause, code, reason, now)
  }

  private mutating func wait(
    _ pause: Duration, _ code: UInt16?, _ reason: String, _ now: MonotonicInstant
  ) {
    phase = .waiting(until: now.advanced(by: pause))
    tell(.waiting(retryIn: pause, code: code, reason: reason))
  }

  /// The end, until the application connects again.
  mutating func finish(_ code: UInt16, _ reason: String) {
    phase = .closed
    ticket = nil
    move.seen.forget()
    tokens.closed()
    rejectCalls()
    rejectJoins()
    tell(.closed(code: code, reason: reason))
  }

  /// Forgets what belonged to the connection; what is not done is to be done on the next one.
  private mutating func leaveConnection(_ now: MonotonicInstant) {
    silence.end()
    awaited.removeAll(keepingCapacity: awaited.capacity <= 1024)
    unanswered = 0
    heldUntil = .zero
    repeatDeadline = .distantFuture
    isDraining = false
    session = nil
    move.end()
    tokens.disconnected()
    unsentLeaves = [:]
    staying = []
    leaveRooms()
    leaveCalls()
  }

  // MARK: What came first

  /// The first message: the connection is open.
  mutating func welcomed(_ session: ClientSession, _ now: MonotonicInstant) {
    guard case .dialing = phase else { return }
    begin(session, now)
    tell(.open(session))
    rejectLargeCalls()
    pump(now)
  }

  /// What the first message of the connection says holds from now on.
  mutating func begin(_ session: ClientSession, _ now: MonotonicInstant) {
    phase = .open(since: now)
    wasUnauthorized = false
    tokens.accepted()
    keep(session, now)
  }

  /// Goes by what a connection's first message said.
  mutating func keep(_ session: ClientSession, _ now: MonotonicInstant) {
    self.session = session
    messageBytesMax = session.messageBytesMax
    silence.begin(session.pingInterval, at: now)
  }

  // MARK: Silence

  mutating func watchSilence(_ now: MonotonicInstant) {
    guard now >= silence.deadline else { return }
    // While this process slept the server's silence was nobody's fault.
    let isLate = now.since(silence.deadline) >= Self.lateness
    guard silence.isPinging, !isLate else {
      let ping = ClientRequest.finished(ClientRequest.ping(), id: nil)
      actions.append(.sendText(ping, on: link))
      return silence.ping(at: now)
    }
    loseConnection(at: now, "the server is silent")
  }
}
