import RoostDeflate
import TestRandom
import Testing

struct InflaterTests {
  /// The examples of RFC 7692 7.2.3, each with what it stands for.
  @Test(
    arguments: [
      ("one block", [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], "Hello"),
      (
        "a block without compression",
        [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00], "Hello"
      ),
      ("a last block", [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], "Hello"),
      ("a last block and nothing behind it", [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], "Hello"),
      (
        "two blocks",
        [0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00], "Hello"
      ),
      ("an empty message", [0x00], ""),
      ("an empty message of an empty last block", [0x03, 0x00], ""),
      ("nothing at all", [], ""),
    ] as [(String, [UInt8], String)])
  func `each form of a message is inflated`(name: String, wire: [UInt8], text: String) throws {
    var inflater = Inflater(windowBits: 15)
    for _ in 0..<3 {
      var output: [UInt8] = []
      try inflater.decompress(wire.span, into: &output, bytesMax: 5)
      #expect(String(decoding: output, as: UTF8.self) == text)
      inflater.reset()
    }
  }

  @Test func `a message may refer to the one before it`() throws {
    var inflater = Inflater(windowBits: 15)
    var output: [UInt8] = []
    let first: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
    try inflater.decompress(first.span, into: &output, bytesMax: 100)
    let second: [UInt8] = [0xF2, 0x00, 0x11, 0x00, 0x00]
    try inflater.decompress(second.span, into: &output, bytesMax: 100)
    #expect(String(decoding: output, as: UTF8.self) == "HelloHello")
  }

  /// zlib's own reset would forget the window behind a last block.
  @Test func `a message may refer to the one before it across a last block`() throws {
    var inflater = Inflater(windowBits: 15)
    var output: [UInt8] = []
    let first: [UInt8] = [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]
    try inflater.decompress(first.span, into: &output, bytesMax: 100)
    let second: [UInt8] = [0xF2, 0x00, 0x11, 0x00, 0x00]
    try inflater.decompress(second.span, into: &output, bytesMax: 100)
    #expect(String(decoding: output, as: UTF8.self) == "HelloHello")
  }

  @Test func `after a reset a reference to the last message is corrupt`() throws {
    var inflater = Inflater(windowBits: 15)
    var output: [UInt8] = []
    let first: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
    try inflater.decompress(first.span, into: &output, bytesMax: 100)
    inflater.reset()
    #expect(failure(of: &inflater, [0xF2, 0x00, 0x11, 0x00, 0x00], bytesMax: 100) == .corrupt)
  }

  @Test(
    arguments: [
      ("a reserved block type", [0x06]),
      ("a reserved block type behind a good block", [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x06]),
      ("a stored block whose lengths disagree", [0x00, 0x05, 0x00, 0xFA, 0xFE, 0x48]),
      ("a stored block that is cut off", [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65]),
      ("a coded block that is cut off", [0xF2, 0x48, 0xCD]),
      ("a coded block without its end", [0xF2, 0x48, 0xCD, 0xC9, 0xC9]),
      ("a reference to before the beginning", [0xF2, 0x00, 0x11, 0x00, 0x00]),
      ("text", [0x48, 0x65, 0x6C, 0x6C, 0x6F]),
    ] as [(String, [UInt8])])
  func `bytes that are no message are corrupt, and leave the output alone`(
    name: String, wire: [UInt8]
  ) {
    var inflater = Inflater(windowBits: 15)
    var output: [UInt8] = [7, 8, 9]
    var caught: DeflateViolation?
    do throws(DeflateViolation) {
      try inflater.decompress(wire.span, into: &output, bytesMax: 1_000)
    } catch {
      caught = error
    }
    #expect(caught == .corrupt)
    #expect(output == [7, 8, 9])
  }

  @Test func `after an error the next message is read as if it were the first`() throws {
    var inflater = Inflater(windowBits: 15)
    #expect(failure(of: &inflater, [0x06], bytesMax: 10) == .corrupt)
    var output: [UInt8] = []
    let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
    try inflater.decompress(hello.span, into: &output, bytesMax: 5)
    #expect(String(decoding: output, as: UTF8.self) == "Hello")
  }

  /// Around the cap, and around the chunk in which the inflater works.
  @Test(arguments: [1, 5, 16_383, 16_384, 16_385, 32_768, 100_000])
  func `the cap is exact`(count: Int) throws {
    var deflater = try Deflater(windowBits: 15, level: 6, memoryLevel: 8)
    let message = text(count: count)
    var wire: [UInt8] = []
    deflater.compress(message.span, into: &wire)
    var inflater = Inflater(windowBits: 15)
    #expect(
      failure(of: &inflater, wire, bytesMax: count - 1) == .tooLarge(bytesMax: count - 1))
    for bytesMax in [count, count + 1, Int.max] {
      for before in [[], [1]] as [[UInt8]] {
        inflater.reset()
        var output = before
        try inflater.decompress(wire.span, into: &output, bytesMax: bytesMax)
        #expect(output == before + message)
      }
    }
  }

  @Test func `a message of a thousand times its size is stopped at the cap`() throws {
    var deflater = try Deflater(windowBits: 15, level: 9, memoryLevel: 9)
    let zeros = [UInt8](repeating: 0, count: 10_000_000)
    var wire: [UInt8] = []
    deflater.compress(zeros.span, into: &wire)
    #expect(wire.count < 10_000)
    var inflater = Inflater(windowBits: 15)
    var output: [UInt8] = []
    var caught: DeflateViolation?
    do throws(DeflateViolation) {
      try inflater.decompress(wire.span, into: &output, bytesMax: 65_536)
    } catch {
      caught = error
    }
    #expect(caught == .tooLarge(bytesMax: 65_536))
    #expect(output.isEmpty)
    // It grew by doubling up to the cap, and not with the message.
    #expect(output.capacity < 200_000)
  }

  @Test func `a cap of nothing admits the empty message only`() throws {
    var inflater = Inflater(windowBits: 15)
    var output: [UInt8] = []
    try inflater.decompress([0x00].span, into: &output, bytesMax: 0)
    #expect(output.isEmpty)
    let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]
    #expect(failure(of: &inflater, hello, bytesMax: 0) == .tooLarge(bytesMax: 0))
  }

  @Test func `no bytes whatever trap`() {
    var generator = SeededGenerator.make()
    var inflater = Inflater(windowBits: 15)
    for _ in 0..<5_000 {
      let count = Int.random(in: 0..<60, using: &generator)
      let wire = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
      _ = failure(of: &inflater, wire, bytesMax: 1_000)
    }
  }

  /// A message with one bit turned is refused, or is another message within the cap.
  @Test func `a turned bit never traps and never passes the cap`() throws {
    var deflater = try Deflater(windowBits: 15, level: 6, memoryLevel: 8)
    var wire: [UInt8] = []
    deflater.compress(text(count: 300).span, into: &wire)
    for bit in 0..<wire.count * 8 {
      var damaged = wire
      damaged[bit / 8] ^= 1 << UInt8(bit % 8)
      var inflater = Inflater(windowBits: 15)
      var output: [UInt8] = []
      do throws(DeflateViolation) {
        try inflater.decompress(damaged.span, into: &output, bytesMax: 600)
      } catch {
        #expect(output.isEmpty)
      }
      #expect(output.count <= 600)
    }
  }
}

private func failure(
  of inflater: inout Inflater, _ wire: [UInt8], bytesMax: Int
) -> DeflateViolation? {
  var output: [UInt8] = []
  do throws(DeflateViolation) {
    try inflater.decompress(wire.span, into: &output, bytesMax: bytesMax)
    return nil
  } catch {
    return error
  }
}
