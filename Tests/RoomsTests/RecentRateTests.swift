import RoostRooms
import Testing

struct RecentRateTests {
  private func rate(_ counts: [(second: UInt32, count: Int)]) -> RecentRate {
    var rate = RecentRate()
    for (second, count) in counts {
      for _ in 0..<count { rate.add(at: second) }
    }
    return rate
  }

  @Test func `nothing has no rate`() {
    #expect(RecentRate().perSecond(at: 0) == 0)
    #expect(RecentRate().perSecond(at: .max) == 0)
  }

  @Test func `the second that is under way counts at once`() {
    #expect(rate([(7, 10)]).perSecond(at: 7) == 10)
  }

  @Test func `an even rate is told as it is`() {
    let even = rate((1...20).map { ($0, 10) })
    #expect(even.perSecond(at: 20) == 10)
    #expect(even.perSecond(at: 21) == 10)
  }

  @Test func `a burst fades by half with each second of silence, to nothing in the end`() {
    let burst = rate([(5, 64)])
    #expect(burst.perSecond(at: 6) == 64)
    #expect(burst.perSecond(at: 7) == 32)
    #expect(burst.perSecond(at: 9) == 8)
    #expect(burst.perSecond(at: 25) == 0)
    #expect(burst.perSecond(at: 4_000_000_000) == 0)
  }

  @Test func `a change shows half in the first second, and most of it soon`() {
    #expect(rate([(1, 10), (2, 20)]).perSecond(at: 3) == 15)
    #expect(rate([(1, 10), (2, 20), (3, 20)]).perSecond(at: 4) == 17.5)
  }

  @Test func `seconds may wrap`() {
    #expect(rate([(.max, 8), (0, 8)]).perSecond(at: 1) == 8)
  }
}
