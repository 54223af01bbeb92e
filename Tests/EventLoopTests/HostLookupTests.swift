// Names that every machine knows, and one that none may know (RFC 6761 6.4).

import RoostEventLoop
import Testing

struct HostLookupTests {
  /// The answer, after the loop was woken for it.
  private func answer(for host: String, port: UInt16) throws -> HostAnswer? {
    let poller = try Poller()
    let wakeup = try Wakeup()
    var loop = Loop(poller: poller, wakeup: wakeup)
    var lookup = try HostLookup(host: host, port: port, wakeup: wakeup)
    var waiter = Waiter(deadline: MonotonicInstant.now().advanced(by: .seconds(20)))
    while waiter.wakes == 0, MonotonicInstant.now() < waiter.deadline { loop.tick(&waiter) }
    return lookup.answer()
  }

  private struct Waiter: LoopStages {
    let deadline: MonotonicInstant
    var wakes = 0
    var isDirty: Bool { false }
    mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {}
    mutating func takeLetters(now: MonotonicInstant) { wakes += 1 }
    mutating func expireTimers(now: MonotonicInstant) {}
    mutating func postLetters() {}
    mutating func flush(now: MonotonicInstant) {}
    mutating func closeScheduled(now: MonotonicInstant) {}
    func nextDeadline() -> MonotonicInstant? { deadline }
  }

  @Test func `the loop is woken with the addresses of a host, each with the port`() throws {
    guard case .addresses(let addresses) = try answer(for: "localhost", port: 6379) else {
      Issue.record("localhost has no address")
      return
    }
    #expect(!addresses.isEmpty)
    #expect(addresses.allSatisfy { $0.port == 6379 })
    #expect(addresses.allSatisfy { ["127.0.0.1", "::1"].contains($0.hostText) })
  }

  @Test func `a numeric address is its own answer`() throws {
    #expect(
      try answer(for: "::1", port: 1) == SocketAddress(text: "[::1]:1").map { .addresses([$0]) })
  }

  @Test func `a name that is none is told with a sentence`() throws {
    guard case .failed(let sentence) = try answer(for: "no such host", port: 1) else {
      Issue.record("a name with spaces has an address")
      return
    }
    #expect(!sentence.isEmpty)
  }

  @Test func `a forgotten question wakes nobody that is gone`() throws {
    let wakeup = try Wakeup()
    for _ in 0..<20 { _ = try HostLookup(host: "localhost", port: 1, wakeup: wakeup) }
  }
}
