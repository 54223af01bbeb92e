import RoostWire
import Testing

struct ErrorCodeTests {
  @Test func `the words of errors are those of the protocol`() {
    #expect(
      ErrorCode.allCases.map(\.rawValue) == [
        "bad_request", "unknown_type", "unauthorized", "token_expired", "forbidden", "not_joined",
        "limit_exceeded", "rate_limited", "too_large", "unavailable", "unknown", "internal",
      ])
  }

  @Test func `the codes of closes are those of the protocol`() {
    #expect(
      CloseCode.allCases.map(\.rawValue) == [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 4000, 4001, 4002, 4003, 4004,
        4005, 4006, 4007,
      ])
  }

  // RFC 6455, 5.5: a control frame's payload has at most 125 bytes, of which the code takes two.
  @Test(arguments: CloseCode.allCases)
  func `each reason is some text that fits a close frame`(code: CloseCode) {
    let reason = code.reason.description
    #expect((1...123).contains(reason.utf8.count))
    #expect(reason.allSatisfy { $0.isASCII })
    #expect(CloseCode.allCases.filter { $0.reason.description == reason } == [code])
  }
}
