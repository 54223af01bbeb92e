import Glibc
import Testing

@testable import RoostEventLoop

@Suite(.timeLimit(.minutes(1)))
struct LoopExecutorTests {
  /// An actor on a loop of its own, as a shard is one.
  private actor Resident {
    nonisolated let executor: LoopExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    var turns = 0
    var isOver = false
    var numbers: [Int] = []

    init() throws(Errno) { executor = LoopExecutor(wakeup: try Wakeup()) }

    /// Runs until `stop`, sleeping between turns.
    nonisolated func live() { executor.run { assumeIsolated { $0.turn() } } }

    func turn() -> Bool {
      _ = isReadable(executor.wakeup.number, within: 20_000)
      executor.wakeup.drain()
      turns += 1
      return !isOver
    }

    func runsOnLoop() -> (isCurrent: Bool, thread: UInt) {
      (executor.isCurrent, UInt(pthread_self()))
    }

    func append(_ number: Int) { numbers.append(number) }

    func stop() { isOver = true }

    /// Enters the actor from whatever thread this is.
    nonisolated func intrude() { assumeIsolated { $0.numbers = [] } }
  }

  @Test func `what is awaited runs on the loop's thread, even while the loop sleeps`() async throws
  {
    let resident = try Resident()
    let ends = Lock<UInt>(0)
    let thread = try LoopThread(name: "resident") {
      ends.withLock { $0 = UInt(pthread_self()) }
      resident.live()
    }
    for _ in 0..<100 {
      let (isCurrent, number) = await resident.runsOnLoop()
      #expect(isCurrent)
      #expect(number == ends.withLock { $0 })
      #expect(!resident.executor.isCurrent)
    }
    await resident.stop()
    resident.executor.wakeup.wake()
    thread.join()
  }

  // Whoever asked behind the last turn waited for ever.
  @Test func `what is asked after the end is still answered, one at a time`() async throws {
    let resident = try Resident()
    let thread = try LoopThread(name: "resident") { resident.live() }
    await resident.append(1)
    await resident.stop()
    resident.executor.wakeup.wake()
    thread.join()
    #expect(await resident.runsOnLoop().isCurrent)
    #expect(!resident.executor.isCurrent)
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<8 {
        group.addTask { for number in 0..<100 { await resident.append(number) } }
      }
    }
    #expect(await resident.numbers.count == 801)
    #expect(!resident.executor.isCurrent)
  }

  // Whoever asked was the last to hold the actor and dropped it with the answer, while the thread that
  // had run the job still looked for the next one: its lock was gone.
  @Test func `who asks after the end may drop the actor with the answer`() async throws {
    for number in 0..<500 { #expect(try await Self.answerAfterEnd(number) == [number]) }
  }

  private static func answerAfterEnd(_ number: Int) async throws -> [Int] {
    let resident = try Resident()
    resident.executor.run { false }
    await resident.append(number)
    return await resident.numbers
  }

  @Test func `calls from one task keep their order and those of many are all run`() async throws {
    let resident = try Resident()
    let thread = try LoopThread(name: "resident") { resident.live() }
    for number in 0..<500 { await resident.append(number) }
    #expect(await resident.numbers == Array(0..<500))
    await withTaskGroup(of: Void.self) { group in
      for task in 1...8 {
        group.addTask { for number in 0..<100 { await resident.append(1_000 * task + number) } }
      }
    }
    let numbers = await resident.numbers.dropFirst(500)
    #expect(numbers.count == 800)
    for task in 1...8 {
      #expect(numbers.filter { $0 / 1_000 == task } == (0..<100).map { 1_000 * task + $0 })
    }
    await resident.stop()
    resident.executor.wakeup.wake()
    thread.join()
  }

  /// The only turn waits until a job waits, and says that the loop is over.
  @Test func `what was enqueued in the last turn is run before the thread leaves`() async throws {
    let resident = try Resident()
    let tasks = Lock<[Task<Void, Never>]>([])
    let thread = try LoopThread(name: "resident") {
      resident.executor.run {
        tasks.withLock { $0.append(Task { await resident.append(1) }) }
        return !isReadable(resident.executor.wakeup.number, within: 20_000)
      }
    }
    thread.join()
    let started = tasks.withLock { $0 }
    #expect(started.count == 1)
    for task in started { await task.value }
  }

  @Test func `a thread is the loop's only while it runs the loop`() throws {
    let executor = LoopExecutor(wakeup: try Wakeup())
    #expect(!executor.isCurrent)
    #expect(executor.isIsolatingCurrentContext() == false)
    executor.run {
      #expect(executor.isCurrent)
      #expect(executor.isIsolatingCurrentContext() == true)
      executor.checkIsolated()
      return false
    }
    // Thread numbers are given again: a dead loop must not own its successor's thread.
    #expect(!executor.isCurrent)
    #expect(executor.isIsolatingCurrentContext() == false)
  }

  @Test func `entering the actor from another thread traps`() async {
    await #expect(processExitsWith: .failure) {
      let resident = try Resident()
      resident.intrude()
    }
  }

  @Test func `entering the actor from another thread traps while its loop runs, too`() async {
    await #expect(processExitsWith: .failure) {
      let resident = try Resident()
      let thread = try LoopThread(name: "resident") { resident.live() }
      _ = await resident.runsOnLoop()
      resident.intrude()
      await resident.stop()
      resident.executor.wakeup.wake()
      thread.join()
    }
  }
}
