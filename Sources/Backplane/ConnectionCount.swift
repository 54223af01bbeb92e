// What connections are counted by in a whole cluster: a user or an address. Redis sees a digest of it
// only, and only of what has more than a share of its limit here; decision 17.

import RoostCrypto
import RoostRooms

/// Names who or what connections are counted for.
public struct CountKey: Hashable, Sendable {
  /// What is counted.
  public enum Kind: UInt8, CaseIterable, Sendable {
    /// Connections of a user.
    case user
    /// Connections from an address.
    case address
  }

  /// What is counted.
  public let kind: Kind
  private let high: UInt64
  private let low: UInt64

  /// The key of a user or an address; linear in the length of its name.
  public init(_ kind: Kind, _ name: borrowing Span<UInt8>) {
    // Half of the digest is more than anybody can find a second name for.
    let digest = Digest.sha256(name)
    self.kind = kind
    high = digest[0..<8].reduce(0) { $0 << 8 | UInt64($1) }
    low = digest[8..<16].reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// The key of Redis that holds the counts, without its prefix.
  var name: String {
    func digits(_ number: UInt64) -> String {
      let text = String(number, radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }
    return "{\(kind == .user ? "user" : "address"):\(digits(high))\(digits(low))}:counts"
  }
}

/// A connection that was counted and whose place among the others is not known yet.
struct UnplacedConnection: Equatable {
  let connection: ConnectionID
  let shard: Int
}

/// What a node has counted for one key.
struct ConnectionCount {
  /// Connections here.
  var count = 0
  /// Whether Redis may hold a figure of this node.
  var isWritten = false
  /// Whether a figure is on its way; the next one waits, so that no connection is judged twice.
  var isInFlight = false
  /// The connections that it is to place and that are still here.
  var beingPlaced: [UnplacedConnection] = []
  /// Whether it changed meanwhile.
  var isStale = false
  /// Whether it stands in the list of those to be written.
  var isDue = false
  /// Connections whose place the next answer tells, oldest first.
  var unplaced: [UnplacedConnection] = []

  /// Whether nothing is left of it, here and in Redis.
  var isUnused: Bool { count == 0 && !isWritten && !isInFlight && !isDue }
}
