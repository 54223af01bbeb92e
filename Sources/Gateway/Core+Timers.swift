// Time: handshakes that take too long, pings and their pongs, idleness, close handshakes, lingering.
// Each connection has one wanted time; the wheel may hold older entries, which find nothing to do.

import Backplane
import RoostEventLoop
import RoostHTTP
import RoostRooms
import RoostWebSocket
import RoostWire
import Telemetry

extension Core {
  /// Wants the connection looked at, at that time.
  mutating func arm(_ slot: Int32, at time: MonotonicInstant) {
    connections[slot].timerAt = time
    guard time < connections[slot].wheelAt else { return }
    connections[slot].wheelAt = time
    wheel.schedule(connections[slot].token.packed, at: time)
  }

  mutating func expireTimers(now: MonotonicInstant) {
    followPhase(now)
    var due: [UInt64] = []
    swap(&due, &expired)
    wheel.expire(until: now, into: &due)
    for packed in due {
      let token = SlotToken(packed: packed)
      guard connections.isCurrent(token), connections[token.index].phase != .ended else {
        continue
      }
      expire(token.index, now)
    }
    due.removeAll(keepingCapacity: due.capacity <= 65_536)
    swap(&due, &expired)
    resumeReplays(now)
    settleUnaskable(now)
    resumeInputs(now)
    if survey != nil { continueSurvey(now) }
    if redis != nil {
      let moment = moment(now)
      redis?.driver.expireTimers(at: now, moment, into: &outbox)
      settleOutbox(now)
    }
    if let resume = listenerResumesAt, resume <= now {
      listenerResumesAt = nil
      watchListener()
    }
    if nextSweep <= now {
      let arrival = MonotonicInstant.now().nanoseconds
      metrics.lag.observe(arrival &- nextSweep.nanoseconds)
      metrics.heartbeat.set(Int64(clamping: arrival))
      nextSweep = now.advanced(by: .seconds(1))
      second &+= 1
      endReplayPauses()
      let moment = moment(now)
      local?.sweep(at: moment, into: &outbox)
      settleOutbox(now)
      tellUse(now)
      settleMoves(now)
      publishFigures()
      noteDemand(now)
      logOverlooked()
      if index == 0 {
        shared.log.tellLeftOut()
        announce(now)
        expireServerRequests(now)
        lookAround(now)
      }
      returnMemory()
    }
  }

  /// Notes how much of the last second this thread wanted a processor, whether it had one or not.
  ///
  /// A loop that has to wait for one is not busy, and has no time for newcomers either.
  private mutating func noteDemand(_ now: MonotonicInstant) {
    guard let time = ThreadTime.ofCaller() else { return }
    defer { demandBefore = (time, now) }
    guard let before = demandBefore, now > before.at else { return }
    let waited = time.waited &- before.time.waited
    metrics.waitNanoseconds.add(waited)
    let elapsed = now.nanoseconds - before.at.nanoseconds
    let wanted = (time.ran &- before.time.ran) &+ waited
    metrics.demand.set(Int64(clamping: min(wanted, elapsed) * 1000 / elapsed))
  }

  /// After a crowd has left its memory goes back to the system, a moment later and all together.
  private mutating func returnMemory() {
    rooms.compact()
    if users.isEmpty { users = [:] }
    guard connections.trim() >= 4 else { return }
    // Flushing comes behind timers: what was queued in this tick is still to be sent.
    if dirty.isEmpty { dirty = [] }
    expired = []
    Machine.returnFreeMemory()
  }

  private mutating func expire(_ slot: Int32, _ now: MonotonicInstant) {
    // An entry that was overtaken by an earlier one.
    guard connections[slot].wheelAt <= now else { return }
    connections[slot].wheelAt = .distantFuture
    if connections[slot].timerAt <= now {
      due(slot, now)
      guard connections[slot].phase != .ended else { return }
    }
    let next = connections[slot].timerAt
    if next != .distantFuture { arm(slot, at: next) }
  }

  /// What a connection's time has come for.
  private mutating func due(_ slot: Int32, _ now: MonotonicInstant) {
    switch connections[slot].phase {
    case .request: requestTimedOut(slot, now)
    case .open: liveliness(slot, now)
    case .echo: connections[slot].timerAt = .distantFuture
    case .stream: streamDue(slot, now)
    case .closing:
      if connections[slot].deadline <= now {
        _ = connections[slot].closing.deadlinePassed()
        end(slot)
      } else {
        connections[slot].timerAt = connections[slot].deadline
      }
    case .lingering:
      if connections[slot].deadline <= now {
        end(slot)
      } else {
        connections[slot].timerAt = connections[slot].deadline
      }
    case .ended, .vacant: break
    }
  }

