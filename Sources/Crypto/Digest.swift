// SHA-1 for the accept key of the WebSocket handshake (RFC 6455 4.2.2, its only use here: it
// protects nothing there) and SHA-256 for everything else. libcrypto does the work.

import RoostCOpenSSL

/// Digests of bytes that lie in memory as a whole.
public enum Digest {
  /// The 20 bytes of the SHA-1 digest.
  ///
  /// Any thread. Linear in the input.
  public static func sha1(_ bytes: borrowing Span<UInt8>) -> [UInt8] {
    sha1InPlace(bytes).span.withUnsafeBufferPointer { Array($0) }
  }

  /// The 20 bytes of the SHA-1 digest, without memory of their own.
  ///
  /// Any thread. Linear in the input; about 0.2 µs for the 60 bytes of a WebSocket accept key.
  public static func sha1InPlace(_ bytes: borrowing Span<UInt8>) -> InlineArray<20, UInt8> {
    var digest = InlineArray<20, UInt8>(repeating: 0)
    var output = digest.mutableSpan
    let result = bytes.withUnsafeBufferPointer { input in
      output.withUnsafeMutableBufferPointer { output in
        roost_sha1(input.baseAddress, input.count, output.baseAddress)
      }
    }
    precondition(result == 1, "SHA-1 of \(bytes.count) bytes failed in libcrypto")
    return digest
  }

  /// The 32 bytes of the SHA-256 digest.
  ///
  /// Any thread. Linear in the input.
  public static func sha256(_ bytes: borrowing Span<UInt8>) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    let result = bytes.withUnsafeBufferPointer { input in
      digest.withUnsafeMutableBufferPointer { output in
        roost_sha256(input.baseAddress, input.count, output.baseAddress)
      }
    }
    precondition(result == 1, "SHA-256 of \(bytes.count) bytes failed in libcrypto")
    return digest
  }
}

/// Whether two byte strings are equal, in a time that does not depend on where they differ.
///
/// For secrets: keys, signatures, tokens. The lengths are compared openly. Any thread.
public func constantTimeEquals(
  _ first: borrowing Span<UInt8>, _ second: borrowing Span<UInt8>
) -> Bool {
  guard first.count == second.count else { return false }
  // An empty span may have no address at all, which CRYPTO_memcmp is not to be given.
  guard first.count > 0 else { return true }
  return first.withUnsafeBufferPointer { left in
    second.withUnsafeBufferPointer { right in
      CRYPTO_memcmp(left.baseAddress, right.baseAddress, left.count) == 0
    }
  }
}
