// Random bytes that nobody can foresee: masking keys, connection names, epochs, handshake keys. They
// come from the kernel, which needs no seeding, survives a fork and, for a few bytes, answers several
// times faster than OpenSSL's generator does.

import RoostCOpenSSL

/// Cryptographically strong random bytes.
public enum RandomBytes {
  /// Overwrites every byte of the array with a random one.
  ///
  /// Any thread. Blocks only while the kernel itself starts up.
  public static func fill(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { fill($0) }
  }

  /// A random 64-bit number, each value equally likely.
  ///
  /// Any thread. Costs one short system call.
  public static func uint64() -> UInt64 {
    var number: UInt64 = 0
    withUnsafeMutableBytes(of: &number) { fill($0) }
    return number
  }

  private static func fill(_ bytes: UnsafeMutableRawBufferPointer) {
    var filled = 0
    while filled < bytes.count {
      // Up to 256 bytes come at once and whole; more may be cut short by a signal.
      let count = roost_random(bytes.baseAddress?.advanced(by: filled), bytes.count - filled)
      precondition(count > 0, "the kernel gave no random bytes: \(count)")
      filled += count
    }
  }
}
