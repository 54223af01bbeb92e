// Who uses most of a rate: what a shard notes in one second, for the other nodes. Memory is fixed; who
// finds no room is one of many who use little, and what is noted is never more than what was used.

import RoostCrypto

/// A rate that all connections of a user or an address share in the whole cluster.
enum SharedRate: UInt8, CaseIterable, Sendable {
  /// Requests of a user.
  case userMessages
  /// Payload bytes of a user.
  case userBytes
  /// Requests from an address.
  case addressMessages
  /// Payload bytes from an address.
  case addressBytes
  /// Handshakes from an address.
  case addressHandshakes

  /// What it may be a second; 0: anything.
  func limit(in limits: Limits) -> Int {
    switch self {
    case .userMessages: limits.messagesPerSecondPerUser
    case .userBytes: limits.bytesPerSecondPerUser
    case .addressMessages: limits.messagesPerSecondPerAddress
    case .addressBytes: limits.bytesPerSecondPerAddress
    case .addressHandshakes: limits.handshakesPerSecondPerAddress
    }
  }

  /// Its name in metrics.
  var label: String {
    switch self {
    case .userMessages: RateLimit.userMessages.label
    case .userBytes: RateLimit.userBytes.label
    case .addressMessages: RateLimit.addressMessages.label
    case .addressBytes: RateLimit.addressBytes.label
    case .addressHandshakes: "address_handshakes"
    }
  }
}

/// What was used of one rate since the table was emptied, by key.
struct UseTable: Sendable {
  /// What one key has used.
  struct Use: Equatable, Sendable {
    let key: UInt64
    let amount: UInt64
  }

  private static let setCount = 512
  private static let ways = 4
  private var keys = [UInt64](repeating: 0, count: UseTable.setCount * UseTable.ways)
  private var amounts = [UInt64](repeating: 0, count: UseTable.setCount * UseTable.ways)
  private var isUsed = false
  private let seed: UInt64

  /// - Parameter seed: picks the places, so that nobody can choose whom to meet.
  init(seed: UInt64) { self.seed = seed }

  /// Notes that a key has used something.
  mutating func add(_ key: UInt64, _ amount: Int) {
    isUsed = true
    var mixed = (key ^ seed) &* 0x9E37_79B9_7F4A_7C15
    mixed ^= mixed >> 32
    let first = Int(mixed % UInt64(Self.setCount)) * Self.ways
    let amount = UInt64(max(amount, 1))
    var least = first
    for place in first..<(first + Self.ways) {
      if amounts[place] > 0, keys[place] == key {
        amounts[place] =
          amounts[place].addingReportingOverflow(amount).overflow
          ? .max : amounts[place] + amount
        return
      }
      if amounts[place] < amounts[least] { least = place }
    }
    guard amounts[least] <= amount else {
      // Whoever comes often wears down who does not, and gets the place.
      amounts[least] -= amount
      return
    }
    keys[least] = key
    amounts[least] = amount
  }

  /// Those who have used more than `amount`, most first, and an empty table.
  mutating func take(moreThan amount: UInt64) -> [Use] {
    guard isUsed else { return [] }
    isUsed = false
    var uses: [Use] = []
    for place in keys.indices {
      if amounts[place] > amount { uses.append(Use(key: keys[place], amount: amounts[place])) }
      amounts[place] = 0
    }
    return uses.sorted { ($0.amount, $0.key) > ($1.amount, $1.key) }
  }
}
