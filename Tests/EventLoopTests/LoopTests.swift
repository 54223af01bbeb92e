import Testing

@testable import RoostEventLoop

@Suite(.timeLimit(.minutes(1)))
struct LoopTests {
  /// Writes down what a loop calls, and plays one part or another.
  private struct Recorder: LoopStages, ~Copyable {
    var calls: [String] = []
    var isDirty = false
    var deadline: MonotonicInstant?
    /// The sockets whose bytes are read, by token.
    var pairs: [UInt64: SocketPair] = [:]
    /// Whether each read is answered, so that events never end.
    var answers = false
    /// Wakes itself that many times out of `takeLetters`.
    var wakes = 0
    var wakeup: Wakeup?
    var times: [MonotonicInstant] = []

    mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
      calls.append("ready \(readiness.token)")
      times.append(now)
      guard let pair = pairs[readiness.token] else { return }
      var byte: [UInt8] = [0]
      _ = byte.withUnsafeMutableBytes { Syscalls.receive(pair.near.number, into: $0) }
      if answers { pair.writeAtFarEnd(byte) }
    }

    mutating func takeLetters(now: MonotonicInstant) {
      calls.append("letters")
      times.append(now)
      guard wakes > 0 else { return }
      wakes -= 1
      wakeup?.wake()
    }

    mutating func expireTimers(now: MonotonicInstant) {
      calls.append("timers")
      times.append(now)
    }

    mutating func postLetters() { calls.append("post") }

    mutating func flush(now: MonotonicInstant) {
      calls.append("flush")
      times.append(now)
      isDirty = false
    }

    mutating func closeScheduled(now: MonotonicInstant) {
      calls.append("close")
      times.append(now)
    }

