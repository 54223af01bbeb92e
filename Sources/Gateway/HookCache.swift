// Decisions about joins that need not be asked for again for a while. Only those about users: nobody
// knows whether the next anonymous connection is the same person.

import RoostEventLoop
import RoostRooms

/// Remembers decisions for a fixed time, a bounded number of them.
///
/// Pure. When it is full, the oldest decision goes.
struct HookCache: Sendable {
  private struct Key: Hashable {
    let user: String
    let room: RoomName
  }

  private struct Entry {
    let decision: HookDecision
    let until: MonotonicInstant
  }

  private let lifetime: Duration
  private let countMax: Int
  private var entries: [Key: Entry] = [:]
  // Keys in the order in which they were added; those before `first` are gone.
  private var order: [Key] = []
  private var first = 0

  /// - Parameters:
  ///   - lifetime: how long a decision stands; zero: nothing is remembered.
  ///   - countMax: at least 1.
  init(lifetime: Duration, countMax: Int) {
    precondition(countMax >= 1, "a cache for \(countMax) decisions")
    self.lifetime = lifetime
    self.countMax = countMax
  }

  /// Decisions that are remembered, those whose time is over included.
  var count: Int { entries.count }

  /// What was decided about a question like this one.
  func decision(for question: HookQuestion, _ now: MonotonicInstant) -> HookDecision? {
    guard let key = Self.key(of: question), let entry = entries[key], now < entry.until else {
      return nil
    }
    return entry.decision
  }

  /// Remembers a decision of the callback.
  mutating func remember(
    _ decision: HookDecision, for question: HookQuestion, _ now: MonotonicInstant
  ) {
    guard lifetime > .zero, let key = Self.key(of: question) else { return }
    if entries[key] == nil {
      if entries.count == countMax { forgetOldest() }
      order.append(key)
    }
    entries[key] = Entry(decision: decision, until: now.advanced(by: lifetime))
  }

  private mutating func forgetOldest() {
    entries[order[first]] = nil
    first += 1
    if first * 2 >= order.count {
      order.removeFirst(first)
      first = 0
    }
  }

  private static func key(of question: HookQuestion) -> Key? {
    guard case .join(let room) = question.act, let user = question.user else { return nil }
    return Key(user: user, room: room)
  }
}
