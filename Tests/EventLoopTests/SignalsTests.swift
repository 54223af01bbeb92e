import Glibc
import RoostEventLoop
import Testing

/// Each in a process of its own, and the signals go to the calling thread: those threads of the
/// process that were there before do not block them.
struct SignalsTests {
  /// Begins as the main thread of a process does; the threads that run tests block every signal.
  private static func unblockAll() {
    var none = sigset_t()
    sigemptyset(&none)
    pthread_sigmask(SIG_SETMASK, &none, nil)
  }

  @Test func `a blocked signal is read as its number`() async {
    await #expect(processExitsWith: .success) {
      Self.unblockAll()
      let signals = try Signals([SIGTERM, SIGINT])
      pthread_kill(pthread_self(), SIGTERM)
      let number = signals.next(within: nil)
      #expect(number == SIGTERM)
      let nothing = signals.next(within: .zero)
      #expect(nothing == nil)
    }
  }

  @Test func `several signals come one by one`() async {
    await #expect(processExitsWith: .success) {
      Self.unblockAll()
      let signals = try Signals([SIGTERM, SIGINT, SIGHUP])
      pthread_kill(pthread_self(), SIGTERM)
      pthread_kill(pthread_self(), SIGINT)
      var numbers: Set<Int32> = []
      for _ in 0..<2 {
        let next = signals.next(within: .seconds(20))
        numbers.insert(try #require(next))
      }
      #expect(numbers == [SIGTERM, SIGINT])
      let nothing = signals.next(within: .milliseconds(1))
      #expect(nothing == nil)
    }
  }

  @Test func `a thread inherits what its starter blocks`() async {
    await #expect(processExitsWith: .success) {
      Self.unblockAll()
      let signals = try Signals([SIGUSR1])
      let thread = try LoopThread(name: "inheritor") {
        pthread_kill(pthread_self(), SIGUSR1)
      }
      thread.join()
      let nothing = signals.next(within: .zero)
      #expect(nothing == nil)
    }
  }

  @Test func `a wait without end outlasts the signals that others handle`() async {
    await #expect(processExitsWith: .success) {
      Self.unblockAll()
      let signals = try Signals([SIGTERM])
      signal(SIGUSR1) { _ in }
      let waiter = pthread_self()
      let thread = try LoopThread(name: "disturber") {
        for _ in 0..<2_000 {
          pthread_kill(waiter, SIGUSR1)
          sched_yield()
        }
        pthread_kill(waiter, SIGTERM)
      }
      let number = signals.next(within: nil)
      #expect(number == SIGTERM)
      thread.join()
    }
  }

  @Test func `a signal that is not asked for acts as ever`() async {
    await #expect(processExitsWith: .signal(SIGUSR2)) {
      Self.unblockAll()
      let signals = try Signals([SIGTERM])
      pthread_kill(pthread_self(), SIGUSR2)
      _ = signals.next(within: .seconds(20))
    }
  }

  @Test func `writing to a socket without a reader does not kill`() async {
    await #expect(processExitsWith: .success) {
      Self.unblockAll()
      let signals = try Signals([SIGTERM])
      let pair = try SocketPair()
      shutdown(pair.far.number, Int32(SHUT_RDWR))
      var byte: UInt8 = 0
      let count = write(pair.near.number, &byte, 1)
      #expect(count == -1)
      #expect(errno == EPIPE)
      _ = signals.next(within: .zero)
    }
  }
}
