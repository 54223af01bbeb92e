// A flag between the thread that waits for the node and the one that listens to signals.

import Synchronization

/// Set once, read from another thread.
final class StopFlag: Sendable {
  private let flag = Atomic<Bool>(false)

  /// Whether it was set.
  var isSet: Bool { flag.load(ordering: .acquiring) }

  /// Sets it.
  func set() { flag.store(true, ordering: .releasing) }
}
