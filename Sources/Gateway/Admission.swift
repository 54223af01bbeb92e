// Who is let in, and how much users and addresses may do together: rates of handshakes, counts of
// connections, rates of messages and bytes, per node, per address and per user. All shards share
// these figures without a lock.

import RoostEventLoop
import RoostRooms
import Synchronization

/// Why a connection is not let in.
enum AdmissionRefusal: String, CaseIterable, Sendable {
  /// The node has as many connections as it may have.
  case nodeConnections = "node_connections"
  /// The address has as many connections as it may have.
  case addressConnections = "address_connections"
  /// The user has as many connections as it may have.
  case userConnections = "user_connections"
  /// Too many handshakes a second on this node.
  case nodeRate = "node_rate"
  /// Too many handshakes a second from this address.
  case addressRate = "address_rate"
  /// Too many sockets have not finished their handshake, and this one waits longest.
  case handshakesAtOnce = "handshakes_at_once"
  /// The node is draining.
  case draining
  /// The page's origin is not allowed.
  case origin
  /// No credential, and anonymous connections are not allowed.
  case unauthenticated
  /// A token that was not accepted.
  case token
  /// A PROXY header is needed, and the address is none of the trusted proxies'.
  case proxyUntrusted = "proxy_untrusted"
  /// A trusted proxy began with something that is no PROXY header.
  case proxyHeader = "proxy_header"
  /// A token, and the node has not read yet what the cluster took back.
  case revocationsUnknown = "revocations_unknown"
  /// The callback does not allow it.
  case denied
  /// The callback did not decide.
  case undecided
}

/// A limit that a dry run overlooks.
enum OverlookedLimit: Hashable, Sendable {
  case admission(AdmissionRefusal)
  case rate(RateLimit)
  case rooms

  /// All of them, in the order in which metrics show them.
  static let all: [OverlookedLimit] =
    [
      .admission(.addressConnections), .admission(.userConnections), .admission(.nodeRate),
      .admission(.addressRate), .admission(.handshakesAtOnce),
    ] + RateLimit.allCases.map { .rate($0) } + [.rooms]

  /// Its name in metrics.
  var label: String {
    switch self {
    case .admission(let refusal): refusal.rawValue
    case .rate(let rate): rate.label
    case .rooms: "rooms_per_connection"
    }
  }
}

/// The node's doorkeeper.
///
/// Any thread. It holds figures only: the limits are those that the caller's rules have at the time.
final class Admission: Sendable {
  private let connectionsMax: Int
  private let connections = Atomic<Int>(0)
  private let paidUntil = Atomic<UInt64>(0)
  /// The same for those who hold a ticket.
  private let movesPaidUntil = Atomic<UInt64>(0)
  private let addresses = CountingSketch()
  private let addressRates = CountingSketch()
  private let socketRates = CountingSketch()
  private let users = CountingSketch()
  // Until when the cluster is known to have as many as it may have.
  private let fullAddresses = CountingSketch()
  private let fullUsers = CountingSketch()
  private let moves = CountingSketch()
  // Rates that several connections share; a row that is not used takes no memory.
  private let userMessages = CountingSketch()
  private let userBytes = CountingSketch()
  private let addressMessages = CountingSketch()
  private let addressBytes = CountingSketch()
  private let addressInput = CountingSketch()
  private let overlooked = AtomicCells(count: OverlookedLimit.all.count)

  /// - Parameter connectionsMax: WebSocket connections of the node, from its budget.
  init(connectionsMax: Int) { self.connectionsMax = connectionsMax }

  /// WebSocket connections of the node.
  var connectionCount: Int { connections.load(ordering: .relaxed) }

  // MARK: Dry run

  /// Whether a limit that is exceeded holds; counts it, where it does not.
  func holds(_ limit: OverlookedLimit, _ limits: Limits) -> Bool {
    guard limits.dryRun, let place = OverlookedLimit.all.firstIndex(of: limit) else { return true }
    _ = overlooked.increment(place)
    return false
  }

  /// How often a limit was exceeded in a dry run.
  func overlookedCount(_ place: Int) -> UInt64 { overlooked.load(place) }

  // MARK: Addresses

  /// The number that stands for an address in counts and rates.
  static func key(of address: SocketAddress) -> UInt64 {
    // An IPv6 host commonly has a whole /64, so that is what one address is.
    address.isIPv6 ? address.high : address.low | 1 << 63
  }

  /// Counts an accepted socket; false when its address has far more than it may have.
  ///
  /// The socket is counted in either case; `left` takes it out.
  func entered(_ address: SocketAddress, _ limits: Limits) -> Bool {
    let count = addresses.enter(Self.key(of: address))
    guard limits.connectionsPerAddress > 0, !limits.dryRun else { return true }
    // The surplus is for requests that are refused with an answer.
    return count <= limits.connectionsPerAddress + limits.connectionsPerAddress / 8 + 16
  }

