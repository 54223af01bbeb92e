import Glibc
import RoostEventLoop
import Testing

struct LoopThreadTests {
  @Test func `a thread runs its body beside its starter until it is joined`() throws {
    let starter = UInt(pthread_self())
    let runner = Lock<UInt>(0)
    let (entered, release) = (try Gate(), try Gate())
    let thread = try LoopThread(name: "body") {
      entered.open()
      if release.wait() { runner.withLock { $0 = UInt(pthread_self()) } }
    }
    #expect(entered.wait())
    release.open()
    thread.join()
    let number = runner.withLock { $0 }
    #expect(number != 0)
    #expect(number != starter)
  }

  private static let names: [(given: String, shown: String)] = [
    ("shard-0", "shard-0"),
    ("", ""),
    ("fourteen-bytes", "fourteen-bytes"),
    ("fifteen-bytes-x", "fifteen-bytes-x"),
    ("sixteen-bytes-xx", "sixteen-bytes-x"),
    ("fourteen-bytesé", "fourteen-bytes"),
    ("thirteen-byteé!", "thirteen-byteé"),
  ]

  @Test(arguments: names)
  func `a thread has its name, cut after fifteen bytes`(given: String, shown: String) throws {
    let (named, done) = (try Gate(), try Gate())
    let seen = Lock("")
    let thread = try LoopThread(name: given) {
      // The starter sets the name after the start.
      guard named.wait() else { return }
      let text = Machine.contents(of: "/proc/thread-self/comm") ?? "unreadable"
      seen.withLock { $0 = text }
      done.open()
    }
    named.open()
    #expect(done.wait())
    thread.join()
    #expect(seen.withLock { $0 } == shown + "\n")
  }
}