  private mutating func requestTimedOut(_ slot: Int32, _ now: MonotonicInstant) {
    guard connections[slot].deadline <= now else {
      connections[slot].timerAt = connections[slot].deadline
      return
    }
    guard connections[slot].held?.upgrade?.isClaim != true else {
      return claimSettled(slot, .undecided, now)
    }
    // Nobody who has sent nothing is waiting for an answer.
    guard !connections[slot].input.isEmpty, !connections[slot].awaitsProxyHeader else {
      return end(slot)
    }
    respond(slot, 408, "The request did not come in time.", keepAlive: false, now)
  }

  // MARK: Ping and idleness

  /// The first ping comes at a random time within the interval, so that connections that came
  /// together are not pinged together.
  mutating func armFirstPing(_ slot: Int32, _ now: MonotonicInstant) {
    let timing = rules.timing
    var next = MonotonicInstant.distantFuture
    if timing.ping > 0 {
      next = now.advanced(byNanoseconds: timing.ping / 1000 * jitter.next(in: 500...1000))
    }
    if timing.idle > 0 { next = min(next, now.advanced(byNanoseconds: timing.idle)) }
    if connections[slot].session.awaitsAuth { next = min(next, connections[slot].deadline) }
    if let term = connections[slot].session.term { next = min(next, term.nextAt) }
    connections[slot].pingSentAt = .zero
    connections[slot].timerAt = .distantFuture
    if next != .distantFuture { arm(slot, at: next) }
  }

  private mutating func liveliness(_ slot: Int32, _ now: MonotonicInstant) {
    let timing = rules.timing
    guard var next = tokenDue(slot, now) else { return }
    if timing.idle > 0 {
      let idleAt = connections[slot].lastMessage.advanced(byNanoseconds: timing.idle)
      if idleAt <= now { return close(slot, .idle, now) }
      next = min(next, idleAt)
    }
    guard timing.ping > 0 else {
      connections[slot].timerAt = next
      return
    }
    let pingSentAt = connections[slot].pingSentAt
    if connections[slot].awaitsPong {
      let pongBy = pingSentAt.advanced(byNanoseconds: timing.pong)
      // Any bytes that came since prove life: a pong may stand behind a long message.
      if connections[slot].lastActivity > pingSentAt {
        connections[slot].awaitsPong = false
      } else if pongBy <= now {
        return close(slot, .pingTimeout, now)
      } else {
        connections[slot].timerAt = min(next, pongBy)
        return
      }
    }
    let interval = timing.ping / 1000 * jitter.next(in: 950...1050)
    let pingAt = pingSentAt == .zero ? now : pingSentAt.advanced(byNanoseconds: interval)
    if pingAt <= now {
      sendPing(slot, now)
      next = min(next, now.advanced(byNanoseconds: timing.pong))
    } else {
      next = min(next, pingAt)
    }
    connections[slot].timerAt = next
  }

  private mutating func sendPing(_ slot: Int32, _ now: MonotonicInstant) {
    connections[slot].pingSentAt = now
    connections[slot].awaitsPong = true
    metrics.pings.add()
    var payload: [UInt8] = []
    for shift in stride(from: UInt64(56), through: 0, by: -8) {
      payload.append(UInt8(truncatingIfNeeded: now.nanoseconds >> shift))
    }
    enqueueControl(.ping, payload.span, slot)
  }

  // MARK: Figures

  /// Copies sizes into the gauges, once a second: a walk over all connections.
  mutating func publishFigures() {
    var queued = 0
    var peak = 0
    for slot in 0..<connections.slotsUsed where connections.token(at: slot) != nil {
      let count = queuedBytes(slot)
      queued += count
      peak = max(peak, count)
    }
    metrics.outboundBytes.set(Int64(queued))
    metrics.outboundPeakBytes.set(Int64(peak))
    metrics.heldMembers.set(Int64(held.values.reduce(0) { $0 + $1.roomCount }))
    metrics.members.set(Int64(rooms.memberCount))
    metrics.rooms.set(Int64(rooms.count))
    let figures = backplaneFigures
    metrics.backplaneRooms.set(Int64(figures.rooms))
    metrics.logEntries.set(Int64(figures.logEntries))
    metrics.logBytes.set(Int64(figures.logBytes))
    metrics.keys.set(Int64(figures.keys))
  }
}

/// Spreads timers.
///
/// Not for secrets: a small generator that costs no system call.
struct Jitter: Sendable {
  private var state: UInt64

  init(seed: UInt64) { state = seed | 1 }

  /// A number in the range, near enough to evenly.
  mutating func next(in range: ClosedRange<UInt64>) -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return range.lowerBound + state % (range.upperBound - range.lowerBound + 1)
  }
}
