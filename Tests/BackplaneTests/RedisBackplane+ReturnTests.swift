// Nodes that come back under a new incarnation, and members that come while Redis is away: who is there
// is told to all, and who is not to nobody.

import RoostRooms
import TestSupport
import Testing

@testable import Backplane

extension RedisBackplaneTests {
  @Suite(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
  struct ReturnTests {
    /// Nobody judges others within the time of a test.
    private static func patientStage(_ nodes: Int) throws -> Stage {
      try Stage(nodes, [.known]) { $0.leaseLife = .seconds(60) }
    }

    /// The script that writes a member as a node writes it.
    private static func script(writing member: Member) -> String {
      let text = RedisEnvelopeTests.bytes(member).map {
        "\\\($0 < 100 ? "0" : "")\($0 < 10 ? "0" : "")\($0)"
      }
      return "return redis.call('HSET', KEYS[1], '\(member.connection)', '\(text.joined())')"
    }

    /// Has members join on the first node, and everybody be told: what it has of the room.
    private static func settled(
      _ name: RoomName, _ members: [UInt32], _ stage: Stage
    ) throws -> RedisRoom {
      for number in members { try stage.harness.join(member(number), name) }
      stage.harness.settle()
      _ = stage.harness.takeAll()
      return try #require(stage.cluster.nodes[0].driver.backplane.rooms[name])
    }

    /// Has the last member leave, and the first node forget the room: what it had of it.
    private static func forget(
      _ name: RoomName, of last: Member, _ stage: Stage
    ) throws -> RedisRoom {
      let node = stage.cluster.nodes[0]
      let room = try #require(node.driver.backplane.rooms[name])
      stage.harness.submit(.leave(name, last.connection, shard: 0), on: 0)
      try stage.wait { node.driver.backplane.rooms[name] == nil }
      return room
    }

    private static func lease(_ node: Int, _ stage: Stage) -> String {
      let incarnation = stage.cluster.nodes[node].driver.backplane.incarnation
      return "\(stage.cluster.prefix)sys:node:\(incarnation)"
    }

    // A Redis that was away for longer than a lease ends all of them. Members that went meanwhile stood
    // under the old incarnation until others had been well for 5 s, longer on a busy machine, and whoever
    // read a list in between took them for there.
    @Test func `what an earlier incarnation left goes with the new one`() throws {
      let stage = try Self.patientStage(2)
      let lobby = try room("lobby")
      try stage.harness.join(member(1), lobby, on: 0)
      try stage.harness.join(member(2), lobby, on: 1)
      _ = stage.harness.takeAll()
      let before = stage.cluster.nodes[0].driver.backplane.incarnation
      let left = BackplaneEvent.memberLeft(lobby, member(9))
      try stage.server.cli(
        "EVAL", Self.script(writing: member(9)), "1", stage.key("lobby", "members:\(before)"))
      #expect(Set(try stage.harness.presence(lobby).members) == [member(1), member(2), member(9)])
      try stage.server.cli("DEL", Self.lease(0, stage))
      var told: [[BackplaneEvent]] = [[], []]
      let key = stage.key("lobby", "members:\(before)")
      try stage.wait {
        for node in 0...1 { told[node] += stage.harness.take(node).filter { $0 != .gap(lobby) } }
        let isGone = (try? stage.server.cli("EXISTS", key))?.contains("0") == true
        return isGone && told.allSatisfy { !$0.isEmpty }
      }
      // Lists were without the node's members for a moment, so that everybody reads again. A comparison
      // that sees an event's number before it comes says the same, in its place.
      for node in 0...1 {
        #expect(told[node][0] == .presenceReset(lobby))
        #expect(told[node].allSatisfy { [left, .presenceReset(lobby)].contains($0) })
      }
      #expect(Set(try stage.harness.presence(lobby).members) == [member(1), member(2)])
    }

    // Whoever had read the list while its node was dead was never told of a member that moved then.
    @Test func `who moves away from a dead node is told to have come`() throws {
      let stage = try Self.patientStage(3)
      let lobby = try room("lobby")
      try stage.harness.join(member(1), lobby, on: 0)
      try stage.harness.join(member(2), lobby, on: 2)
      let name = stage.cluster.nodes[0].driver.backplane.incarnation
      stage.cluster.frozen = [0]
      try stage.server.cli("DEL", Self.lease(0, stage))
      try stage.wait {
        stage.cluster.nodes[1...].allSatisfy { $0.driver.backplane.dead == [name] }
      }
      _ = stage.harness.takeAll()
      #expect(try stage.harness.presence(lobby, on: 2).members == [member(2)])
      let seat = ConnectionID(process: 2, shard: 0, slot: 7, generation: 1)
      try stage.harness.join(member(1), lobby, seat: seat, on: 1)
      #expect(stage.harness.take(2) == [.memberJoined(lobby, member(1))])
      #expect(Set(try stage.harness.presence(lobby, on: 2).members) == [member(1), member(2)])
    }

    // A room that is not in its node's set would keep its members for ever when the node dies.
    @Test func `a room that could not be put into the node's set is put there later`() throws {
      let stage = try Self.patientStage(1)
      let lobby = try room("lobby")
      try stage.server.cli("CONFIG", "SET", "maxmemory", "1")
      #expect(throws: BackplaneFailure.self) { try stage.harness.join(member(1), lobby) }
      try stage.server.cli("CONFIG", "SET", "maxmemory", "0")
      stage.harness.sweep()
      try stage.harness.join(member(1), lobby)
      #expect(try stage.server.cli("SMEMBERS", "\(Self.lease(0, stage)):rooms").contains("lobby"))
    }

    // A join and the room's first place in the set went with the link, though Redis had taken both, and
    // its client left before there was another one: nobody is in the room here, and Redis has a member.
    @Test func `an empty room whose place in the set was lost with the link keeps nobody`() throws {
      let stage = try Self.patientStage(1)
      let lobby = try room("lobby")
      try stage.harness.join(member(1), lobby)
      let node = stage.cluster.nodes[0]
      let key = stage.membersKey("lobby")
      try stage.server.cli("EVAL", Self.script(writing: member(9)), "1", key)
      let room = try #require(node.driver.backplane.rooms[lobby])
      room.listing = .none
      node.driver.backplane.list(room, node.driver.backplane.nowMonotonic)
      node.driver.backplane.closeWishes.append((.commands, "a fault"))
      stage.harness.submit(.leave(lobby, member(1).connection, shard: 0), on: 0)
      try stage.waitForEnd(of: key)
    }

    // Redis was killed with a leave that it had not written, and was back within a lease: with another
    // life of Redis all rooms were written anew, but for those in which nobody was left here.
    @Test func `an empty room keeps nobody of whom Redis's next life knows`() throws {
      let stage = try Stage(1, [.known]) {
        $0.leaseLife = .seconds(60)
        $0.linger = .seconds(60)
      }
      let lobby = try room("lobby")
      try stage.harness.join(member(1), lobby)
      let node = stage.cluster.nodes[0]
      let key = stage.membersKey("lobby")
      stage.harness.submit(.leave(lobby, member(1).connection, shard: 0), on: 0)
      try stage.waitForEnd(of: key)
      try stage.server.cli("EVAL", Self.script(writing: member(1)), "1", key)
      node.driver.backplane.era = Array("another life".utf8)
      try stage.waitForEnd(of: key)
    }

    // Its registration was on its way when its time to linger was over, and went with the link.
    @Test func `a room that was given up keeps nobody whom a lost link has left there`() throws {
      let stage = try Self.patientStage(1)
      let lobby = try room("lobby")
      try stage.harness.join(member(1), lobby)
      let node = stage.cluster.nodes[0]
      let room = try Self.forget(lobby, of: member(1), stage)
      let key = stage.membersKey("lobby")
      try stage.server.cli("EVAL", Self.script(writing: member(1)), "1", key)
      // Never a whole command: nothing answers it.
      node.driver.backplane.pipe.begin(1, .register(room), at: node.driver.backplane.nowMonotonic)
      node.driver.backplane.closeWishes.append((.commands, "a fault"))
      try stage.waitForEnd(of: key)
    }

    // A link that had stood still for seconds was given up, and what it had sent came to Redis behind what
    // the next one sent: members that had gone meanwhile were put back.
    @Test func `a new link has Redis end the ones before it`() throws {
      let stage = try Self.patientStage(2)
      let node = stage.cluster.nodes[0]
      let other = stage.cluster.nodes[1]
      let numbers = [node, other].map { $0.driver.backplane.linkNumber }
      let own = try #require(numbers[0])
      let number = try #require(numbers[1])
      #expect(own != number)
      // The other node's link stands for one that Redis has not heard the end of.
      node.driver.backplane.earlierLinks = [number]
      let incarnation = node.driver.backplane.incarnation
      node.driver.backplane.closeWishes.append((.commands, "a fault"))
      try stage.wait {
        guard let new = other.driver.backplane.linkNumber else { return false }
        return new != number && node.driver.backplane.isCommandReady
          && node.driver.backplane.earlierLinks.isEmpty
      }
      #expect(node.driver.backplane.incarnation == incarnation)
      #expect(node.driver.backplane.linkNumber != own)
    }

    @Test func `where a link may end no other the node begins anew under another name`() throws {
      let stage = try Self.patientStage(1)
      let lobby = try room("lobby")
      try stage.harness.join(member(1), lobby)
      let node = stage.cluster.nodes[0]
      let incarnation = node.driver.backplane.incarnation
      try stage.server.cli("ACL", "SETUSER", "default", "-client|kill")
      defer { _ = try? stage.server.cli("ACL", "SETUSER", "default", "+client|kill") }
      node.driver.backplane.closeWishes.append((.commands, "a fault"))
      let key = stage.key("lobby", "members:\(incarnation)")
      try stage.waitForEnd(of: key)
      #expect(node.driver.backplane.incarnation != incarnation)
      #expect(try stage.harness.presence(lobby).members == [member(1)])
    }

    // Behind a lost link a room could be forgotten while it stood among those whose channel lingers. Who came
    // then was in a new one, which was forgotten in the old one's place: its members were given nothing
    // more, and their leaves were lost.
    @Test func `a room that was forgotten before does not take the present one with it`() throws {
      let stage = try Self.patientStage(1)
      let lobby = try room("lobby")
      try stage.harness.join(member(1), lobby)
      let node = stage.cluster.nodes[0]
      let old = try Self.forget(lobby, of: member(1), stage)
      try stage.harness.join(member(2), lobby)
      node.driver.backplane.lingering.append(old)
      try stage.wait { node.driver.backplane.lingering.isEmpty }
      #expect(node.driver.backplane.rooms[lobby] != nil)
      stage.harness.submit(.leave(lobby, member(2).connection, shard: 0), on: 0)
      let key = stage.membersKey("lobby")
      try stage.waitForEnd(of: key)
    }

    // A registration that left behind a join named its member, and the join was refused: the number of
    // members was put right, the member stayed.
    @Test func `who is refused while the room is registered does not stay in the list`() throws {
      var small = RoomPolicy.known
      small.membersMax = 1
      let stage = try Stage(1, [small]) { $0.leaseLife = .seconds(60) }
      let lobby = try room("lobby")
      try stage.harness.join(member(1), lobby)
      let node = stage.cluster.nodes[0]
      let room = try #require(node.driver.backplane.rooms[lobby])
      let key = stage.membersKey("lobby")
      // As the registration leaves it that is on its way behind the join.
      try stage.server.cli("EVAL", Self.script(writing: member(2)), "1", key)
      room.registersInFlight = 1
      #expect(throws: BackplaneFailure.roomIsFull) { try stage.harness.join(member(2), lobby) }
      room.registersInFlight = 0
      stage.harness.settle()
      #expect(try stage.harness.presence(lobby).members == [member(1)])
    }

    // What a node sends while others clear it away stood in a room that was in its set no more: nobody
    // ever looked there, and behind an hour the room's list showed who had long gone.
    @Test func `what was written behind the clearing goes although it is in no set`() throws {
      let stage = try Self.patientStage(1)
      let lobby = try room("lobby")
      try stage.harness.join(member(1), lobby)
      let node = stage.cluster.nodes[0]
      let key = stage.membersKey("lobby")
      let rooms = "\(Self.lease(0, stage)):rooms"
      #expect(try stage.server.cli("SREM", rooms, "lobby").contains("1"))
      try stage.server.cli("EVAL", Self.script(writing: member(9)), "1", key)
      try stage.server.cli("DEL", Self.lease(0, stage))
      try stage.waitForEnd(of: key)
      try stage.wait { node.driver.backplane.abandoned.isEmpty }
      #expect(try stage.harness.presence(lobby).members == [member(1)])
    }

    // A node that stood still for two seconds was taken for dead: the others told that its members had
    // gone, which it knew better and told nobody. Who left before they were written anew stood nowhere,
    // and nobody here was told of that either.
    @Test func `who is told to have gone too early is told of when it goes`() throws {
      let stage = try Self.patientStage(2)
      let lobby = try room("lobby")
      for number in UInt32(1)...2 { try stage.harness.join(member(number), lobby) }
      try stage.harness.join(member(3), lobby, on: 1)
      stage.harness.settle()
      _ = stage.harness.takeAll()
      let node = stage.cluster.nodes[0]
      let other = stage.cluster.nodes[1]
      other.driver.backplane.reap(
        node.driver.backplane.incarnation, other.driver.backplane.nowMonotonic)
      var told: [BackplaneEvent] = []
      try stage.wait {
        told += stage.harness.take(1)
        return told.count == 2 && node.driver.backplane.rooms[lobby]?.unsaid.count == 2
      }
      for number in UInt32(1)...2 { #expect(told.contains(.memberLeft(lobby, member(number)))) }
      #expect(stage.harness.take(0).isEmpty)
      stage.harness.submit(.leave(lobby, member(1).connection, shard: 0), on: 0)
      stage.harness.settle()
      #expect(stage.harness.takeAll() == [[.memberLeft(lobby, member(1))], []])
      #expect(node.driver.backplane.rooms[lobby]?.unsaid == [member(2).connection])
    }

    @Test func `who is told to have gone too early and to be there again goes as everybody`() throws
    {
      let stage = try Self.patientStage(1)
      let lobby = try room("lobby")
      for number in UInt32(1)...2 { try stage.harness.join(member(number), lobby) }
      stage.harness.settle()
      _ = stage.harness.takeAll()
      let channel = stage.cluster.nodes[0].driver.backplane.names.channel(lobby)
      let bytes = RedisEnvelopeTests.bytes(member(1))
      stage.cluster.hear(Array("L3:".utf8) + bytes, on: channel, at: stage.harness.now)
      stage.cluster.hear(Array("J4:".utf8) + bytes, on: channel, at: stage.harness.now)
      try stage.server.cli("HSET", stage.key("lobby", "meta"), "pseq", "4")
      stage.harness.step()
      #expect(stage.harness.take(0) == [.memberJoined(lobby, member(1))])
      stage.harness.submit(.leave(lobby, member(1).connection, shard: 0), on: 0)
      stage.harness.settle()
      #expect(stage.harness.take(0) == [.memberLeft(lobby, member(1))])
    }

    // Redis was killed with an event that it had not written, and gave its number to the next one: both
    // sides had the same number, and nobody read the list again.
    @Test func `in another life of Redis members read the list again, whatever the numbers`() throws
    {
      let stage = try Self.patientStage(1)
      let lobby = try room("lobby")
      let room = try Self.settled(lobby, [1, 2], stage)
      #expect(room.sequence == 2)
      stage.cluster.nodes[0].driver.backplane.era = Array("another life".utf8)
      var told: [BackplaneEvent] = []
      try stage.wait {
        told += stage.harness.take(0)
        return !told.isEmpty
      }
      stage.harness.settle()
      #expect(told + stage.harness.take(0) == [.presenceReset(lobby)])
      #expect(room.sequence == 2)
    }

    // The first event behind a lost link was taken for the beginning by members that had seen none, and
    // the comparison, which came later, found nothing.
    @Test func `the first event behind a lost link tells nothing of those before it`() throws {
      let stage = try Self.patientStage(1)
      let lobby = try room("lobby")
      let node = stage.cluster.nodes[0]
      let room = try Self.settled(lobby, [1], stage)
      room.sequence = nil
      room.isDoubtful = true
      stage.cluster.hear(
        Array("J7:".utf8) + RedisEnvelopeTests.bytes(member(2)),
        on: node.driver.backplane.names.channel(lobby), at: stage.harness.now)
      stage.harness.step()
      #expect(stage.harness.take(0) == [.presenceReset(lobby), .memberJoined(lobby, member(2))])
    }

    // It waited for its event's number until others had come so far.
    @Test func `a join whose event Redis has lost is answered`() throws {
      let stage = try Self.patientStage(1)
      let lobby = try room("lobby")
      let node = stage.cluster.nodes[0]
      let room = try Self.settled(lobby, [1], stage)
      let ticket = stage.harness.ticket(0)
      let command = JoinCommand(
        room: lobby, policy: 0, member: member(2), since: nil, pageBytesMax: 100, ticket: ticket)
      let now = node.driver.backplane.nowMonotonic
      let answer = JoinAnswer(members: 2, position: nil, recovered: nil, missed: [], sequence: 50)
      room.working().joins.append(
        PendingJoin(
          number: 99, command: command, since: now, stage: .arrived(answer), nextLook: now))
      node.driver.backplane.waitingJoins += 1
      node.driver.backplane.busyRooms.append(room)
      var told: [BackplaneEvent] = []
      try stage.wait {
        told += stage.harness.take(0)
        return told.contains { $0.ticket == ticket }
      }
    }

    // A node whose clock was an hour ahead forgot for all which incarnations were dead, and what had been
    // taken back.
    @Test func `a node whose clock is ahead forgets nothing that the others need`() throws {
      let stage = try Stage(1, [.known]) { $0.usesOwnClock = false }
      let node = stage.cluster.nodes[0]
      let seconds = Int64(try stage.server.cli("TIME").prefix { $0.isNumber }) ?? 0
      let table = "\(stage.cluster.prefix)sys:nodes"
      let dead = "node-9~0000000000000001"
      try stage.server.cli("HSET", table, dead, "dead@\(seconds) 9 node-9")
      let ahead = (seconds + 7200) * 1000
      stage.harness.advance(.milliseconds(ahead - stage.harness.now.wallMilliseconds))
      try stage.wait { node.driver.backplane.nodes[dead]?.isBuried == true }
      #expect(node.driver.backplane.wallMilliseconds > (seconds + 3600) * 1000)
      #expect((seconds - 5...seconds + 60).contains(node.driver.backplane.sharedSeconds))
      stage.harness.settle()
      #expect(try stage.server.cli("HEXISTS", table, dead).contains("1"))
    }

    @Test func `a number of members that Redis was too full for is written later`() throws {
      let stage = try Stage(1, [.plain])
      let lobby = try room("lobby")
      for number in UInt32(1)...3 { try stage.harness.join(member(number), lobby) }
      let node = stage.cluster.nodes[0]
      try stage.server.cli("CONFIG", "SET", "maxmemory", "1")
      stage.harness.submit(.leave(lobby, member(1).connection, shard: 0), on: 0)
      try stage.wait { node.driver.backplane.refusedRegistrations.count == 1 }
      try stage.server.cli("CONFIG", "SET", "maxmemory", "0")
      stage.harness.sweep()
      let incarnation = node.driver.backplane.incarnation
      try stage.wait {
        (try? stage.server.cli("HGET", stage.key("lobby", "nodes"), incarnation))?.contains("2")
          == true
      }
    }

    @Test func `who came while Redis was away is told of on the own node, too`() throws {
      let stage = try Stage(1, [.known]) { $0.replyTimeout = .milliseconds(500) }
      let lobby = try room("lobby")
      try stage.harness.join(member(1), lobby)
      try stage.server.kill()
      let node = stage.cluster.nodes[0]
      try stage.wait { node.driver.backplane.isAway(node.driver.backplane.nowMonotonic) }
      _ = stage.harness.takeAll()
      let ticket = stage.harness.ticket(0)
      stage.harness.submit(
        .join(
          JoinCommand(
            room: lobby, policy: 0, member: member(2), since: nil, pageBytesMax: 100, ticket: ticket
          )
        ), on: 0)
      stage.harness.step()
      #expect(stage.harness.take(0).contains { $0.ticket == ticket })
      try stage.server.restart()
      var told: [BackplaneEvent] = []
      try stage.wait {
        told += stage.harness.take(0)
        // A comparison may have seen the event's number before it came.
        return told.contains(.memberJoined(lobby, member(2)))
          || told.contains(.presenceReset(lobby))
      }
    }
  }
}
