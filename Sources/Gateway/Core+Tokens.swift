// Tokens on a shard: verified at the handshake, in `auth`, and watched until they expire. What was
// wrong with a token is for the log and the metrics; its bearer hears that it was not accepted.

import Auth
import Backplane
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

/// Who asks for a connection, before anything that costs was done for it.
enum Claimant {
  /// Somebody whom the node believes without a token.
  case known(Identity)
  /// The bearer of a token that was not verified yet.
  case bearer([UInt8])
  /// Somebody who will say so in a first `auth`.
  case undeclared
  /// Somebody who was verified before the callback was asked.
  case verified(Admitted)
}

/// Who was let in.
struct Admitted {
  let identity: Identity
  let term: TokenTerm?
  /// Whether a first `auth` has to come.
  let awaitsAuth: Bool
}

/// Lets a few security events a second into the log, and counts the others.
struct EventThrottle: Sendable {
  private static let perSecond = 5
  private var second: UInt64 = 0
  private var count = 0
  private var suppressed = 0

  /// Whether this event may be logged; how many before it were not, since the last one that was.
  mutating func admits(_ now: MonotonicInstant) -> (isLogged: Bool, suppressed: Int) {
    let current = now.nanoseconds / 1_000_000_000
    if current != second {
      second = current
      count = 0
    }
    guard count < Self.perSecond else {
      suppressed += 1
      return (false, 0)
    }
    count += 1
    defer { suppressed = 0 }
    return (true, suppressed)
  }
}

extension Core {
  // MARK: Verifying

  /// What a token grants on this node; nil when it is refused, which is counted and logged.
  ///
  /// The caller answers, always in the same way.
  mutating func accept(
    _ token: Span<UInt8>, from slot: Int32, _ now: MonotonicInstant
  ) -> Result<TokenTerm, TokenRejection> {
    let wall = moment(now).wallMilliseconds
    do throws(TokenRejection) {
      let grant = try verifier.verify(token, wallSeconds: wall / 1000)
      guard !revocations.isRevoked(grant, now: wall / 1000) else {
        throw TokenRejection(.revoked)
      }
      return .success(
        TokenTerm(
          grant, wallMilliseconds: wall, now: now, leeway: rules.tokenRules.leeway,
          timing: rules.timing))
    } catch {
      refused(error, slot, now)
      return .failure(error)
    }
  }

  /// Counts and logs a token that was refused.
  mutating func refused(
    _ rejection: TokenRejection, _ slot: Int32, _ now: MonotonicInstant
  ) {
    if let place = TokenRejection.Reason.allCases.firstIndex(of: rejection.reason) {
      metrics.tokensRefused.add(place)
    }
    if rejection.reason == .unknownKey { tellUnknownKey() }
    let (isLogged, suppressed) = tokenThrottle.admits(now)
    guard isLogged else { return }
    var fields: [LogField] = [
      .init("reason", rejection.reason.rawValue),
      .init("address", connections[slot].address.hostText),
    ]
    if let keyID = rejection.keyID { fields.append(.init("kid", keyID)) }
    if suppressed > 0 { fields.append(.init("suppressed", suppressed)) }
    shared.log.warning("token_refused", "a token was not accepted", fields)
  }

  // MARK: The handshake

  /// What a request says about who sends it; nil when that is answered with a refusal.
  mutating func claimant(
    _ slot: Int32, _ head: RequestHead, mayAuthenticateLater: Bool, _ now: MonotonicInstant
  ) -> Claimant? {
    let auth = rules.configuration.auth
    if rules.acceptsTokens {
      switch Credential(of: head, cookie: auth.tokens.cookie, inQuery: auth.tokens.query) {
      case .token(let token): return .bearer(token)
      case .contradictory:
        respond(
          slot, 400, "The request has two credentials that are not the same.", keepAlive: false,
          now)
        return nil
      case .none: break
      }
    }
    if auth.anonymous { return anonymous(slot, head, now) }
    if auth.inBand, mayAuthenticateLater { return .undeclared }
    refuse(slot, .unauthenticated, nil, now)
    return nil
  }

  private mutating func anonymous(
    _ slot: Int32, _ head: RequestHead, _ now: MonotonicInstant
  ) -> Claimant? {
    guard shared.configuration.dev, let name = head.queryValue("user"), !name.isEmpty else {
      return .known(.anonymous)
    }
    guard Identity.isValidUser(name) else {
      respond(
        slot, 400, "`user` has 1 to \(Identity.userBytesMax) bytes, no control characters.",
        keepAlive: false, now)
      return nil
    }
    return .known(Identity(user: String(decoding: name, as: UTF8.self), info: nil))
  }

  /// Verifies what a claimant has shown; nil when that is answered with a refusal.
  ///
  /// Behind the rates of handshakes, so that nobody can make a node verify more than they allow.
  mutating func admitted(
    _ claimant: Claimant, _ slot: Int32, _ now: MonotonicInstant
  ) -> Admitted? {
    switch claimant {
    case .known(let identity): return Admitted(identity: identity, term: nil, awaitsAuth: false)
    case .verified(let admitted): return admitted
    case .undeclared: return Admitted(identity: .anonymous, term: nil, awaitsAuth: true)
    case .bearer(let token):
      guard knowsRevocations else {
        refuse(slot, .revocationsUnknown, .seconds(1), now)
        return nil
      }
      guard case .success(let term) = accept(token.span, from: slot, now) else {
        refuse(slot, .token, nil, now)
        return nil
      }
      return Admitted(identity: term.grant.identity, term: term, awaitsAuth: false)
    }
  }