    func nextDeadline() -> MonotonicInstant? { deadline }
  }

  @Test func `the stages of a tick come in their order`() throws {
    let (poller, wakeup, pair) = (try Poller(), try Wakeup(), try SocketPair())
    var loop = Loop(poller: poller, wakeup: wakeup)
    var stages = Recorder()
    stages.pairs[7] = pair
    try poller.add(pair.near.number, .readable, token: 7)
    // The wake-up comes first, its letters come after what is readable all the same.
    wakeup.wake()
    pair.writeAtFarEnd([1])
    loop.tick(&stages)
    let calls = stages.calls
    #expect(calls == ["ready 7", "letters", "post", "timers", "flush", "close", "post"])
    let isOrdered = zip(stages.times, stages.times.dropFirst()).allSatisfy { $0 <= $1 }
    #expect(isOrdered)
    let ticks = loop.ticks
    #expect(ticks == 1)
  }

  @Test func `each ready descriptor is reported with its own token`() throws {
    let (poller, wakeup) = (try Poller(), try Wakeup())
    var loop = Loop(poller: poller, wakeup: wakeup)
    var stages = Recorder()
    for token in UInt64(1)...5 {
      let pair = try SocketPair()
      stages.pairs[token] = pair
      try poller.add(pair.near.number, .readable, token: token)
      if token % 2 == 1 { pair.writeAtFarEnd([1]) }
    }
    loop.tick(&stages)
    let ready = stages.calls.filter { $0.hasPrefix("ready") }.sorted()
    #expect(ready == ["ready 1", "ready 3", "ready 5"])
  }

  @Test func `any number of wakes before a tick brings the letters once`() throws {
    let wakeup = try Wakeup()
    var loop = Loop(poller: try Poller(), wakeup: wakeup)
    var stages = Recorder()
    for _ in 0..<3 { wakeup.wake() }
    loop.tick(&stages)
    let calls = stages.calls
    #expect(calls == ["letters", "post", "timers", "flush", "close", "post"])
    stages.deadline = .zero
    stages.calls = []
    loop.tick(&stages)
    let idleCalls = stages.calls
    #expect(idleCalls == ["post", "timers", "flush", "close", "post"])
  }

  @Test func `a wake while letters are taken is not lost`() throws {
    let wakeup = try Wakeup()
    var loop = Loop(poller: try Poller(), wakeup: wakeup)
    var stages = Recorder()
    stages.wakeup = wakeup
    stages.wakes = 3
    wakeup.wake()
    // No deadline: a lost wake-up would make one of these ticks wait for ever.
    for _ in 0..<4 { loop.tick(&stages) }
    let taken = stages.calls.filter { $0 == "letters" }.count
    #expect(taken == 4)
  }

  @Test func `a wake from another thread ends the wait`() throws {
    let wakeup = try Wakeup()
    var loop = Loop(poller: try Poller(), wakeup: wakeup)
    var stages = Recorder()
    let thread = try LoopThread(name: "waker") { wakeup.wake() }
    loop.tick(&stages)
    thread.join()
    let first = stages.calls.first
    #expect(first == "letters")
  }

  @Test func `without anything to flush a tick looks once`() throws {
    let (poller, wakeup, pair) = (try Poller(), try Wakeup(), try SocketPair())
    var loop = Loop(poller: poller, wakeup: wakeup)
    var stages = Recorder()
    stages.pairs[7] = pair
    stages.answers = true
    try poller.add(pair.near.number, .readable, token: 7)
    pair.writeAtFarEnd([1])
    loop.tick(&stages)
    let calls = stages.calls
    #expect(calls == ["ready 7", "post", "timers", "flush", "close", "post"])
  }

  @Test func `a flush waits for events that are there and for no others`() throws {
    let (poller, wakeup, pair) = (try Poller(), try Wakeup(), try SocketPair())
    var loop = Loop(poller: poller, wakeup: wakeup)
    var stages = Recorder()
    stages.pairs[7] = pair
    stages.isDirty = true
    try poller.add(pair.near.number, .readable, token: 7)
    pair.writeAtFarEnd([1])
    loop.tick(&stages)
    let calls = stages.calls
    #expect(calls == ["ready 7", "post", "timers", "flush", "close", "post"])
    // With a second event the flush comes after both, once.
    stages.calls = []
    stages.isDirty = true
    pair.writeAtFarEnd([1, 2])
    loop.tick(&stages)
    let later = stages.calls.filter { $0 != "post" }
    // A slow machine may have spent the time to hold back before the second look.
    let both = ["ready 7", "ready 7", "timers", "flush", "close"]
    #expect(later == both || (later == [both[0]] + both[2...] && loop.lastTick >= Loop.holdBack))
  }

  @Test func `events without end do not hold a flush back for ever`() throws {
    let (poller, wakeup, pair) = (try Poller(), try Wakeup(), try SocketPair())
    var loop = Loop(poller: poller, wakeup: wakeup)
    var stages = Recorder()
    stages.pairs[7] = pair
    stages.answers = true
    stages.isDirty = true
    try poller.add(pair.near.number, .readable, token: 7)
    pair.writeAtFarEnd([1])
    loop.tick(&stages)
    let (calls, times) = (stages.calls, stages.times)
    #expect(calls.suffix(4) == ["timers", "flush", "close", "post"])
    #expect(calls.filter { $0 == "flush" }.count == 1)
    #expect(calls.filter { $0 == "timers" }.count == 1)
    // The last look was the first one after the time to hold back, and all stages saw its time.
    let (first, last) = (try #require(times.first), try #require(times.last))
    let rounds = times.dropLast(3)
    #expect(last.since(first) >= Loop.holdBack)
    #expect(rounds.dropLast().allSatisfy { $0.since(first) < Loop.holdBack })
    let lastTick = loop.lastTick
    #expect(lastTick >= Loop.holdBack)
  }

  @Test func `a tick without events ends at the deadline and not before`() throws {
    var loop = Loop(poller: try Poller(), wakeup: try Wakeup())
    var stages = Recorder()
    let deadline = MonotonicInstant.now().advanced(by: .microseconds(2_300))
    stages.deadline = deadline
    loop.tick(&stages)
    let (calls, times) = (stages.calls, stages.times)
    #expect(calls == ["post", "timers", "flush", "close", "post"])
    #expect(times.allSatisfy { $0 >= deadline })
  }

  @Test func `a deadline that has passed does not wait`() throws {
    var loop = Loop(poller: try Poller(), wakeup: try Wakeup())
    var stages = Recorder()
    stages.deadline = .zero
    for _ in 0..<10 { loop.tick(&stages) }
    let (ticks, busy) = (loop.ticks, loop.busyNanoseconds)
    #expect(ticks == 10)
    #expect(busy > 0)
  }

  @Test func `a deadline that never comes waits for events`() throws {
    let wakeup = try Wakeup()
    var loop = Loop(poller: try Poller(), wakeup: wakeup)
    var stages = Recorder()
    stages.deadline = .distantFuture
    wakeup.wake()
    loop.tick(&stages)
    let first = stages.calls.first
    #expect(first == "letters")
  }
}
