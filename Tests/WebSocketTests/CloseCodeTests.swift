import RoostWebSocket
import Testing

struct CloseCodeTests {
  /// RFC 6455 7.4.1 and 7.4.2, IANA's registry: every number, by the ranges that are open.
  @Test func `exactly the codes for the wire are valid`() {
    let valid = Array(1000...1003) + Array(1007...1014) + Array(3000...4999)
    #expect((0...65_535).filter { CloseCode.isValidOnWire(UInt16($0)) } == valid)
  }
}
