// What a cluster remembers of tokens that were taken back: for nodes that come later, and for a Redis
// that has lost it.

import RoostRooms
import Synchronization
import TestSupport
import Testing

@testable import Backplane

extension RedisBackplaneTests {
  private static func record(
    _ name: String, before: Int64 = 1000, until: Int64 = 4_000_000_000
  ) -> RevocationRecord {
    RevocationRecord(name: Array(name.utf8), issuedBefore: before, until: until)
  }

  private static func revoke(
    _ record: RevocationRecord, _ harness: BackplaneHarness
  ) throws -> BackplaneEvent {
    let ticket = harness.ticket(0)
    return try harness.ask(.revoke(record, ticket), ticket)
  }

  private static func name(_ record: RevocationRecord) -> String {
    String(decoding: record.name, as: UTF8.self)
  }

  @Test func `a link that opens brings what was taken back before, page by page`() throws {
    let stage = try Stage()
    stage.harness.settle()
    #expect(stage.harness.takeRevocations().map(\.isLast) == [true])
    let hasRead = stage.cluster.nodes[0].status.hasReadRevocations.load(ordering: .relaxed)
    #expect(hasRead)
    for number in 0..<1200 {
      stage.harness.submit(.revoke(Self.record("u:\(number)"), nil), on: 0)
    }
    stage.harness.settle()
    #expect(stage.harness.takeRevocations().isEmpty)
    try stage.server.cli("CLIENT", "KILL", "TYPE", "normal")
    var read: [(records: [RevocationRecord], isLast: Bool)] = []
    try stage.wait {
      read += stage.harness.takeRevocations()
      return read.last?.isLast == true
    }
    #expect(read.count > 1)
    #expect(read.dropLast().allSatisfy { !$0.isLast })
    #expect(Set(read.flatMap(\.records).map(Self.name)) == Set((0..<1200).map { "u:\($0)" }))
    #expect(read.flatMap(\.records).allSatisfy { $0 == Self.record(Self.name($0)) })
  }

  @Test func `of two records with one name the wider one stays`() throws {
    let stage = try Stage()
    for (before, until) in [(1000, 4_000_000_000), (3000, 3_900_000_000), (2000, 4_100_000_000)] {
      let record = Self.record("u:ada", before: Int64(before), until: Int64(until))
      guard case .revoked = try Self.revoke(record, stage.harness) else {
        Issue.record("it was not taken")
        return
      }
    }
    let kept = try stage.server.cli(
      "HGET", "\(stage.cluster.prefix)sys:{control}:revoked", "u:ada")
    #expect(kept.contains("3000 4100000000"))
  }

  @Test func `a full memory refuses new names, and still widens old ones`() throws {
    let stage = try Stage()
    let key = "\(stage.cluster.prefix)sys:{control}:revoked"
    try stage.server.cli(
      "EVAL",
      "for i = 1, 100000 do redis.call('HSET', KEYS[1], 'u:' .. i, '1 4000000000') end", "1", key)
    guard case .failed(_, _, .unavailable) = try Self.revoke(Self.record("u:new"), stage.harness)
    else {
      Issue.record("more was taken than may be")
      return
    }
    guard case .revoked = try Self.revoke(Self.record("u:7", before: 9), stage.harness) else {
      Issue.record("a known name was refused")
      return
    }
    #expect(try stage.server.cli("HGET", key, "u:7").contains("9 4000000000"))
  }

  @Test func `what is over, and what nobody of us wrote, is thrown away`() throws {
    let stage = try Stage()
    let key = "\(stage.cluster.prefix)sys:{control}:revoked"
    try stage.server.cli(
      "HSET", key, "u:good", "5 4000000000", "u:over", "5 1", "u:odd", "5", "u:words", "five ten",
      String(repeating: "x", count: 161), "5 4000000000")
    stage.harness.advance(.seconds(10))
    stage.harness.settle()
    _ = stage.harness.takeRevocations()
    try stage.server.cli("CLIENT", "KILL", "TYPE", "normal")
    var read: [(records: [RevocationRecord], isLast: Bool)] = []
    try stage.wait {
      read += stage.harness.takeRevocations()
      return read.last?.isLast == true
    }
    #expect(read.flatMap(\.records) == [Self.record("u:good", before: 5)])
    stage.harness.settle()
    #expect(try stage.server.cli("HKEYS", key).split(whereSeparator: \.isNewline) == ["u:good"])
  }

  // Whoever still knows it tells it again; for that it must be read.
  @Test func `a Redis that has lost its data is read again`() throws {
    let stage = try Stage()
    _ = try Self.revoke(Self.record("u:ada"), stage.harness)
    _ = stage.harness.takeRevocations()
    try stage.server.cli("FLUSHALL")
    var read: [(records: [RevocationRecord], isLast: Bool)] = []
    try stage.wait {
      stage.cluster.nodes[0].driver.backplane.nextProbe = .zero
      read += stage.harness.takeRevocations()
      return read.last?.isLast == true
    }
    #expect(read.flatMap(\.records).isEmpty)
  }

  @Test func `without a link a revocation is refused at once`() throws {
    let stage = try Stage()
    try stage.server.kill()
    try stage.wait { !stage.cluster.nodes[0].status.isConnected }
    let ticket = stage.harness.ticket(0)
    stage.harness.submit(.revoke(Self.record("u:ada"), ticket), on: 0)
    let events = stage.harness.take(0)
    guard case .failed(ticket, nil, .unavailable) = try #require(events.first) else {
      Issue.record("\(events)")
      return
    }
  }
}
