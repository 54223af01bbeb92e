// Every violation can be told to a person in one clean line.

import RoostJSON
import Testing

@Suite struct JSONViolationTests {
  static let all: [(JSONViolation, Int)] = [
    (.unexpectedEnd(offset: 1), 1), (.unexpectedByte(0x0A, offset: 2), 2),
    (.badEscape(offset: 3), 3),
    (.loneSurrogate(offset: 4), 4), (.invalidUTF8(offset: 5), 5),
    (.controlCharacter(0, offset: 6), 6),
    (.badNumber(offset: 7), 7), (.tooDeep(offset: 8), 8), (.trailingBytes(offset: 9), 9),
    (.notAnObject(offset: 10), 10),
    (.notAnArray(offset: 11), 11), (.duplicateKey(offset: 12), 12), (.tooLarge(bytesMax: 13), 0),
  ]

  @Test(arguments: all)
  func `a violation knows its offset and a reason that fits any log`(
    _ violation: JSONViolation, _ offset: Int
  ) {
    #expect(violation.offset == offset)
    #expect((10...80).contains(violation.reason.utf8.count))
    #expect(violation.reason.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
  }

  @Test func `an unexpected byte is named by its letter or by its number`() {
    #expect(JSONViolation.unexpectedByte(0x78, offset: 0).reason == "unexpected 'x'")
    #expect(JSONViolation.unexpectedByte(0x07, offset: 0).reason == "unexpected byte 0x07")
    #expect(JSONViolation.unexpectedByte(0xFF, offset: 0).reason == "unexpected byte 0xFF")
  }
}
