// The one failure type of this target: what the kernel said. Expected outcomes (would block, end of
// stream) are never errors; see IOOutcome in Syscalls.swift.

import Glibc

/// A failure that the kernel reported through `errno`.
public struct Errno: Error, Equatable, Hashable, Sendable, CustomStringConvertible {
  /// The number, as in `<errno.h>`.
  public let code: Int32

  /// Wraps a number of `<errno.h>`.
  public init(code: Int32) {
    self.code = code
  }

  /// The calling thread's `errno`, to be read directly after a failed call.
  static var current: Errno { Errno(code: errno) }

  /// The C library's sentence for this number, with the number behind it.
  public var description: String {
    guard let text = strerror(code) else { return "errno \(code)" }
    return "\(String(cString: text)) (errno \(code))"
  }

  /// The process or the system has no free descriptor or no memory for one: wait, then try again.
  public var isResourceShortage: Bool {
    code == EMFILE || code == ENFILE || code == ENOBUFS || code == ENOMEM
  }

  /// The address is in use by another socket.
  public var isAddressInUse: Bool { code == EADDRINUSE }
}
