// Asks a Redis for what a node will need of it. What is written is written to keys of the doctor's own,
// under the node's prefix, and removed again.

import Backplane
import Gateway
import Glibc
import RoostCrypto
import RoostEventLoop

extension DoctorGatherer {
  static func redis(url: String, _ configuration: Configuration) -> RedisFacts {
    var facts = RedisFacts()
    do throws(RedisEndpointProblem) {
      let endpoint = try RedisEndpoint(url)
      facts.url = endpoint.description
      do throws(StreamFailure) {
        let conversation = try RedisConversation(endpoint, security(configuration))
        try gather(&facts, conversation, prefix: configuration.redis.prefix)
      } catch {
        facts.failure = error.description
      }
    } catch {
      facts.failure = error.description
    }
    return facts
  }

  private static func security(_ configuration: Configuration) -> RedisSecurity {
    func file(_ path: String) -> String? { path.isEmpty ? nil : path }
    return RedisSecurity(
      caFile: file(configuration.redis.caFile),
      certificateFile: file(configuration.redis.certificateFile),
      keyFile: file(configuration.redis.keyFile))
  }

  private static func gather(
    _ facts: inout RedisFacts, _ conversation: RedisConversation, prefix: String
  ) throws(StreamFailure) {
    let first = try conversation.ask("PING")
    if let code = first.errorCode, ["NOAUTH", "WRONGPASS"].contains(code) {
      throw StreamFailure(first.string(0))
    }
    try gatherTime(&facts, conversation)
    let information = try conversation.ask("INFO")
    if information.isError() {
      facts.forbidden.append(.init(command: "INFO", reason: information.string(0)))
    } else {
      read(information.string(0), into: &facts)
    }
    for name in [
      "maxmemory", "maxmemory-policy", "appendonly", "save", "client-output-buffer-limit",
      "min-replicas-to-write",
    ] {
      let reply = try conversation.ask("CONFIG", "GET", name)
      // Providers that forbid it answer with an error, or with nothing.
      if let key = reply.child(0, of: 0), let value = reply.child(1, of: 0),
        reply.string(key) == name
      {
        facts.settings[name] = reply.string(value)
      }
    }
    try gatherRights(&facts, conversation, prefix: prefix)
  }

  /// The difference of the clocks, by the quickest of some answers: half of its way belongs to it.
  private static func gatherTime(
    _ facts: inout RedisFacts, _ conversation: RedisConversation
  ) throws(StreamFailure) {
    var best = Int.max
    for _ in 0..<5 {
      let start = MonotonicInstant.now()
      let before = wallMicroseconds()
      let reply = try conversation.ask("TIME")
      let took = Int(
        clamping: MonotonicInstant.now().since(start).components.attoseconds / 1_000_000_000_000)
      guard let seconds = reply.child(0, of: 0).flatMap({ reply.decimal($0) }),
        let micros = reply.child(1, of: 0).flatMap({ reply.decimal($0) }), seconds < 1 << 40
      else {
        facts.forbidden.append(.init(command: "TIME", reason: reply.string(0)))
        return
      }
      guard took < best else { continue }
      best = took
      let theirs = Int(seconds) * 1_000_000 + Int(micros)
      facts.skewMilliseconds = (theirs - before - took / 2) / 1000
    }
    facts.roundTripMicroseconds = best
  }

  private static func wallMicroseconds() -> Int {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
  }

  /// Reads what INFO says, `name:value` a line.
  static func read(_ information: String, into facts: inout RedisFacts) {
    var values: [Substring: Substring] = [:]
    for line in information.split(whereSeparator: \.isNewline) {
      guard let colon = line.firstIndex(of: ":") else { continue }
      values[line[..<colon]] = line[line.index(after: colon)...]
    }
    facts.version = values["redis_version"].map(String.init)
    facts.role = values["role"].map(String.init)
    facts.isCluster = values["cluster_enabled"] == "1"
    facts.isReplicaLinkUp = values["master_link_status"].map { $0 == "up" }
    facts.replicas = values["connected_slaves"].flatMap { Int($0) }
    facts.usedMemoryBytes = values["used_memory"].flatMap { Int($0) }
    facts.lastSaveFailed =
      values["rdb_last_bgsave_status"] == "err" || values["aof_last_write_status"] == "err"
  }

  /// Does once what nodes do, as the user of the URL.
  private static func gatherRights(
    _ facts: inout RedisFacts, _ conversation: RedisConversation, prefix: String
  ) throws(StreamFailure) {
    var random = [UInt8](repeating: 0, count: 12)
    RandomBytes.fill(&random)
    let name = String(decoding: Base64.encodeURL(random.span), as: UTF8.self)
    let key = "\(prefix)sys:doctor:\(name)"
    let (hash, log) = (key + ":hash", key + ":log")
    let commands: [[String]] = [
      ["SET", key, "1", "PX", "10000", "NX"], ["GET", key], ["PEXPIRE", key, "10000"],
      ["EXPIRE", key, "10"], ["TTL", key], ["HSET", hash, "a", "1"], ["HINCRBY", hash, "a", "1"],
      ["HGET", hash, "a"], ["HMGET", hash, "a"], ["HGETALL", hash], ["HKEYS", hash],
      ["HVALS", hash], ["HLEN", hash], ["HEXISTS", hash, "a"], ["HSCAN", hash, "0"],
      ["HDEL", hash, "b"], ["PEXPIRE", hash, "10000"], ["XADD", log, "1-1", "a", "1"],
      ["XRANGE", log, "-", "+"], ["XREVRANGE", log, "+", "-"], ["XTRIM", log, "MINID", "1-1"],
      ["PEXPIRE", log, "10000"], ["PUBLISH", key, "1"],
      ["EVAL", "return redis.call('GET', KEYS[1])", "1", key], ["SCRIPT", "EXISTS", "0"],
      ["DEL", key, hash, log], ["SUBSCRIBE", key],
    ]
    // A replica refuses to write, which its role tells.
    guard facts.role == nil || facts.role == "master" else { return }
    for words in commands {
      let reply = try conversation.ask(words)
      guard let code = reply.errorCode else { continue }
      let isMissing = reply.string(0).contains("unknown command")
      guard code == "NOPERM" || isMissing else { continue }
      facts.forbidden.append(.init(command: words[0], reason: reply.string(0)))
    }
  }
}
