import RoostEventLoop
import Testing

struct AtomicCellsTests {
  @Test func `a new row holds zeros`() {
    let cells = AtomicCells(count: 3)
    #expect(cells.count == 3)
    #expect((0..<3).map { cells.load($0) } == [0, 0, 0])
  }

  @Test func `cells count apart`() {
    let cells = AtomicCells(count: 2)
    #expect(cells.increment(0) == 1)
    #expect(cells.increment(0) == 2)
    #expect(cells.increment(1) == 1)
    cells.decrement(0)
    #expect(cells.load(0) == 1)
    #expect(cells.load(1) == 1)
  }

  @Test func `an exchange needs the expected value and tells the one that is there`() {
    let cells = AtomicCells(count: 1)
    let first = cells.exchange(0, expected: 0, value: 5)
    #expect(first.0 && first.1 == 0)
    let second = cells.exchange(0, expected: 0, value: 6)
    #expect(!second.0 && second.1 == 5)
    #expect(cells.load(0) == 5)
  }

  @Test func `threads that count at once lose nothing`() throws {
    let cells = AtomicCells(count: 2)
    let threads = try (0..<4).map { number in
      try LoopThread(name: "counter-\(number)") {
        for _ in 0..<10_000 {
          _ = cells.increment(0)
          _ = cells.increment(1)
          cells.decrement(1)
        }
      }
    }
    for thread in threads { thread.join() }
    #expect(cells.load(0) == 40_000)
    #expect(cells.load(1) == 0)
  }

  @Test func `counting below zero traps`() async {
    await #expect(processExitsWith: .failure) { AtomicCells(count: 1).decrement(0) }
  }

  @Test func `a cell outside the row traps`() async {
    await #expect(processExitsWith: .failure) { _ = AtomicCells(count: 2).load(2) }
    await #expect(processExitsWith: .failure) { _ = AtomicCells(count: 2).increment(-1) }
  }

  @Test func `a row without cells traps`() async {
    await #expect(processExitsWith: .failure) { _ = AtomicCells(count: 0) }
  }
}
