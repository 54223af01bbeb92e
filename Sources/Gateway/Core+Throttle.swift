// How fast a connection is read. Rates of messages are known when a message is complete, which is too
// late for a peer that sends fragments of one byte: it would have a shard's whole time. So every byte
// and frame that is read costs something, and who is over twice its rate of bytes is not read for a
// while. TCP then slows the peer down; nothing is lost, and the others have the time.

import RoostEventLoop
import Telemetry

/// The connections that are not read now.
struct PausedInputs {
  fileprivate var tokens: [SlotToken] = []
  /// When the first of them is read again; nil when there are none.
  fileprivate(set) var resumesAt: MonotonicInstant?
}

extension Core {
  /// Charges what was just read, and stops reading where it was too much.
  mutating func chargeInput(
    _ slot: Int32, bytes: Int, frames: UInt32, _ now: MonotonicInstant
  ) {
    let rate = rules.limits.bytesPerSecond
    guard rate > 0, !rules.limits.dryRun else { return }
    switch connections[slot].phase {
    case .request, .open, .closing, .lingering: break
    case .echo, .stream, .ended, .vacant: return
    }
    let cost = bytes + Int(frames) * Bounds.frameCost
    let pace = Self.pace(rate)
    let burst = Self.time(2 * rules.limits.bytesBurst, pace)
    // A debt of more than some seconds is forgiven: what matters is the pace.
    let paid = min(
      max(connections[slot].inputPaidUntil, now.nanoseconds) &+ Self.time(cost, pace),
      now.nanoseconds &+ burst &+ 5_000_000_000)
    connections[slot].inputPaidUntil = paid
    var wait = paid > now.nanoseconds &+ burst ? paid - now.nanoseconds - burst : 0
    let perAddress = rules.limits.bytesPerSecondPerAddress
    if perAddress > 0, connections[slot].isAddressCounted {
      wait = max(
        wait,
        shared.admission.chargeInput(
          cost, connections[slot].address, pace: Self.pace(perAddress), now: now))
    }
    guard wait > 0 else { return }
    pauseInput(slot, until: now.advanced(byNanoseconds: wait))
  }

  /// Twice a rate, in bytes a second.
  private static func pace(_ rate: Int) -> UInt64 { UInt64(rate) * 2 }

  private static func time(_ bytes: Int, _ bytesPerSecond: UInt64) -> UInt64 {
    let (high, low) = UInt64(bytes).multipliedFullWidth(by: 1_000_000_000)
    guard high < bytesPerSecond else { return .max / 4 }
    return min(bytesPerSecond.dividingFullWidth((high, low)).quotient, .max / 4)
  }

  private mutating func pauseInput(_ slot: Int32, until time: MonotonicInstant) {
    guard connections[slot].inputResumesAt == .zero else { return }
    metrics.inputPauses.add()
    connections[slot].inputResumesAt = time
    pausedInputs.tokens.append(connections[slot].token)
    pausedInputs.resumesAt = min(pausedInputs.resumesAt ?? time, time)
    watch(slot)
  }

  /// Reads those again whose time has come.
  mutating func resumeInputs(_ now: MonotonicInstant) {
    guard let first = pausedInputs.resumesAt, first <= now else { return }
    var kept: [SlotToken] = []
    var next: MonotonicInstant?
    for token in pausedInputs.tokens where connections.isCurrent(token) {
      let slot = token.index
      let time = connections[slot].inputResumesAt
      guard time > now else {
        connections[slot].inputResumesAt = .zero
        if connections[slot].phase != .ended { watch(slot) }
        continue
      }
      next = min(next ?? time, time)
      kept.append(token)
    }
    pausedInputs.tokens = kept
    // Not more often than a hundred times a second, however many there are.
    pausedInputs.resumesAt = next.map { max($0, now.advanced(by: .milliseconds(10))) }
  }

  /// Watches a socket for what is wanted of it now.
  mutating func watch(_ slot: Int32) {
    var interest: Interest = connections[slot].inputResumesAt == .zero ? [.readable] : []
    if connections[slot].awaitsWritable { interest.insert(.writable) }
    poller.modify(
      connections[slot].descriptor, interest, token: connections[slot].token.packed)
  }
}
