// Rates of users and addresses in the whole cluster. Every node decides by itself and at once; once
// a second each shard tells the other nodes what the heavy ones have used of their rates, and they
// charge it as if it had been used with them; decision 17.

import Backplane
import RoostEventLoop
import Telemetry

/// What one key has used of one rate, as nodes tell it: 17 bytes.
struct ToldUse: Equatable, Sendable {
  /// Bytes of one.
  static let byteCount = 17
  /// How many a node tells at most in a second.
  static let countMax = 1000

  let rate: SharedRate
  let use: UseTable.Use

  /// Appends it: the rate, the key and the amount, big-endian.
  func append(to output: inout [UInt8]) {
    output.append(rate.rawValue)
    for number in [use.key, use.amount] {
      for shift in stride(from: UInt64(56), through: 0, by: -8) {
        output.append(UInt8(truncatingIfNeeded: number >> shift))
      }
    }
  }

  /// Reads what `append` wrote; nil for anything else, and for more than a node tells.
  static func read(_ bytes: [UInt8]) -> [ToldUse]? {
    let (count, rest) = bytes.count.quotientAndRemainder(dividingBy: byteCount)
    guard rest == 0, count <= countMax else { return nil }
    var told: [ToldUse] = []
    told.reserveCapacity(count)
    for first in stride(from: 0, to: bytes.count, by: byteCount) {
      guard let rate = SharedRate(rawValue: bytes[first]) else { return nil }
      func number(_ place: Int) -> UInt64 {
        bytes[place..<(place + 8)].reduce(0) { $0 << 8 | UInt64($1) }
      }
      told.append(
        ToldUse(
          rate: rate, use: UseTable.Use(key: number(first + 1), amount: number(first + 9))))
    }
    return told
  }
}

extension Core {
  /// Why the doorkeeper does not let an upgrade in; nil when it does, and then it is a connection of
  /// the node and a handshake of its address.
  mutating func refusalAtDoor(
    _ slot: Int32, holdsTicket: Bool = false, _ now: MonotonicInstant
  ) -> (refusal: AdmissionRefusal, retryAfter: Duration)? {
    let address = connections[slot].address
    let refused = shared.admission.upgrade(
      address, holdsTicket: holdsTicket, rules.limits, now: now)
    if let refused { return refused }
    // Whoever moves does so because a node wants it.
    if !holdsTicket { noteUse(.addressHandshakes, Admission.key(of: address), 1) }
    return nil
  }

  /// Notes that something was taken from a rate that is shared by the cluster.
  mutating func noteUse(_ rate: SharedRate, _ key: UInt64, _ amount: Int) {
    guard !uses.isEmpty, rate.limit(in: rules.limits) > 0 else { return }
    uses[Int(rate.rawValue)].add(key, amount)
  }

  /// Tells the other nodes who has used much in the last second.
  mutating func tellUse(_ now: MonotonicInstant) {
    guard !uses.isEmpty else { return }
    var told: [(use: ToldUse, part: Double)] = []
    for rate in SharedRate.allCases {
      let limit = rate.limit(in: rules.limits)
      // A user's connections may be spread over all shards of all nodes.
      let least = shared.share(of: limit) / shared.shardCount
      for use in uses[Int(rate.rawValue)].take(moreThan: UInt64(max(least, 0))) where limit > 0 {
        told.append((ToldUse(rate: rate, use: use), Double(use.amount) / Double(limit)))
      }
    }
    guard !told.isEmpty, (shared.redis?.status.nodes.value ?? 0) > 1 else { return }
    told.sort { $0.part > $1.part }
    var bytes: [UInt8] = []
    for one in told.prefix(max(ToldUse.countMax / shared.shardCount, 1)) {
      one.use.append(to: &bytes)
    }
    submit(.tell(bytes), now)
  }

  /// Charges what another node has told.
  mutating func told(_ bytes: [UInt8], _ now: MonotonicInstant) {
    guard let told = ToldUse.read(bytes) else {
      shared.redis?.status.malformed.add()
      return
    }
    for one in told {
      guard shared.admission.charge(one, rules.limits, now: now) else { continue }
      metrics.chargedUse.add(Int(one.rate.rawValue), one.use.amount)
    }
  }
}
