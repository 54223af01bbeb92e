// Tickets: rules 27 and 28. The secret that signs them is made once for the cluster; a ticket
// counts for as long as the run of the node that made it, and two minutes more; `SET NX` sees to it
// that none is used twice.

import RoostCrypto
import RoostRooms
import Telemetry

extension RedisBackplane {
  /// How long tickets outlive the run of the node that made them.
  static var ticketAfterlife: Duration { .seconds(120) }
  /// Processes whose connections have come here that others are told of.
  static var adoptedMax: Int { 64 }

  // MARK: The secret

  /// Makes the cluster's secret, unless it has one, and reads which it is.
  mutating func readTicketSecret(_ now: Duration) {
    var fresh = [UInt8](repeating: 0, count: 32)
    RandomBytes.fill(&fresh)
    pipe.begin(4, .nothing, at: now)
    pipe.add("SET")
    pipe.add(names.system("resume:secret"))
    pipe.add(Self.hexadecimal(fresh[...]))
    pipe.add("NX")
    pipe.begin(2, .ticketSecret, at: now)
    pipe.add("GET")
    pipe.add(names.system("resume:secret"))
  }

  mutating func ticketSecretRead(
    _ reply: RedisReply, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard reply.kind(0) != .error else { return handleRefusal(reply, now) }
    let secret = reply.array(0)
    // Whatever else stands there was not written by a node.
    guard reply.kind(0) == .bulk, (32...256).contains(secret.count) else { return }
    ticketSecret = secret
    tellResumption(&outbox)
  }

  /// Tells the shards what tickets are made with.
  mutating func tellResumption(_ outbox: inout BackplaneOutbox) {
    guard let ticketSecret else { return }
    let terms = ResumptionTerms(incarnation: incarnation, secret: ticketSecret)
    for shard in 0..<settings.shardCount {
      outbox.items.append(.event(shard: shard, .resumption(terms)))
    }
  }

  // MARK: Claiming

  /// Uses a ticket up, if the run of the node that made it counts.
  mutating func claim(
    _ claim: TicketClaim, _ ticket: ReplyTicket, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard isCommandReady else { return answer(ticket, .claimed(ticket, .undecided), &outbox) }
    guard counts(claim.incarnation, now) else {
      return answer(ticket, .claimed(ticket, .outlived), &outbox)
    }
    let left = claim.expiresAt - wallMilliseconds / 1000
    pipe.begin(6, .claim(claim, ticket), at: now)
    pipe.add("SET")
    pipe.add(
      names.system("ticket:" + String(decoding: Self.hexadecimal(claim.id[...]), as: UTF8.self)))
    pipe.add(incarnation)
    pipe.add("NX")
    pipe.add("PX")
    // A minute more, because nodes' clocks differ.
    pipe.add(Int(clamping: max(left, 1) * 1000 + 60_000))
  }

  mutating func claimAnswered(
    _ claim: TicketClaim, _ ticket: ReplyTicket, _ reply: RedisReply, _ now: Duration,
    _ outbox: inout BackplaneOutbox
  ) {
    guard reply.kind(0) != .error else {
      handleRefusal(reply, now)
      return answer(ticket, .claimed(ticket, .undecided), &outbox)
    }
    guard reply.equals(0, "OK") else { return answer(ticket, .claimed(ticket, .used), &outbox) }
    adopt(claim.member.process, now)
    answer(ticket, .claimed(ticket, .accepted(issuer: present(claim.incarnation))), &outbox)
  }

  /// Whether a run of a node lives, or was alive a moment ago.
  private func counts(_ name: String, _ now: Duration) -> Bool {
    if present(name) != nil { return true }
    guard let node = nodes[name] else { return false }
    if let seenAt = node.seenAt, now - seenAt <= Self.ticketAfterlife { return true }
    // It was dead before this node could see it.
    guard let diedAt = node.diedAt else { return false }
    return sharedSeconds - diedAt <= Self.ticketAfterlife.components.seconds
  }

  /// Under which name a run of a node is there now; nil when it is not.
  private func present(_ name: String) -> String? {
    if name == incarnation || ownIncarnations.contains(name) { return incarnation }
    return nodes[name]?.isAlive == true ? name : nil
  }

  // MARK: Who holds what came from elsewhere

  /// A connection of a process has moved here: the others have to look for it here, too.
  private mutating func adopt(_ process: UInt64, _ now: Duration) {
    guard process != settings.process, !adopted.contains(process) else { return }
    adopted.append(process)
    if adopted.count > Self.adoptedMax { adopted.removeFirst() }
    writeNode(now)
  }

  /// Writes what the table of nodes says of this one.
  mutating func writeNode(_ now: Duration) {
    pipe.begin(4, .nothing, at: now)
    pipe.add("HSET")
    pipe.add(names.system("nodes"))
    pipe.add(incarnation)
    let guests = adopted.map { String($0, radix: 16) }.joined(separator: ",")
    pipe.add(
      "alive \(String(settings.process, radix: 16)) \(settings.nodeID)"
        + (guests.isEmpty ? "" : " \(guests)"))
  }

  /// The runs of nodes that may hold a connection, this one included where it may.
  func holders(of connection: ConnectionID) -> Set<String> {
    var holders: Set<String> = []
    if connection.process == settings.process || adopted.contains(connection.process) {
      holders.insert(incarnation)
    }
    for (name, node) in nodes where node.isAlive && name != incarnation {
      if node.process == connection.process || node.adopted.contains(connection.process) {
        holders.insert(name)
      }
    }
    return holders
  }
}
