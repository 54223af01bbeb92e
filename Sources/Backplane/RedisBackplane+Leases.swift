// Leases: rules 20 to 22. A node lives as long as its lease; the others look twice before they clear
// away what a dead one left, and only while they themselves see clearly.

import RoostRooms
import Synchronization
import Telemetry

extension RedisBackplane {
  static var lookInterval: Duration { .milliseconds(500) }
  /// How long a node must have been well before it judges others.
  var judgement: Duration { settings.leaseLife * 2 }

  // MARK: The own lease

  /// Takes the node's name and a lease; the link is ready when both are there.
  mutating func takeLease(_ now: Duration) {
    endEarlierLinks(now)
    if lastRenewal.map({ now - $0 > settings.leaseLife }) ?? false { renewIncarnation(now) }
    pipe.begin(6, .takeName, at: now)
    pipe.add("SET")
    pipe.add(names.system("name:\(settings.nodeID)"))
    pipe.add(incarnation)
    pipe.add("NX")
    pipe.add("PX")
    pipe.add(Int(milliseconds(settings.leaseLife)))
    pipe.begin(2, .renewName, at: now)
    pipe.add("GET")
    pipe.add(names.system("name:\(settings.nodeID)"))
  }

  /// Has Redis end the links before this one.
  ///
  /// What they had sent may not have been read yet: it would come behind what this one sends, and put
  /// back members that have gone. Without the right to end them, what they write is another
  /// incarnation's.
  private mutating func endEarlierLinks(_ now: Duration) {
    for number in earlierLinks {
      pipe.begin(4, .linkEnd(number), at: now)
      pipe.add("CLIENT")
      pipe.add("KILL")
      pipe.add("ID")
      pipe.add(Int(number))
    }
  }

  mutating func linkEnded(_ number: Int64, _ reply: RedisReply, _ now: Duration) {
    if reply.kind(0) == .error {
      handleRefusal(reply, now)
      if earlierLinks == [number] { renewIncarnation(now) }
    }
    earlierLinks.removeAll { $0 == number }
  }

  /// Who holds the node's name.
  mutating func nameAnswered(
    _ reply: RedisReply, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard commandPhase == .greeting else { return }
    guard reply.kind(0) != .error else { return closeCommands(reply.string(0)) }
    let holder = reply.string(0)
    guard holder == incarnation || ownIncarnations.contains(holder) else {
      // A crashed predecessor's name is free in a moment; a living namesake's is not.
      if nameRefusedSince == nil { nameRefusedSince = now }
      if let since = nameRefusedSince, now - since > settings.leaseLife + .seconds(1) {
        status.isNameTaken.store(true, ordering: .relaxed)
      }
      return closeCommands("another node has the name \(settings.nodeID)")
    }
    nameRefusedSince = nil
    status.isNameTaken.store(false, ordering: .relaxed)
    // Into the table of nodes before anything else of it is written.
    writeNode(now)
    setLease(now)
    lastRenewal = now
    nextRenewal = now + Self.lookInterval
    nextLook = now
    if streamPosition == nil { findStreamEnd(now) }
    commandsReady(now, &outbox)
    pipe.begin(3, .nothing, at: now)
    pipe.add("PUBLISH")
    pipe.add(names.systemChannel("{control}"))
    pipe.add("N")
  }

  private mutating func setLease(_ now: Duration) {
    pipe.begin(5, .nothing, at: now)
    pipe.add("SET")
    pipe.add(names.lease(incarnation))
    pipe.add("1")
    pipe.add("PX")
    pipe.add(Int(milliseconds(settings.leaseLife)))
    pipe.begin(6, .nothing, at: now)
    pipe.add("SET")
    pipe.add(names.system("name:\(settings.nodeID)"))
    pipe.add(incarnation)
    pipe.add("PX")
    pipe.add(Int(milliseconds(settings.leaseLife)))
    pipe.add("XX")
  }

  mutating func renewLease(_ now: Duration) {
    guard isCommandReady, nextRenewal <= now else { return }
    nextRenewal = now + Self.lookInterval
    if let lastRenewal, now - lastRenewal > settings.leaseLife {
      // This process stood still; the others have cleared it away.
      status.leasesLost.add()
      renewIncarnation(now)
      beginAgain(now)
    }
    pipe.begin(3, .renewLease, at: now)
    pipe.add("PEXPIRE")
    pipe.add(names.lease(incarnation))
    pipe.add(Int(milliseconds(settings.leaseLife)))
    pipe.begin(3, .nothing, at: now)
    pipe.add("PEXPIRE")
    pipe.add(names.system("name:\(settings.nodeID)"))
    pipe.add(Int(milliseconds(settings.leaseLife)))
  }

