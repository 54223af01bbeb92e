// Tokens: asked for before the first dial, after a refusal, and while the connection lasts when the
// server says that the one it has is about to expire. Expiry is told in milliseconds from now, so that
// no wall clock has a say.

public import RoostEventLoop

/// Why a provider has no token.
public enum TokenFailure: Error, Equatable, Sendable {
  /// Asking again later may help; a reason.
  case again(String)
  /// Asking again is of no use; a reason.
  case final(String)
}

/// What is known about tokens.
struct TokenState: Equatable {
  /// The last one that the provider gave and nobody refused.
  private(set) var current: String?
  /// When the server takes it no longer.
  private var expires = MonotonicInstant.distantFuture
  /// The question that is not answered yet.
  private(set) var request: UInt64?
  private var nextRequest: UInt64 = 1
  /// Answers to earlier ones are nobody's.
  private var firstRequest: UInt64 = 1
  /// The open connection wants a new one.
  private(set) var isWanted = false
  /// When the provider is to be asked again for the open connection.
  private(set) var askAgain = MonotonicInstant.distantFuture
  private var backoff = Backoff()

  func isUsable(at now: MonotonicInstant) -> Bool { current != nil && now < expires }

  /// Begins a question; nil when one is on its way.
  mutating func ask() -> UInt64? {
    askAgain = .distantFuture
    guard request == nil else { return nil }
    request = nextRequest
    nextRequest += 1
    return request
  }

  /// What an answer is to this client.
  enum Answer {
    /// The one that was waited for.
    case awaited
    /// One that nobody waits for any more, though its token may do.
    case late
    /// One from before the client was closed.
    case stale
  }

  /// Takes an answer.
  mutating func answered(_ number: UInt64) -> Answer {
    if request == number {
      request = nil
      return .awaited
    }
    return number >= firstRequest && number < nextRequest ? .late : .stale
  }

  /// Waits for the answer no longer: the provider is asked anew.
  mutating func giveUp() { request = nil }

  mutating func take(_ token: String) {
    current = token
    expires = .distantFuture
  }

  /// The connection's token is about to expire.
  mutating func want(by expiry: MonotonicInstant) {
    expires = expiry
    isWanted = true
  }

  /// The connection needs no other one, or there is none.
  mutating func settle() {
    isWanted = false
    askAgain = .distantFuture
  }

  /// Asks again later.
  mutating func retry(at now: MonotonicInstant, random: Double) {
    isWanted = true
    askAgain = now.advanced(by: backoff.fail(retryAfter: nil, random: random))
  }

  /// The token is refused.
  mutating func forget() { current = nil }

  mutating func accepted() { backoff.reset() }

  mutating func disconnected() {
    settle()
    backoff.reset()
  }

  /// An answer that comes behind the end is nobody's.
  mutating func closed() {
    request = nil
    firstRequest = nextRequest
  }
}

extension ClientMachine {
  /// The provider has answered; without effect when nobody waits for this answer any more.
  public mutating func tokenArrived(
    request: UInt64, _ result: Result<String, TokenFailure>, now: MonotonicInstant
  ) {
    switch tokens.answered(request) {
    case .stale: return
    case .late:
      if case .success(let token) = result, !tokens.isUsable(at: now) { tokens.take(token) }
      if isAsking || move.isAsking, tokens.isUsable(at: now) {
        tokens.giveUp()
        if isAsking { dial(now) } else { dialBeside(now) }
      }
      return
    case .awaited: break
    }
    switch result {
    case .success(let token):
      tokens.take(token)
      if isAsking { return dial(now) }
      if move.isAsking { dialBeside(now) }
      guard isOpen, tokens.isWanted else { return }
      tokens.settle()
      // Neither counted nor held back: without it all the rest is refused.
      _ = self.request(ClientRequest.authenticate(token), .authentication)
    case .failure(.again(let reason)):
      if isAsking { return fail(nil, reason, retryAfter: nil, now) }
      if move.isAsking { move.next = nil }
      guard isOpen, tokens.isWanted else { return }
      tokens.retry(at: now, random: randomness.fraction())
    case .failure(.final(let reason)):
      if isAsking { return finish(4001, reason) }
      if move.isAsking { move.next = nil }
      tokens.settle()
    }
  }

  private var isAsking: Bool {
    if case .asking = phase { true } else { false }
  }

  mutating func askToken() {
    if let request = tokens.ask() { actions.append(.askToken(request: request)) }
  }

  /// The server says when it takes the connection's token no longer.
  mutating func tokenExpires(in time: Duration, _ now: MonotonicInstant) {
    guard options.hasTokenProvider else { return }
    tokens.want(by: now.advanced(by: time))
    askToken()
  }

  /// The server has taken a new token.
  mutating func tokenTaken() { tokens.accepted() }

  /// The server does not take a new token.
  mutating func tokenRefused(_ code: String, _ message: String, _ now: MonotonicInstant) {
    tell(.error(code: code, message: message))
    tokens.forget()
    tokens.retry(at: now, random: randomness.fraction())
  }
}
