import RoostDeflate
import RoostWebSocket
import TestRandom
import Testing

struct MessageReaderTests {
  /// Fragments, control frames between them, empty frames, all three length encodings, every kind.
  static let conversation: [(frame: [UInt8], event: ReadEvent?)] = [
    (frame(.text, "Hello"), .text("Hello")),
    (frame(.text, ""), .text("")),
    (frame(.binary, [0, 255, 1]), .binary([0, 255, 1])),
    (frame(.text, "Zä", isFinal: false, maskingKey: 0), nil),
    (frame(.ping, "are you there?"), .ping([UInt8]("are you there?".utf8))),
    (frame(.continuation, "", isFinal: false), nil),
    (frame(.continuation, "€ 😀", isFinal: false, maskingKey: 0xFFFF_FFFF), nil),
    (frame(.pong, []), .pong([])),
    (frame(.continuation, "."), .text("Zä€ 😀.")),
    (frame(.binary, [], isFinal: false), nil),
    (frame(.continuation, []), .binary([])),
    (
      frame(.binary, [UInt8](repeating: 9, count: 200)),
      .binary([UInt8](repeating: 9, count: 200))
    ),
    (
      frame(.ping, [UInt8](repeating: 8, count: 125)), .ping([UInt8](repeating: 8, count: 125))
    ),
    (frame(.close, [0x03, 0xE8] + [UInt8]("bye".utf8)), .close(1000, "bye")),
  ]

  static var stream: [UInt8] { conversation.flatMap(\.frame) }
  static var expected: [ReadEvent] { conversation.compactMap(\.event) }

  @Test func `a conversation that comes at once is read in order`() {
    #expect(events(of: [Self.stream]) == Self.expected)
  }

  @Test func `a conversation that comes byte by byte is read alike`() {
    #expect(events(of: Self.stream.map { [$0] }) == Self.expected)
  }

