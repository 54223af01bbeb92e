// How many lines of one kind a second may have. A flood is a fact, and its thousandth line says no more
// than its hundredth: what is left out is counted and told in one line. Threads share the counts without
// a lock, so that a shard that logs waits for nobody.

import Synchronization

/// Lines of each kind within a second, by any thread.
///
/// A kind is an event's name as it stands in the program, of which there are a few dozen.
final class LogQuota: Sendable {
  /// Kinds that are told apart; what is beyond them is never left out.
  static let kindsMax = 256

  /// Lines of a kind a second; 0 for no bound.
  let linesMax: Int

  // A kind has a place for good: the address of its name, its second with the lines in it, and how
  // many were left out since that was told.
  private let names: InlineArray<256, Atomic<UInt>>
  private let windows: InlineArray<256, Atomic<UInt64>>
  private let leftOut: InlineArray<256, Atomic<UInt64>>
  private let total = Atomic<UInt64>(0)

  /// - Parameter linesMax: lines of a kind a second, 0 for no bound.
  init(linesMax: Int) {
    precondition(linesMax >= 0, "\(linesMax) lines a second")
    self.linesMax = linesMax
    names = InlineArray { _ in Atomic<UInt>(0) }
    windows = InlineArray { _ in Atomic<UInt64>(0) }
    leftOut = InlineArray { _ in Atomic<UInt64>(0) }
  }

  /// Lines left out so far.
  var leftOutCount: UInt64 { total.load(ordering: .relaxed) }

  /// Counts a line of a kind in a second; whether it may be written.
  func admits(_ name: StaticString, second: UInt32) -> Bool {
    guard linesMax > 0, let place = place(of: name) else { return true }
    while true {
      let old = windows[place].load(ordering: .relaxed)
      let isSame = UInt32(truncatingIfNeeded: old >> 32) == second
      let lines = isSame ? old & 0xFFFF_FFFF : 0
      guard lines < UInt64(linesMax) else {
        leftOut[place].wrappingAdd(1, ordering: .relaxed)
        total.wrappingAdd(1, ordering: .relaxed)
        return false
      }
      let new = UInt64(second) << 32 | (lines + 1)
      let exchange = windows[place].compareExchange(
        expected: old, desired: new, ordering: .relaxed)
      if exchange.exchanged { return true }
    }
  }

  /// How many lines of which kinds were left out since this was asked last.
  func takeLeftOut() -> [(name: String, count: UInt64)] {
    guard linesMax > 0 else { return [] }
    var result: [(name: String, count: UInt64)] = []
    for place in 0..<Self.kindsMax {
      guard let start = UnsafePointer<CChar>(bitPattern: names[place].load(ordering: .acquiring))
      else { continue }
      let count = leftOut[place].exchange(0, ordering: .relaxed)
      // Literals end with a zero byte and live as long as the program.
      if count > 0 { result.append((String(cString: start), count)) }
    }
    return result
  }

  /// Where a kind is counted; it takes a free place when it comes first.
  private func place(of name: StaticString) -> Int? {
    guard name.hasPointerRepresentation else { return nil }
    let address = UInt(bitPattern: name.utf8Start)
    // Literals lie close to each other, so their addresses have to be spread.
    let spread = UInt64(address) &* 0x9E37_79B9_7F4A_7C15
    let first = Int(spread >> 56)
    for step in 0..<Self.kindsMax {
      let place = (first + step) % Self.kindsMax
      let known = names[place].load(ordering: .acquiring)
      if known == address { return place }
      guard known == 0 else { continue }
      let exchange = names[place].compareExchange(
        expected: 0, desired: address, ordering: .acquiringAndReleasing)
      if exchange.exchanged || exchange.original == address { return place }
    }
    return nil
  }
}
