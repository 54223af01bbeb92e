// A public key that OpenSSL has read and that was found strong enough to rely on. It says whether a
// signature is right and nothing else; whether its algorithm was the expected one is the caller's to
// decide, before it asks.

import RoostCOpenSSL

/// A public key for verifying signatures.
///
/// Owner: the thread that made it.
public final class VerificationKey {
  /// Bits of an RSA key.
  public static let rsaBits = 2048...8192
  /// A PEM text is some hundred bytes, a certificate some thousand.
  private static let pemBytesMax = 65_536

  /// What kind of key it is.
  public let kind: PublicKeyKind
  private let key: OpaquePointer

  /// Reads a key and checks that it is sound: length and exponent, or the point on its curve.
  ///
  /// Costs up to a millisecond.
  public init(_ material: PublicKeyMaterial) throws(PublicKeyProblem) {
    let key = try Self.read(material)
    do throws(PublicKeyProblem) {
      kind = try Self.checkedKind(of: key)
    } catch {
      EVP_PKEY_free(key)
      throw error
    }
    self.key = key
  }

  deinit { EVP_PKEY_free(key) }

  /// Whether a signature is this key's for a message.
  ///
  /// False, too, when the algorithm is none of this kind of key, and when the signature has another
  /// length than the algorithm's. Costs about 30 µs (RSA, Ed25519) to 1 ms (P-384).
  public func verify(
    _ signature: borrowing Span<UInt8>, of message: borrowing Span<UInt8>,
    algorithm: SignatureAlgorithm
  ) -> Bool {
    guard algorithm.keyKind == kind, signature.count > 0, signature.count <= 1024 else {
      return false
    }
    switch kind {
    case .rsa:
      return verify(signature, of: message) { signature, message in
        roost_verify(
          key, algorithm.sha2Bits, algorithm.isProbabilistic ? 1 : 0, signature.baseAddress,
          signature.count, message.baseAddress, message.count)
      }
    case .ec(let curve):
      guard signature.count == 2 * curve.coordinateBytes else { return false }
      return verify(signature, of: message) { signature, message in
        roost_verify_ec(
          key, algorithm.sha2Bits, signature.baseAddress, signature.count, message.baseAddress,
          message.count)
      }
    case .ed25519:
      guard signature.count == 64 else { return false }
      return verify(signature, of: message) { signature, message in
        roost_verify(
          key, 0, 0, signature.baseAddress, signature.count, message.baseAddress, message.count)
      }
    }
  }

  private func verify(
    _ signature: borrowing Span<UInt8>, of message: borrowing Span<UInt8>,
    with check: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Int32
  ) -> Bool {
    signature.withUnsafeBufferPointer { signature in
      message.withUnsafeBufferPointer { message in check(signature, message) == 1 }
    }
  }

  private static func read(
    _ material: PublicKeyMaterial
  ) throws(PublicKeyProblem) -> OpaquePointer {
    let key: OpaquePointer?
    switch material {
    case .pem(let text):
      guard text.count <= pemBytesMax else { throw .malformed }
      // OpenSSL would look for the public half; that the private one lies about is worth a word.
      if text.contains("PRIVATE KEY-----") { throw .isPrivate }
      key = roost_key_pem(text, text.count)
    case .rsa(let modulus, let exponent):
      guard !modulus.isEmpty, !exponent.isEmpty else { throw .malformed }
      // Before OpenSSL counts the bits of a number that is too long to be worth it.
      guard modulus.count * 8 <= rsaBits.upperBound + 8 else {
        throw .tooLong(bits: modulus.count * 8)
      }
      guard exponent.count <= 9 else { throw .badExponent }
      key = roost_key_rsa(modulus, modulus.count, exponent, exponent.count)
    case .ec(let curve, let x, let y):
      // § RFC 7518 6.2.1.2: the full length, leading zeros included.
      guard x.count == curve.coordinateBytes, y.count == x.count else { throw .malformed }
      let point = [0x04] + x + y
      guard let made = roost_key_ec(curve.rawValue, point, point.count) else { throw .badPoint }
      return made
    case .ed25519(let bytes):
      guard bytes.count == 32 else { throw .malformed }
      key = roost_key_ed25519(bytes, bytes.count)
    }
    guard let key else { throw .malformed }
    return key
  }

