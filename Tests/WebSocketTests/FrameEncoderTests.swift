import RoostWebSocket
import Testing

struct FrameEncoderTests {
  /// The examples of RFC 6455 5.7.
  @Test func `the examples of RFC 6455 are encoded as printed there`() {
    #expect(
      frame(.text, "Hello", maskingKey: nil) == [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
    #expect(
      frame(.text, "Hello", maskingKey: 0x37FA_213D)
        == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
    #expect(frame(.text, "Hel", isFinal: false, maskingKey: nil) == [0x01, 0x03, 0x48, 0x65, 0x6C])
    #expect(frame(.continuation, "lo", maskingKey: nil) == [0x80, 0x02, 0x6C, 0x6F])
    #expect(
      frame(.ping, "Hello", maskingKey: nil) == [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
    #expect(
      frame(.pong, "Hello", maskingKey: 0x37FA_213D)
        == [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
  }

  @Test func `a frame is appended to what is there`() {
    var output: [UInt8] = [1, 2, 3]
    FrameEncoder.append(opcode: .text, payload: [0x48].span, into: &output)
    #expect(output == [1, 2, 3, 0x81, 0x01, 0x48])
    FrameEncoder.append(opcode: .text, payload: [0x48].span, maskingKey: 1 << 24, into: &output)
    #expect(output == [1, 2, 3, 0x81, 0x01, 0x48, 0x81, 0x81, 1, 0, 0, 0, 0x49])
  }

  @Test(
    arguments: [
      (1000, "", [0x03, 0xE8]),
      (1001, "bye", [0x03, 0xE9, 0x62, 0x79, 0x65]),
      (4999, "é", [0x13, 0x87, 0xC3, 0xA9]),
    ] as [(UInt16, String, [UInt8])])
  func `a close payload is the code and the reason`(code: UInt16, reason: String, bytes: [UInt8]) {
    #expect(FrameEncoder.closePayload(code: code, reason: reason) == bytes)
  }

  /// The cut falls before, inside and behind a character of four bytes.
  @Test(arguments: [(119, 123), (120, 120), (121, 121), (122, 122), (123, 123), (124, 123)])
  func `a reason is cut to 123 bytes between two characters`(letters: Int, reasonBytes: Int) {
    let reason = String(repeating: "a", count: letters) + "😀"
    let payload = FrameEncoder.closePayload(code: 1000, reason: reason)
    #expect(payload.count == 2 + reasonBytes)
    #expect(String(validating: payload.dropFirst(2), as: UTF8.self) != nil)
  }

  @Test func `a close frame without a code is empty`() {
    var output: [UInt8] = []
    FrameEncoder.appendClose(code: nil, reason: "not sent", into: &output)
    #expect(output == [0x88, 0x00])
    FrameEncoder.appendClose(code: 1000, reason: "x", into: &output)
    #expect(output == [0x88, 0x00, 0x88, 0x03, 0x03, 0xE8, 0x78])
    output = []
    FrameEncoder.appendClose(code: 1000, reason: "", maskingKey: 0xFF00_0000, into: &output)
    #expect(output == [0x88, 0x82, 0xFF, 0, 0, 0, 0xFC, 0xE8])
  }

  @Test func `a code that must not be sent is a bug`() async {
    await #expect(processExitsWith: .failure) {
      _ = FrameEncoder.closePayload(code: 1006, reason: "")
    }
  }
}
