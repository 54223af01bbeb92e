// Text for people and scripts, straight to a descriptor.

import Glibc

/// Writes to the standard streams.
enum Output {
  /// Writes to the standard output.
  static func write(_ text: String) { write(text, to: 1) }

  /// Writes to the standard error output.
  static func writeError(_ text: String) { write(text, to: 2) }

  private static func write(_ text: String, to descriptor: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        // Nobody is left to tell when the stream itself fails.
        guard errno == EINTR else { return }
      } else {
        rest = rest.dropFirst(count)
      }
    }
  }
}
