// A private key that OpenSSL has read. It is for the commands that make tokens; a node verifies and
// never signs with one. Its public half has to pass the checks of VerificationKey, so that nothing is
// signed that no node would accept.

import RoostCOpenSSL

/// A private key for making signatures.
///
/// Owner: the thread that made it.
public final class SigningKey {
  /// A PEM text is some hundred bytes, an RSA key of 8,192 bits some thousand.
  private static let pemBytesMax = 65_536

  /// What kind of key it is.
  public let kind: PublicKeyKind
  /// What verifies its signatures.
  public let publicHalf: PublicKeyMaterial
  private let key: OpaquePointer

  /// Reads a key and checks that it is sound and that its halves belong together.
  ///
  /// Costs some milliseconds.
  public init(_ material: PrivateKeyMaterial) throws(PrivateKeyProblem) {
    let key = try Self.read(material)
    do throws(PrivateKeyProblem) {
      if case .ed25519(_, let known?) = material {
        // What others verify with is what stands there, not what would follow from the private half.
        publicHalf = .ed25519(known)
      } else {
        publicHalf = try Self.publicHalf(of: key)
      }
      kind = try Self.checkedKind(of: key, publicHalf)
    } catch {
      EVP_PKEY_free(key)
      throw error
    }
    self.key = key
  }

  deinit { EVP_PKEY_free(key) }

  /// The signature of a message as tokens carry it (RFC 7518 3, RFC 8037 3.1); nil when the algorithm
  /// is none of this kind of key.
  ///
  /// Costs about 50 µs to some milliseconds (RSA).
  public func sign(
    _ message: borrowing Span<UInt8>, algorithm: SignatureAlgorithm
  ) -> [UInt8]? {
    guard algorithm.keyKind == kind else { return nil }
    let signature = Self.signature(of: message, key, algorithm)
    precondition(
      !signature.isEmpty, "libcrypto did not sign \(message.count) bytes with \(algorithm)")
    return signature
  }

  /// Empty when libcrypto does not sign with this key.
  private static func signature(
    of message: borrowing Span<UInt8>, _ key: OpaquePointer, _ algorithm: SignatureAlgorithm
  ) -> [UInt8] {
    // RSA signs with as many bytes as its modulus has, 1,024 at most.
    var signature = [UInt8](repeating: 0, count: 1024)
    let count = message.withUnsafeBufferPointer { message in
      signature.withUnsafeMutableBufferPointer { output in
        if case .ec(let curve) = algorithm.keyKind {
          let count = 2 * curve.coordinateBytes
          let isSigned = roost_sign_ec(
            key, algorithm.sha2Bits, message.baseAddress, message.count, output.baseAddress, count)
          return isSigned == 1 ? count : 0
        }
        return roost_sign(
          key, algorithm.sha2Bits, algorithm.isProbabilistic ? 1 : 0, message.baseAddress,
          message.count, output.baseAddress, output.count)
      }
    }
    return Array(signature.prefix(count))
  }

  /// The kind of a key; what it signs has to verify with its public half.
  private static func checkedKind(
    of key: OpaquePointer, _ publicHalf: PublicKeyMaterial
  ) throws(PrivateKeyProblem) -> PublicKeyKind {
    let verifying: VerificationKey
    do throws(PublicKeyProblem) {
      verifying = try VerificationKey(publicHalf)
    } catch {
      throw .publicHalf(error)
    }
    // Tried, because OpenSSL's own check of a pair wants the factors of an RSA key.
    let message = Array("both halves of one key".utf8)
    let algorithm = SignatureAlgorithm.allCases.first { $0.keyKind == verifying.kind }
    guard let algorithm else { throw .publicHalf(.unsupported) }
    let signature = signature(of: message.span, key, algorithm)
    guard verifying.verify(signature.span, of: message.span, algorithm: algorithm) else {
      throw .mismatch
    }
    return verifying.kind
  }

  private static func read(
    _ material: PrivateKeyMaterial
  ) throws(PrivateKeyProblem) -> OpaquePointer {
    let key: OpaquePointer?
    switch material {
    case .pem(let text):
      guard text.count <= pemBytesMax else { throw .malformed }
      key = roost_pair_pem(text, text.count)
      guard key == nil else { break }
      let shown = String(decoding: text, as: UTF8.self)
      if shown.contains("ENCRYPTED") { throw .encrypted }
      if !shown.contains("PRIVATE KEY-----"), shown.contains("PUBLIC KEY-----") { throw .isPublic }
      if shown.contains("-----BEGIN CERTIFICATE") { throw .isPublic }
    case .rsa(let modulus, let exponent, let secret, let factors):
      key = rsa([modulus, exponent, secret] + factors)
    case .ec(let curve, let x, let y, let secret):
      // § RFC 7518 6.2.2.1: the full length, leading zeros included.
      let bytes = curve.coordinateBytes
      guard x.count == bytes, y.count == bytes, secret.count == bytes else { throw .malformed }
      let point = [0x04] + x + y
      key = roost_pair_ec(curve.rawValue, point, point.count, secret, secret.count)
    case .ed25519(let bytes, _):
      guard bytes.count == 32 else { throw .malformed }
      key = roost_pair_ed25519(bytes, bytes.count)
    }
    guard let key else { throw .malformed }
    return key
  }

  /// One buffer with all numbers, and where each begins, is what C reads most simply.
  private static func rsa(_ numbers: [[UInt8]]) -> OpaquePointer? {
    let lengths = numbers.map(\.count)
    guard numbers.count == 3 || numbers.count == 8, lengths.allSatisfy({ (1...4096).contains($0) })
    else { return nil }
    let joined = Array(numbers.joined())
    return joined.withUnsafeBufferPointer { bytes in
      var start = 0
      let starts = lengths.map { length in
        defer { start += length }
        return bytes.baseAddress.map { $0 + start }
      }
      return roost_pair_rsa(starts, lengths, lengths.count)
    }
  }

  private static func publicHalf(
    of key: OpaquePointer
  ) throws(PrivateKeyProblem) -> PublicKeyMaterial {
    var text = [UInt8](repeating: 0, count: 4096)
    let count = roost_pair_public_pem(key, &text, text.count)
    guard count > 0 else { throw .publicHalf(.unsupported) }
    return .pem(Array(text.prefix(count)))
  }
}
