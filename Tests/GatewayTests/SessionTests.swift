// When a connection that goes on over its rate has gone on for too long.

import Testing

@testable import Gateway

struct SessionTests {
  private static func limits(burst: Int) -> Limits {
    var limits = Limits()
    limits.messagesBurst = burst
    return limits
  }

  @Test(arguments: [(0, 51), (50, 51), (51, 52), (200, 201), (100_000, 100_001)])
  func `refusals in a row are too many one above the burst, or above fifty`(
    burst: Int, expected: Int
  ) {
    var session = Session()
    var refusals = 1
    while !session.wasRefused(limits: Self.limits(burst: burst)), refusals < 200_000 {
      refusals += 1
    }
    #expect(refusals == expected)
  }

  /// A soak's client that sent ten times its rate was never closed: each request that was let
  /// through made the node forget all refusals before.
  @Test(arguments: [(9, true), (2, true), (1, false)])
  func `who sends more than twice the rate is found out, however much of it is let through`(
    refusedEach: Int, isFound: Bool
  ) {
    var session = Session()
    var wasFound = false
    for _ in 0..<1000 {
      session.wasAllowed()
      for _ in 0..<refusedEach where session.wasRefused(limits: Self.limits(burst: 200)) {
        wasFound = true
      }
    }
    #expect(wasFound == isFound)
  }
}