  // MARK: Requests

  /// Why a connection may not ask for this now; nil when it may.
  func standing(_ slot: Int32, for request: Request?, _ now: MonotonicInstant) -> ErrorReply? {
    guard connections[slot].departure != .leaving else {
      return ErrorReply(
        .unavailable, "not done: the node is going away, connect again",
        retryAfter: .milliseconds(100))
    }
    if connections[slot].session.awaitsAuth {
      switch request {
      case .auth, .ping: return nil
      default: return ErrorReply(.unauthorized, "send `auth` with a token first")
      }
    }
    guard let term = connections[slot].session.term, term.expiresAt <= now else { return nil }
    switch request {
    case .auth, .ping, .leave: return nil
    default: return ErrorReply(.tokenExpired, "the token has expired: send `auth` with a new one")
    }
  }

  /// `auth`: a fresh token for the same user, or the first one of a connection without one.
  mutating func authenticate(
    _ slot: Int32, _ token: [UInt8], _ id: [UInt8]?, _ now: MonotonicInstant
  ) {
    guard rules.acceptsTokens else {
      return answer(
        slot, id,
        ErrorReply(.unauthorized, "this node is not configured for tokens (auth.tokens)"))
    }
    guard knowsRevocations else {
      return answer(
        slot, id, ErrorReply(BackplaneFailure.unavailable(retryAfter: .seconds(1))))
    }
    let term: TokenTerm
    switch accept(token.span, from: slot, now) {
    case .success(let accepted): term = accepted
    case .failure(let rejection):
      let reply =
        rejection.isExpired
        ? ErrorReply(.tokenExpired, "the token has expired")
        : ErrorReply(.unauthorized, "the token was not accepted")
      return answer(slot, id, reply)
    }
    let before = connections[slot].session.identity
    if let user = before.user {
      guard user.utf8.elementsEqual(term.grant.user.utf8) else {
        return answer(slot, id, ErrorReply(.unauthorized, "the token is another user's"))
      }
    } else {
      guard becomeUser(slot, term.grant.user, id, now) else { return }
    }
    let after = term.grant.identity
    connections[slot].session.identity = after
    connections[slot].session.term = term
    connections[slot].session.awaitsAuth = false
    if before.user == nil { countUserInCluster(slot, now) }
    watch(slot, term)
    send(slot) {
      Reply.authenticated(
        id: id, user: term.grant.user, expires: term.grant.expiresAt, to: &$0)
    }
    withdraw(slot, now) { [rules] room in
      guard let policy = rules.policies.number(for: room) else { return false }
      let join = rules.policies[policy].join
      return join.allows(before, in: room, isMember: false, action: .join)
        && !join.allows(after, in: room, isMember: false, action: .join)
    }
    if before.user == nil, let room = after.userRoom,
      let policy = rules.policies.number(for: room)
    {
      enter(room, policy, nil, nil, slot, isServerJoin: true, now)
    }
  }

  /// Whether a connection without a user may become one's; otherwise it has been answered.
  private mutating func becomeUser(
    _ slot: Int32, _ user: String, _ id: [UInt8]?, _ now: MonotonicInstant
  ) -> Bool {
    guard rules.configuration.auth.inBand else {
      answer(
        slot, id,
        ErrorReply(
          .unauthorized, "an anonymous connection gets no user here: connect with the token"))
      return false
    }
    // Members know each other by user: one that is in a room cannot become another.
    guard connections[slot].session.isInNoRoom else {
      answer(slot, id, ErrorReply(.badRequest, "leave all rooms before the first `auth`"))
      return false
    }
    guard admitUser(user, now) else {
      metrics.count(AdmissionRefusal.userConnections)
      answer(
        slot, id,
        ErrorReply(
          .limitExceeded, "too many connections of this user (limits.connections_per_user)"))
      close(slot, .connectionLimit, now)
      return false
    }
    connections[slot].session.isUserCounted = true
    users[user, default: []].append(slot)
    return true
  }

  // MARK: Time

  /// Sees to it that a connection is looked at when its token's time comes.
  mutating func watch(_ slot: Int32, _ term: TokenTerm) {
    if term.nextAt < connections[slot].timerAt { arm(slot, at: term.nextAt) }
  }

  /// What a connection's token, or the missing one, demands now: when to look again, or nil when
  /// the connection was closed.
  mutating func tokenDue(_ slot: Int32, _ now: MonotonicInstant) -> MonotonicInstant? {
    if connections[slot].session.awaitsAuth {
      guard connections[slot].deadline <= now else { return connections[slot].deadline }
      close(slot, .unauthorized, now)
      return nil
    }
    guard let term = connections[slot].session.term else { return .distantFuture }
    if term.closesAt <= now {
      close(slot, .tokenExpired, now)
      return nil
    }
    if !term.isNoticed, term.noticeAt <= now {
      term.isNoticed = true
      let left = max(0, term.expiresAt.since(now).millisecondsClamped)
      send(slot) { Push.expiring(milliseconds: left, to: &$0) }
    }
    return term.nextAt
  }
}