  mutating func leaseRenewed(_ reply: RedisReply, _ now: Duration) {
    guard reply.kind(0) == .integer else { return handleRefusal(reply, now) }
    guard reply.integer(0) == 0 else { return lastRenewal = now }
    // Gone: expired, flushed or lost with the data. What stands under the old name is nobody's.
    status.leasesLost.add()
    renewIncarnation(now)
    beginAgain(now)
  }

  /// A new incarnation: everything of this node is written anew under it.
  private mutating func renewIncarnation(_ now: Duration) {
    ownIncarnations.append(incarnation)
    if ownIncarnations.count > 16 { abandoned[ownIncarnations.removeFirst()] = nil }
    abandoned[incarnation] = rooms.values.filter { $0.listing != .none }.map(\.name)
    incarnation = Self.newIncarnation(settings.nodeID)
    for room in rooms.values {
      room.listing = .none
      if room.memberCount > 0 { needsRegistration(room) }
    }
    recount()
    var outbox = BackplaneOutbox()
    tellResumption(&outbox)
    late.items += outbox.items
    // Its inbox and probe have the incarnation in their names.
    closeWishes.append((.subscriptions, "the node begins a new incarnation"))
  }

  private mutating func beginAgain(_ now: Duration) {
    writeNode(now)
    pipe.begin(5, .nothing, at: now)
    pipe.add("SET")
    pipe.add(names.system("name:\(settings.nodeID)"))
    pipe.add(incarnation)
    pipe.add("PX")
    pipe.add(Int(milliseconds(settings.leaseLife)))
    setLease(now)
    lastRenewal = now
  }

  /// Clears away what earlier incarnations of this very node left, once everything is written anew: of
  /// those nobody has to be sure that they are dead, and who went meanwhile is told of at once.
  private mutating func reapOwn(_ now: Duration) {
    guard registerQueue.isEmpty, registersInFlight == 0 else { return }
    for old in ownIncarnations where !reaping.contains(old) {
      listAbandoned(old, now)
      reap(old, now)
    }
  }

  /// Others that took the incarnation for dead have emptied its set, and what it wrote behind that is
  /// in rooms that nobody would look at.
  private mutating func listAbandoned(_ old: String, _ now: Duration) {
    var rest = abandoned[old, default: []][...]
    while !rest.isEmpty {
      let names = rest.prefix(1000)
      rest = rest.dropFirst(1000)
      pipe.begin(2 + names.count, .nothing, at: now)
      pipe.add("SADD")
      pipe.add(self.names.system("node:\(old):rooms"))
      for name in names { pipe.add(name.bytes) }
    }
  }

  /// Gives up the lease: the node leaves of its own will.
  mutating func withdraw(_ now: Duration) {
    guard isCommandReady else { return }
    pipe.begin(3, .nothing, at: now)
    pipe.add("DEL")
    pipe.add(names.lease(incarnation))
    pipe.add(names.system("name:\(settings.nodeID)"))
  }

  // MARK: The others

  mutating func look(_ now: Duration) {
    guard isCommandReady, nextLook <= now else { return }
    nextLook = now + Self.lookInterval
    reapOwn(now)
    pipe.begin(2, .nodeTable, at: now)
    pipe.add("HGETALL")
    pipe.add(names.system("nodes"))
  }

  mutating func nodeTable(_ reply: RedisReply, _ now: Duration) {
    guard reply.kind(0) == .array else { return handleRefusal(reply, now) }
    var found: Set<String> = []
    for place in stride(from: 0, to: min(reply.elementCount(0), 2048), by: 2) {
      let name = reply.string(1 + place)
      let parts = reply.string(2 + place).split(separator: " ", maxSplits: 3)
      guard parts.count >= 3, let process = UInt64(parts[1], radix: 16) else { continue }
      found.insert(name)
      if parts[0].hasPrefix("dead@") {
        // Kept for an hour, so that a node that only stood still finds out.
        let died = Int64(parts[0].dropFirst(5)) ?? 0
        if sharedSeconds - died > 3600 {
          pipe.begin(3, .nothing, at: now)
          pipe.add("HDEL")
          pipe.add(names.system("nodes"))
          pipe.add(name)
        }
        nodes[name, default: NodeRecord(id: String(parts[2]), process: process)].isReaped = true
        nodes[name]?.isAlive = false
        nodes[name]?.isBuried = true
        nodes[name]?.diedAt = died
      } else {
        if nodes[name] == nil { nodes[name] = NodeRecord(id: String(parts[2]), process: process) }
        let adopted = parts.count > 3 ? parts[3].split(separator: ",") : []
        nodes[name]?.adopted = adopted.prefix(Self.adoptedMax).compactMap { UInt64($0, radix: 16) }
      }
    }
    nodes = nodes.filter { found.contains($0.key) }
    for name in found where nodes[name]?.isReaped == false && name != incarnation {
      pipe.begin(2, .lease(name), at: now)
      pipe.add("PTTL")
      pipe.add(names.lease(name))
    }
    noteDead()
  }

