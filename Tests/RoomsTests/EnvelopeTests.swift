import RoostRooms
import TestRandom
import Testing

struct EnvelopeTests {
  @Test(
    arguments: [
      (0, 0, 0, 0, "0-0.0.0"),
      (0xABC, 1, 0x10, 0xFF, "abc-1.10.ff"),
      (.max, .max, .max, .max, "ffffffffffffffff-ffff.ffffffff.ffffffff"),
    ] as [(UInt64, UInt16, UInt32, UInt32, String)])
  func `a connection's id is text and is read back from it`(
    process: UInt64, shard: UInt16, slot: UInt32, generation: UInt32, text: String
  ) {
    let id = ConnectionID(process: process, shard: shard, slot: slot, generation: generation)
    #expect(id.description == text)
    #expect(ConnectionID(text: text) == id)
  }

  @Test(
    arguments: [
      "", "-", "-..", "0", "0-0", "0-0.0", "0-0.0.0.0", "0-0.0.0-0", "0-.0.0", "-0.0.0", "0-0..0",
      "0-0.0.", "g-0.0.0", "0-0.0.g",
      // One number has one text.
      "00-0.0.0", "0-01.0.0", "A-0.0.0", "+1-0.0.0", "1-+0.0.0", "1--0.0.0", "1-0.-0.0",
      " 1-0.0.0", "1-0.0.0 ", "0x1-0.0.0", "1-0.0.0\u{0}", "é-0.0.0",
      // Too large for its part.
      "10000000000000000-0.0.0", "0-10000.0.0", "0-0.100000000.0", "0-0.0.100000000",
      "ffffffffffffffff-ffff.ffffffff.ffffffff0",
    ])
  func `anything else is no connection's id`(text: String) {
    #expect(ConnectionID(text: text) == nil)
  }

  @Test func `a text of any length is refused without being read`() {
    #expect(ConnectionID(text: String(repeating: "1", count: 1_000_000)) == nil)
    #expect(ConnectionID(text: String(repeating: "-", count: 40)) == nil)
    #expect(ConnectionID(text: String(repeating: ".", count: 41)) == nil)
  }

  @Test func `every id survives its text, and every part counts`() {
    var generator = SeededGenerator.make()
    let seed = generator.description
    var ids: Set<ConnectionID> = []
    for _ in 0..<1000 {
      let bits = generator.next()
      let id = ConnectionID(
        process: generator.next(), shard: UInt16(truncatingIfNeeded: bits),
        slot: UInt32(truncatingIfNeeded: bits >> 16),
        generation: UInt32(truncatingIfNeeded: generator.next()))
      #expect(ConnectionID(text: id.description) == id, "\(seed)")
      ids.insert(id)
    }
    #expect(ids.count == 1000, "\(seed)")
    let one = ConnectionID(process: 1, shard: 1, slot: 1, generation: 1)
    for other in [(2, 1, 1, 1), (1, 2, 1, 1), (1, 1, 2, 1), (1, 1, 1, 2)] {
      #expect(
        one
          != ConnectionID(
            process: UInt64(other.0), shard: UInt16(other.1), slot: UInt32(other.2),
            generation: UInt32(other.3)))
    }
  }

  @Test func `a payload's bytes are there whatever its kind, which counts all the same`() {
    #expect(Payload.json([0x31]).bytes == [0x31])
    #expect(Payload.binary([0x31]).bytes == [0x31])
    #expect(Payload.json([0x31]) != Payload.binary([0x31]))
  }
}
