// Keys that are strong enough and keys that are not, and signatures that are right in all but one
// thing.

import Auth
import RoostCrypto
import TestKeys
import Testing

struct VerificationKeyTests {
  private func problem(_ material: PublicKeyMaterial) -> PublicKeyProblem? {
    do throws(PublicKeyProblem) {
      _ = try VerificationKey(material)
      return nil
    } catch {
      return error
    }
  }

  private func number(_ hexadecimal: String) -> [UInt8] {
    let digits = Array(hexadecimal.utf8).map { $0 < 58 ? $0 - 48 : $0 - 87 }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  @Test func `a signature of RFC 8037 verifies, and no other message has it`() throws {
    // Appendix A.4.
    let key = try VerificationKey(
      .ed25519(number("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")))
    let message = Array("eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".utf8)
    let text =
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    let signature = try decoded(text)
    #expect(key.accepts(signature, message, .ed25519))
    let shorter = Array(message.dropLast())
    #expect(!key.accepts(signature, shorter, .ed25519))
    #expect(!key.accepts(signature, message, .es256))
  }

  @Test func `a signature of RFC 7515 verifies on P-256`() throws {
    // Appendix A.3.
    let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
    let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
    let key = try VerificationKey(
      .ec(
        .p256, x: try decoded(x),
        y: try decoded(y)))
    let message = Array(
      ("eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        + "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ").utf8)
    let text =
      "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    let signature = try decoded(text)
    #expect(key.accepts(signature, message, .es256))
  }

  @Test(arguments: SignatureAlgorithm.allCases)
  func `a signature verifies under its own algorithm and under no other`(
    algorithm: SignatureAlgorithm
  ) throws {
    let token = try #require(TokenAlgorithm.allCases.first { $0.signature == algorithm })
    let pair = TestKey(for: token)
    let key = try VerificationKey(.pem(pair.pem()))
    let message = Array("a message".utf8)
    let signature = pair.sign(message, token)
    for other in SignatureAlgorithm.allCases {
      #expect(
        key.accepts(signature, message, other) == (other == algorithm),
        "\(algorithm) as \(other)")
    }
    for place in signature.indices {
      var broken = signature
      broken[place] ^= 1
      #expect(!key.accepts(broken, message, algorithm))
    }
    for count in stride(from: 0, to: signature.count, by: 7) {
      let cut = Array(signature.prefix(count))
      #expect(!key.accepts(cut, message, algorithm))
    }
    let longer = signature + [0]
    #expect(!key.accepts(longer, message, algorithm))
    let prefixed = [0] + signature
    #expect(!key.accepts(prefixed, message, algorithm))
  }

  @Test func `the two numbers of a signature are in their range`() throws {
    let pair = TestKey(.ec("P-256"))
    let key = try VerificationKey(.pem(pair.pem()))
    let message = Array("a message".utf8)
    let order = number("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    let zero = [UInt8](repeating: 0, count: 32)
    let most = [UInt8](repeating: 0xFF, count: 32)
    let one = zero.dropLast() + [1]
    let signature = pair.sign(message, .es256)
    for number in [zero, order, most] {
      for pair in [
        number + number, number + one, one + number, number + Array(signature[32...]),
        Array(signature[..<32]) + number,
      ] {
        #expect(!key.accepts(pair, message, .es256))
      }
    }
    // r plus the order is the same number to careless arithmetic; it does not fit 32 bytes here.
    #expect(key.accepts(signature, message, .es256))
  }

  @Test(arguments: [(1024, 65_537), (2047, 65_537)] as [(Int, UInt)])
  func `an RSA key under 2048 bits is refused`(bits: Int, exponent: UInt) {
    let pair = TestKey(.rsa(bits: bits, exponent: exponent))
    #expect(problem(.pem(pair.pem())) == .tooShort(bits: bits))
    #expect(
      problem(.rsa(modulus: pair.number("n"), exponent: pair.number("e"))) == .tooShort(bits: bits))
  }

  @Test func `an RSA key has an odd modulus and an odd exponent of 3 to 64 bits`() {
    let modulus = TestKey(for: .rs256).number("n")
    #expect(problem(.rsa(modulus: modulus, exponent: [1, 0, 1])) == nil)
    #expect(problem(.rsa(modulus: modulus, exponent: [3])) == nil)
    for exponent: [UInt8] in [[1], [2], [0], [1, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0, 1]] {
      #expect(problem(.rsa(modulus: modulus, exponent: exponent)) == .badExponent, "\(exponent)")
    }
    #expect(
      problem(.rsa(modulus: modulus, exponent: [0xFF] + [UInt8](repeating: 0xFF, count: 7)))
        == nil)
    #expect(
      problem(.rsa(modulus: modulus, exponent: [UInt8](repeating: 1, count: 10))) == .badExponent)
    var even = modulus
    even[even.count - 1] &= 0xFE
    #expect(problem(.rsa(modulus: even, exponent: [1, 0, 1])) == .badExponent)
    #expect(problem(.rsa(modulus: [], exponent: [1, 0, 1])) == .malformed)
    #expect(problem(.rsa(modulus: modulus, exponent: [])) == .malformed)
  }

