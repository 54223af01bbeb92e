// Private keys as they come, and signatures that the tests' own half of OpenSSL and VerificationKey
// both know.

import Auth
import RoostCrypto
import TestKeys
import Testing

struct SigningKeyTests {
  private func problem(_ material: PrivateKeyMaterial) -> PrivateKeyProblem? {
    do throws(PrivateKeyProblem) {
      _ = try SigningKey(material)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: TokenAlgorithm.allCases.filter { $0.signature != nil })
  func `what is signed verifies with the public half and with no other message`(
    algorithm: TokenAlgorithm
  ) throws {
    let pair = TestKey(for: algorithm)
    let signature = try #require(algorithm.signature)
    let key = try SigningKey(.pem(pair.pem(isPrivate: true)))
    #expect(key.kind == signature.keyKind)
    let verifying = try VerificationKey(.pem(pair.pem()))
    let message = Array("eyJhbGciOiJ4In0.eyJzdWIiOiJhbm4ifQ".utf8)
    let signed = try #require(key.signature(of: message, signature))
    #expect(verifying.accepts(signed, message, signature))
    let other = message + [0]
    #expect(!verifying.accepts(signed, other, signature))
    let own = try VerificationKey(key.publicHalf)
    #expect(own.accepts(signed, message, signature))
  }

  @Test func `an algorithm of another kind of key signs nothing`() throws {
    let key = try SigningKey(.pem(TestKey(for: .es256).pem(isPrivate: true)))
    let message: [UInt8] = [1, 2, 3]
    for algorithm in SignatureAlgorithm.allCases where algorithm != .es256 {
      #expect(key.signature(of: message, algorithm) == nil)
    }
    #expect(key.signature(of: message, .es256)?.count == 64)
  }

  @Test func `an empty message is signed, too`() throws {
    let key = try SigningKey(.pem(TestKey(for: .eddsa).pem(isPrivate: true)))
    let verifying = try VerificationKey(key.publicHalf)
    let message: [UInt8] = []
    let signed = try #require(key.signature(of: message, .ed25519))
    #expect(verifying.accepts(signed, message, .ed25519))
  }

  @Test func `what is no private key is refused with its reason`() {
    let ed25519 = TestKey(for: .eddsa)
    #expect(problem(.pem([])) == .malformed)
    #expect(problem(.pem(Array("-----BEGIN PRIVATE KEY-----\n".utf8))) == .malformed)
    #expect(problem(.pem([UInt8](repeating: 65, count: 65_537))) == .malformed)
    #expect(problem(.pem(ed25519.pem())) == .isPublic)
    let encrypted =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    #expect(problem(.pem(Array(encrypted.utf8))) == .encrypted)
    #expect(problem(.ed25519([UInt8](repeating: 1, count: 31), publicHalf: nil)) == .malformed)
    #expect(problem(.ed25519([UInt8](repeating: 1, count: 32), publicHalf: nil)) == nil)
  }

  @Test func `halves that do not belong together are refused`() {
    let other = TestKey(for: .eddsa).rawPublic
    #expect(problem(.ed25519([UInt8](repeating: 1, count: 32), publicHalf: other)) == .mismatch)
    let point = TestKey(for: .es256)
    let (x, y) = (point.number("qx", bytes: 32), point.number("qy", bytes: 32))
    let secret = point.number("priv", bytes: 32)
    #expect(problem(.ec(.p256, x: x, y: y, secret: secret)) == nil)
    let wrong = TestKey(for: .es256).number("priv", bytes: 32)
    #expect(problem(.ec(.p256, x: x, y: y, secret: wrong)) == .mismatch)
    #expect(problem(.ec(.p256, x: x, y: x, secret: secret)) == .malformed)
    #expect(problem(.ec(.p256, x: x, y: y, secret: secret + [0])) == .malformed)
    #expect(problem(.ec(.p384, x: x, y: y, secret: secret)) == .malformed)
  }

  @Test func `numbers of RSA sign with and without the factors`() {
    let key = TestKey(for: .rs256)
    let numbers = ["n", "e", "d"].map { key.number($0) }
    let factors = [
      "rsa-factor1", "rsa-factor2", "rsa-exponent1", "rsa-exponent2", "rsa-coefficient1",
    ].map { key.number($0) }
    func material(_ secret: [UInt8], _ factors: [[UInt8]]) -> PrivateKeyMaterial {
      .rsa(modulus: numbers[0], exponent: numbers[1], secret: secret, factors: factors)
    }
    #expect(problem(material(numbers[2], [])) == nil)
    #expect(problem(material(numbers[2], factors)) == nil)
    #expect(problem(material(numbers[2], Array(factors.dropLast()))) == .malformed)
    #expect(problem(material([], [])) == .malformed)
    #expect(problem(material([UInt8](repeating: 1, count: 4097), [])) == .malformed)
    var wrong = numbers[2]
    wrong[7] ^= 1
    #expect(problem(material(wrong, [])) == .mismatch)
  }

  @Test func `a key that no node would take signs nothing`() {
    let weak = TestKey(.rsa(bits: 1024, exponent: 65_537))
    #expect(problem(.pem(weak.pem(isPrivate: true))) == .publicHalf(.tooShort(bits: 1024)))
    let odd = TestKey(.ec("P-521"))
    #expect(problem(.pem(odd.pem(isPrivate: true))) == .publicHalf(.unsupported))
  }
}

extension SigningKey {
  fileprivate func signature(of message: [UInt8], _ algorithm: SignatureAlgorithm) -> [UInt8]? {
    sign(message.span, algorithm: algorithm)
  }
}
