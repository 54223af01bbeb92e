import RoostEventLoop
import Testing

struct PreciseTimerTests {
  @Test func `a timer is reported at its time and not before`() throws {
    let poller = try Poller()
    let timer = try PreciseTimer(on: poller, token: 7)
    #expect(poller.wait(.zero) == 0)
    let due = MonotonicInstant.now().advanced(by: .microseconds(300))
    timer.set(due)
    #expect(poller.wait(.seconds(30)) == 1)
    #expect(MonotonicInstant.now() >= due)
    #expect(poller.readiness(at: 0).token == 7)
    #expect(poller.readiness(at: 0).isReadable)
  }

  @Test func `a time in the past is now, and stays so until another one is set`() throws {
    let poller = try Poller()
    let timer = try PreciseTimer(on: poller, token: 7)
    timer.set(.zero)
    #expect(poller.wait(.seconds(30)) == 1)
    #expect(poller.wait(.zero) == 1)
    timer.set(MonotonicInstant.now().advanced(by: .seconds(3600)))
    #expect(poller.wait(.zero) == 0)
  }

  @Test func `the far future switches it off`() throws {
    let poller = try Poller()
    let timer = try PreciseTimer(on: poller, token: 7)
    timer.set(.zero)
    timer.set(.distantFuture)
    #expect(poller.wait(.zero) == 0)
  }
}
