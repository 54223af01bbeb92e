// Who is let in: rates of handshakes and counts of connections, per node, per address and per user.
//
// All shards share these figures without a lock. Addresses and users are counted in a sketch: two
// rows of cells picked by two keyed hashes, of which the smaller figure counts. A stranger who shares
// one cell with a crowd is still judged by the other one, and nobody can choose whom to share with.

import RoostCrypto
import RoostEventLoop
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
  /// The node is draining.
  case draining
  /// The page's origin is not allowed.
  case origin
  /// No credential, and anonymous connections are not allowed.
  case unauthenticated
  /// A PROXY header is needed, and the address is none of the trusted proxies'.
  case proxyUntrusted = "proxy_untrusted"
  /// A trusted proxy began with something that is no PROXY header.
  case proxyHeader = "proxy_header"
}

/// Counts by key in bounded memory; never too low, hardly ever too high.
final class CountingSketch: Sendable {
  private static let width = 1 << 15
  private let cells = AtomicCells(count: 2 * CountingSketch.width)
  private let seed = RandomBytes.uint64()

  private func places(of key: UInt64) -> (Int, Int) {
    // Two independent halves of one mixed 64-bit value.
    var mixed = (key ^ seed) &* 0x9E37_79B9_7F4A_7C15
    mixed ^= mixed >> 32
    mixed = mixed &* 0xD6E8_FEB8_6659_FD93
    mixed ^= mixed >> 32
    let mask = UInt64(Self.width - 1)
    return (Int(mixed & mask), Self.width + Int((mixed >> 20) & mask))
  }

  /// Counts one in and returns the figure of the key.
  func enter(_ key: UInt64) -> Int {
    let (first, second) = places(of: key)
    return Int(min(cells.increment(first), cells.increment(second)))
  }

  /// Counts one out that was counted in.
  func leave(_ key: UInt64) {
    let (first, second) = places(of: key)
    cells.decrement(first)
    cells.decrement(second)
  }

  /// Takes from the key's rate (generic cell rate algorithm with a burst of one second's worth).
  ///
  /// Returns how long to wait when the rate is used up. A sketch used for rates must not be used
  /// for counts.
  func take(_ key: UInt64, ratePerSecond: Int, now: MonotonicInstant) -> Duration? {
    let cost = 1_000_000_000 / UInt64(max(ratePerSecond, 1))
    let depth: UInt64 = 1_000_000_000
    let (first, second) = places(of: key)
    let paid = min(cells.load(first), cells.load(second))
    let end = max(paid, now.nanoseconds) &+ cost
    guard end <= now.nanoseconds &+ depth else {
      return .nanoseconds(Int64(clamping: end - now.nanoseconds - depth))
    }
    for place in [first, second] {
      // A lost race means that somebody else moved the cell on: one try more, then it is theirs.
      let old = cells.load(place)
      if old < end, !cells.exchange(place, expected: old, value: end).0 {
        let newer = cells.load(place)
        if newer < end { _ = cells.exchange(place, expected: newer, value: end) }
      }
    }
    return nil
  }
}

/// The node's doorkeeper.
///
/// Any thread.
final class Admission: Sendable {
  private let limits: Limits
  private let connectionsMax: Int
  private let connections = Atomic<Int>(0)
  private let paidUntil = Atomic<UInt64>(0)
  private let addresses = CountingSketch()
  private let addressRates = CountingSketch()
  private let users = CountingSketch()

  /// - Parameter connectionsMax: WebSocket connections of the node, from its budget.
  init(limits: Limits, connectionsMax: Int) {
    self.limits = limits
    self.connectionsMax = connectionsMax
  }

  /// WebSocket connections of the node.
  var connectionCount: Int { connections.load(ordering: .relaxed) }

  private static func key(of address: SocketAddress) -> UInt64 {
    // An IPv6 host commonly has a whole /64, so that is what one address is.
    address.isIPv6 ? address.high : address.low | 1 << 63
  }

  /// Counts an accepted socket; false when its address has far more than it may have.
  ///
  /// The socket is counted in either case; `left` takes it out.
  func entered(_ address: SocketAddress) -> Bool {
    let count = addresses.enter(Self.key(of: address))
    guard limits.connectionsPerAddress > 0 else { return true }
    // The surplus is for requests that are refused with an answer.
    return count <= limits.connectionsPerAddress + limits.connectionsPerAddress / 8 + 16
  }

  /// Counts an accepted socket out.
  func left(_ address: SocketAddress) {
    addresses.leave(Self.key(of: address))
  }

  /// Judges an upgrade; nil when it is let in, and then it counts as a connection of the node.
  func upgrade(_ address: SocketAddress, now: MonotonicInstant)
    -> (refusal: AdmissionRefusal, retryAfter: Duration)?
  {
    let key = Self.key(of: address)
    if limits.handshakesPerSecondPerAddress > 0,
      let wait = addressRates.take(
        key, ratePerSecond: limits.handshakesPerSecondPerAddress, now: now)
    {
      return (.addressRate, wait)
    }
    if limits.connectionsPerAddress > 0 {
      // The own socket is counted already: look at the figure by counting in and out.
      let count = addresses.enter(key) - 1
      addresses.leave(key)
      if count > limits.connectionsPerAddress { return (.addressConnections, .seconds(5)) }
    }
    if let wait = takeHandshake(now) { return (.nodeRate, wait) }
    guard connections.add(1, ordering: .relaxed).newValue <= connectionsMax else {
      connections.subtract(1, ordering: .relaxed)
      return (.nodeConnections, .seconds(10))
    }
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

  /// Counts a connection of a user; false, and not counted, when the user has enough.
  func entered(user: String) -> Bool {
    let key = Self.key(of: user)
    let count = users.enter(key)
    guard limits.connectionsPerUser > 0, count > limits.connectionsPerUser else { return true }
    users.leave(key)
    return false
  }

  /// Counts a connection of a user out.
  func left(user: String) {
    users.leave(Self.key(of: user))
  }

  private static func key(of user: String) -> UInt64 {
    // FNV-1a; the sketch mixes it with its own secret.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in user.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }

  private func takeHandshake(_ now: MonotonicInstant) -> Duration? {
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
}
