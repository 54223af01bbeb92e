// Connections that move between nodes, as the backplane sees them: a ticket is good once, a member
// that moves neither leaves nor joins, and whoever looks for it finds it.

import RoostRooms
import Synchronization
import TestSupport
import Testing

@testable import Backplane

extension RedisBackplaneTests {
  @Suite(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
  struct TicketTests {
    /// A connection of a node of the stage.
    private static func connection(_ node: Int, _ number: UInt32) -> ConnectionID {
      ConnectionID(process: UInt64(node + 1), shard: 0, slot: number, generation: 1)
    }

    private static func claim(
      _ number: UInt8, of node: Int, _ stage: Stage, incarnation: String? = nil
    ) -> TicketClaim {
      TicketClaim(
        id: [UInt8](repeating: number, count: 16),
        incarnation: incarnation ?? stage.cluster.nodes[node].driver.backplane.incarnation,
        member: connection(node, 1),
        expiresAt: stage.harness.now.wallMilliseconds / 1000 + 100)
    }

    private static func outcome(
      _ claim: TicketClaim, on node: Int, _ stage: Stage
    ) throws -> TicketOutcome {
      let ticket = stage.harness.ticket(node)
      let event = try stage.harness.ask(.claim(claim, ticket), ticket)
      guard case .claimed(_, let outcome) = event else { throw UnexpectedAnswer(event: event) }
      return outcome
    }

    // MARK: Tickets

    @Test func `all nodes have one secret, and know their own names`() throws {
      let stage = try Stage(3)
      stage.harness.settle()
      let nodes = stage.cluster.nodes
      func secrets() -> Set<[UInt8]?> { Set(nodes.map { $0.driver.backplane.ticketSecret }) }
      let first = secrets()
      #expect(first.count == 1 && first.first??.count == 64)
      let terms = try #require(stage.harness.terms[0])
      #expect(first == [terms.secret])
      #expect(nodes.contains { $0.driver.backplane.incarnation == terms.incarnation })
      // A Redis that forgot it gets another one.
      try stage.server.cli("FLUSHALL")
      try stage.wait { secrets().isDisjoint(with: first) }
      stage.harness.settle()
      #expect(secrets().count == 1)
      #expect(secrets() == [stage.harness.terms[0]?.secret])
    }

    @Test func `a ticket is accepted once, by whichever node is first`() throws {
      let stage = try Stage(3)
      let claim = Self.claim(1, of: 0, stage)
      #expect(
        try Self.outcome(claim, on: 1, stage) == .accepted(issuer: claim.incarnation))
      for node in 0..<3 { #expect(try Self.outcome(claim, on: node, stage) == .used) }
      #expect(
        try Self.outcome(Self.claim(2, of: 0, stage), on: 0, stage)
          == .accepted(issuer: claim.incarnation))
    }

    @Test func `a use is remembered for as long as the ticket lasts`() throws {
      let stage = try Stage(2)
      _ = try Self.outcome(Self.claim(0xAB, of: 0, stage), on: 1, stage)
      let name = "\(stage.cluster.prefix)sys:ticket:" + String(repeating: "ab", count: 16)
      let left = try #require(Int(try stage.server.cli("PTTL", name).filter(\.isNumber)))
      #expect((100_000...160_000).contains(left))
    }

    @Test func `nobody believes in a node that was never there`() throws {
      let stage = try Stage(2)
      let claim = Self.claim(1, of: 0, stage, incarnation: "node-9~0123456789abcdef")
      #expect(try Self.outcome(claim, on: 1, stage) == .outlived)
    }

    @Test func `a ticket outlives its node by two minutes`() throws {
      let stage = try Stage(2)
      let claim = Self.claim(1, of: 0, stage)
      let name = claim.incarnation
      for (seen, died, isGood) in [
        (Duration.seconds(119), nil, true), (.seconds(121), nil, false),
        (.seconds(500), Int64(119), true), (.seconds(500), 121, false),
      ] as [(Duration, Int64?, Bool)] {
        let node = stage.cluster.nodes[1]
        stage.cluster.frozen = [0]
        node.driver.backplane.nextLook = .seconds(1 << 40)
        node.driver.backplane.nodes[name]?.isAlive = false
        let now = node.driver.backplane.nowMonotonic
        node.driver.backplane.nodes[name]?.seenAt = now - seen
        node.driver.backplane.nodes[name]?.diedAt = died.map {
          stage.harness.now.wallMilliseconds / 1000 - $0
        }
        let number = UInt8(truncatingIfNeeded: seen.components.seconds)
        let claim = Self.claim(number, of: 0, stage)
        let expected = isGood ? TicketOutcome.accepted(issuer: nil) : .outlived
        let outcome = try Self.outcome(claim, on: 1, stage)
        #expect(outcome == expected || outcome == .used, "\(seen) \(died ?? -1)")
      }
    }

    @Test func `while Redis is away no ticket is judged`() throws {
      let stage = try Stage(2) { $0.replyTimeout = .milliseconds(500) }
      let claim = Self.claim(1, of: 0, stage)
      let ticket = stage.harness.ticket(1)
      stage.server.pause()
      stage.harness.submit(.claim(claim, ticket), on: 1)
      try stage.wait { stage.harness.inboxes[1].contains { $0.ticket == ticket } }
      #expect(stage.harness.take(1).contains(.claimed(ticket, .undecided)))
      let other = stage.harness.ticket(1)
      stage.harness.submit(.claim(claim, other), on: 1)
      #expect(stage.harness.take(1).contains(.claimed(other, .undecided)))
      stage.server.resume()
    }

    // MARK: Presence

    @Test func `who moves neither leaves nor joins`() throws {
      let stage = try Stage(3, [.known])
      let lobby = try room("lobby")
      let mover = Member(connection: Self.connection(0, 1), user: "ann", info: nil)
      let seat = Self.connection(1, 7)
      try stage.harness.join(member(9), lobby, on: 2)
      try stage.harness.join(mover, lobby, on: 0)
      _ = stage.harness.takeAll()
      // The pair is one member.
      #expect(try stage.harness.join(mover, lobby, seat: seat, on: 1).members == 2)
      #expect(Set(try stage.harness.presence(lobby).members) == [mover, member(9)])
      #expect(try stage.harness.presence(lobby).members.count == 2)
      stage.harness.submit(.leave(lobby, mover.connection, shard: 0), on: 0)
      stage.harness.settle()
      stage.harness.sweep()
      #expect(stage.harness.isSilent())
      #expect(Set(try stage.harness.presence(lobby).members) == [mover, member(9)])
      // When it goes, it goes.
      stage.harness.submit(.leave(lobby, seat, shard: 1), on: 1)
      stage.harness.settle()
      #expect(stage.harness.take(2) == [.memberLeft(lobby, mover)])
      #expect(try stage.harness.presence(lobby).members == [member(9)])
      #expect(try stage.harness.join(member(8), lobby, on: 0).members == 2)
    }

    @Test func `who comes after it has left joins anew`() throws {
      let stage = try Stage(2, [.known])
      let lobby = try room("lobby")
      let mover = Member(connection: Self.connection(0, 1), user: nil, info: nil)
      try stage.harness.join(member(9), lobby, on: 1)
      try stage.harness.join(mover, lobby, on: 0)
      stage.harness.leave(mover, lobby)
      _ = stage.harness.takeAll()
      try stage.harness.join(mover, lobby, seat: Self.connection(1, 7), on: 1)
      #expect(stage.harness.take(1) == [.memberJoined(lobby, mover)])
    }

    @Test(arguments: [true, false])
    func `within one node it is the same, whichever of both goes first`(oldFirst: Bool) throws {
      let stage = try Stage(2, [.known])
      let lobby = try room("lobby")
      let mover = Member(connection: Self.connection(0, 1), user: nil, info: nil)
      let seats = [mover.connection, Self.connection(0, 2)]
      try stage.harness.join(member(9), lobby, on: 1)
      try stage.harness.join(mover, lobby, on: 0)
      _ = stage.harness.takeAll()
      #expect(try stage.harness.join(mover, lobby, seat: seats[1], on: 0).members == 2)
      for (place, seat) in (oldFirst ? seats : seats.reversed()).enumerated() {
        stage.harness.submit(.leave(lobby, seat, shard: 0), on: 0)
        stage.harness.settle()
        if place == 0 { stage.harness.sweep() }
        _ = stage.harness.take(0)
        #expect(stage.harness.take(1) == (place == 0 ? [] : [.memberLeft(lobby, mover)]))
      }
      #expect(try stage.harness.presence(lobby).members == [member(9)])
      #expect(stage.cluster.nodes[0].driver.backplane.rooms[lobby]?.guests.isEmpty != false)
    }

    // A leave waits behind what its connection published; meanwhile the same member came back.
    @Test func `a leave that waits takes nobody away who is back`() throws {
      let stage = try Stage(2, [.known])
      let lobby = try room("lobby")
      let mover = Member(connection: Self.connection(0, 1), user: nil, info: nil)
      try stage.harness.join(member(9), lobby, on: 1)
      try stage.harness.join(mover, lobby, on: 0)
      _ = stage.harness.takeAll()
      stage.harness.submit(.leave(lobby, mover.connection, shard: 0), on: 0)
      try stage.harness.join(mover, lobby, seat: Self.connection(0, 2), on: 0)
      stage.harness.settle()
      #expect(stage.harness.isSilent())
      #expect(Set(try stage.harness.presence(lobby).members) == [mover, member(9)])
    }

    @Test func `a room that is full has room for who is in it already`() throws {
      let stage = try Stage(2, [.known.members(max: 2)])
      let lobby = try room("lobby")
      let mover = Member(connection: Self.connection(0, 1), user: nil, info: nil)
      try stage.harness.join(member(9), lobby, on: 1)
      try stage.harness.join(mover, lobby, on: 0)
      #expect(throws: BackplaneFailure.roomIsFull) {
        try stage.harness.join(member(8), lobby, on: 1)
      }
      let seat = Self.connection(1, 7)
      #expect(try stage.harness.join(mover, lobby, seat: seat, on: 1).members == 2)
      let stranger = Member(connection: Self.connection(0, 5), user: nil, info: nil)
      #expect(throws: BackplaneFailure.roomIsFull) {
        try stage.harness.join(stranger, lobby, seat: Self.connection(1, 8), on: 1)
      }
    }

    @Test func `a lost link, and data that is gone, leave a member where it has moved to`() throws {
      let stage = try Stage(3, [.known])
      let lobby = try room("lobby")
      let mover = Member(connection: Self.connection(0, 1), user: nil, info: nil)
      let seat = Self.connection(1, 7)
      try stage.harness.join(member(9), lobby, on: 2)
      try stage.harness.join(mover, lobby, on: 0)
      try stage.harness.join(mover, lobby, seat: seat, on: 1)
      _ = stage.harness.takeAll()
      for node in 0...1 {
        stage.cluster.nodes[node].driver.backplane.closeWishes.append((.commands, "a fault"))
        let room = try #require(stage.cluster.nodes[node].driver.backplane.rooms[lobby])
        stage.cluster.nodes[node].driver.backplane.needsRegistration(room)
        stage.harness.settle()
      }
      #expect(Set(try stage.harness.presence(lobby).members) == [mover, member(9)])
      #expect(try stage.harness.presence(lobby).members.count == 2)
      try stage.server.cli("FLUSHALL")
      for _ in 0..<3 { stage.harness.settle() }
      #expect(try stage.harness.presence(lobby).members.count == 2)
      _ = stage.harness.takeAll()
      stage.harness.submit(.leave(lobby, mover.connection, shard: 0), on: 0)
      stage.harness.settle()
      #expect(stage.harness.isSilent())
      #expect(Set(try stage.harness.presence(lobby).members) == [mover, member(9)])
    }

    // MARK: Finding

    @Test func `whoever looks for a connection finds it where it has moved to`() throws {
      let stage = try Stage(3)
      let mover = Self.connection(0, 1)
      #expect(
        stage.cluster.nodes[2].driver.backplane.holders(of: mover).count == 1)
      _ = try Self.outcome(Self.claim(1, of: 0, stage), on: 1, stage)
      try stage.wait {
        stage.cluster.nodes[2].driver.backplane.holders(of: mover).count == 2
          && stage.cluster.nodes[0].status.hasMovedAway.load(ordering: .relaxed)
      }
      let ticket = stage.harness.ticket(2)
      _ = stage.harness.takeAll()
      Self.ask(.connection(mover), ticket, stage)
      // Its node, and the one that it has moved to.
      #expect(try Self.answerAll(2, stage) == ["node-0", "node-1"])
      guard case .answered(ticket, let answers)? = stage.harness.take(2).first else {
        Issue.record("no answer")
        return
      }
      #expect(answers.answers.map(\.node).sorted() == ["node-0", "node-1"])
    }

    @Test func `one run of a node can be asked`() throws {
      let stage = try Stage(2)
      let name = stage.cluster.nodes[1].driver.backplane.incarnation
      _ = stage.harness.takeAll()
      let ticket = stage.harness.ticket(1)
      Self.ask(.incarnation(name), ticket, stage)
      #expect(try Self.answerAll(1, stage) == ["node-1"])
      #expect(stage.harness.take(1).contains { $0.ticket == ticket })
    }

    private static func ask(
      _ audience: ClusterAudience, _ ticket: ReplyTicket, _ stage: Stage
    ) {
      stage.harness.submit(
        .ask(ClusterQuestion(audience: audience, text: Array("{}".utf8), ticket: ticket)),
        on: ticket.shard)
    }

    /// Waits for so many nodes that are asked, and lets each answer; their ids.
    private static func answerAll(_ count: Int, _ stage: Stage) throws -> [String] {
      try stage.wait {
        stage.harness.inboxes[0].count { if case .asked = $0 { true } else { false } } == count
      }
      var names: [String] = []
      for node in stage.cluster.nodes.indices {
        let heard = stage.cluster.nodes[node].driver.backplane.seenQuestions.keys
        for question in heard {
          names.append("node-\(node)")
          stage.harness.submit(.answer(question, Array("{}".utf8)), on: node)
        }
      }
      stage.harness.settle()
      return names
    }

    // MARK: Mids

    @Test func `a message has one mid on every node, live and in the log`() throws {
      let stage = try Stage(3, [.logged(), .plain])
      let lobby = try room("lobby")
      let hall = try room("hall")
      for shard in 0..<3 {
        try stage.harness.join(member(UInt32(shard)), lobby, on: shard)
        try stage.harness.join(member(UInt32(shard)), hall, policy: 1, on: shard)
      }
      for room in [(lobby, Int32(0)), (hall, 1)] {
        _ = stage.harness.takeMids()
        for number in 0..<4 {
          try stage.harness.publish(json("\(number)"), in: room.0, policy: room.1, on: number % 3)
        }
        stage.harness.settle()
        let mids = stage.harness.takeMids()
        #expect(mids.count == 12 && Set(mids).count == 4 && !mids.contains(0))
      }
    }
  }
}
