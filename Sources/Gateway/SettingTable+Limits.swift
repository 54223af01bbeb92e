// The table of settings: the limits. Their reasons and defaults stand in Limits.swift; here are their
// keys and ranges. Rates stay below 2^30 a second, so that a bucket can count them in nanoseconds.

extension Setting {
  private static let people = 1...10_000_000
  private static let perSecond = 1...1_000_000
  private static let page = 1...100_000

  private static func limit(
    _ name: String, _ range: ClosedRange<Int>, zero: String? = nil,
    _ place: any WritableKeyPath<Limits, Int> & Sendable, _ summary: String
  ) -> Setting {
    let access = SettingAccess<Limits>.integer(place).within(\Configuration.limits)
    return node("limits." + name, .integer(range, zero: zero), access, summary)
  }

  private static func time(
    _ name: String, _ range: ClosedRange<Duration>, zero: String? = nil,
    _ place: any WritableKeyPath<Limits, Duration> & Sendable, _ summary: String
  ) -> Setting {
    let access = SettingAccess<Limits>.seconds(place).within(\Configuration.limits)
    return node("limits." + name, .seconds(range, zero: zero), access, summary)
  }

  /// The settings of ``Limits``.
  static let limits: [Setting] = [
    limit(
      "connections", people, zero: "what descriptors and memory allow", \.connections,
      "Connections that the node holds."),
    limit(
      "connections_per_address", people, zero: "no limit", \.connectionsPerAddress,
      "Connections from one address; off under --dev."),
    limit(
      "connections_per_user", people, zero: "no limit", \.connectionsPerUser,
      "Connections of one user."),
    limit(
      "handshakes_per_second", perSecond, zero: "no limit", \.handshakesPerSecond,
      "New connections a second on the node."),
    limit(
      "handshakes_per_second_per_address", perSecond, zero: "no limit",
      \.handshakesPerSecondPerAddress,
      "New connections a second from one address; off under --dev."),
    node(
      "limits.user_overflow", .word(UserOverflow.allCases.map(\.rawValue), later: [:]),
      .word(\.limits.userOverflow),
      "Whether a user's connection too many is refused or closes the oldest one with 4007."),
    limit(
      "handshakes_at_once", people, zero: "a quarter of all sockets", \.handshakesAtOnce,
      "Sockets without a finished handshake at a time; at most a quarter of all. The oldest one goes."
    ),
    time(
      "handshake_timeout", .milliseconds(100) ... .seconds(300), \.handshakeTimeout,
      "Seconds from accept to the end of the opening handshake."),
    limit(
      "request_head_bytes", 1024...65_536, \.requestHeadBytes,
      "Bytes of an HTTP request's head."),
    limit(
      "messages_per_second", perSecond, zero: "no limit", \.messagesPerSecond,
      "Requests a second of one connection in the long run."),
    limit(
      "messages_burst", perSecond, zero: "no limit", \.messagesBurst,
      "Requests that a connection may send at once."),
    limit(
      "bytes_per_second", 1...1_073_741_824, zero: "no limit", \.bytesPerSecond,
      "Payload bytes a second of one connection in the long run."),
    limit(
      "messages_per_second_per_user", perSecond, zero: "no limit", \.messagesPerSecondPerUser,
      "Requests a second of all connections of a user together."),
    limit(
      "bytes_per_second_per_user", 1...1_073_741_824, zero: "no limit", \.bytesPerSecondPerUser,
      "Payload bytes a second of all connections of a user together."),
    limit(
      "messages_per_second_per_address", perSecond, zero: "no limit",
      \.messagesPerSecondPerAddress,
      "Requests a second of all connections from an address together; off under --dev."),
    limit(
      "bytes_per_second_per_address", 1...1_073_741_824, zero: "no limit",
      \.bytesPerSecondPerAddress,
      "Payload bytes a second of all connections from an address together; off under --dev."),
    node(
      "limits.dry_run", .boolean, .boolean(\.limits.dryRun),
      "Whether counts and rates that are exceeded are only counted and logged, and refuse nobody."),
    limit(
      "message_bytes", 125...33_554_432, \.messageBytes,
      "Bytes of one message from a client; at most outbound_bytes."),
    limit(
      "batch_requests", page, \.batchRequests,
      "Requests in one message."),
    limit(
      "rooms_per_connection", 1...1_000_000, zero: "no limit", \.roomsPerConnection,
      "Rooms that one connection has joined at the same time."),
    limit(
      "outbound_bytes", 4096...1_073_741_824, \.outboundBytes,
      "Bytes that may wait for a slow client; at least message_bytes."),
    time(
      "ping_interval", .milliseconds(100) ... .seconds(3600), zero: "no pings", \.pingInterval,
      "Seconds from one ping of the server to the next."),
    time(
      "pong_timeout", .milliseconds(100) ... .seconds(300), \.pongTimeout,
      "Seconds from a ping to its pong before a close with 4000; at most ping_interval."),
    time(
      "close_timeout", .milliseconds(100) ... .seconds(300), \.closeTimeout,
      "Seconds that a client has to answer a close frame."),
    time(
      "idle_timeout", .milliseconds(100) ... .seconds(604_800), zero: "off", \.idleTimeout,
      "Seconds without a request before a connection is closed with 4006."),
    time(
      "idempotency_window", .milliseconds(100) ... .seconds(86_400), zero: "not remembered",
      \.idempotencyWindow,
      "Seconds for which a publish's idempotency key is remembered."),
    limit(
      "idempotency_keys", 1...100_000_000, \.idempotencyKeys,
      "Idempotency keys that the node remembers."),
    limit(
      "history_bytes", 1_048_576...1_099_511_627_776, \.historyBytes,
      "Bytes of history that the node holds, all rooms together."),
    limit(
      "presence_page", page, \.presencePage,
      "Members in one answer to presence."),
    limit(
      "history_page", page, \.historyPage,
      "Messages in one answer to history."),
  ]
}
