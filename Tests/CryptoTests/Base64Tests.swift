import RoostCrypto
import Testing

struct Base64Tests {
  /// RFC 4648 section 10, and the two digits that other alphabets have differently.
  static let pairs: [(bytes: [UInt8], text: String)] = [
    ([], ""),
    ([UInt8]("f".utf8), "Zg=="),
    ([UInt8]("fo".utf8), "Zm8="),
    ([UInt8]("foo".utf8), "Zm9v"),
    ([UInt8]("foob".utf8), "Zm9vYg=="),
    ([UInt8]("fooba".utf8), "Zm9vYmE="),
    ([UInt8]("foobar".utf8), "Zm9vYmFy"),
    ([0xFB, 0xFF, 0xFE], "+//+"),
    ([0x00], "AA=="),
    ([0x00, 0x00, 0x00], "AAAA"),
  ]

  @Test(arguments: pairs)
  func `bytes are encoded with padding`(bytes: [UInt8], text: String) {
    #expect(String(decoding: Base64.encode(bytes.span), as: UTF8.self) == text)
  }

  @Test(arguments: pairs)
  func `a canonical text is decoded`(bytes: [UInt8], text: String) {
    let characters = [UInt8](text.utf8)
    #expect(Base64.decode(characters.span) == bytes)
    #expect(Base64.decodedCount(of: characters.span) == bytes.count)
  }

  @Test func `every length and every byte value survives both ways`() {
    for count in 0..<300 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ count) }
      let text = Base64.encode(bytes.span)
      #expect(text.count == (count + 2) / 3 * 4)
      #expect(Base64.decode(text.span) == bytes)
    }
  }

  @Test(arguments: [
    "Z", "Zg", "Zg=", "Zm9vY", "Zm9vYg=",  // not a multiple of four
    "====", "A===", "=AAA", "AA=A", "A=A=", "Zg==Zg==",  // padding where it cannot be
    "Zh==", "Zm9=", "Zo==", "Zm8w=",  // bits behind the last byte
    " Zg=", "Zg= ", "Zm9v\n\n\n\n", "Zm\n9", "Z g=",  // white space
    "-__-", "Zm9*", "Zm9\u{00}", "Zm\u{00E9}",  // other alphabets
  ])
  func `a text that no encoder writes is refused`(text: String) {
    let characters = [UInt8](text.utf8)
    #expect(Base64.decode(characters.span) == nil)
    #expect(Base64.decodedCount(of: characters.span) == nil)
  }

  @Test func `each byte outside the alphabet is refused in each place`() {
    let alphabet = Set(
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    for byte in UInt8.min...UInt8.max where !alphabet.contains(byte) {
      for place in 0..<4 {
        // A padding character in the last place of all is what it is for.
        if byte == UInt8(ascii: "="), place == 3 { continue }
        var text = [UInt8]("AAAAAAAA".utf8)
        text[4 + place] = byte
        #expect(Base64.decode(text.span) == nil, "byte \(byte) in place \(place)")
      }
    }
  }
}
