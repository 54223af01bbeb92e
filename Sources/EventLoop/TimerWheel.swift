// One coarse timer per slot, cheap to set and never cancelled: an entry that comes due too early or
// for a tenant that is gone is looked at and forgotten or put back by its owner.

/// A hashed timing wheel of slot tokens.
///
/// Pure; owned by one loop.
public struct TimerWheel: ~Copyable {
  /// Time between two positions; a timer fires up to this much late, never early.
  public static let resolution = Duration.milliseconds(16)

  private static let resolutionNanoseconds: UInt64 = 16_000_000
  private static let slotCount = 4096  // 65.5 s; later deadlines are looked at once a turn

  private var slots: [[UInt64]]
  private var occupied: [UInt64]
  private var position: UInt64

  /// Entries in the wheel, stale ones included.
  public private(set) var count = 0

  /// A wheel that starts at `now`.
  public init(now: MonotonicInstant) {
    slots = Array(repeating: [], count: Self.slotCount)
    occupied = Array(repeating: 0, count: Self.slotCount / 64)
    position = now.nanoseconds / Self.resolutionNanoseconds
  }

  /// Puts a token in; it comes out of `expired` at or after the deadline, or once a turn before it.
  public mutating func schedule(_ token: UInt64, at deadline: MonotonicInstant) {
    let rounded = (deadline.nanoseconds / Self.resolutionNanoseconds) &+ 1
    let due = min(max(rounded, position + 1), position + UInt64(Self.slotCount) - 1)
    let slot = Int(due % UInt64(Self.slotCount))
    slots[slot].append(token)
    occupied[slot >> 6] |= 1 << UInt64(slot & 63)
    count += 1
  }

  /// Moves the wheel to `now` and appends the tokens of every position that it passes.
  public mutating func expire(until now: MonotonicInstant, into expired: inout [UInt64]) {
    let target = now.nanoseconds / Self.resolutionNanoseconds
    guard target > position else { return }
    let steps = min(target - position, UInt64(Self.slotCount))
    if count > 0 {
      for step in 1...steps {
        let slot = Int((position + step) % UInt64(Self.slotCount))
        guard occupied[slot >> 6] & (1 << UInt64(slot & 63)) != 0 else { continue }
        occupied[slot >> 6] &= ~(1 << UInt64(slot & 63))
        count -= slots[slot].count
        expired.append(contentsOf: slots[slot])
        if slots[slot].capacity > 1024 {
          slots[slot] = []
        } else {
          slots[slot].removeAll(keepingCapacity: true)
        }
      }
    }
    position = target
  }

  /// When `expire` has something to give next; nil when the wheel is empty.
  public func nextDeadline() -> MonotonicInstant? {
    guard count > 0 else { return nil }
    let first = Int((position + 1) % UInt64(Self.slotCount))
    let words = occupied.count
    for turn in 0...words {
      let word = (first / 64 + turn) % words
      var bits = occupied[word]
      // In the first word look at the slots from `first` on, in the last one at those before it.
      let below: UInt64 = (1 << UInt64(first % 64)) - 1
      if turn == 0 { bits &= ~below }
      if turn == words { bits &= below }
      guard bits != 0 else { continue }
      let slot = word * 64 + bits.trailingZeroBitCount
      let distance = (slot - first + Self.slotCount) % Self.slotCount
      return MonotonicInstant(
        nanoseconds: (position + 1 + UInt64(distance)) * Self.resolutionNanoseconds)
    }
    return nil
  }
}
