import Testing

@testable import RoostEventLoop

struct WakeupTests {
  @Test func `a new wake-up is quiet`() throws {
    let wakeup = try Wakeup()
    #expect(!isReadable(wakeup.number))
    // A waiting loop holds it for as long.
    #expect(wakeup.number >= 0)
  }

  @Test func `any number of wakes is one until it is taken back`() throws {
    let wakeup = try Wakeup()
    for _ in 0..<1_000 { wakeup.wake() }
    #expect(isReadable(wakeup.number))
    wakeup.drain()
    #expect(!isReadable(wakeup.number))
    wakeup.wake()
    #expect(isReadable(wakeup.number))
  }

  @Test func `taking back without a wake does not block`() throws {
    let wakeup = try Wakeup()
    wakeup.drain()
    #expect(!isReadable(wakeup.number))
  }
}
