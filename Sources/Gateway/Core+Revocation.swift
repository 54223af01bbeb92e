// Tokens that were taken back: every shard has the whole list, so that a handshake asks nobody. It
// grows by questions of the server API, on whatever node they came in, and by what Redis remembers of
// the time before this node was there.

import Auth
import Backplane
import RoostEventLoop
import RoostRooms
import RoostWire
import Synchronization
import Telemetry

extension RevocationRecord {
  /// The record of a revocation: `u:` and a user, `t:` and a token's name, or `*`.
  init(_ revocation: Revocation) {
    let name =
      switch revocation.target {
      case .user(let user): "u:" + user
      case .token(let tokenID): "t:" + tokenID
      case .everything: "*"
      }
    self.init(
      name: Array(name.utf8), issuedBefore: revocation.issuedBefore, until: revocation.until)
  }
}

extension Revocation {
  /// Reads a record; nil for one that no node of this version wrote.
  init?(_ record: RevocationRecord) {
    guard let text = String(validating: record.name, as: UTF8.self) else { return nil }
    let target: Target
    if text == "*" {
      target = .everything
    } else if text.hasPrefix("u:"), Identity.isValidUser(Array(record.name.dropFirst(2))) {
      target = .user(String(text.dropFirst(2)))
    } else if text.hasPrefix("t:"), record.name.count > 2 {
      target = .token(String(text.dropFirst(2)))
    } else {
      return nil
    }
    self.init(target, issuedBefore: record.issuedBefore, until: record.until)
  }
}

extension Core {
  /// A revocation with its times: by default of all tokens issued so far, this second included, and
  /// kept until the last of them has expired.
  func revocation(
    of target: Revocation.Target, issuedBefore: Int64?, _ now: MonotonicInstant
  ) -> Revocation {
    let seconds = moment(now).wallMilliseconds / 1000
    let life = rules.tokenRules.lifetimeMax + 2 * rules.tokenRules.leeway
    return Revocation(
      target, issuedBefore: issuedBefore ?? seconds + 1, until: seconds + life + 1)
  }

  /// Whether the node knows what was taken back before it was there.
  var knowsRevocations: Bool {
    shared.redis?.status.hasReadRevocations.load(ordering: .relaxed) ?? true
  }

  /// Takes tokens back here; returns how many connections were closed for it.
  mutating func revoke(_ revocation: Revocation, _ now: MonotonicInstant) -> Int {
    note(revocation, now)
    var count = 0
    for slot in candidates(for: revocation) {
      guard connections[slot].isLive, let grant = connections[slot].session.term?.grant,
        revocation.concerns(grant)
      else { continue }
      count += 1
      close(slot, .unauthorized, reason: "the token was revoked", now)
    }
    return count
  }

  /// Connections that a revocation may be about.
  private func candidates(for revocation: Revocation) -> [Int32] {
    if case .user(let user) = revocation.target { return users[user] ?? [] }
    return (0..<connections.slotsUsed).filter { connections.token(at: $0) != nil }
  }

  /// What Redis remembers; on the first shard, what it has forgotten is told to it again.
  mutating func remembered(
    _ records: [RevocationRecord], isLast: Bool, _ now: MonotonicInstant
  ) {
    for record in records {
      if index == 0 { rememberedNames.insert(record.name) }
      guard let revocation = Revocation(record) else { continue }
      _ = revoke(revocation, now)
    }
    guard index == 0, isLast else { return }
    let seconds = moment(now).wallMilliseconds / 1000
    for revocation in revocations.revocations where revocation.until > seconds {
      let record = RevocationRecord(revocation)
      if !rememberedNames.contains(record.name) { submit(.revoke(record, nil), now) }
    }
    rememberedNames = []
  }

  func logRevocation(_ revocation: Revocation, closed count: Int) {
    shared.log.warning(
      "tokens_revoked", "the server API took tokens back",
      [
        .init("tokens", String(decoding: RevocationRecord(revocation).name, as: UTF8.self)),
        .init("issued_before", Int(revocation.issuedBefore)), .init("connections", count),
      ])
  }

  private mutating func note(_ revocation: Revocation, _ now: MonotonicInstant) {
    do throws(RevocationFailure) {
      try revocations.revoke(revocation, now: moment(now).wallMilliseconds / 1000)
    } catch {
      shared.log.error(
        "revocation_refused",
        "there are as many revocations as a node keeps; its tokens stay good after a reconnect",
        [.init("revocations", revocations.count)])
    }
  }
}
