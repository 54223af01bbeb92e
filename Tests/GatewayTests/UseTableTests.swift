// Who uses most: what is noted is exact where there is room, never too much, and the heavy ones are
// found in a crowd of light ones.

import TestRandom
import Testing

@testable import Gateway

@Suite struct UseTableTests {
  private typealias Use = UseTable.Use

  @Test func `the heavy ones come first, and the table is empty then`() {
    var table = UseTable(seed: 1)
    for (key, amount) in [(1, 5), (2, 3), (1, 6), (3, 11), (4, 10), (5, 0)] as [(UInt64, Int)] {
      table.add(key, amount)
    }
    #expect(
      table.take(moreThan: 3) == [
        Use(key: 3, amount: 11), Use(key: 1, amount: 11), Use(key: 4, amount: 10),
      ])
    #expect(table.take(moreThan: 0) == [])
    table.add(2, 1)
    #expect(table.take(moreThan: 0) == [Use(key: 2, amount: 1)])
  }

  @Test(arguments: [(9, 0), (10, 0), (11, 1)])
  func `as much as the bound is not more than it`(amount: Int, count: Int) {
    var table = UseTable(seed: 1)
    table.add(7, amount)
    #expect(table.take(moreThan: 10).count == count)
  }

  @Test func `amounts do not run over`() {
    var table = UseTable(seed: 1)
    for _ in 0..<3 { table.add(7, .max) }
    #expect(table.take(moreThan: 1) == [Use(key: 7, amount: .max)])
  }

  @Test func `in a crowd the heavy ones are found, and nobody is charged too much`() {
    var generator = SeededGenerator.make()
    var table = UseTable(seed: generator.next())
    var used: [UInt64: UInt64] = [:]
    let heavy = (0..<20).map { _ in generator.next() }
    for _ in 0..<200_000 {
      let isHeavy = Int.random(in: 0..<10, using: &generator) == 0
      // A hundred times as many as there is room for.
      let key = isHeavy ? heavy[Int.random(in: 0..<20, using: &generator)] : generator.next() >> 46
      let amount = Int.random(in: 1...3, using: &generator)
      table.add(key, amount)
      used[key, default: 0] += UInt64(amount)
    }
    let told = table.take(moreThan: 1000)
    for use in told { #expect(use.amount <= used[use.key] ?? 0, "\(generator)") }
    for key in heavy {
      let found = told.first { $0.key == key }?.amount ?? 0
      // About 2,000 each.
      #expect(found * 10 >= (used[key] ?? 0) * 8, "\(found) of \(used[key] ?? 0), \(generator)")
    }
  }

  @Test func `what is told is read again, and nothing else is`() throws {
    let told = [
      ToldUse(rate: .userMessages, use: Use(key: 0x0102_0304_0506_0708, amount: 9)),
      ToldUse(rate: .addressHandshakes, use: Use(key: .max, amount: .max)),
    ]
    var bytes: [UInt8] = []
    for one in told { one.append(to: &bytes) }
    #expect(
      bytes.prefix(17) == [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 9])
    #expect(ToldUse.read(bytes) == told)
    #expect(ToldUse.read([]) == [])
    for count in 1..<bytes.count where count != 17 {
      #expect(ToldUse.read(Array(bytes.prefix(count))) == nil, "\(count) bytes")
    }
    bytes[17] = 5
    #expect(ToldUse.read(bytes) == nil)
    let one = [UInt8](repeating: 0, count: 17)
    for (count, isRead) in [(999, true), (1000, true), (1001, false)] {
      let many = Array(repeatElement(one, count: count).joined())
      #expect((ToldUse.read(many)?.count == count) == isRead, "\(count)")
    }
  }
}
