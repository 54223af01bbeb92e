// Random bytes that nobody can foresee: masking keys, connection names, epochs, handshake keys.
// OpenSSL's generator seeds itself from the kernel and reseeds after a fork.

import RoostCOpenSSL

/// Cryptographically strong random bytes.
public enum RandomBytes {
  /// Overwrites every byte of the array with a random one.
  ///
  /// Any thread. A generator without entropy is a machine that must not serve: it traps.
  public static func fill(_ bytes: inout [UInt8]) {
    guard !bytes.isEmpty else { return }
    precondition(bytes.count <= Int(Int32.max), "\(bytes.count) random bytes in one piece")
    let result = bytes.withUnsafeMutableBufferPointer { output in
      RAND_bytes(output.baseAddress, Int32(output.count))
    }
    precondition(result == 1, "libcrypto has no random bytes to give")
  }

  /// A random 64-bit number, each value equally likely.
  ///
  /// Any thread. Costs about as much as a short system call; traps like `fill`.
  public static func uint64() -> UInt64 {
    var number: UInt64 = 0
    let result = withUnsafeMutableBytes(of: &number) { output in
      RAND_bytes(output.bindMemory(to: UInt8.self).baseAddress, Int32(output.count))
    }
    precondition(result == 1, "libcrypto has no random number to give")
    return number
  }
}
