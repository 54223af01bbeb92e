// The log of one room: a bounded row of messages with consecutive offsets.

import RoostRooms

/// A room's messages, oldest first, bounded by count, bytes and age.
///
/// Pure.
struct RoomLog: Sendable {
  private struct Kept: Sendable {
    let entry: LogEntry
    let at: Duration

    /// What takes the place of a dropped message.
    static let hollow = Kept(
      entry: LogEntry(offset: 0, payload: .binary([]), sender: nil, wallMilliseconds: nil),
      at: .zero)
  }

  private var kept: [Kept] = []
  private var head = 0

  /// Bytes of message data.
  private(set) var bytes = 0

  /// Bytes of message data that are in memory; `bytes`, when nothing is held too long.
  var bytesHeld: Int { kept.reduce(0) { $0 + $1.entry.payload.bytes.count } }

  /// Messages in the log.
  var count: Int { kept.count - head }

  /// Whether nothing is kept.
  var isEmpty: Bool { count == 0 }

  /// The offset of the oldest message.
  var firstOffset: UInt64? { isEmpty ? nil : kept[head].entry.offset }

  /// Appends a message; its offset follows the last one's.
  mutating func append(_ entry: LogEntry, at now: Duration) {
    if let last = kept.last, !isEmpty {
      precondition(entry.offset == last.entry.offset + 1, "offset \(entry.offset) after \(last)")
    }
    kept.append(Kept(entry: entry, at: now))
    bytes += entry.payload.bytes.count
  }

  /// Drops the oldest message; returns its bytes.
  @discardableResult
  mutating func removeFirst() -> Int {
    precondition(!isEmpty, "an empty log has no first message")
    let size = kept[head].entry.payload.bytes.count
    bytes -= size
    // The place stays until many are free, the message itself must not: a log of one message would
    // otherwise hold the data of thirty.
    kept[head] = .hollow
    head += 1
    if head == kept.count {
      kept = []
      head = 0
    } else if head > 32, head * 2 > kept.count {
      kept.removeFirst(head)
      head = 0
    }
    return size
  }

  /// Drops what is over the policy; returns how many messages and bytes went.
  mutating func trim(to policy: HistoryPolicy, now: Duration) -> (messages: Int, bytes: Int) {
    var messages = 0
    var freed = 0
    while !isEmpty,
      count > policy.messages || bytes > max(policy.bytes, 0)
        || now - kept[head].at >= policy.lifetime
    {
      freed += removeFirst()
      messages += 1
    }
    return (messages, freed)
  }

  /// Messages with offsets after `offset`, until their data passes `bytesMax` (one at least) or
  /// there are `countMax` of them.
  func entries(after offset: UInt64, bytesMax: Int, countMax: Int) -> [LogEntry] {
    guard let first = firstOffset else { return [] }
    guard offset < first || offset - first < UInt64(count) else { return [] }
    let skip = offset < first ? 0 : Int(offset - first) + 1
    guard skip < count else { return [] }
    var page: [LogEntry] = []
    var size = 0
    for index in (head + skip)..<kept.count {
      let entry = kept[index].entry
      size += entry.payload.bytes.count
      if !page.isEmpty, size > bytesMax || page.count == countMax { break }
      page.append(entry)
    }
    return page
  }

  /// The newest messages with offsets up to `offset`, newest first, at most `countMax`.
  func entriesReversed(upTo offset: UInt64, bytesMax: Int, countMax: Int) -> [LogEntry] {
    guard let first = firstOffset, offset >= first else { return [] }
    let last = min(Int(clamping: offset - first), count - 1)
    var page: [LogEntry] = []
    var size = 0
    for index in stride(from: head + last, through: head, by: -1) {
      let entry = kept[index].entry
      size += entry.payload.bytes.count
      if !page.isEmpty, size > bytesMax || page.count == countMax { break }
      page.append(entry)
    }
    return page
  }
}
