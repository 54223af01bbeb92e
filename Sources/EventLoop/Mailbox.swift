// Where threads meet: letters are posted from anywhere and taken by the one loop that owns the box.
// A sender posts once per tick, and only the first letter in an empty box wakes the owner.

/// A bounded queue of letters for one loop.
public final class Mailbox<Letter: Sendable>: Sendable {
  private let letters = Lock<[Letter]>([])
  private let wakeup: Wakeup
  private let capacity: Int

  /// A box that wakes its owner through `wakeup`.
  ///
  /// - Parameter capacity: letters held at most, at least 1; what does not fit is refused.
  public init(wakeup: Wakeup, capacity: Int) {
    precondition(capacity >= 1, "a mailbox holds at least one letter")
    self.wakeup = wakeup
    self.capacity = capacity
  }

  /// Wakes the owner without a letter: there is something else to look at.
  ///
  /// Any thread.
  public func wake() { wakeup.wake() }

  /// Posts letters in order.
  ///
  /// Any thread.
  ///
  /// Returns how many were taken: fewer than all only when the box is full.
  @discardableResult
  public func post(_ batch: [Letter]) -> Int {
    guard !batch.isEmpty else { return 0 }
    let (taken, wasEmpty) = letters.withLock { held in
      let wasEmpty = held.isEmpty
      let room = capacity - held.count
      if room >= batch.count {
        held.append(contentsOf: batch)
        return (batch.count, wasEmpty)
      }
      held.append(contentsOf: batch.prefix(room))
      return (max(room, 0), wasEmpty)
    }
    if wasEmpty, taken > 0 { wakeup.wake() }
    return taken
  }

  /// Posts letters in order, and takes those that fitted out of the list: the rest waits there.
  ///
  /// Any thread.
  ///
  /// Returns how many were taken.
  @discardableResult
  public func post(from waiting: inout [Letter]) -> Int {
    let taken = post(waiting)
    if taken == waiting.count {
      // One burst must not keep its memory for ever.
      waiting.removeAll(keepingCapacity: waiting.capacity <= 4096)
    } else {
      waiting.removeFirst(taken)
    }
    return taken
  }

  /// Takes all letters, in the order of posting.
  ///
  /// The owning loop only.
  public func takeAll() -> [Letter] {
    letters.withLock { held in
      let all = held
      held = []
      return all
    }
  }
}
