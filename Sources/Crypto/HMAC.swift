// Codes that only those can make who know a secret (RFC 2104, FIPS 198-1): the HS algorithms of
// tokens, and signed requests to services. libcrypto does the work.

import RoostCOpenSSL

/// HMAC with the digests of SHA-2.
public enum HMAC {
  /// The 32 bytes of HMAC-SHA-256.
  ///
  /// Any thread. Linear in the input. Compare codes with ``constantTimeEquals(_:_:)``.
  public static func sha256(
    key: borrowing Span<UInt8>, message: borrowing Span<UInt8>
  ) -> [UInt8] {
    code(bits: 256, key: key, message: message)
  }

  /// The 48 bytes of HMAC-SHA-384.
  ///
  /// Any thread. Linear in the input. Compare codes with ``constantTimeEquals(_:_:)``.
  public static func sha384(
    key: borrowing Span<UInt8>, message: borrowing Span<UInt8>
  ) -> [UInt8] {
    code(bits: 384, key: key, message: message)
  }

  /// The 64 bytes of HMAC-SHA-512.
  ///
  /// Any thread. Linear in the input. Compare codes with ``constantTimeEquals(_:_:)``.
  public static func sha512(
    key: borrowing Span<UInt8>, message: borrowing Span<UInt8>
  ) -> [UInt8] {
    code(bits: 512, key: key, message: message)
  }

  private static func code(
    bits: Int32, key: borrowing Span<UInt8>, message: borrowing Span<UInt8>
  ) -> [UInt8] {
    var code = [UInt8](repeating: 0, count: Int(bits) / 8)
    let result = key.withUnsafeBufferPointer { key in
      message.withUnsafeBufferPointer { message in
        code.withUnsafeMutableBufferPointer { code in
          roost_hmac(
            bits, key.baseAddress, key.count, message.baseAddress, message.count, code.baseAddress)
        }
      }
    }
    precondition(result == 1, "HMAC of \(message.count) bytes failed in libcrypto")
    return code
  }
}
