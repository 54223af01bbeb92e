// The table of settings: what is set about the node as a whole, and what is designed and not built.

import Auth
import RoostRooms
import Telemetry

extension Setting {
  private static let terabyte = 1_099_511_627_776

  /// The node's settings besides its limits.
  static let node: [Setting] = [
    node(
      "listen", .address, .address(\.listen),
      "Where clients connect; port 0 takes a free one. Under --dev the default is 127.0.0.1:8080."),
    node(
      "admin", .address, .address(\.admin),
      "Where the server API, /healthz and /metrics are; port 0 takes a free one."),
    node(
      "node_id", .nodeName,
      .text(\.nodeID, show: { $0 ?? "auto" }, parse: { .some($0 == "auto" ? nil : $0) }),
      "The node's name in logs and in the cluster; auto makes it of host name and port."),
    node(
      "shards", .integer(1...64, zero: "one per core"), .integer(\.shards),
      "Threads that serve connections."),
    node(
      "origins", .origins, .list(\.origins),
      "Web pages that may connect; an empty list means those of the same host, * means all."),

    node(
      "compression.enabled", .boolean, .boolean(\.compression.enabled),
      "Whether clients that offer permessage-deflate get it."),
    node(
      "compression.level", .integer(1...9, zero: nil), .integer(\.compression.level),
      "zlib's level, from fast to small."),
    node(
      "compression.threshold_bytes", .integer(0...1_048_576, zero: nil),
      .integer(\.compression.thresholdBytes),
      "Messages of fewer bytes are sent uncompressed."),
    node(
      "compression.context_takeover", .boolean, .boolean(\.compression.contextTakeover),
      "Whether a connection may keep its window between messages: smaller messages, more memory."),
    node(
      "compression.memory_bytes", .integer(0...terabyte, zero: nil),
      .integer(\.compression.memoryBytes),
      "What windows kept for connections may take on the node, in bytes."),
    node(
      "compression.window_bits", .integer(9...15, zero: nil), .integer(\.compression.windowBits),
      "The server's window is 2 to this power bytes."),

    node(
      "drain.lb_grace", .seconds(.zero ... .seconds(3600), zero: nil), .seconds(\.drain.lbGrace),
      "Seconds that a draining node still takes connections; without effect on a single node."),
    node(
      "drain.window", .seconds(.zero ... .seconds(86_400), zero: nil), .seconds(\.drain.window),
      "Seconds over which a draining node sends its connections away; no effect on a single node."),
    node(
      "drain.hard_stop", .seconds(.milliseconds(100) ... .seconds(90_000), zero: nil),
      .seconds(\.drain.hardStop),
      "Seconds from the signal to the end, whatever is left; at least lb_grace and window together."
    ),
    node(
      "drain.rebalance", .boolean, .boolean(\.drain.rebalance),
      "Whether a node with far more connections than the others sends some of them away, slowly."),

    node(
      "resume.secrets", .secrets(bytesMin: Ticket.secretBytesMin), .secrets(\.resume.secrets),
      "Sign tickets of moving connections; the first signs, all verify. None: the cluster makes one."
    ),

    node(
      "redis.urls", .redisURLs,
      SettingAccess(
        read: { .list($0.redis.urls.map(RedisConfiguration.withoutPassword)) },
        write: {
          guard case .list(let texts) = $1 else { preconditionFailure("no list: \($1)") }
          $0.redis.urls = texts
        }),
      "The Redis through which nodes are one cluster; an empty list means a node that stands alone."
    ),
    node(
      "redis.prefix", .redisPrefix, .text(\.redis.prefix, show: { $0 }, parse: { $0 }),
      "What every key and channel in Redis begins with."),
    node(
      "redis.ca_file", .path, .text(\.redis.caFile, show: { $0 }, parse: { $0 }),
      "Certificates that may have signed that of Redis (PEM); nothing means those of the system."),
    node(
      "redis.certificate_file", .path,
      .text(\.redis.certificateFile, show: { $0 }, parse: { $0 }),
      "The node's own certificate for Redis (PEM)."),
    node(
      "redis.key_file", .path, .text(\.redis.keyFile, show: { $0 }, parse: { $0 }),
      "The key of that certificate (PEM)."),
    node(
      "redis.reply_timeout", .seconds(.milliseconds(100) ... .seconds(60), zero: nil),
      .seconds(\.redis.replyTimeout),
      "How long Redis may take for a reply before its link is closed."),
    node(
      "redis.readiness_grace", .seconds(.zero ... .seconds(3600), zero: nil),
      .seconds(\.redis.readinessGrace),
      "How long the way through Redis may be cut before /readyz says no."),

    node(
      "log.format", .word(LogFormat.allCases.map(\.rawValue), later: [:]), .word(\.log.format),
      "How log lines are written; under --dev on a terminal the default is text."),
    node(
      "log.level", .word(LogLevel.allCases.map(\.rawValue), later: [:]), .word(\.log.level),
      "Events below this level are left out."),
    node(
      "log.lines_per_second", .integer(1...1_000_000, zero: "no bound"),
      .integer(\.log.linesPerSecond),
      "Lines of one event a second; how many more there were is told in one line."),
  ]

  /// What the design has and this version has not: refused with a sentence, never ignored.
  static let refused: [Setting] = []
}
