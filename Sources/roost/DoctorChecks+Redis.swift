// What a Redis must be for nodes to keep their promises (rules 3, 16 and 30 of the backplane's design:
// what a failover may lose, what a primary is, and what an evicting Redis does to leases).

import Gateway
import RoostRooms

extension DoctorChecks {
  static func redis(_ facts: RedisFacts, _ configuration: Configuration) -> [DoctorFinding] {
    if let failure = facts.failure {
      return [
        .problem(
          .redis, "\(facts.url) cannot be used: \(failure)", "see redis.urls, and Redis itself")
      ]
    }
    let milliseconds = Double(facts.roundTripMicroseconds / 10) / 100
    let answers = "\(facts.url) answers within \(milliseconds) ms"
    var findings: [DoctorFinding] = [
      facts.roundTripMicroseconds < 10_000
        ? .ok(.redis, answers)
        : .warning(
          .redis, "\(answers), and every publish waits that long",
          "keep Redis in the same data centre as the nodes")
    ]
    findings += [
      version(facts), role(facts), rights(facts), clock(facts, leeway: leeway(configuration)),
    ].compactMap { $0 }
    guard !facts.settings.isEmpty else {
      findings.append(
        .warning(
          .redisEviction, "CONFIG GET is not allowed, so that memory and persistence stay unknown",
          "see that maxmemory-policy is noeviction"))
      return findings
    }
    return findings
      + [
        eviction(facts), memory(facts, configuration), output(facts), persistence(facts),
        replicas(facts),
      ].compactMap { $0 }
  }

  private static func leeway(_ configuration: Configuration) -> Int64 {
    configuration.auth.tokens.leeway.components.seconds
  }

  private static func version(_ facts: RedisFacts) -> DoctorFinding? {
    guard let version = facts.version else { return nil }
    let numbers = version.split(separator: ".").map { Int($0) ?? 0 }
    let isKnown = numbers.count >= 2
    let rank = isKnown ? numbers[0] * 100 + numbers[1] : 0
    guard isKnown, rank < 602 else { return .ok(.redisVersion, "Redis \(version)") }
    return .problem(
      .redisVersion, "Redis \(version) cannot trim a log by age (XTRIM MINID, since 6.2)",
      "run Redis 7")
  }

  private static func role(_ facts: RedisFacts) -> DoctorFinding? {
    if facts.isCluster {
      return .problem(
        .redisRole, "it is a node of a Redis Cluster, which this version does not speak to",
        "name one primary with redis://")
    }
    guard let role = facts.role else { return nil }
    guard role == "master" else {
      return .problem(
        .redisRole, "its role is \(role): a replica takes no writes", "name the primary")
    }
    return .ok(.redisRole, "it is a primary")
  }

  private static func rights(_ facts: RedisFacts) -> DoctorFinding {
    guard let first = facts.forbidden.first else {
      return .ok(.redisRights, "its user may do everything that a node does")
    }
    let commands = facts.forbidden.map(\.command).joined(separator: ", ")
    return .problem(
      .redisRights, "its user may not do: \(commands) (\(first.reason))",
      "ACL SETUSER with the commands, and with ~PREFIX* and &PREFIX* of redis.prefix")
  }

  private static func eviction(_ facts: RedisFacts) -> DoctorFinding? {
    guard let policy = facts.settings["maxmemory-policy"] else { return nil }
    guard policy != "noeviction" else {
      return .ok(.redisEviction, "maxmemory-policy is noeviction")
    }
    return .problem(
      .redisEviction,
      "maxmemory-policy is \(policy): when memory is full, Redis throws away leases, logs and keys, and "
        + "nodes declare each other dead",
      "CONFIG SET maxmemory-policy noeviction, and the same in redis.conf")
  }

  /// The worst case of one room with history, by what Redis was measured to need.
  ///
  /// An almost empty log takes 4.4 KB, the room's state 181 bytes; a full one holds the bytes that its
  /// policy allows, and Redis's own book-keeping, a fifth of them.
  static func roomBytesMax(_ configuration: Configuration) -> Int {
    let most = configuration.namespaces.values.filter { $0.history.isOn }.map(\.history.bytes)
    guard let bytes = most.max() else { return 0 }
    return 4_600 + bytes + bytes / 5
  }