  @Test func `a conversation split at any byte is read alike`() {
    let stream = Self.stream
    for split in 0...stream.count {
      #expect(
        events(of: [Array(stream[..<split]), Array(stream[split...])]) == Self.expected,
        "split at \(split)")
    }
  }

  @Test func `a conversation in random pieces is read alike`() {
    var generator = SeededGenerator.make()
    let stream = Self.stream
    for _ in 0..<500 {
      var pieces: [[UInt8]] = []
      var start = 0
      while start < stream.count {
        let end = min(stream.count, start + Int.random(in: 0...60, using: &generator))
        pieces.append(Array(stream[start..<end]))
        start = end
      }
      #expect(events(of: pieces) == Self.expected, "\(generator)")
    }
  }

  /// Lengths around those at which masks and texts change from words to bytes, and the header grows.
  @Test(arguments: [1, 7, 8, 9, 15, 16, 17, 125, 126, 127, 4_096, 65_535, 65_536, 65_537])
  func `a text of any length split at any of some bytes is read alike`(count: Int) {
    let text = String(repeating: "x", count: count - 1) + "y"
    let stream = frame(.text, text, maskingKey: 0x0180_FF42)
    let interesting = Set(
      (0...min(stream.count, 40)).map { $0 } + (0..<20).map { $0 * stream.count / 20 }
        + (max(0, stream.count - 20)...stream.count).map { $0 })
    for split in interesting {
      #expect(
        events(of: [Array(stream[..<split]), Array(stream[split...])]) == [.text(text)],
        "split at \(split)")
    }
  }

  @Test func `random conversations are read alike whole and byte by byte, by both roles`() {
    var generator = SeededGenerator.make()
    for _ in 0..<300 {
      let role: Role = Bool.random(using: &generator) ? .server : .client
      var stream: [UInt8] = []
      var expected: [ReadEvent] = []
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        appendRandomMessage(from: role, to: &stream, &expected, &generator)
      }
      #expect(events(of: [stream], role: role) == expected, "\(generator)")
      #expect(events(of: stream.map { [$0] }, role: role) == expected, "\(generator)")
    }
  }

  /// The unmasked text lies where the frame's payload lay.
  @Test func `a whole message is handed out in the input, without a copy`() throws {
    var reader = MessageReader(role: .server, messageBytesMax: 100, deflate: nil)
    var inflater = Inflater(windowBits: 15)
    var buffer = frame(.text, "first") + frame(.binary, [1, 2, 3]) + frame(.ping, "p")
    var span = buffer.mutableSpan
    var offset = 0
    var steps: [ReadStep] = []
    var offsets: [Int] = []
    var heapBytes = 0
    while steps.last != .needMore {
      steps.append(try reader.next(&span, at: &offset, inflater: &inflater))
      offsets.append(offset)
      heapBytes += reader.heapBytes
    }
    #expect(
      steps == [
        .message(.text, .inInput(6..<11)), .message(.binary, .inInput(17..<20)),
        .ping(.inInput(26..<27)), .needMore,
      ])
    #expect(offsets == [11, 20, 27, 27])
    #expect(heapBytes == 0)
    #expect(Array(buffer[6..<11]) == [UInt8]("first".utf8))
  }

  @Test func `an assembled message can be taken, and is freed otherwise`() throws {
    var reader = MessageReader(role: .server, messageBytesMax: 100_000, deflate: nil)
    var inflater = Inflater(windowBits: 15)
    let payload = [UInt8](repeating: 5, count: 90_000)
    let stream = frame(.binary, payload, isFinal: false) + frame(.continuation, [6])
    for isTaken in [true, false] {
      var buffer = stream
      var span = buffer.mutableSpan
      var offset = 0
      let step = try reader.next(&span, at: &offset, inflater: &inflater)
      #expect(step == .message(.binary, .assembled))
      #expect(reader.assembled == payload + [6])
      if isTaken {
        let taken = reader.takeAssembled()
        #expect(taken == payload + [6])
        #expect(reader.heapBytes == 0)
      }
      let last = try reader.next(&span, at: &offset, inflater: &inflater)
      #expect(last == .needMore)
      #expect(reader.heapBytes == 0)
    }
  }

  @Test func `an idle reader owns no heap and is small`() {
    var reader = EventReader(role: .server)
    for byte in Self.stream.dropLast(11) { reader.receive([byte]) }
    #expect(reader.reader.heapBytes == 0)
    #expect(reader.reader.isInsideMessage == false)
    #expect(MemoryLayout<MessageReader>.size <= 96)
  }

  @Test func `a reader knows when it is inside a message`() {
    var reader = EventReader(role: .server)
    let stream = frame(.text, "ab", isFinal: false) + frame(.continuation, "c")
    #expect(reader.reader.isInsideMessage == false)
    for (index, byte) in stream.enumerated() {
      reader.receive([byte])
      #expect(reader.reader.isInsideMessage == (index < stream.count - 1), "byte \(index)")
    }
  }

  private func appendRandomMessage(
    from role: Role, to stream: inout [UInt8], _ expected: inout [ReadEvent],
    _ generator: inout SeededGenerator
  ) {
    let isText = Bool.random(using: &generator)
    let count = Int.random(in: 0...300, using: &generator)
    let letters: [Character] = ["a", "é", "€", "😀", "\u{0}", "\u{10FFFF}"]
    let text = String((0..<count).map { _ in letters.randomElement(using: &generator) ?? "a" })
    let payload = [UInt8](text.utf8)
    var start = 0
    var opcode: Opcode = isText ? .text : .binary
    while true {
      // Cut anywhere, in the middle of characters too.
      let end = min(payload.count, start + Int.random(in: 0...200, using: &generator))
      let isFinal = end == payload.count
      let key = role == .server ? UInt32.random(in: 0 ... .max, using: &generator) : nil
      stream += frame(opcode, Array(payload[start..<end]), isFinal: isFinal, maskingKey: key)
      if isFinal { break }
      if Int.random(in: 0..<3, using: &generator) == 0 {
        let ping = [UInt8](repeating: 7, count: Int.random(in: 0...125, using: &generator))
        stream += frame(.ping, ping, maskingKey: key)
        expected.append(.ping(ping))
      }
      start = end
      opcode = .continuation
    }
    expected.append(isText ? .text(text) : .binary(payload))
  }
}
