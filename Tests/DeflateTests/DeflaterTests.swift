import RoostDeflate
import TestRandom
import Testing

struct DeflaterTests {
  /// RFC 7692 7.2.3.1, 7.2.3.2: the same message twice, with the window kept.
  @Test func `the example of RFC 7692 is compressed as printed there`() throws {
    var deflater = try Deflater(windowBits: 15, level: 6, memoryLevel: 8)
    let hello = [UInt8]("Hello".utf8)
    var first: [UInt8] = []
    deflater.compress(hello.span, into: &first)
    #expect(first == [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
    var second: [UInt8] = []
    deflater.compress(hello.span, into: &second)
    #expect(second == [0xF2, 0x00, 0x11, 0x00, 0x00])
  }

  @Test func `after a reset the same message has the same bytes`() throws {
    var deflater = try Deflater(windowBits: 15, level: 6, memoryLevel: 8)
    let hello = [UInt8]("Hello".utf8)
    for _ in 0..<3 {
      var output: [UInt8] = []
      deflater.compress(hello.span, into: &output)
      #expect(output == [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
      deflater.reset()
    }
  }

  /// RFC 7692 7.2.3.6.
  ///
  /// zlib itself answers a second flush without input with nothing.
  @Test func `an empty message is one zero byte, every time`() throws {
    var deflater = try Deflater(windowBits: 15, level: 6, memoryLevel: 8)
    for _ in 0..<3 {
      var output: [UInt8] = []
      deflater.compress([UInt8]().span, into: &output)
      #expect(output == [0x00])
    }
  }

  @Test func `the output is appended to what is there`() throws {
    var deflater = try Deflater(windowBits: 15, level: 6, memoryLevel: 8)
    var output: [UInt8] = [1, 2, 3]
    deflater.compress([UInt8]("Hello".utf8).span, into: &output)
    #expect(output == [1, 2, 3, 0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
  }

  @Test(arguments: 9...15, [1, 8, 9])
  func `each window and memory level makes what an inflater reads`(
    windowBits: Int, memoryLevel: Int
  ) throws {
    var deflater = try Deflater(windowBits: windowBits, level: 6, memoryLevel: memoryLevel)
    var inflater = Inflater(windowBits: windowBits)
    for count in [0, 1, 100, 40_000, 3, 0, 70_000] {
      let message = text(count: count)
      var compressed: [UInt8] = []
      deflater.compress(message.span, into: &compressed)
      var output: [UInt8] = []
      try inflater.decompress(compressed.span, into: &output, bytesMax: count)
      #expect(output == message)
    }
  }

  /// Sizes around those at which the output fills a chunk of the compressor exactly.
  @Test(arguments: [16_000, 16_369, 16_374, 16_379, 16_384, 16_389, 32_768, 65_535, 65_536])
  func `what does not compress grows by less than the reader allows`(count: Int) throws {
    var generator = SeededGenerator.make()
    let message = (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    for level in [0, 1, 9] {
      var deflater = try Deflater(windowBits: 15, level: level, memoryLevel: 1)
      var compressed: [UInt8] = []
      deflater.compress(message.span, into: &compressed)
      #expect(compressed.count <= count + count / 8 + 64, "\(generator)")
      var inflater = Inflater(windowBits: 15)
      var output: [UInt8] = []
      try inflater.decompress(compressed.span, into: &output, bytesMax: count)
      #expect(output == message, "\(generator)")
    }
  }

  @Test func `the memory figures are those of zlib's manual`() {
    #expect(Deflater.memoryBytes(windowBits: 15, memoryLevel: 8) == 268_288)
    #expect(Deflater.memoryBytes(windowBits: 9, memoryLevel: 1) == 9_216)
    #expect(Inflater.memoryBytes(windowBits: 15) == 42_496)
  }
}

/// A text with repetitions near and far.
func text(count: Int) -> [UInt8] {
  let letters = [UInt8]("abcdefghijklmnopqrstuvwxyz".utf8)
  return (0..<count).map { (index: Int) -> UInt8 in
    letters[index / 3 % 17 + index / 1_000 % 5]
  }
}
