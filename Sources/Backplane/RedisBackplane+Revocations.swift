// Tokens that were taken back, kept in one hash for nodes that come later. Nodes that are there are
// told by a question; this is what they would not know otherwise. The hash is read whenever the command
// link opens and whenever Redis may know less than before, page by page.

import RoostRooms
import Synchronization

extension RedisBackplane {
  private var revocationsKey: [UInt8] { names.system("{control}:revoked") }

  /// Remembers a record for the cluster; the answer says that Redis has it.
  mutating func revoke(
    _ record: RevocationRecord, _ ticket: ReplyTicket?, _ now: Duration,
    _ outbox: inout BackplaneOutbox
  ) {
    guard isCommandReady else {
      if let ticket { fail(ticket, nil, unavailable(), &outbox) }
      return
    }
    pipe.call(.revoke, keys: 1, arguments: 5, .revoked(ticket), at: now)
    pipe.add(revocationsKey)
    pipe.add(record.name)
    pipe.add(Int(record.issuedBefore))
    pipe.add(Int(record.until))
    pipe.add(RevocationRecord.recordsMax)
    pipe.add(Int(wallMilliseconds / 1000))
  }

  mutating func revoked(
    _ ticket: ReplyTicket?, _ reply: RedisReply, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    if reply.kind(0) == .error {
      let failure = self.failure(of: reply)
      handleRefusal(reply, now)
      if let ticket { fail(ticket, nil, failure, &outbox) }
      return
    }
    guard let ticket else { return }
    // The script says 0 when there are as many as may be.
    if reply.kind(0) == .integer, reply.integer(0) == 0 {
      fail(ticket, nil, .unavailable(retryAfter: .seconds(60)), &outbox)
    } else {
      answer(ticket, .revoked(ticket), &outbox)
    }
  }

  /// Begins to read what is remembered; again from the start when that is under way.
  mutating func readRevocations(_ now: Duration) {
    revocationReading += 1
    scanRevocations(from: Array("0".utf8), now)
  }

  private mutating func scanRevocations(from cursor: [UInt8], _ now: Duration) {
    pipe.begin(5, .revocations(reading: revocationReading), at: now)
    pipe.add("HSCAN")
    pipe.add(revocationsKey)
    pipe.add(cursor)
    pipe.add("COUNT")
    pipe.add(500)
  }

  /// A page of it: every shard gets what still matters.
  mutating func revocationsRead(
    _ reading: UInt64, _ reply: RedisReply, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard reading == revocationReading else { return }
    guard reply.kind(0) == .array, let cursor = reply.child(0, of: 0),
      let page = reply.child(1, of: 0), reply.kind(page) == .array
    else { return handleRefusal(reply, now) }
    var records: [RevocationRecord] = []
    var over: [[UInt8]] = []
    for place in stride(from: 0, to: reply.elementCount(page) - 1, by: 2) {
      let name = reply.array(page + 1 + place)
      guard let record = RevocationRecord(name: name, value: reply.array(page + 2 + place)),
        record.until > sharedSeconds
      else {
        over.append(name)
        continue
      }
      records.append(record)
    }
    if !over.isEmpty {
      pipe.begin(2 + over.count, .nothing, at: now)
      pipe.add("HDEL")
      pipe.add(revocationsKey)
      for name in over { pipe.add(name) }
    }
    let next = reply.array(cursor)
    let isLast = next == Array("0".utf8)
    for shard in 0..<settings.shardCount {
      outbox.items.append(.event(shard: shard, .revocations(records, isLast: isLast)))
    }
    guard !isLast else {
      status.hasReadRevocations.store(true, ordering: .relaxed)
      return
    }
    scanRevocations(from: next, now)
  }
}
