// The probe of the way that data goes, and who answers at the other end: rules 16 and 17. What a new
// life of Redis means begins here.

import RoostCrypto
import RoostEventLoop
import RoostRooms
import Synchronization
import Telemetry

extension RedisBackplane {
  mutating func sendProbe(_ now: Duration) {
    // Over another link than its subscription, it would overtake that.
    guard isCommandReady, hearsProbe, probeSentAt == nil, nextProbe <= now else { return }
    nextProbe = now + .seconds(1)
    probeSequence += 1
    probeSentAt = now
    bytesAtProbe = channelBytes
    askWho(now)
    pipe.call(.probe, keys: 2, arguments: 3, .probe(sequence: probeSequence), at: now)
    pipe.add(names.system("probe"))
    pipe.add(names.system("marker"))
    pipe.add(names.systemChannel("probe:\(incarnation)"))
    pipe.add("\(incarnation) \(probeSequence)")
    pipe.add(String(RandomBytes.uint64(), radix: 16))
  }

  mutating func probeAnswered(
    _ reply: RedisReply, _ now: Duration, _ outbox: inout BackplaneOutbox
  ) {
    guard reply.kind(0) != .error else {
      handleRefusal(reply, now)
      // That Redis refuses is no fault of the link over which nothing came.
      probeSentAt = nil
      return
    }
    guard reply.kind(0) == .array, let first = reply.child(0, of: 0),
      let second = reply.child(1, of: 0), reply.kind(second) == .integer
    else { return }
    redisClock = (reply.integer(second), now)
    let found = reply.array(first)
    if !marker.isEmpty, found != marker {
      // The data is gone: everything is compared and written anew, now and not when it is missed.
      status.dataLosses.add()
      sweepNow()
      readRevocations(now)
      readTicketSecret(now)
    }
    marker = found
  }

  mutating func probeReturned(_ payload: ArraySlice<UInt8>, _ now: Duration) {
    guard payload.elementsEqual("\(incarnation) \(probeSequence)".utf8), let sent = probeSentAt
    else { return }
    probeSentAt = nil
    lastProbeAt = now
    status.roundTrip.observe(nanoseconds(now - sent))
    if channelPhase == .greeting {
      channelPhase = .ready
      backoff[RedisLinkKind.subscriptions.rawValue].succeed()
    }
    if isCommandReady {
      awaySince = nil
      if healthySince == nil { healthySince = now }
    }
    status.setProbe(at: MonotonicInstant.now())
  }

  func nanoseconds(_ duration: Duration) -> UInt64 {
    let (seconds, attoseconds) = duration.components
    return UInt64(max(seconds, 0)) * 1_000_000_000 + UInt64(max(attoseconds, 0) / 1_000_000_000)
  }

  /// A late probe: the link is deaf, or so full that it is late by itself; rule 17.
  mutating func expireProbe(_ now: Duration) {
    if channelPhase == .greeting, !hearsProbe, now - channelOpenedAt > settings.replyTimeout {
      return closeWishes.append((.subscriptions, "Redis does not confirm subscriptions"))
    }
    guard let sent = probeSentAt else { return }
    let age = now - sent
    guard age > settings.replyTimeout else { return }
    status.isOverloaded.store(true, ordering: .relaxed)
    let moved = channelBytes &- bytesAtProbe
    guard moved < 65_536 || age > .seconds(10) else { return }
    probeSentAt = nil
    nextProbe = now
    if channelPhase == .greeting || channelPhase == .ready {
      closeWishes.append(
        (.subscriptions, "the probe did not come back in \(milliseconds(age)) ms"))
    }
  }

  /// All positions are compared, and all members written, at once: Redis may have lost the newest.
  ///
  /// Numbers of presence events that it has lost are given again, so that members read the list in
  /// any case; the next comparison tells them. In a crowd, which is told its size, nobody has one.
  mutating func sweepNow() {
    recount()
    expected = []
    for room in rooms.values {
      if isComparable(room) { compareQueue.append(room) }
      if shapes[room.policy].hasEvents, room.sequence != nil || room.liveCount > 0 {
        room.sequence = nil
        room.isRenumbered = room.toldCount == nil
      }
      if room.listing != .none { doubt(room) }
    }
  }

  // MARK: Who answers

  mutating func informed(_ reply: RedisReply, isReplication: Bool, _ now: Duration) {
    guard reply.kind(0) == .bulk else { return handleRefusal(reply, now) }
    let text = reply.string(0)
    func field(_ name: String) -> String? {
      for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("\(name):") {
        return String(line.dropFirst(name.utf8.count + 1))
      }
      return nil
    }
    if isReplication {
      replicationID = field("master_replid")
      let role = field("role")
      isPrimary = role == "master"
      if !isPrimary { closeCommands("this Redis is a replica (role \(role ?? "unknown"))") }
    } else {
      let found = field("run_id")
      // Numbers of another life are others' numbers.
      if found == nil || found != runID { earlierLinks = [] }
      runID = found
      // From here on each probe brings it.
      if redisClock == nil, let time = field("server_time_usec").flatMap({ Int64($0) }) {
        redisClock = (time / 1000, now)
      }
    }
    guard isReplication, let runID, let replicationID else { return }
    let found = Array("\(runID)/\(replicationID)".utf8)
    guard found != era else { return }
    let isFirst = era.isEmpty
    era = found
    eraRefusals = 0
    healthySince = nil
    guard !isFirst else { return }
    // Another primary, or another life of this one: what it knows may be older than what was told.
    status.eraChanges.add()
    sweepNow()
    guard isCommandReady else { return }
    readRevocations(now)
    readTicketSecret(now)
  }
}
