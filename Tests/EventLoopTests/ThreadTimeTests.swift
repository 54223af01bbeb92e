import Testing

@testable import RoostEventLoop

@Suite struct ThreadTimeTests {
  @Test(arguments: [
    ("12 345 6\n", ThreadTimeTests.time(12, 345)), ("0 0 0", ThreadTimeTests.time(0, 0)),
    ("12 345\n", nil),
    ("12 345 6 7", nil), ("a 345 6", nil), ("12 -1 6", nil), ("", nil),
  ])
  func `a line of schedstat has what the thread ran and waited`(text: String, time: ThreadTime?) {
    #expect(ThreadTime(reading: text) == time)
  }

  @Test func `a thread that works has run for longer`() throws {
    // Not everywhere does the kernel count it.
    guard let before = ThreadTime.ofCaller() else { return }
    let start = MonotonicInstant.now()
    while let now = ThreadTime.ofCaller(), now.ran == before.ran, now.waited == before.waited {
      try #require(MonotonicInstant.now().since(start) < .seconds(20), "neither counts on")
    }
    let after = try #require(ThreadTime.ofCaller())
    #expect(after.ran >= before.ran && after.waited >= before.waited)
  }

  private static func time(_ ran: Int, _ waited: Int) -> ThreadTime? {
    ThreadTime(reading: "\(ran) \(waited) 1")
  }
}
