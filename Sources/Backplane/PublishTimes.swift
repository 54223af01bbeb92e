// When this node published what now comes back to it through Redis: the only way to know how long a message
// took from publish to flush without trusting two machines' clocks.

import RoostRooms

/// The times of the latest publishes, by their numbers.
///
/// Pure. What is older than the ring is unknown: it came back too late to be told by an average.
struct PublishTimes: Sendable {
  /// Publishes that are remembered; a power of two.
  static let countMax = 4096

  private var numbers = [UInt64](repeating: 0, count: PublishTimes.countMax)
  private var times = [UInt64](repeating: 0, count: PublishTimes.countMax)

  /// Remembers a publish; numbers begin with 1.
  mutating func note(_ number: UInt64, nanoseconds: UInt64) {
    let place = Int(truncatingIfNeeded: number) & (Self.countMax - 1)
    numbers[place] = number
    times[place] = nanoseconds
  }

  /// When that was published; unknown for what is not remembered.
  func time(of number: UInt64) -> PublishTime {
    let place = Int(truncatingIfNeeded: number) & (Self.countMax - 1)
    return numbers[place] == number ? PublishTime(nanoseconds: times[place]) : .unknown
  }
}