  @Test func `an RSA key over 8192 bits is refused before anything is worked out with it`() {
    var modulus = [UInt8](repeating: 0xFF, count: 1024)
    #expect(problem(.rsa(modulus: modulus, exponent: [1, 0, 1])) == nil)
    modulus.insert(1, at: 0)
    #expect(problem(.rsa(modulus: modulus, exponent: [1, 0, 1])) == .tooLong(bits: 8193))
    modulus.insert(1, at: 0)
    #expect(problem(.rsa(modulus: modulus, exponent: [1, 0, 1])) == .tooLong(bits: 8208))
    let enormous = [UInt8](repeating: 0xFF, count: 200_000)
    #expect(problem(.rsa(modulus: enormous, exponent: [1, 0, 1])) == .tooLong(bits: 1_600_000))
  }

  @Test(arguments: PublicKeyCurve.allCases)
  func `a point lies on its curve and has the full length`(curve: PublicKeyCurve) {
    let pair = TestKey(.ec(curve.rawValue))
    let bytes = curve.coordinateBytes
    let (x, y) = (pair.number("qx", bytes: bytes), pair.number("qy", bytes: bytes))
    #expect(problem(.ec(curve, x: x, y: y)) == nil)
    var moved = y
    moved[bytes - 1] ^= 1
    #expect(problem(.ec(curve, x: x, y: moved)) == .badPoint)
    let zero = [UInt8](repeating: 0, count: bytes)
    #expect(problem(.ec(curve, x: zero, y: zero)) == .badPoint)
    #expect(
      problem(.ec(curve, x: [UInt8](repeating: 0xFF, count: bytes), y: y)) == .badPoint)
    #expect(problem(.ec(curve, x: Array(x.dropLast()), y: y)) == .malformed)
    #expect(problem(.ec(curve, x: [0] + x, y: y)) == .malformed)
    #expect(problem(.ec(curve, x: x, y: [])) == .malformed)
    #expect(problem(.ec(curve == .p256 ? .p384 : .p256, x: x, y: y)) == .malformed)
  }

  @Test(arguments: ["secp256k1", "P-521", "P-224", "brainpoolP256r1"])
  func `other curves are not taken`(curve: String) {
    #expect(problem(.pem(TestKey(.ec(curve)).pem())) == .unsupported)
  }

  @Test(arguments: [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
  ])
  func `a point of a small order signs everything and is refused`(hexadecimal: String) {
    #expect(problem(.ed25519(number(hexadecimal))) == .badPoint)
  }

  @Test(arguments: [0, 31, 33, 64])
  func `an Ed25519 key has 32 bytes`(count: Int) {
    #expect(problem(.ed25519([UInt8](repeating: 7, count: count))) == .malformed)
  }

  @Test func `a PEM text is a public key and nothing else`() {
    let pair = TestKey(.ec("P-256"))
    #expect(problem(.pem(pair.pem())) == nil)
    #expect(problem(.pem(pair.pem(isPrivate: true))) == .isPrivate)
    #expect(problem(.pem(pair.pem() + pair.pem(isPrivate: true))) == .isPrivate)
    #expect(problem(.pem([])) == .malformed)
    #expect(problem(.pem(Array("no key".utf8))) == .malformed)
    for count in stride(from: 0, to: pair.pem().count - 2, by: 5) {
      #expect(problem(.pem(Array(pair.pem().prefix(count)))) == .malformed)
    }
    #expect(problem(.pem(pair.pem() + [UInt8](repeating: 10, count: 65_536))) == .malformed)
  }

  @Test func `no sentence about a key shows any of it`() {
    let problems: [PublicKeyProblem] = [
      .malformed, .isPrivate, .unsupported, .tooShort(bits: 5), .tooLong(bits: 9), .badExponent,
      .badPoint,
    ]
    for problem in problems {
      #expect(!problem.description.isEmpty && !problem.description.hasSuffix("."))
    }
  }
}

extension VerificationKey {
  /// As the original; `#expect` cannot take a call apart that has a span among its arguments.
  func accepts(
    _ signature: [UInt8], _ message: [UInt8], _ algorithm: SignatureAlgorithm
  ) -> Bool {
    verify(signature.span, of: message.span, algorithm: algorithm)
  }
}

/// The bytes of a Base64url text.
private func decoded(_ text: String) throws -> [UInt8] {
  let bytes = Base64.decodeURL(text.utf8.span)
  return try #require(bytes)
}
