import Glibc
import Testing

@testable import RoostEventLoop

struct MailboxTests {
  @Test func `letters come out in the order of posting`() throws {
    let box = Mailbox<Int>(wakeup: try Wakeup(), capacity: 10)
    #expect(box.post([1, 2]) == 2)
    #expect(box.post([3]) == 1)
    #expect(box.takeAll() == [1, 2, 3])
    #expect(box.takeAll() == [])
  }

  @Test(arguments: [
    [(batch: 4, taken: 4)], [(5, 5)], [(6, 5)],
    [(3, 3), (1, 1)], [(3, 3), (2, 2)], [(3, 3), (3, 2)],
    [(5, 5), (1, 0)], [(5, 5), (0, 0)], [(9, 5), (9, 0), (9, 0)],
  ])
  func `what does not fit is refused from its end`(posts: [(batch: Int, taken: Int)]) throws {
    let box = Mailbox<Int>(wakeup: try Wakeup(), capacity: 5)
    var expected: [Int] = []
    for (number, post) in posts.enumerated() {
      let letters = (0..<post.batch).map { 100 * number + $0 }
      #expect(box.post(letters) == post.taken)
      expected += letters.prefix(post.taken)
    }
    #expect(box.takeAll() == expected)
    // A box that was emptied has all its room again.
    #expect(box.post([1, 2, 3, 4, 5, 6]) == 5)
  }

  @Test func `what does not fit stays in the sender's list, in order`() throws {
    let box = Mailbox<Int>(wakeup: try Wakeup(), capacity: 3)
    var waiting = [1, 2, 3, 4, 5]
    #expect(box.post(from: &waiting) == 3)
    #expect(waiting == [4, 5])
    #expect(box.post(from: &waiting) == 0)
    #expect(waiting == [4, 5])
    #expect(box.takeAll() == [1, 2, 3])
    #expect(box.post(from: &waiting) == 2)
    #expect(waiting.isEmpty)
    #expect(box.takeAll() == [4, 5])
  }

  @Test func `only the first letter in an empty box wakes`() throws {
    let wakeup = try Wakeup()
    let box = Mailbox<Int>(wakeup: wakeup, capacity: 3)
    box.post([])
    #expect(!isReadable(wakeup.number))
    box.post([1])
    #expect(isReadable(wakeup.number))
    wakeup.drain()
    box.post([2])
    box.post([3, 4])
    box.post([5])
    #expect(!isReadable(wakeup.number))
    #expect(box.takeAll() == [1, 2, 3])
    box.post([6])
    #expect(isReadable(wakeup.number))
  }

  /// The reader waits only for the wake-up, so that a lost one ends in a failure.
  @Test func `letters of several threads arrive complete and each sender's in order`() throws {
    let wakeup = try Wakeup()
    let box = Mailbox<Int>(wakeup: wakeup, capacity: 64)
    let senders = 3
    let each = 5_000
    let threads = try (0..<senders).map { sender in
      try LoopThread(name: "sender-\(sender)") {
        var next = 0
        while next < each {
          let batch = (next..<min(next + 1 + next % 7, each)).map { sender * each + $0 }
          let taken = box.post(batch)
          next += taken
          if taken < batch.count { sched_yield() }
        }
      }
    }
    var next = (0..<senders).map { $0 * each }
    var received = 0
    while received < senders * each {
      guard isReadable(wakeup.number, within: 20_000) else {
        Issue.record("no wake-up after \(received) letters")
        break
      }
      wakeup.drain()
      for letter in box.takeAll() {
        let sender = letter / each
        #expect(letter == next[sender])
        next[sender] = letter + 1
        received += 1
      }
    }
    for thread in threads { thread.join() }
    #expect(box.takeAll() == [])
  }

  @Test func `a box without room is a bug`() async {
    await #expect(processExitsWith: .failure) {
      _ = Mailbox<Int>(wakeup: try Wakeup(), capacity: 0)
    }
  }
}
