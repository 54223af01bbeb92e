// Either link is lost behind each step of a play, before or behind what the step has written, until a
// whole play was not touched. Nothing that the log has may be missing or come twice, and every question
// has one answer.

import RoostRooms
import TestSupport
import Testing

@testable import Backplane

extension RedisBackplaneTests {
  @Test(arguments: RedisLinkKind.allCases, [false, true])
  func `a link lost at any point costs no logged message, and every question has one answer`(
    link: RedisLinkKind, isBehindWriting: Bool
  ) throws {
    let server = try RedisServer(door: .none)
    var cut = 1
    while try FaultPlay(server, link, cut, isBehindWriting).isTouched() {
      cut += 1
      try #require(cut < 200, "the play does not end")
    }
    #expect(cut > 10, "hardly anything was cut")
  }
}

/// A play on two nodes, of which the first loses a link at one point.
private struct FaultPlay {
  private let cluster: RedisCluster
  private let harness: BackplaneHarness
  private let audience: Audience
  private let comment: Comment
  private let lobby: RoomName
  private let plain: RoomName
  private final class Count { var steps = 0 }
  private let count = Count()
  private let cut: Int

  init(_ server: RedisServer, _ link: RedisLinkKind, _ cut: Int, _ isBehindWriting: Bool) throws {
    var logged = RoomPolicy.logged()
    logged.presence = true
    logged.presenceEvents = true
    cluster = try RedisCluster(
      nodeCount: 2, shardCount: 2, policies: [logged, .plain], limits: .generous,
      url: server.unixURL)
    harness = BackplaneHarness(cluster, shardCount: 2)
    audience = Audience(harness)
    self.cut = cut
    comment = "cut \(cut) of \(link), \(isBehindWriting ? "behind" : "before") writing"
    lobby = try room("lobby")
    plain = try room("plain")
    cluster.fault = { [count] node, number, hasWritten in
      guard number == 0, hasWritten == isBehindWriting, node.driver.isDirty else { return }
      count.steps += 1
      if count.steps == cut { node.driver.backplane.closeWishes.append((link, "a fault")) }
    }
  }

  private func rest() {
    for _ in 0..<2 {
      cluster.tick(at: harness.now, wait: .milliseconds(1))
      harness.step()
    }
    audience.hear()
  }

  private func publish(
    _ text: String, in room: RoomName, policy: Int32 = 0, on shard: Int, isKeyed: Bool = false
  ) -> (ticket: UInt64, text: String) {
    let ticket = harness.ticket(shard)
    let key = isKeyed ? ScopedKey(scope: [1], key: Array(text.utf8)) : nil
    harness.submit(
      .publish(
        PublishCommand(
          room: room, policy: policy, payload: json(text), key: key, sender: nil, ticket: ticket)),
      on: shard)
    return (ticket.slot, text)
  }

  /// Plays; false when the cut came too late to be made.
  func isTouched() throws -> Bool {
    var sent: [(ticket: UInt64, text: String)] = []
    let first = audience.join(member(1), lobby, pageBytesMax: 8, on: 0)
    rest()
    let second = audience.join(member(2), lobby, pageBytesMax: 8, on: 1)
    audience.join(member(3), plain, policy: 1, pageBytesMax: 8, on: 0)
    rest()
    for number in 1...4 {
      sent.append(publish("\(number)", in: lobby, on: 0, isKeyed: number % 2 == 0))
      sent.append(publish("\(number) too", in: lobby, on: 1))
      sent.append(publish("\(number) plain", in: plain, policy: 1, on: 0, isKeyed: number == 3))
      rest()
    }
    let start = first.receipt?.position ?? second.receipt?.position
    audience.join(member(4), lobby, since: start, pageBytesMax: 8, on: 0)
    harness.submit(.presence(lobby, limit: 10, after: 0, ticket: harness.ticket(0)), on: 0)
    rest()
    for listener in audience.listeners { listener.readOn() }
    sent.append(publish("5", in: lobby, on: 0))
    rest()
    let reading = BackplaneCommand.history(
      lobby, policy: 0, since: nil, limit: 9, reverse: true, ticket: harness.ticket(0))
    harness.submit(reading, on: 0)
    harness.submit(.describe(lobby, policy: 0, ticket: harness.ticket(0)), on: 0)
    let leaving = audience.join(member(5), lobby, pageBytesMax: 8, on: 0)
    rest()
    leaving.leave()
    sent.append(publish("6", in: lobby, on: 1))
    audience.join(member(6), plain, policy: 1, pageBytesMax: 8, on: 0).leave()
    rest()
    cluster.fault = nil
    for _ in 0..<50 {
      audience.settle()
      for listener in audience.listeners { listener.readOn() }
    }
    audience.settle()
    try check(sent.filter { !$0.text.hasSuffix("plain") })
    return count.steps >= cut
  }

  private func check(_ sent: [(ticket: UInt64, text: String)]) throws {
    for ticket in 1...harness.tickets {
      #expect(audience.answers[ticket] == 1, "ticket \(ticket): \(comment)")
    }
    let log = try harness.history(lobby, on: 1)
    let payloads = log.entries.map(\.payload)
    #expect(log.entries.offsets == Array(1...log.position.offset), comment)
    #expect(Set(payloads).count == payloads.count, "something was logged twice, \(comment)")
    for message in sent {
      let place = payloads.firstIndex(of: json(message.text))
      switch audience.failures[message.ticket] {
      case nil:
        let told = audience.acknowledged[message.ticket]?.first.flatMap { $0?.offset }
        #expect(told == place.map { UInt64($0) + 1 }, "\(message.text): \(comment)")
      case .unknown: break
      case .unavailable: #expect(place == nil, "\(message.text): \(comment)")
      case let failure?: Issue.record("\(message.text): \(failure), \(comment)")
      }
    }
    for listener in audience.listeners where listener.room == lobby && listener.isLive {
      let who: Comment = "\(listener.member.connection), \(comment)"
      #expect(listener.resetTo == nil, who)
      let receipt = try #require(listener.receipt, who)
      let since = receipt.recovered == true ? listener.since : receipt.position
      let after = try #require(since, who).offset
      #expect(listener.seen == Array((after + 1)..<(log.position.offset + 1)), who)
      #expect(listener.payloads == Array(payloads.dropFirst(Int(after))), who)
    }
    let present = audience.listeners.filter { $0.room == lobby && $0.isLive }.map(\.member)
    let listed = try harness.presence(lobby, on: 1).members
    #expect(Set(listed) == Set(present) && listed.count == present.count, comment)
    let described = try harness.join(member(9), plain, policy: 1, on: 1).members
    let inPlain = audience.listeners.filter { $0.room == plain && $0.isLive }.count
    #expect(described == inPlain + 1, comment)
  }
}
