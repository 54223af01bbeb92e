import RoostRooms
import Testing

@testable import Backplane

struct RoomLogTests {
  /// A log with offsets from `first` to `last`, `size` bytes each, appended a second apart.
  static func log(_ first: UInt64, _ last: UInt64, size: Int = 4) -> RoomLog {
    var log = RoomLog()
    for offset in first...last { append(offset, size: size, to: &log) }
    return log
  }

  static func append(_ offset: UInt64, size: Int = 4, to log: inout RoomLog) {
    let payload = Payload.binary(Array(repeating: UInt8(truncatingIfNeeded: offset), count: size))
    log.append(
      LogEntry(offset: offset, payload: payload, sender: nil, wallMilliseconds: nil),
      at: .seconds(Int64(offset)))
  }

  @Test func `an empty log has no first offset and no entries`() {
    let log = RoomLog()
    #expect(log.isEmpty)
    #expect(log.firstOffset == nil)
    #expect(log.entries(after: 0, bytesMax: 100, countMax: 100) == [])
    #expect(log.entriesReversed(upTo: .max, bytesMax: 100, countMax: 100) == [])
  }

  @Test(
    arguments: [
      (0, [5, 6, 7]), (4, [5, 6, 7]), (5, [6, 7]), (6, [7]), (7, []), (8, []), (.max, []),
      (.max - 1, []),
    ] as [(UInt64, [UInt64])])
  func `entries after any offset are those that the log still has`(
    after: UInt64, offsets: [UInt64]
  ) {
    let log = Self.log(5, 7)
    #expect(log.entries(after: after, bytesMax: 100, countMax: 100).map(\.offset) == offsets)
  }

  @Test(
    arguments: [
      (0, []), (4, []), (5, [5]), (6, [6, 5]), (7, [7, 6, 5]), (8, [7, 6, 5]), (.max, [7, 6, 5]),
    ] as [(UInt64, [UInt64])])
  func `entries backwards from any offset are those that the log still has`(
    upTo: UInt64, offsets: [UInt64]
  ) {
    let log = Self.log(5, 7)
    #expect(log.entriesReversed(upTo: upTo, bytesMax: 100, countMax: 100).map(\.offset) == offsets)
  }

  @Test(arguments: [(0, 1), (4, 1), (7, 1), (8, 2), (11, 2), (12, 3), (13, 3)])
  func `a page ends before the entry that would pass its bytes, one entry at least`(
    bytesMax: Int, count: Int
  ) {
    let log = Self.log(1, 3)
    #expect(log.entries(after: 0, bytesMax: bytesMax, countMax: 100).count == count)
    #expect(log.entriesReversed(upTo: 3, bytesMax: bytesMax, countMax: 100).count == count)
  }

  @Test(arguments: [(1, 1), (2, 2), (3, 3), (4, 3), (.max, 3)])
  func `a page has at most as many entries as asked for`(countMax: Int, count: Int) {
    let log = Self.log(1, 3)
    #expect(log.entries(after: 0, bytesMax: 100, countMax: countMax).count == count)
    #expect(log.entriesReversed(upTo: 3, bytesMax: 100, countMax: countMax).count == count)
  }

  @Test func `trimming tells how many messages and bytes went`() {
    var log = Self.log(1, 10)
    let policy = HistoryPolicy(messages: 7, lifetime: .seconds(100), bytes: 100)
    let first = log.trim(to: policy, now: .seconds(10))
    #expect(first == (3, 12))
    let second = log.trim(to: policy, now: .seconds(10))
    #expect(second == (0, 0))
    #expect(log.firstOffset == 4)
    #expect(log.bytes == 28)
    #expect(log.count == 7)
  }

  // Dropped messages were kept in memory until half of the log's places were free, at least 33: a
  // log of one message of 64 KiB held two megabytes that no bound knew of.
  @Test func `a dropped message is not held in memory`() {
    var log = RoomLog()
    let policy = HistoryPolicy(messages: 1, lifetime: .seconds(1000), bytes: 1 << 20)
    for offset: UInt64 in 1...200 {
      Self.append(offset, size: 1000, to: &log)
      _ = log.trim(to: policy, now: .seconds(Int64(offset)))
      #expect(log.bytes == 1000)
      #expect(log.bytesHeld == 1000)
      #expect(log.entries(after: 0, bytesMax: 1, countMax: 2).map(\.offset) == [offset])
    }
  }

  @Test func `offsets may go on after the log was empty`() {
    var log = Self.log(1, 3)
    while !log.isEmpty { log.removeFirst() }
    #expect(log.bytes == 0)
    Self.append(9, to: &log)
    #expect(log.entries(after: 0, bytesMax: 100, countMax: 10).map(\.offset) == [9])
  }

  @Test func `a hole in the offsets is a bug`() async {
    await #expect(processExitsWith: .failure) {
      var log = RoomLogTests.log(1, 3)
      RoomLogTests.append(5, to: &log)
    }
  }
}
