import Testing

@testable import RoostClient

@Suite struct RetryRuleTests {
  @Test func `final ends are these and no others`() {
    let final = (UInt16(1000)...4999).filter { RetryRule(closeCode: $0) == .final }
    #expect(final == [1000, 1002, 1003, 1007, 1008, 1009, 4003, 4006, 4007])
    #expect(RetryRule(closeCode: 4001) == .withNewToken)
    #expect(RetryRule(closeCode: 4002) == .withNewToken)
    #expect(RetryRule(closeCode: 4004) == .againSlowly(failures: 5))
  }

  @Test func `statuses count as close codes`() {
    let again = (100...999).filter { RetryRule.closeCode(ofStatus: $0) == 1006 }
    #expect(again == [408, 429] + Array(500...999))
    #expect(RetryRule.closeCode(ofStatus: 401) == 4001)
    #expect(
      [200, 301, 400, 403, 404, 426].allSatisfy { RetryRule.closeCode(ofStatus: $0) == 1008 })
  }
}
