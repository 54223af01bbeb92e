// How much a connection may say: its own rates, those that it shares with its user's and its
// address's other connections, and those of a namespace. Who is over one is told how long to wait;
// who does not listen is closed with 4004.

import RoostEventLoop
import RoostRooms
import RoostWire
import Telemetry

extension Core {
  /// Takes a message's bytes from every rate of bytes; false when it is refused and answered.
  mutating func takeBytes(_ slot: Int32, _ count: Int, _ now: MonotonicInstant) -> Bool {
    let count = max(count, 1)
    if let wait = connections[slot].session.takeBytes(count, limits: rules.limits, now: now) {
      return overlooks(.bytes, wait, nil, slot, now)
    }
    let refused = shared.admission.takeBytes(
      count, user: connections[slot].session.userKey, address: connections[slot].address,
      rules.limits,
      now: now)
    guard let (rate, wait) = refused else {
      if let user = connections[slot].session.userKey { noteUse(.userBytes, user, count) }
      noteUse(.addressBytes, Admission.key(of: connections[slot].address), count)
      return true
    }
    return overlooks(rate, wait, nil, slot, now)
  }

  /// Takes a request from every rate of messages; false when it is refused and answered.
  mutating func takeMessage(_ slot: Int32, _ id: [UInt8]?, _ now: MonotonicInstant) -> Bool {
    guard let (rate, wait) = messageRefusal(slot, now) else { return true }
    return overlooks(rate, wait, id, slot, now)
  }

  /// Takes a ping from every rate of messages; false when it gets no pong.
  ///
  /// RFC 6455, 5.5.3: only the most recent ping needs an answer, so that a refusal says nothing.
  mutating func takePing(_ slot: Int32, _ now: MonotonicInstant) -> Bool {
    guard let (rate, _) = messageRefusal(slot, now) else { return true }
    return overlooks(rate, nil, nil, slot, now)
  }

  /// Takes a publish from the rate of a namespace; false when it is refused and answered.
  mutating func takePublish(
    _ slot: Int32, _ policy: Int32, _ id: [UInt8]?, _ now: MonotonicInstant
  ) -> Bool {
    let ratePerSecond = rules.policies[policy].messagesPerSecond
    guard ratePerSecond > 0 else { return true }
    let wait = connections[slot].session.takePublish(
      policy: policy, ratePerSecond: ratePerSecond, now: now)
    guard let wait else { return true }
    return overlooks(.namespaceMessages, wait, id, slot, now)
  }

  private mutating func messageRefusal(
    _ slot: Int32, _ now: MonotonicInstant
  ) -> (rate: RateLimit, wait: Duration)? {
    if let wait = connections[slot].session.takeMessage(limits: rules.limits, now: now) {
      return (.messages, wait)
    }
    let refused = shared.admission.takeMessage(
      user: connections[slot].session.userKey, address: connections[slot].address, rules.limits,
      now: now)
    guard let refused else {
      connections[slot].session.wasAllowed()
      if let user = connections[slot].session.userKey { noteUse(.userMessages, user, 1) }
      noteUse(.addressMessages, Admission.key(of: connections[slot].address), 1)
      return nil
    }
    return refused
  }

  /// Whether a rate that is used up is overlooked; otherwise the refusal is counted and, with a time
  /// to wait, answered.
  private mutating func overlooks(
    _ rate: RateLimit, _ wait: Duration?, _ id: [UInt8]?, _ slot: Int32, _ now: MonotonicInstant
  ) -> Bool {
    guard shared.admission.holds(.rate(rate), rules.limits) else { return true }
    metrics.rateLimited.add(rate.rawValue)
    if connections[slot].session.wasRefused(limits: rules.limits) {
      close(slot, .rateLimited, now)
    } else if let wait {
      answer(slot, id, ErrorReply(.rateLimited, rate.message, retryAfter: wait))
    }
    return false
  }
}
