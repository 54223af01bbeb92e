import RoostRooms
import TestRandom
import Testing

struct PositionTests {
  @Test(
    arguments: [
      (0, 0, "00000000000000000000000000000000"),
      (1, 2, "00000000000000010000000000000002"),
      (0x0123_4567_89AB_CDEF, 0xFEDC_BA98_7654_3210, "0123456789abcdeffedcba9876543210"),
      (.max, .max, "ffffffffffffffffffffffffffffffff"),
    ] as [(UInt64, UInt64, String)])
  func `an epoch is 32 digits and is read back from them`(high: UInt64, low: UInt64, text: String) {
    let epoch = Epoch(high: high, low: low)
    #expect(epoch.description == text)
    #expect(epoch.digits == Array(text.utf8))
    #expect(Epoch(text: Array(text.utf8).span) == epoch)
  }

  @Test(
    arguments: [
      "", "0", "0123456789abcdeffedcba987654321", "0123456789abcdeffedcba98765432100",
      // Upper case, other letters, signs, prefixes, white space.
      "0123456789ABCDEFfedcba9876543210", "0123456789abcdeffedcba987654321g",
      "+123456789abcdeffedcba9876543210", "-123456789abcdeffedcba9876543210",
      "0x23456789abcdeffedcba9876543210", " 123456789abcdeffedcba9876543210",
      "0123456789abcdef\u{0}edcba9876543210", "0123456789abcde`fedcba9876543210",
      "0123456789abcde/fedcba9876543210", "0123456789abcde:fedcba9876543210",
    ])
  func `anything else is no epoch`(text: String) {
    #expect(Epoch(text: Array(text.utf8).span) == nil)
  }

  @Test func `every epoch survives its text`() {
    var generator = SeededGenerator.make()
    let seed = generator.description
    for _ in 0..<1000 {
      let epoch = Epoch(high: generator.next(), low: generator.next())
      #expect(Epoch(text: epoch.digits.span) == epoch, "\(seed)")
    }
  }

  @Test func `positions are equal in epoch and offset`() {
    let epoch = Epoch(high: 1, low: 2)
    let position = Position(epoch: epoch, offset: 3)
    #expect(position == Position(epoch: Epoch(high: 1, low: 2), offset: 3))
    #expect(position != Position(epoch: epoch, offset: 4))
    #expect(position != Position(epoch: Epoch(high: 2, low: 1), offset: 3))
    #expect(position != Position(epoch: Epoch(high: 1, low: 3), offset: 3))
  }
}
