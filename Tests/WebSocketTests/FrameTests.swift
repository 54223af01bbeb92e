import RoostWebSocket
import Testing

struct FrameTests {
  /// Both sides of each border between the three encodings of a length; RFC 6455 5.2.
  @Test(
    arguments: [
      (0, [0x82, 0x00]),
      (1, [0x82, 0x01]),
      (125, [0x82, 0x7D]),
      (126, [0x82, 0x7E, 0x00, 0x7E]),
      (127, [0x82, 0x7E, 0x00, 0x7F]),
      (65_535, [0x82, 0x7E, 0xFF, 0xFF]),
      (65_536, [0x82, 0x7F, 0, 0, 0, 0, 0, 1, 0, 0]),
      (Int.max, [0x82, 0x7F, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]),
    ] as [(Int, [UInt8])])
  func `a length has its shortest encoding`(payloadBytes: Int, bytes: [UInt8]) {
    let header = FrameHeader(
      opcode: .binary, isFinal: true, isCompressed: false, payloadBytes: payloadBytes,
      maskingKey: nil)
    #expect(written(header) == bytes)
  }

  @Test(
    arguments: [
      (5, [0x82, 0x85, 0x12, 0x34, 0x56, 0x78]),
      (126, [0x82, 0xFE, 0x00, 0x7E, 0x12, 0x34, 0x56, 0x78]),
      (65_536, [0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 0x12, 0x34, 0x56, 0x78]),
    ] as [(Int, [UInt8])])
  func `a masking key stands behind the length, its highest byte first`(
    payloadBytes: Int, bytes: [UInt8]
  ) {
    let header = FrameHeader(
      opcode: .binary, isFinal: true, isCompressed: false, payloadBytes: payloadBytes,
      maskingKey: 0x1234_5678)
    #expect(written(header) == bytes)
  }

  @Test(
    arguments: [
      (Opcode.continuation, false, false, 0x00),
      (.continuation, true, false, 0x80),
      (.text, false, false, 0x01),
      (.text, true, false, 0x81),
      (.text, true, true, 0xC1),
      (.binary, false, true, 0x42),
      (.close, true, false, 0x88),
      (.ping, true, false, 0x89),
      (.pong, true, false, 0x8A),
    ] as [(Opcode, Bool, Bool, UInt8)])
  func `the first byte has the flags and the opcode`(
    opcode: Opcode, isFinal: Bool, isCompressed: Bool, first: UInt8
  ) {
    let header = FrameHeader(
      opcode: opcode, isFinal: isFinal, isCompressed: isCompressed, payloadBytes: 0,
      maskingKey: nil)
    #expect(written(header) == [first, 0x00])
  }

  @Test func `a control frame of 126 bytes is a bug`() async {
    await #expect(processExitsWith: .failure) {
      _ = FrameHeader(
        opcode: .ping, isFinal: true, isCompressed: false, payloadBytes: 126, maskingKey: nil)
    }
  }

  @Test func `a fragmented control frame is a bug`() async {
    await #expect(processExitsWith: .failure) {
      _ = FrameHeader(
        opcode: .close, isFinal: false, isCompressed: false, payloadBytes: 0, maskingKey: nil)
    }
  }

  @Test func `a compressed continuation is a bug`() async {
    await #expect(processExitsWith: .failure) {
      _ = FrameHeader(
        opcode: .continuation, isFinal: true, isCompressed: true, payloadBytes: 0,
        maskingKey: nil)
    }
  }
}

private func written(_ header: FrameHeader) -> [UInt8] {
  var output: [UInt8] = []
  FrameEncoder.appendHeader(header, into: &output)
  return output
}
