import Glibc
import RoostEventLoop
import Testing

struct MachineAffinityTests {
  /// In a thread of its own, because the threads of the tests go on to other tests.
  private static func onThread(_ body: @escaping @Sendable () -> [[Int]]) throws -> [[Int]] {
    let result = Lock<[[Int]]>([])
    let thread = try LoopThread(name: "affinity") {
      let found = body()
      result.withLock { $0 = found }
    }
    thread.join()
    return result.withLock { $0 }
  }

  @Test func `a thread can be kept on one of its processors, and be let go again`() throws {
    let seen = try Self.onThread {
      let before = Machine.allowedProcessors()
      let last = Array(before.suffix(1))
      let isSet = Machine.setAllowedProcessors(last)
      let between = Machine.allowedProcessors()
      let isReset = Machine.setAllowedProcessors(before)
      return [before, isSet ? between : last, isReset ? Machine.allowedProcessors() : before]
    }
    #expect(!seen[0].isEmpty)
    #expect(seen[0] == seen[0].sorted())
    #expect(seen[1] == Array(seen[0].suffix(1)))
    #expect(seen[2] == seen[0])
  }

  @Test func `no processor at all is refused and changes nothing`() throws {
    let seen = try Self.onThread {
      let before = Machine.allowedProcessors()
      return [before, Machine.setAllowedProcessors([]) ? [] : Machine.allowedProcessors()]
    }
    #expect(seen[1] == seen[0])
  }
}
