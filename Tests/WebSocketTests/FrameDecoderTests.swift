import Testing

@testable import RoostWebSocket

struct FrameDecoderTests {
  /// A header that is wrong, who sent it, and how many of its bytes it takes to know.
  struct WrongHeader: CustomTestStringConvertible {
    let bytes: [UInt8]
    let sender: Role
    let isDeflateAgreed: Bool
    let violation: WebSocketViolation
    let knownAfter: Int

    init(
      _ bytes: [UInt8], from sender: Role = .client, isDeflateAgreed: Bool = true,
      _ violation: WebSocketViolation, after knownAfter: Int
    ) {
      self.bytes = bytes
      self.sender = sender
      self.isDeflateAgreed = isDeflateAgreed
      self.violation = violation
      self.knownAfter = knownAfter
    }

    var testDescription: String { "\(violation) \(bytes)" }
  }

  static let key: [UInt8] = [1, 2, 3, 4]

  static let wrongHeaders: [WrongHeader] =
    [
      // RSV2, RSV3, and all three.
      WrongHeader([0xA1, 0x80] + key, .reservedBits, after: 1),
      WrongHeader([0x91, 0x80] + key, .reservedBits, after: 1),
      WrongHeader([0xF1, 0x80] + key, .reservedBits, after: 1),
      WrongHeader([0x98, 0x80] + key, .reservedBits, after: 1),
      // RSV1.
      WrongHeader([0xC1, 0x80] + key, isDeflateAgreed: false, .compressionNotAgreed, after: 1),
      WrongHeader([0xC2, 0x80] + key, isDeflateAgreed: false, .compressionNotAgreed, after: 1),
      WrongHeader([0xC9, 0x80] + key, isDeflateAgreed: false, .compressionNotAgreed, after: 1),
      WrongHeader([0xC0, 0x80] + key, .compressionMisplaced, after: 1),
      WrongHeader([0x40, 0x80] + key, .compressionMisplaced, after: 1),
      WrongHeader([0xC8, 0x80] + key, .compressionMisplaced, after: 1),
      WrongHeader([0xC9, 0x80] + key, .compressionMisplaced, after: 1),
      WrongHeader([0xCA, 0x80] + key, .compressionMisplaced, after: 1),
      // Control frames.
      WrongHeader([0x08, 0x80] + key, .controlFragmented, after: 1),
      WrongHeader([0x09, 0x80] + key, .controlFragmented, after: 1),
      WrongHeader([0x0A, 0x80] + key, .controlFragmented, after: 1),
      WrongHeader([0x88, 0xFE, 0x00, 0x7E] + key, .controlTooLong, after: 2),
      WrongHeader([0x89, 0xFE, 0x00, 0x7E] + key, .controlTooLong, after: 2),
      WrongHeader([0x8A, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0] + key, .controlTooLong, after: 2),
      // Masks.
      WrongHeader([0x81, 0x05], .maskMissing, after: 2),
      WrongHeader([0x89, 0x00], .maskMissing, after: 2),
      WrongHeader([0x81, 0x7E, 0x00, 0x7E], .maskMissing, after: 2),
      WrongHeader([0x81, 0x85] + key, from: .server, .maskUnexpected, after: 2),
      WrongHeader([0x88, 0x80] + key, from: .server, .maskUnexpected, after: 2),
      // Lengths.
      WrongHeader([0x82, 0xFE, 0x00, 0x00] + key, .lengthNotMinimal, after: 4),
      WrongHeader([0x82, 0xFE, 0x00, 0x7D] + key, .lengthNotMinimal, after: 4),
      WrongHeader([0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0] + key, .lengthNotMinimal, after: 10),
      WrongHeader([0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0x7D] + key, .lengthNotMinimal, after: 10),
      WrongHeader(
        [0x82, 0xFF, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF] + key, .lengthNotMinimal, after: 10),
      WrongHeader(
        [0x82, 0x7F, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], from: .server, .lengthNotMinimal, after: 10),
      WrongHeader([0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0] + key, .lengthOutOfRange, after: 3),
      WrongHeader(
        [0x82, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF] + key, .lengthOutOfRange,
        after: 3),
    ]
    // The reserved opcodes, final or not.
    + ([3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8]).flatMap { opcode in
      [
        WrongHeader([0x80 | opcode, 0x80] + key, .reservedOpcode(opcode), after: 1),
        WrongHeader([opcode, 0x80] + key, .reservedOpcode(opcode), after: 1),
      ]
    }

