// An attacker must not fill a disk: one line a second for each reason.

import RoostEventLoop
import Testing

@testable import Gateway

@Suite struct RefusalLogTests {
  @Test func `a line stands for all refusals since the last one of its reason`() {
    var log = RefusalLog()
    let start = MonotonicInstant(nanoseconds: 1_000_000_000_000)
    #expect(log.note(.addressRate, start) == 1)
    #expect(log.note(.addressRate, start.advanced(by: .milliseconds(1))) == nil)
    #expect(log.note(.nodeRate, start.advanced(by: .milliseconds(2))) == 1)
    #expect(log.note(.addressRate, start.advanced(by: .milliseconds(999))) == nil)
    #expect(log.note(.addressRate, start.advanced(by: .milliseconds(1000))) == 3)
    #expect(log.note(.addressRate, start.advanced(by: .milliseconds(1001))) == nil)
  }
}
