import RoostCrypto
import Testing

struct DigestTests {
  @Test(arguments: [
    ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
    ),
  ])
  func `SHA-1 gives the digests of FIPS 180`(text: String, hexadecimal: String) {
    #expect(hexadecimalText(Digest.sha1([UInt8](text.utf8).span)) == hexadecimal)
  }

  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func `SHA-256 gives the digests of FIPS 180`(text: String, hexadecimal: String) {
    #expect(hexadecimalText(Digest.sha256([UInt8](text.utf8).span)) == hexadecimal)
  }

  @Test func `a digest of many blocks is that of the whole input`() {
    let million = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    #expect(
      hexadecimalText(Digest.sha1(million.span)) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f")
    #expect(
      hexadecimalText(Digest.sha256(million.span))
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }

  @Test func `equal bytes compare equal`() {
    let first: [UInt8] = [1, 2, 3, 4]
    let second: [UInt8] = [1, 2, 3, 4]
    #expect(areEqual(first, second))
  }

  @Test func `two empty strings compare equal`() {
    let empty: [UInt8] = []
    #expect(areEqual(empty, empty))
  }

  @Test(arguments: 0..<4)
  func `one differing byte anywhere compares unequal`(index: Int) {
    let first: [UInt8] = [1, 2, 3, 4]
    var second = first
    second[index] ^= 0x80
    #expect(!areEqual(first, second))
  }

  @Test func `a prefix compares unequal in both orders`() {
    let long: [UInt8] = [1, 2, 3, 4]
    let short: [UInt8] = [1, 2, 3]
    #expect(!areEqual(long, short))
    #expect(!areEqual(short, long))
  }
}

func hexadecimalText(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// What `#expect` cannot call itself: spans are no arguments for it.
private func areEqual(_ first: [UInt8], _ second: [UInt8]) -> Bool {
  constantTimeEquals(first.span, second.span)
}