  private static func memory(
    _ facts: RedisFacts, _ configuration: Configuration
  ) -> DoctorFinding? {
    guard let text = facts.settings["maxmemory"], let limit = Int(text) else { return nil }
    let room = roomBytesMax(configuration)
    // 239 bytes a key were measured, in the room that has the most of them.
    let keys = configuration.limits.idempotencyKeys * 239
    let need =
      room > 0
      ? "a room with full history takes \(bytesText(room)), all idempotency keys of one room "
        + bytesText(keys)
      : "no namespace keeps history; all idempotency keys of one room take \(bytesText(keys))"
    guard limit > 0 else {
      return .warning(
        .redisMemory,
        "maxmemory is not set, so that Redis grows until the machine ends it; \(need)",
        "set maxmemory to what the machine affords, half of it where Redis also saves to disk")
    }
    let used = facts.usedMemoryBytes.map { ", \(bytesText($0)) are in use" } ?? ""
    let held = room > 0 ? ": \(limit / room) such rooms" : ""
    let full = "maxmemory is \(bytesText(limit))\(used); \(need)\(held)"
    if let used = facts.usedMemoryBytes, used > limit / 10 * 9 {
      return .problem(
        .redisMemory, "\(full); Redis is about to refuse publishes",
        "give Redis more memory, or less history to the namespaces")
    }
    guard room == 0 || limit / room >= 100 else {
      return .warning(
        .redisMemory, "\(full), which is not many",
        "give Redis more memory, or less history to the namespaces")
    }
    return .ok(.redisMemory, full)
  }

  /// `client-output-buffer-limit` is a list of class, hard bytes, soft bytes, seconds.
  static func outputLimits(of text: String) -> (hard: Int, soft: Int, seconds: Int)? {
    let words = text.split(separator: " ")
    guard let start = words.firstIndex(of: "pubsub"), words.count >= start + 4,
      let hard = Int(words[start + 1]), let soft = Int(words[start + 2]),
      let seconds = Int(words[start + 3])
    else { return nil }
    return (hard, soft, seconds)
  }

  private static func output(_ facts: RedisFacts) -> DoctorFinding? {
    guard let text = facts.settings["client-output-buffer-limit"],
      let limits = outputLimits(of: text)
    else { return nil }
    let shown =
      "client-output-buffer-limit pubsub is \(bytesText(limits.hard)), or "
      + "\(bytesText(limits.soft)) for \(limits.seconds) s"
    let remedy = "CONFIG SET client-output-buffer-limit 'pubsub 32mb 8mb 60'"
    if limits.hard == 0, limits.soft == 0 {
      return .warning(
        .redisOutput,
        "client-output-buffer-limit pubsub has no bound: one node that stands still fills Redis",
        remedy)
    }
    let isSmall =
      (limits.hard > 0 && limits.hard < 8 << 20) || (limits.soft > 0 && limits.soft < 1 << 20)
    guard isSmall else { return .ok(.redisOutput, shown) }
    return .warning(
      .redisOutput,
      "\(shown): a node that is late for a moment loses its link, and reads again from "
        + "the logs", remedy)
  }

  private static func persistence(_ facts: RedisFacts) -> DoctorFinding? {
    guard let append = facts.settings["appendonly"], let save = facts.settings["save"] else {
      return nil
    }
    if facts.lastSaveFailed {
      return .problem(
        .redisPersistence, "its last attempt to save has failed: Redis refuses publishes then",
        "see its log, and the disk")
    }
    if append == "yes" { return .ok(.redisPersistence, "appendonly is on") }
    guard save.isEmpty else {
      return .warning(
        .redisPersistence,
        "it saves snapshots only (\(save)): a restart loses what came after the last one, and clients "
          + "are told reset", "CONFIG SET appendonly yes where history shall outlast Redis")
    }
    return .warning(
      .redisPersistence,
      "nothing is saved: a restart of Redis ends all history, and clients are told reset",
      "CONFIG SET appendonly yes where history shall outlast Redis")
  }

  private static func replicas(_ facts: RedisFacts) -> DoctorFinding? {
    guard let count = facts.replicas, let text = facts.settings["min-replicas-to-write"],
      let needed = Int(text)
    else { return nil }
    guard count > 0 || needed > 0 else {
      return .ok(.redisReplicas, "it stands alone: while it is away, publishes are refused")
    }
    guard count >= needed else {
      return .problem(
        .redisReplicas,
        "min-replicas-to-write is \(needed) and \(count) are there: every publish is refused",
        "bring the replicas back")
    }
    guard needed > 0 else {
      return .warning(
        .redisReplicas,
        "\(count) replicas and min-replicas-to-write 0: a failover may lose what was acknowledged "
          + "(clients are told), for as long as the old primary believes in itself",
        "CONFIG SET min-replicas-to-write 1 min-replicas-max-lag 10, if refusing is better than losing"
      )
    }
    return .ok(.redisReplicas, "\(count) replicas, min-replicas-to-write is \(needed)")
  }
}
