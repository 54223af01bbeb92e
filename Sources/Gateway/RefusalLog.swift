// The log of who is not let in. An attacker must not fill a disk: each shard writes one line a second
// for each reason, with the address of the moment and how many it stands for.

import RoostEventLoop
import Telemetry

/// When each reason was logged last, and what has happened since.
struct RefusalLog {
  private static let pause = Duration.seconds(1)
  private var next = [MonotonicInstant](repeating: .zero, count: AdmissionRefusal.allCases.count)
  private var silent = [Int](repeating: 0, count: AdmissionRefusal.allCases.count)

  /// Counts a refusal; the number that a line stands for when it is time for one.
  mutating func note(_ refusal: AdmissionRefusal, _ now: MonotonicInstant) -> Int? {
    guard let place = AdmissionRefusal.allCases.firstIndex(of: refusal) else { return nil }
    silent[place] += 1
    guard next[place] <= now else { return nil }
    next[place] = now.advanced(by: Self.pause)
    defer { silent[place] = 0 }
    return silent[place]
  }
}

extension Core {
  /// Counts and logs that a connection is not let in.
  mutating func count(
    _ refusal: AdmissionRefusal, _ address: SocketAddress, _ now: MonotonicInstant
  ) {
    metrics.count(refusal)
    guard let count = refusalLog.note(refusal, now) else { return }
    shared.log.info(
      "refused", "a connection was not let in",
      [
        .init("reason", refusal.rawValue), .init("address", address.hostText),
        .init("count", count),
      ])
  }

  /// Logs what a dry run has overlooked since the last time; once a second, by the first shard.
  mutating func logOverlooked() {
    guard rules.limits.dryRun, index == 0 else { return }
    for (place, limit) in OverlookedLimit.all.enumerated() {
      let count = shared.admission.overlookedCount(place)
      guard count > overlookedSeen[place] else { continue }
      shared.log.warning(
        "limit_overlooked", "limits.dry_run: this limit would have held",
        [.init("limit", limit.label), .init("count", Int(clamping: count - overlookedSeen[place]))])
      overlookedSeen[place] = count
    }
  }
}