  /// Judges a socket by the rate of its address before anything is spent on it; nil when it may stay.
  ///
  /// Four sockets for each handshake, because requests that are no handshakes need some, too.
  func accepts(_ address: SocketAddress, _ limits: Limits, now: MonotonicInstant)
    -> AdmissionRefusal?
  {
    let rate = limits.handshakesPerSecondPerAddress * 4
    guard rate > 0,
      socketRates.take(Self.key(of: address), 1, ratePerSecond: rate, burst: rate, now: now) != nil,
      holds(.admission(.addressRate), limits)
    else { return nil }
    return .addressRate
  }

  /// Sockets of an address on this node.
  func count(of address: SocketAddress) -> Int { addresses.count(of: Self.key(of: address)) }

  /// The cluster has as many connections from an address as it may have.
  func noteFull(_ address: SocketAddress, _ now: MonotonicInstant) {
    fullAddresses.mark(Self.key(of: address), until: now.advanced(by: Self.fullTime))
  }

  /// Counts an accepted socket out.
  func left(_ address: SocketAddress) {
    addresses.leave(Self.key(of: address))
  }

  // MARK: Handshakes

  /// Judges an upgrade; nil when it is let in, and then it counts as a connection of the node.
  ///
  /// - Parameter holdsTicket: whether it comes from another node: those have a rate of their own,
  ///   as
  ///   high as that of all others together, and are judged as they are when it is used up.
  func upgrade(
    _ address: SocketAddress, holdsTicket: Bool = false, _ limits: Limits, now: MonotonicInstant
  ) -> (refusal: AdmissionRefusal, retryAfter: Duration)? {
    let key = Self.key(of: address)
    let perAddress = limits.handshakesPerSecondPerAddress
    let isAhead = holdsTicket && takeHandshake(limits, now, from: movesPaidUntil) == nil
    if !isAhead, perAddress > 0,
      let wait = addressRates.take(key, 1, ratePerSecond: perAddress, burst: perAddress, now: now),
      holds(.admission(.addressRate), limits)
    {
      return (.addressRate, wait)
    }
    if limits.connectionsPerAddress > 0 {
      // The own socket is counted already: look at the figure by counting in and out.
      let count = addresses.enter(key) - 1
      addresses.leave(key)
      let isFull =
        count > limits.connectionsPerAddress || fullAddresses.isMarked(key, now: now)
      if isFull, holds(.admission(.addressConnections), limits) {
        return (.addressConnections, .seconds(5))
      }
    }
    if !isAhead, let wait = takeHandshake(limits, now, from: paidUntil),
      holds(.admission(.nodeRate), limits)
    {
      return (.nodeRate, wait)
    }
    // What the machine affords is no matter of choice: it holds in a dry run, too.
    guard adopt() else { return (.nodeConnections, .seconds(10)) }
    return nil
  }

  /// Counts an event stream of the admin port as a connection of the node; false when it is full.
  func adopt() -> Bool {
    guard connections.add(1, ordering: .relaxed).newValue <= connectionsMax else {
      connections.subtract(1, ordering: .relaxed)
      return false
    }
    return true
  }

  /// A connection that `upgrade` or `adopt` let in is gone.
  func ended() {
    let old = connections.subtract(1, ordering: .relaxed).oldValue
    precondition(old > 0, "more connections ended than began")
  }

  private func takeHandshake(
    _ limits: Limits, _ now: MonotonicInstant, from paidUntil: borrowing Atomic<UInt64>
  ) -> Duration? {
    guard limits.handshakesPerSecond > 0 else { return nil }
    let cost = 1_000_000_000 / UInt64(limits.handshakesPerSecond)
    let depth: UInt64 = 1_000_000_000
    var paid = paidUntil.load(ordering: .relaxed)
    while true {
      let end = max(paid, now.nanoseconds) &+ cost
      guard end <= now.nanoseconds &+ depth else {
        return .nanoseconds(Int64(clamping: end - now.nanoseconds - depth))
      }
      let result = paidUntil.compareExchange(expected: paid, desired: end, ordering: .relaxed)
      if result.exchanged { return nil }
      paid = result.original
    }
  }

  // MARK: Users

  /// How long a user or an address is refused at the door that the cluster has enough of.
  private static let fullTime = Duration.seconds(1)

  /// Connections of a user on this node.
  func count(of user: String) -> Int { users.count(of: Self.key(of: user)) }

  /// The cluster has as many connections of a user as it may have.
  func noteFull(user: String, _ now: MonotonicInstant) {
    fullUsers.mark(Self.key(of: user), until: now.advanced(by: Self.fullTime))
  }

