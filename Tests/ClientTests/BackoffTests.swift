import Testing

@testable import RoostClient

@Suite struct BackoffTests {
  @Test func `waits double up to thirty seconds`() {
    var backoff = Backoff()
    let waits = (0..<9).map { _ in backoff.fail(retryAfter: nil, random: 0.5) }
    #expect(
      waits == [250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000].map { .milliseconds($0) })
    backoff.reset()
    #expect(backoff.fail(retryAfter: nil, random: 0.5) == .milliseconds(250))
  }

  @Test func `a wait is any part of its ceiling`() {
    var backoff = Backoff()
    #expect(backoff.fail(retryAfter: nil, random: 0) == .zero)
    #expect(backoff.fail(retryAfter: nil, random: 0.999) == .milliseconds(999))
  }

  @Test func `a time that the server names is kept, within a day, and spread`() {
    var backoff = Backoff()
    #expect(backoff.fail(retryAfter: .seconds(2), random: 0.5) == .milliseconds(2500))
    #expect(backoff.failures == 1)
    #expect(backoff.fail(retryAfter: .seconds(1 << 40), random: 0) == .seconds(86_400))
    #expect(backoff.fail(retryAfter: .seconds(-5), random: 0) == .zero)
  }

  @Test func `failures never overflow`() {
    var backoff = Backoff()
    backoff.raise(to: .max)
    #expect(backoff.fail(retryAfter: nil, random: 0.5) == .seconds(15))
    #expect(backoff.fail(retryAfter: nil, random: 0.5) == .seconds(15))
  }
}
