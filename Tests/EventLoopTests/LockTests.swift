import RoostEventLoop
import Testing

struct LockTests {
  private struct Refusal: Error {}

  @Test func `the value is changed in place and results come out`() {
    let lock = Lock([1, 2])
    let count = lock.withLock { list in
      list.append(3)
      return list.count
    }
    #expect(count == 3)
    #expect(lock.withLock { $0 } == [1, 2, 3])
  }

  @Test func `an error leaves the lock open and the change in place`() {
    let lock = Lock(0)
    #expect(throws: Refusal.self) {
      try lock.withLock { value throws(Refusal) in
        value = 7
        throw Refusal()
      }
    }
    #expect(lock.withLock { $0 } == 7)
  }

  @Test func `threads that count at once lose nothing`() throws {
    let lock = Lock(0)
    let threads = try (0..<4).map { number in
      try LoopThread(name: "locker-\(number)") {
        for _ in 0..<10_000 { lock.withLock { $0 += 1 } }
      }
    }
    for thread in threads { thread.join() }
    #expect(lock.withLock { $0 } == 40_000)
  }
}
