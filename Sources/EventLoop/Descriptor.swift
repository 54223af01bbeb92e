// A file descriptor with an owner: it cannot be copied, and it is closed exactly once.

import Glibc

/// An open file descriptor; closed when its owner lets go of it.
public struct Descriptor: ~Copyable {
  /// The number.
  ///
  /// It is valid as long as this value lives; do not keep it longer.
  public let number: Int32

  /// Takes over an open descriptor.
  public init(taking number: Int32) {
    precondition(number >= 0, "not a descriptor: \(number)")
    self.number = number
  }

  deinit { Syscalls.close(number) }

  /// Gives the number to an owner of another kind, who has to close it.
  public consuming func relinquish() -> Int32 {
    let number = number
    discard self
    return number
  }
}
