import TestRandom
import Testing

@testable import RoostWebSocket

struct UTF8CheckTests {
  /// The first and last character of every row of the table in RFC 3629 section 4.
  @Test(
    arguments: [
      [0x00], [0x7F],
      [0xC2, 0x80], [0xDF, 0xBF],
      [0xE0, 0xA0, 0x80], [0xE0, 0xBF, 0xBF],
      [0xE1, 0x80, 0x80], [0xEC, 0xBF, 0xBF],
      [0xED, 0x80, 0x80], [0xED, 0x9F, 0xBF],
      [0xEE, 0x80, 0x80], [0xEF, 0xBF, 0xBF],
      [0xF0, 0x90, 0x80, 0x80], [0xF0, 0xBF, 0xBF, 0xBF],
      [0xF1, 0x80, 0x80, 0x80], [0xF3, 0xBF, 0xBF, 0xBF],
      [0xF4, 0x80, 0x80, 0x80], [0xF4, 0x8F, 0xBF, 0xBF],
    ] as [[UInt8]])
  func `the borders of every range are valid, and incomplete before their end`(bytes: [UInt8]) {
    for prefix in 0...17 {
      let text = [UInt8](repeating: UInt8(ascii: "a"), count: prefix) + bytes
      for count in prefix...text.count {
        var check = UTF8Check()
        let isValid = check.check(text.span, in: 0..<count)
        #expect(isValid)
        #expect(check.isComplete == (count == prefix || count == text.count))
      }
    }
  }

  /// Each with the offset of the first byte that no valid text has there.
  @Test(
    arguments: [
      // A continuation first.
      ([0x80], 0), ([0xBF], 0), ([0x61, 0x80], 1), ([0xC3, 0xA9, 0x80], 2),
      // Overlong.
      ([0xC0, 0x80], 0), ([0xC1, 0xBF], 0), ([0xE0, 0x80, 0x80], 1), ([0xE0, 0x9F, 0xBF], 1),
      ([0xF0, 0x80, 0x80, 0x80], 1), ([0xF0, 0x8F, 0xBF, 0xBF], 1),
      // Surrogates.
      ([0xED, 0xA0, 0x80], 1), ([0xED, 0xBF, 0xBF], 1),
      // Beyond U+10FFFF.
      ([0xF4, 0x90, 0x80, 0x80], 1), ([0xF5, 0x80, 0x80, 0x80], 0), ([0xF8, 0x88], 0),
      ([0xFC, 0x84], 0), ([0xFE], 0), ([0xFF], 0),
      // A character that breaks off.
      ([0xC2, 0x00], 1), ([0xC2, 0xC2], 1), ([0xDF, 0x7F], 1), ([0xE1, 0x80, 0x41], 2),
      ([0xE1, 0x80, 0xC0], 2), ([0xEF, 0xBF, 0xFF], 2), ([0xF1, 0x41], 1),
      ([0xF1, 0x80, 0x80, 0x41], 3), ([0xF4, 0x8F, 0xBF, 0xF0], 3),
    ] as [([UInt8], Int)])
  func `the earliest impossible byte is refused`(bytes: [UInt8], wrongAt: Int) {
    for prefix in 0...17 {
      let text = [UInt8](repeating: UInt8(ascii: "a"), count: prefix) + bytes
      var upToIt = UTF8Check()
      let isValidUpToIt = upToIt.check(text.span, in: 0..<prefix + wrongAt)
      let isValidWithIt = upToIt.check(text.span, in: prefix + wrongAt..<prefix + wrongAt + 1)
      var whole = UTF8Check()
      let isWholeValid = whole.check(text.span, in: 0..<text.count)
      #expect(isValidUpToIt)
      #expect(!isValidWithIt)
      #expect(!isWholeValid)
    }
  }

  @Test func `pieces of a text are judged like the whole`() {
    var generator = SeededGenerator.make()
    // Bytes out of which valid sequences and near misses are likely.
    let alphabet: [UInt8] = [
      0x61, 0x62, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xE0, 0xE1, 0xED, 0xEF,
      0xF0, 0xF1, 0xF4, 0xF5,
    ]
    for _ in 0..<20_000 {
      var bytes: [UInt8] = []
      let count = Int.random(in: 0...24, using: &generator)
      while bytes.count < count {
        if Bool.random(using: &generator) {
          let scalar = Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &generator))
          bytes += [UInt8](String(scalar ?? "z").utf8)
        } else {
          bytes.append(alphabet.randomElement(using: &generator) ?? 0)
        }
      }
      let isValid = String(validating: bytes, as: UTF8.self) != nil
      var whole = UTF8Check()
      let isWholeValid = whole.check(bytes.span, in: 0..<bytes.count) && whole.isComplete
      #expect(isWholeValid == isValid, "\(generator): \(bytes)")
      let split = Int.random(in: 0...bytes.count, using: &generator)
      var pieces = UTF8Check()
      let isValidInPieces =
        pieces.check(bytes.span, in: 0..<split)
        && pieces.check(bytes.span, in: split..<bytes.count) && pieces.isComplete
      #expect(isValidInPieces == isValid, "\(generator): \(bytes) parted at \(split)")
    }
  }

  @Test func `the state is three bytes`() {
    #expect(MemoryLayout<UTF8Check>.size == 3)
  }
}
