// Which ends are ends: what a client does after a close code, an HTTP status, an error. The same table
// stands in the protocol's page, and roost.js has it, too.

/// What a client does after its connection ended.
enum RetryRule: Equatable, Sendable {
  /// It stays closed until the application connects again.
  case final
  /// It comes back, after a wait.
  case again
  /// It comes back, after a wait as after so many failures at least.
  case againSlowly(failures: Int)
  /// It comes back with a new token, and stays closed without a way to get one.
  case withNewToken

  /// The rule for a close code of RFC 6455 or of the protocol.
  init(closeCode code: UInt16) {
    switch code {
    // Closed on purpose, or for what would be wrong the next time, too.
    case 1000, 1002, 1003, 1007, 1008, 1009, 4003: self = .final
    // Idle: there is nothing to say. One connection too many: coming back would throw another out.
    case 4006, 4007: self = .final
    case 4001, 4002: self = .withNewToken
    case 4004: self = .againSlowly(failures: 5)
    default: self = .again
    }
  }

  /// The close code that an HTTP status in place of an upgrade counts as.
  static func closeCode(ofStatus status: Int) -> UInt16 {
    switch status {
    case 401: 4001
    case 408, 429, 500...: 1006
    // Another 4xx will come again, and so will a redirection, which is not followed: a token must not
    // go to wherever an answer points.
    default: 1008
    }
  }
}

/// What a client does with a request that was answered by an error.
enum RepeatRule: Equatable, Sendable {
  /// It is over.
  case never
  /// It is repeated after a wait.
  case after
  /// Everything waits, then it is repeated.
  case holding

  /// The rule for a publish, which has a key, so that repeating it does it once.
  init(publish code: String) {
    switch code {
    case "unavailable", "unknown", "internal": self = .after
    case "rate_limited": self = .holding
    default: self = .never
    }
  }

  /// The rule for a join.
  init(join code: String) {
    switch code {
    case "unavailable", "internal": self = .after
    case "rate_limited": self = .holding
    default: self = .never
    }
  }
}
