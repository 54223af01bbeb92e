// A flood of lines: how many are written, and what is said of the others.

import Glibc
import Testing

@testable import Telemetry

@Suite struct LogQuotaTests {
  private static func admitted(
    _ quota: LogQuota, _ name: StaticString, _ lines: Int, second: UInt32
  ) -> Int {
    (0..<lines).count { _ in quota.admits(name, second: second) }
  }

  @Test(arguments: [(2, 2), (3, 3), (4, 3)])
  func `a kind has its lines in a second and no more`(lines: Int, expected: Int) {
    let quota = LogQuota(linesMax: 3)
    #expect(Self.admitted(quota, "flood", lines, second: 7) == expected)
    #expect(quota.leftOutCount == UInt64(lines - expected))
  }

  @Test func `each second and each kind begins anew`() {
    let quota = LogQuota(linesMax: 3)
    #expect(Self.admitted(quota, "flood", 5, second: 7) == 3)
    #expect(Self.admitted(quota, "other", 5, second: 7) == 3)
    #expect(Self.admitted(quota, "flood", 5, second: 8) == 3)
    // The clock may be set back.
    #expect(Self.admitted(quota, "flood", 5, second: 6) == 3)
    let counts = quota.takeLeftOut().sorted { $0.name < $1.name }
    #expect(counts.map(\.name) == ["flood", "other"])
    #expect(counts.map(\.count) == [6, 2])
    #expect(quota.takeLeftOut().isEmpty)
    #expect(quota.leftOutCount == 8)
  }

  @Test func `without a bound nothing is left out`() {
    let quota = LogQuota(linesMax: 0)
    #expect(Self.admitted(quota, "flood", 10_000, second: 7) == 10_000)
    #expect(quota.takeLeftOut().isEmpty)
  }

  @Test func `threads share the lines of a second, and none is counted twice`() async {
    let quota = LogQuota(linesMax: 1000)
    let admitted = await withTaskGroup(of: Int.self) { group in
      for _ in 0..<8 {
        group.addTask { (0..<1000).count { _ in quota.admits("flood", second: 7) } }
      }
      return await group.reduce(0, +)
    }
    #expect(admitted == 1000)
    #expect(quota.leftOutCount == 7000)
    #expect(quota.takeLeftOut().map(\.count) == [7000])
  }

  @Test func `a log writes what its quota allows and counts the rest`() throws {
    var ends: [Int32] = [0, 0]
    let hasPipe = pipe(&ends) == 0
    try #require(hasPipe)
    defer { for end in ends { close(end) } }
    let log = Log(level: .info, format: .json, linesMax: 10, descriptor: ends[1])
    // In one second or more, as the machine lets it.
    for _ in 0..<50 { log.info("flood", "again") }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let count = read(ends[0], &buffer, buffer.count)
    let lines = buffer[..<max(count, 0)].count { $0 == UInt8(ascii: "\n") }
    #expect((10...50).contains(lines))
    #expect(log.leftOutLines == UInt64(50 - lines))
    #expect(log.droppedLines == 0)
    let leftOut = log.takeLeftOut()
    #expect(leftOut.map(\.name) == (lines < 50 ? ["flood"] : []))
    #expect(leftOut.map(\.count) == (lines < 50 ? [UInt64(50 - lines)] : []))
  }
}
