import RoostDeflate
import RoostWebSocket
import TestRandom
import Testing

extension MessageReaderTests {
  /// "Hello" as RFC 7692 7.2.3.1 compresses it.
  static let hello: [UInt8] = [0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]

  @Test func `the examples of RFC 7692 are read`() {
    // 7.2.3.1: one frame, two fragments; 7.2.3.3: without compression; 7.2.3.4: a last block.
    let stream =
      frame(.text, Self.hello, isCompressed: true)
      + frame(.text, Array(Self.hello[..<3]), isFinal: false, isCompressed: true)
      + frame(.continuation, Array(Self.hello[3...]))
      + frame(
        .text, [0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00],
        isCompressed: true)
      + frame(.text, [0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00], isCompressed: true)
      + frame(.text, [0x00], isCompressed: true) + frame(.text, "plain")
    let expected: [ReadEvent] = [
      .text("Hello"), .text("Hello"), .text("Hello"), .text("Hello"), .text(""), .text("plain"),
    ]
    #expect(events(of: [stream], deflate: .withoutTakeover) == expected)
    for split in 0...stream.count {
      #expect(
        events(
          of: [Array(stream[..<split]), Array(stream[split...])], deflate: .withoutTakeover)
          == expected, "split at \(split)")
    }
  }

  /// 7.2.3.2: the second message is a reference to the first.
  @Test func `with takeover a message may refer to the one before it, without it may not`() {
    let stream =
      frame(.text, Self.hello, isCompressed: true)
      + frame(.text, [0xF2, 0x00, 0x11, 0x00, 0x00], isCompressed: true)
    #expect(events(of: [stream], deflate: .withTakeover) == [.text("Hello"), .text("Hello")])
    #expect(
      events(of: [stream], deflate: .withoutTakeover)
        == [.text("Hello"), .violation(.compressedPayloadCorrupt)])
  }

  /// The direction counts: a client looks at what the server has promised.
  @Test func `each role goes by the other side's takeover`() {
    let serverOnly = DeflateAgreement(
      serverNoContextTakeover: false, clientNoContextTakeover: true, serverMaxWindowBits: 15,
      clientMaxWindowBits: 15)
    let messages: [[UInt8]] = [Self.hello, [0xF2, 0x00, 0x11, 0x00, 0x00]]
    let fromClient = messages.flatMap { frame(.text, $0, isCompressed: true) }
    let fromServer = messages.flatMap { frame(.text, $0, isCompressed: true, maskingKey: nil) }
    #expect(
      events(of: [fromServer], role: .client, deflate: serverOnly)
        == [.text("Hello"), .text("Hello")])
    #expect(
      events(of: [fromClient], role: .server, deflate: serverOnly)
        == [.text("Hello"), .violation(.compressedPayloadCorrupt)])
  }

  /// One inflater for all connections of a thread, though their fragments come in turn.
  @Test func `connections without takeover share one inflater`() throws {
    var inflater = Inflater(windowBits: 15)
    var first = MessageReader(role: .server, messageBytesMax: 100, deflate: .withoutTakeover)
    var second = MessageReader(role: .server, messageBytesMax: 100, deflate: .withoutTakeover)
    let pieces = [
      frame(.text, Array(Self.hello[..<4]), isFinal: false, isCompressed: true),
      frame(.continuation, Array(Self.hello[4...])),
    ]
    for (index, piece) in pieces.enumerated() {
      var buffer = piece
      var span = buffer.mutableSpan
      var offset = 0
      let firstStep = try first.next(&span, at: &offset, inflater: &inflater)
      buffer = piece
      span = buffer.mutableSpan
      offset = 0
      let secondStep = try second.next(&span, at: &offset, inflater: &inflater)
      let expected: ReadStep = index == 0 ? .needMore : .message(.text, .assembled)
      #expect(firstStep == expected)
      #expect(secondStep == expected)
    }
    #expect(first.assembled == [UInt8]("Hello".utf8))
    #expect(second.assembled == [UInt8]("Hello".utf8))
  }

  @Test func `control frames inside a compressed message are not inflated`() {
    let stream =
      frame(.binary, Array(Self.hello[..<2]), isFinal: false, isCompressed: true)
      + frame(.ping, Self.hello) + frame(.continuation, Array(Self.hello[2...]))
    let expected: [ReadEvent] = [.ping(Self.hello), .binary([UInt8]("Hello".utf8))]
    #expect(events(of: [stream], deflate: .withoutTakeover) == expected)
    #expect(events(of: stream.map { [$0] }, deflate: .withoutTakeover) == expected)
  }

  @Test func `a compressed text must be UTF-8`() throws {
    for bytes in [[0xFF], [0x61, 0xE2, 0x82]] as [[UInt8]] {
      let wire = try compressed(bytes)
      #expect(
        events(of: [frame(.text, wire, isCompressed: true)], deflate: .withoutTakeover)
          == [.violation(.invalidUTF8)])
      #expect(
        events(of: [frame(.binary, wire, isCompressed: true)], deflate: .withoutTakeover)
          == [.binary(bytes)])
    }
  }

  @Test(arguments: [1, 100, 65_536])
  func `the message limit is exact for what a message inflates to`(limit: Int) throws {
    for count in [limit - 1, limit, limit + 1] {
      let message = [UInt8](repeating: 7, count: count)
      let stream = frame(.binary, try compressed(message), isCompressed: true)
      #expect(
        events(of: [stream], messageBytesMax: limit, deflate: .withoutTakeover)
          == [
            count <= limit ? .binary(message) : .violation(.messageTooLarge(bytesMax: limit))
          ])
    }
  }

  @Test func `a message of a thousand times its size is stopped at the limit`() throws {
    let wire = try compressed([UInt8](repeating: 0, count: 20_000_000))
    #expect(wire.count < 20_000)
    var reader = EventReader(
      role: .server, messageBytesMax: 65_536, deflate: .withoutTakeover)
    reader.receive(frame(.binary, wire, isCompressed: true))
    #expect(reader.events == [.violation(.messageTooLarge(bytesMax: 65_536))])
    #expect(reader.reader.heapBytes == 0)
  }

  @Test func `a message of the limit passes even if it did not compress`() throws {
    var generator = SeededGenerator.make()
    let message = (0..<4_096).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    let wire = try compressed(message)
    #expect(wire.count > 4_096)
    #expect(
      events(
        of: [frame(.binary, wire, isCompressed: true)], messageBytesMax: 4_096,
        deflate: .withoutTakeover) == [.binary(message)], "\(generator)")
  }

  @Test func `a compressed message is refused by its header when it cannot be within the limit`() {
    // An eighth and 64 bytes more than the limit: the worst that deflate does.
    let header = FrameHeader(
      opcode: .binary, isFinal: true, isCompressed: true, payloadBytes: 1_000 + 125 + 65,
      maskingKey: 0)
    var stream: [UInt8] = []
    FrameEncoder.appendHeader(header, into: &stream)
    #expect(
      events(of: [stream], messageBytesMax: 1_000, deflate: .withoutTakeover)
        == [.violation(.messageTooLarge(bytesMax: 1_000))])
  }

  @Test func `both roles understand each other through compression and fragments`() throws {
    var generator = SeededGenerator.make()
    for agreement in [DeflateAgreement.withoutTakeover, .withTakeover] {
      for role in [Role.server, .client] {
        var deflater = try Deflater(windowBits: 15, level: 1, memoryLevel: 8)
        var stream: [UInt8] = []
        var expected: [ReadEvent] = []
        for index in 0..<50 {
          let text = String(
            repeating: "message \(index) ", count: Int.random(in: 0...40, using: &generator))
          if agreement == .withoutTakeover { deflater.reset() }
          var wire: [UInt8] = []
          deflater.compress([UInt8](text.utf8).span, into: &wire)
          let cut = Int.random(in: 0...wire.count, using: &generator)
          let key = role == .server ? UInt32.random(in: 0 ... .max, using: &generator) : nil
          stream += frame(
            .text, Array(wire[..<cut]), isFinal: false, isCompressed: true, maskingKey: key)
          stream += frame(.continuation, Array(wire[cut...]), maskingKey: key)
          expected.append(.text(text))
        }
        #expect(events(of: [stream], role: role, deflate: agreement) == expected, "\(generator)")
        #expect(
          events(of: stream.map { [$0] }, role: role, deflate: agreement) == expected,
          "\(generator)")
      }
    }
  }

  private func compressed(_ message: [UInt8]) throws -> [UInt8] {
    var deflater = try Deflater(windowBits: 15, level: 9, memoryLevel: 9)
    var wire: [UInt8] = []
    deflater.compress(message.span, into: &wire)
    return wire
  }
}
