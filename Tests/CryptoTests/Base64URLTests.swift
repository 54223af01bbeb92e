import RoostCrypto
import Testing

struct Base64URLTests {
  static let pairs: [(bytes: [UInt8], text: String)] = [
    ([], ""),
    (Array("f".utf8), "Zg"),
    (Array("fo".utf8), "Zm8"),
    (Array("foo".utf8), "Zm9v"),
    (Array("foob".utf8), "Zm9vYg"),
    ([0xFB, 0xFF, 0xFE], "-__-"),
    ([0x00], "AA"),
    // RFC 7515 appendix C.
    ([3, 236, 255, 224, 193], "A-z_4ME"),
  ]

  /// As the original; `#expect` cannot take a call apart that has a span among its arguments.
  private func decode(_ text: [UInt8]) -> [UInt8]? { Base64.decodeURL(text.span) }

  @Test(arguments: pairs)
  func `bytes are written without padding and read again`(bytes: [UInt8], text: String) {
    #expect(String(decoding: Base64.encodeURL(bytes.span), as: UTF8.self) == text)
    #expect(decode(Array(text.utf8)) == bytes)
  }

  @Test func `every length and every byte value survives both ways`() {
    for count in 0..<300 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ count) }
      let text = Base64.encodeURL(bytes.span)
      #expect(text.count == (count * 8 + 5) / 6)
      #expect(decode(text) == bytes)
    }
  }

  @Test(arguments: [
    "A", "AAAAA",  // six bits are no byte
    "Zg==", "Zm8=", "AA=",  // padding
    "Zh", "Zm9", "ZgB",  // bits behind the last byte
    "+//+", "Zm9*", "Zm 9", "Zm9v\n", " Zg", "Zm\u{00E9}v", "Zm9\u{00}",  // other alphabets
  ])
  func `a text that no encoder writes is refused`(text: String) {
    #expect(decode(Array(text.utf8)) == nil)
  }

  @Test func `each byte outside the alphabet is refused in each place`() {
    let alphabet = Set(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    for byte in UInt8.min...UInt8.max {
      for place in 0..<8 {
        var text = [UInt8]("AAAAAAAA".utf8)
        text[place] = byte
        #expect((decode(text) != nil) == alphabet.contains(byte))
      }
    }
  }
}
