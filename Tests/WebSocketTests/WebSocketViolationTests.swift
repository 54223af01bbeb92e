import RoostWebSocket
import Testing

struct WebSocketViolationTests {
  static let all: [(WebSocketViolation, UInt16)] = [
    (.reservedBits, 1002), (.reservedOpcode(15), 1002), (.compressionNotAgreed, 1002),
    (.compressionMisplaced, 1002), (.controlFragmented, 1002), (.controlTooLong, 1002),
    (.maskMissing, 1002), (.maskUnexpected, 1002), (.lengthNotMinimal, 1002),
    (.lengthOutOfRange, 1002), (.continuationWithoutMessage, 1002), (.messageInterrupted, 1002),
    (.messageTooLarge(bytesMax: .max), 1009), (.invalidUTF8, 1007),
    (.compressedPayloadCorrupt, 1007), (.closePayloadTooShort, 1002),
    (.closeCodeInvalid(65_535), 1002), (.closeReasonNotUTF8, 1007), (.outOfMemory, 1011),
  ]

  @Test(arguments: all)
  func `each violation has the close code of RFC 6455 and a reason that fits its frame`(
    violation: WebSocketViolation, code: UInt16
  ) {
    #expect(violation.closeCode == code)
    #expect(!violation.reason.isEmpty)
    #expect(violation.reason.utf8.count <= FrameEncoder.closeReasonBytesMax)
    #expect(violation.reason.utf8.allSatisfy { $0 >= 0x20 && $0 < 0x7F })
  }
}
