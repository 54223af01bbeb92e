import RoostEventLoop
import Testing

@testable import RoostClient

@Suite struct EventBufferTests {
  @Test func `events come in order and end`() async {
    let buffer = EventBuffer<Int>(countMax: 1000)
    for number in 0..<600 { #expect(buffer.push(number, isSmall: false)) }
    for number in 0..<600 { #expect(await buffer.next() == number) }
    #expect(buffer.push(600, isSmall: false))
    buffer.end()
    #expect(await buffer.next() == 600)
    #expect(await buffer.next() == nil)
    #expect(await buffer.next() == nil)
    buffer.begin()
    #expect(buffer.push(601, isSmall: false))
    #expect(await buffer.next() == 601)
  }

  @Test func `a full buffer refuses, and tells once when it was emptied`() async {
    let told = Lock(0)
    let buffer = EventBuffer<Int>(countMax: 2, onCaughtUp: { told.withLock { $0 += 1 } })
    #expect(buffer.push(1, isSmall: false))
    #expect(buffer.push(2, isSmall: false))
    #expect(await buffer.next() == 1)
    #expect(told.withLock { $0 } == 0)
    #expect(buffer.push(3, isSmall: false))
    #expect(!buffer.push(4, isSmall: false))
    #expect(buffer.push(5, isSmall: true))
    for number in [2, 3, 5] { #expect(await buffer.next() == number) }
    #expect(told.withLock { $0 } == 1)
    #expect(buffer.push(6, isSmall: false))
    #expect(await buffer.next() == 6)
    #expect(told.withLock { $0 } == 1)
  }

  @Test func `small events have a bound, too`() {
    let buffer = EventBuffer<Int>(countMax: 2)
    let taken = (0..<100).count { buffer.push($0, isSmall: true) }
    #expect(taken == 18)
  }

  @Test func `the oldest are dropped and counted where that is wanted`() async {
    let buffer = EventBuffer<Int>(countMax: 3, onDropped: { -$0 })
    for number in 1...10 { buffer.pushDroppingOldest(number) }
    for number in [-7, 8, 9, 10] { #expect(await buffer.next() == number) }
    buffer.pushDroppingOldest(11)
    #expect(await buffer.next() == 11)
  }

  @Test func `readers wait, share, and are let go of when their tasks are cancelled`() async {
    let buffer = EventBuffer<Int>(countMax: 10)
    let cancelled = Task { await buffer.next() }
    cancelled.cancel()
    #expect(await cancelled.value == nil)
    let readers = (0..<4).map { _ in Task { await buffer.next() } }
    for number in 0..<4 { #expect(buffer.push(number, isSmall: false)) }
    var got: Set<Int> = []
    for reader in readers { if let number = await reader.value { got.insert(number) } }
    #expect(got == [0, 1, 2, 3])
    let last = Task { await buffer.next() }
    buffer.end()
    #expect(await last.value == nil)
  }
}