  @Test(arguments: wrongHeaders)
  func `a wrong header is refused at the byte that makes it wrong`(header: WrongHeader) {
    for count in 0...header.bytes.count {
      let result = progress(
        Array(header.bytes[..<count]), from: header.sender,
        isDeflateAgreed: header.isDeflateAgreed)
      #expect(
        result == (count < header.knownAfter ? .success(.needMore) : .failure(header.violation)),
        "after \(count) bytes")
    }
  }

  static let goodHeaders: [(bytes: [UInt8], sender: Role, header: DecodedHeader)] = [
    (
      [0x81, 0x85] + key, .client,
      DecodedHeader(
        opcode: .text, isFinal: true, isCompressed: false, payloadBytes: 5,
        maskingKey: 0x0102_0304, headerBytes: 6)
    ),
    (
      [0x02, 0x7D], .server,
      DecodedHeader(
        opcode: .binary, isFinal: false, isCompressed: false, payloadBytes: 125, maskingKey: 0,
        headerBytes: 2)
    ),
    (
      [0xC1, 0xFE, 0x00, 0x7E] + key, .client,
      DecodedHeader(
        opcode: .text, isFinal: true, isCompressed: true, payloadBytes: 126,
        maskingKey: 0x0102_0304, headerBytes: 8)
    ),
    (
      [0x80, 0x7E, 0xFF, 0xFF], .server,
      DecodedHeader(
        opcode: .continuation, isFinal: true, isCompressed: false, payloadBytes: 65_535,
        maskingKey: 0, headerBytes: 4)
    ),
    (
      [0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0] + key, .client,
      DecodedHeader(
        opcode: .binary, isFinal: true, isCompressed: false, payloadBytes: 65_536,
        maskingKey: 0x0102_0304, headerBytes: 14)
    ),
    (
      [0x82, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], .server,
      DecodedHeader(
        opcode: .binary, isFinal: true, isCompressed: false, payloadBytes: Int.max,
        maskingKey: 0, headerBytes: 10)
    ),
    (
      [0x88, 0xFD] + key, .client,
      DecodedHeader(
        opcode: .close, isFinal: true, isCompressed: false, payloadBytes: 125,
        maskingKey: 0x0102_0304, headerBytes: 6)
    ),
  ]

  @Test(arguments: goodHeaders)
  func `a header is complete with its last byte and not before`(
    bytes: [UInt8], sender: Role, header: DecodedHeader
  ) {
    for count in 0..<bytes.count {
      #expect(progress(Array(bytes[..<count]), from: sender) == .success(.needMore))
    }
    #expect(progress(bytes, from: sender) == .success(.complete(header)))
    #expect(progress(bytes + [0xFF, 0xFF], from: sender) == .success(.complete(header)))
  }

  /// Encoder and decoder agree on every border of the length.
  @Test(arguments: [0, 1, 125, 126, 127, 65_535, 65_536, 1 << 31, 1 << 32, Int.max])
  func `what the encoder writes is read back`(payloadBytes: Int) {
    for maskingKey in [nil, 0x89AB_CDEF] as [UInt32?] {
      let header = FrameHeader(
        opcode: .binary, isFinal: false, isCompressed: true, payloadBytes: payloadBytes,
        maskingKey: maskingKey)
      var bytes: [UInt8] = []
      FrameEncoder.appendHeader(header, into: &bytes)
      let expected = DecodedHeader(
        opcode: .binary, isFinal: false, isCompressed: true, payloadBytes: payloadBytes,
        maskingKey: maskingKey ?? 0, headerBytes: header.count)
      #expect(
        progress(bytes, from: maskingKey == nil ? .server : .client)
          == .success(.complete(expected)))
    }
  }

  private func progress(
    _ bytes: [UInt8], from sender: Role, isDeflateAgreed: Bool = true
  ) -> Result<HeaderProgress, WebSocketViolation> {
    // Behind another byte, so that offsets count.
    let shifted = [0xFF] + bytes
    return Result { () throws(WebSocketViolation) in
      try FrameDecoder.header(
        in: shifted.span, at: 1, from: sender, isDeflateAgreed: isDeflateAgreed)
    }
  }
}
