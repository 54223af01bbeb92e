import RoostEventLoop
import RoostRooms
import Testing

@testable import Gateway

struct HookCacheTests {
  private static let now = MonotonicInstant(nanoseconds: 5_000_000_000)

  private static func join(_ user: String) throws -> HookQuestion {
    HookQuestionTests.question(.join(try #require(RoomName(text: "r"))), user: user)
  }

  @Test(arguments: [1, 2, 3, 7])
  func `a full cache forgets its oldest decision`(countMax: Int) throws {
    var cache = HookCache(lifetime: .seconds(10), countMax: countMax)
    for number in 0..<50 {
      cache.remember(.denied("\(number)"), for: try Self.join("u\(number)"), Self.now)
      #expect(cache.count == min(number + 1, countMax))
      for other in 0...number {
        let expected: HookDecision? =
          other > number - countMax ? .denied("\(other)") : nil
        #expect(cache.decision(for: try Self.join("u\(other)"), Self.now) == expected)
      }
    }
  }

  @Test func `a newer decision takes the place of the older one`() throws {
    var cache = HookCache(lifetime: .seconds(10), countMax: 2)
    let question = try Self.join("ann")
    cache.remember(.denied(nil), for: question, Self.now)
    cache.remember(.allowed(.none), for: question, Self.now.advanced(by: .seconds(5)))
    #expect(cache.count == 1)
    #expect(
      cache.decision(for: question, Self.now.advanced(by: .seconds(14))) == .allowed(.none))
  }

  @Test func `without a time nothing is remembered`() throws {
    var cache = HookCache(lifetime: .zero, countMax: 2)
    cache.remember(.denied(nil), for: try Self.join("ann"), Self.now)
    #expect(cache.count == 0)
  }
}