  mutating func leaseSeen(_ name: String, _ reply: RedisReply, _ now: Duration) {
    guard reply.kind(0) == .integer, var node = nodes[name] else { return }
    if reply.integer(0) >= 0 {
      node.absences = 0
      node.isAlive = true
      node.remaining = .milliseconds(reply.integer(0))
      node.seenAt = now
      nodes[name] = node
      return noteDead()
    }
    node.absences += 1
    node.remaining = nil
    if node.absences >= 2 { node.isAlive = false }
    nodes[name] = node
    noteDead()
    guard node.absences >= 2, let healthySince, now - healthySince > judgement,
      !reaping.contains(name)
    else { return }
    status.reaped.add()
    reap(name, now)
  }

  private mutating func noteDead() {
    dead = nodes.filter { !$0.value.isAlive && $0.key != incarnation }.map(\.key).prefix(64)
      .sorted()
    let others = nodes.filter { $0.value.isAlive && $0.key != incarnation }.count
    status.nodes.set(Int64(1 + others))
    status.hasMovedAway.store(
      nodes.contains {
        $0.key != incarnation && $0.value.isAlive && $0.value.adopted.contains(settings.process)
      }, ordering: .relaxed)
  }

  // MARK: Reaping

  /// Clears away what a dead incarnation left: final, and by as many as see it; one tells of it.
  mutating func reap(_ name: String, _ now: Duration) {
    reaping.insert(name)
    nodes[name]?.isReaped = true
    nodes[name]?.isAlive = false
    nextReapPage(name, now)
  }

  private mutating func nextReapPage(_ name: String, _ now: Duration) {
    pipe.begin(3, .reapRooms(name), at: now)
    pipe.add("SRANDMEMBER")
    pipe.add(names.system("node:\(name):rooms"))
    pipe.add(200)
  }

  mutating func reapRooms(_ name: String, _ reply: RedisReply, _ now: Duration) {
    guard reply.kind(0) == .array else {
      reaping.remove(name)
      return handleRefusal(reply, now)
    }
    let count = reply.elementCount(0)
    guard count > 0 else {
      // The last step: it has existed and is dead, for an hour.
      if let record = nodes[name], !record.isBuried {
        let process = String(record.process, radix: 16)
        pipe.begin(4, .nothing, at: now)
        pipe.add("HSET")
        pipe.add(names.system("nodes"))
        pipe.add(name)
        pipe.add("dead@\(sharedSeconds) \(process) \(record.id)")
      }
      reaping.remove(name)
      ownIncarnations.removeAll { $0 == name }
      abandoned[name] = nil
      return
    }
    for place in 0..<count {
      let bytes = reply.array(1 + place)
      // A name that is none cannot be a room's; it would only stand in the way.
      guard let room = Self.roomName(bytes) ?? RoomName(text: "-") else { continue }
      pipe.call(
        .reap, keys: 3, arguments: 3, .reap(name, room: bytes, isLast: place == count - 1),
        at: now)
      pipe.add(names.key(room, "meta"))
      pipe.add(names.key(room, "nodes"))
      pipe.add(names.key(room, "members:\(name)"))
      pipe.add(names.channel(room))
      pipe.add(name)
      pipe.add(settings.presenceEventsMax)
    }
  }

  /// A room was cleared: it leaves the set only now, so that a script that was refused is run again.
  mutating func reaped(
    _ name: String, _ room: [UInt8], _ reply: RedisReply, isLast: Bool, _ now: Duration
  ) {
    if reply.kind(0) == .error {
      handleRefusal(reply, now)
      failedReaps.insert(name)
    } else {
      pipe.begin(3, .nothing, at: now)
      pipe.add("SREM")
      pipe.add(names.system("node:\(name):rooms"))
      pipe.add(room)
    }
    guard isLast else { return }
    if failedReaps.remove(name) == nil { nextReapPage(name, now) } else { reaping.remove(name) }
  }

  private static func roomName(_ bytes: [UInt8]) -> RoomName? {
    do {
      return try RoomName(bytes)
    } catch {
      return nil
    }
  }

  /// Sweeps the dead again: what was written late by a node that stood still.
  mutating func sweepDead(_ now: Duration) {
    guard isCommandReady else { return }
    guard let healthySince, now - healthySince > judgement else { return }
    for name in dead where !reaping.contains(name) { reap(name, now) }
  }
}
