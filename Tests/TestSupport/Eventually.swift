// Waiting for what others do where nothing tells that it was done.

import Glibc
import RoostEventLoop

/// Asks until the answer is yes, for things of others that cannot be waited for; false at the deadline.
public func eventually(
  within limit: Duration = .seconds(60), _ question: () -> Bool
) -> Bool {
  let deadline = MonotonicInstant.now().advanced(by: limit)
  while !question() {
    if MonotonicInstant.now() > deadline { return false }
    // Leaves the processor to those that are asked about.
    _ = poll(nil, 0, 10)
  }
  return true
}