  private static func checkedKind(
    of key: OpaquePointer
  ) throws(PublicKeyProblem) -> PublicKeyKind {
    switch roost_key_type(key) {
    case EVP_PKEY_RSA:
      let bits = Int(EVP_PKEY_get_bits(key))
      guard bits >= rsaBits.lowerBound else { throw .tooShort(bits: bits) }
      guard bits <= rsaBits.upperBound else { throw .tooLong(bits: bits) }
      guard roost_key_rsa_is_odd(key) == 1 else { throw .badExponent }
      return .rsa
    case EVP_PKEY_EC:
      guard let curve = curve(of: key) else { throw .unsupported }
      guard roost_key_is_sound(key) == 1 else { throw .badPoint }
      return .ec(curve)
    case EVP_PKEY_ED25519:
      var bytes = [UInt8](repeating: 0, count: 32)
      guard roost_key_raw(key, &bytes, bytes.count) == 1 else { throw .malformed }
      guard !Ed25519SmallOrder.contains(bytes) else { throw .badPoint }
      return .ed25519
    default:
      throw .unsupported
    }
  }

  private static func curve(of key: OpaquePointer) -> PublicKeyCurve? {
    var name = [CChar](repeating: 0, count: 64)
    guard roost_key_curve(key, &name, name.count) == 1 else { return nil }
    let text = String(
      decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    switch text {
    case "prime256v1", "P-256": return .p256
    case "secp384r1", "P-384": return .p384
    default: return nil
    }
  }
}

/// The points of Ed25519 whose order divides 8: with one of them as key, a signature that fits every
/// message is easily found, because the key's part of the equation can be made to vanish.
private enum Ed25519SmallOrder {
  /// The y coordinates, little-endian; the last two are 0 and 1 written as p and p + 1.
  private static let ordinates: [[UInt8]] = [
    repeated(0x00, first: 0x00, last: 0x00),
    repeated(0x00, first: 0x01, last: 0x00),
    [
      0x26, 0xE8, 0x95, 0x8F, 0xC2, 0xB2, 0x27, 0xB0, 0x45, 0xC3, 0xF4, 0x89, 0xF2, 0xEF, 0x98,
      0xF0, 0xD5, 0xDF, 0xAC, 0x05, 0xD3, 0xC6, 0x33, 0x39, 0xB1, 0x38, 0x02, 0x88, 0x6D, 0x53,
      0xFC, 0x05,
    ],
    [
      0xC7, 0x17, 0x6A, 0x70, 0x3D, 0x4D, 0xD8, 0x4F, 0xBA, 0x3C, 0x0B, 0x76, 0x0D, 0x10, 0x67,
      0x0F, 0x2A, 0x20, 0x53, 0xFA, 0x2C, 0x39, 0xCC, 0xC6, 0x4E, 0xC7, 0xFD, 0x77, 0x92, 0xAC,
      0x03, 0x7A,
    ],
    repeated(0xFF, first: 0xEC, last: 0x7F),
    repeated(0xFF, first: 0xED, last: 0x7F),
    repeated(0xFF, first: 0xEE, last: 0x7F),
  ]

  /// Whether the point is one of them; the highest bit is the sign of x.
  static func contains(_ point: [UInt8]) -> Bool {
    guard let last = point.last else { return false }
    return ordinates.contains(point.dropLast() + [last & 0x7F])
  }

  private static func repeated(_ byte: UInt8, first: UInt8, last: UInt8) -> [UInt8] {
    [first] + [UInt8](repeating: byte, count: 30) + [last]
  }
}

extension [UInt8] {
  /// Whether the bytes of a text occur somewhere in these.
  fileprivate func contains(_ text: String) -> Bool {
    let wanted = Array(text.utf8)
    guard count >= wanted.count else { return false }
    return (0...(count - wanted.count)).contains { self[$0..<$0 + wanted.count] == wanted[...] }
  }
}