  /// Counts a connection of a user; false, and not counted, when the user has enough.
  func entered(user: String, _ limits: Limits, now: MonotonicInstant) -> Bool {
    let key = Self.key(of: user)
    let count = users.enter(key)
    guard limits.connectionsPerUser > 0,
      count > limits.connectionsPerUser || fullUsers.isMarked(key, now: now),
      holds(.admission(.userConnections), limits)
    else { return true }
    users.leave(key)
    return false
  }

  /// Whether a connection that came from another node is not counted for a while, because the one
  /// before still is.
  ///
  /// As many of a user or an address as it may have connections, so that nobody has many more by
  /// moving all the time.
  func mayOverlap(
    user: String?, _ address: SocketAddress, _ limits: Limits, now: MonotonicInstant
  ) -> Bool {
    let limit = user == nil ? limits.connectionsPerAddress : limits.connectionsPerUser
    guard limit > 0 else { return true }
    let key = user.map(Self.key) ?? Self.key(of: address)
    return moves.take(key, 1, ratePerSecond: max(limit / 10, 1), burst: limit, now: now) == nil
  }

  /// Counts a connection of a user that has enough, because an older one makes room.
  func enteredInPlace(user: String) {
    _ = users.enter(Self.key(of: user))
  }

  /// Counts a connection of a user out.
  func left(user: String) {
    users.leave(Self.key(of: user))
  }

  /// The number that stands for a user in rates.
  static func key(of user: String) -> UInt64 {
    // FNV-1a; the sketch mixes it with its own secret.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in user.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }

  // MARK: Rates

  /// Charges an address for what was read from it; nanoseconds for which it is read no more.
  func chargeInput(
    _ cost: Int, _ address: SocketAddress, pace: UInt64, now: MonotonicInstant
  ) -> UInt64 {
    // Debts beyond a second are forgiven, or a flood would shut its address out for long after.
    addressInput.charge(
      Self.key(of: address), cost, ratePerSecond: Int(clamping: pace), debtMax: 1_000_000_000,
      now: now)
  }

  /// Seconds of a rate that what other nodes tell can cost here.
  ///
  /// As many nodes as this may let a second's worth through at the same time, and the user or the
  /// address pays for all of it before it is let through anywhere again.
  private static let toldSecondsMax: UInt64 = 30

  /// Charges what was used of a rate on another node; false where there is no such limit.
  func charge(_ told: ToldUse, _ limits: Limits, now: MonotonicInstant) -> Bool {
    let limit = told.rate.limit(in: limits)
    guard limit > 0, told.use.amount > 0 else { return false }
    let sketch =
      switch told.rate {
      case .userMessages: userMessages
      case .userBytes: userBytes
      case .addressMessages: addressMessages
      case .addressBytes: addressBytes
      case .addressHandshakes: addressRates
      }
    _ = sketch.charge(
      told.use.key, Int(clamping: told.use.amount), ratePerSecond: limit,
      debtMax: Self.toldSecondsMax * 1_000_000_000, now: now)
    return true
  }

  /// Takes a message from the rates of its user, if it has one, and of its address.
  func takeMessage(
    user: UInt64?, address: SocketAddress, _ limits: Limits, now: MonotonicInstant
  ) -> (rate: RateLimit, wait: Duration)? {
    let perUser = limits.messagesPerSecondPerUser
    if perUser > 0, let user,
      let wait = userMessages.take(user, 1, ratePerSecond: perUser, burst: perUser, now: now)
    {
      return (.userMessages, wait)
    }
    let perAddress = limits.messagesPerSecondPerAddress
    if perAddress > 0,
      let wait = addressMessages.take(
        Self.key(of: address), 1, ratePerSecond: perAddress, burst: perAddress, now: now)
    {
      return (.addressMessages, wait)
    }
    return nil
  }

  /// Takes a message's bytes from the rates of its user, if it has one, and of its address.
  func takeBytes(
    _ count: Int, user: UInt64?, address: SocketAddress, _ limits: Limits, now: MonotonicInstant
  ) -> (rate: RateLimit, wait: Duration)? {
    let perUser = limits.bytesPerSecondPerUser
    if perUser > 0, let user,
      let wait = userBytes.take(user, count, ratePerSecond: perUser, burst: perUser, now: now)
    {
      return (.userBytes, wait)
    }
    let perAddress = limits.bytesPerSecondPerAddress
    if perAddress > 0,
      let wait = addressBytes.take(
        Self.key(of: address), count, ratePerSecond: perAddress, burst: perAddress, now: now)
    {
      return (.addressBytes, wait)
    }
    return nil
  }
}
