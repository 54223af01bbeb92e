// Figures by key in memory of fixed size: how many connections an address has, what a user has used of
// its rate, until when something holds. All shards share them without a lock.

import RoostCrypto
import RoostEventLoop

/// Counts and rates by key in bounded memory; never too low, hardly ever too high.
///
/// Two rows of cells are picked by two keyed hashes, and the smaller figure counts. A stranger who
/// shares one cell with a crowd is still judged by the other one, and nobody can choose whom to share
/// with. One sketch holds counts or rates, never both. Any thread.
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

  /// The figure of a key that was counted in.
  func count(of key: UInt64) -> Int {
    let (first, second) = places(of: key)
    return Int(min(cells.load(first), cells.load(second)))
  }

  /// Marks a key until a time, or longer if it is marked already.
  func mark(_ key: UInt64, until end: MonotonicInstant) {
    let (first, second) = places(of: key)
    raise(first, to: end.nanoseconds)
    raise(second, to: end.nanoseconds)
  }

  /// Whether a key is marked.
  func isMarked(_ key: UInt64, now: MonotonicInstant) -> Bool {
    let (first, second) = places(of: key)
    return min(cells.load(first), cells.load(second)) > now.nanoseconds
  }

  /// Takes from the key's rate (generic cell rate algorithm); nil when it was there, otherwise how
  /// long to wait for it.
  ///
  /// Threads that meet between the two cells may both pass: some in a hundred, at worst each second one.
  ///
  /// - Parameters:
  ///   - amount: what is wanted, at least 1; more than `burst` is granted to who has used nothing.
  ///   - ratePerSecond: what comes in a second, at least 1.
  ///   - burst: what may be taken at once, at least 1.
  func take(
    _ key: UInt64, _ amount: Int, ratePerSecond: Int, burst: Int, now: MonotonicInstant
  ) -> Duration? {
    let cost = Self.nanoseconds(for: amount, ratePerSecond)
    let depth = max(Self.nanoseconds(for: burst, ratePerSecond), cost)
    let (first, second) = places(of: key)
    while true {
      let figures = (cells.load(first), cells.load(second))
      let paid = min(figures.0, figures.1)
      let end = max(paid, now.nanoseconds) &+ cost
      guard end <= now.nanoseconds &+ depth else {
        return .nanoseconds(Int64(clamping: end - now.nanoseconds - depth))
      }
      // The smaller figure is the key's; only who moves it has taken something.
      let (own, other) = figures.0 <= figures.1 ? (first, second) : (second, first)
      guard cells.exchange(own, expected: paid, value: end).0 else { continue }
      raise(other, to: end)
      return nil
    }
  }

  /// Takes from the key's rate whatever is left of it, with a burst of one second's worth; how many
  /// nanoseconds it is over it then.
  ///
  /// - Parameter debtMax: nanoseconds that it can be over it; more is forgiven.
  func charge(
    _ key: UInt64, _ amount: Int, ratePerSecond: Int, debtMax: UInt64, now: MonotonicInstant
  ) -> UInt64 {
    let cost = Self.nanoseconds(for: amount, ratePerSecond)
    let (first, second) = places(of: key)
    let depth: UInt64 = 1_000_000_000
    while true {
      let figures = (cells.load(first), cells.load(second))
      let paid = min(figures.0, figures.1)
      let end = min(max(paid, now.nanoseconds) &+ cost, now.nanoseconds &+ depth &+ debtMax)
      let (own, other) = figures.0 <= figures.1 ? (first, second) : (second, first)
      guard cells.exchange(own, expected: paid, value: end).0 else { continue }
      raise(other, to: end)
      return end > now.nanoseconds &+ depth ? end - now.nanoseconds - depth : 0
    }
  }

  private func raise(_ place: Int, to value: UInt64) {
    var old = cells.load(place)
    while old < value {
      let (isDone, newer) = cells.exchange(place, expected: old, value: value)
      if isDone { return }
      old = newer
    }
  }

  private static func nanoseconds(for amount: Int, _ ratePerSecond: Int) -> UInt64 {
    let rate = UInt64(max(ratePerSecond, 1))
    let (high, low) = UInt64(max(amount, 1)).multipliedFullWidth(by: 1_000_000_000)
    guard high < rate else { return .max / 4 }
    return min(rate.dividingFullWidth((high, low)).quotient, .max / 4)
  }
}
