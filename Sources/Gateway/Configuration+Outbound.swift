// Where a node asks and tells other servers: the callback that decides, and the webhooks that report.

import Fetch

/// What the callback is asked about.
public enum HookEvent: String, CaseIterable, Sendable {
  /// Whether a connection may be.
  case connect
  /// Whether a connection may be a member of a room.
  case join
  /// Whether a message may be published.
  case publish
}

/// What is decided when the callback does not.
public enum HookFallback: String, CaseIterable, Sendable {
  /// It is refused, to be tried again.
  case deny
  /// It is done, as if there were no callback.
  case allow
}

/// What webhooks tell.
public enum WebhookKind: String, CaseIterable, Sendable {
  /// A connection speaks WebSocket.
  case connected
  /// It has ended.
  case disconnected
  /// A room has its first member on this node.
  case roomOccupied = "room_occupied"
  /// A room has lost its last one.
  case roomVacated = "room_vacated"
}

extension Configuration {
  /// The callback that decides what policies leave open.
  public struct Hooks: Sendable, Equatable {
    /// Where it is asked; empty: nowhere.
    public var url = ""
    /// What it decides, in the words of ``HookEvent``.
    public var decides: [String] = []
    /// Signs every request; the service checks it.
    public var secret = ""
    /// Authorities that may have signed the service's certificate; empty: those of the system.
    public var caFile = ""
    /// How long an answer may take, waiting for its turn included.
    public var timeout = Duration.seconds(2)
    /// Requests under way at the same time.
    public var concurrency = 64
    /// How long a decision about a user's join is remembered; zero: not at all.
    public var cache = Duration.zero
    /// What happens when there is no answer.
    public var onFailure = HookFallback.deny

    /// Whether it decides about something.
    public func decides(_ event: HookEvent) -> Bool { decides.contains(event.rawValue) }
  }

  /// What is told to another service.
  public struct Webhooks: Sendable, Equatable {
    /// Where to; empty: nowhere.
    public var url = ""
    /// Signs every request.
    public var secret = ""
    /// Authorities that may have signed the service's certificate; empty: those of the system.
    public var caFile = ""
    /// What is told, in the words of ``WebhookKind``.
    public var events: [String] = []
    /// Events that may wait; the newest is dropped when there are more.
    public var queue = 10_000
    /// How often a batch that failed is sent again before it is dropped.
    public var retries = 5

    /// Whether something is told.
    public func tells(_ kind: WebhookKind) -> Bool { events.contains(kind.rawValue) }
  }

  /// What about the callback and the webhooks does not fit together.
  func outboundProblems() -> [ConfigurationProblem] {
    Self.problems("hooks", url: hooks.url, secret: hooks.secret, list: "decides", hooks.decides)
      + Self.problems(
        "webhooks", url: webhooks.url, secret: webhooks.secret, list: "events", webhooks.events)
  }

  private static func problems(
    _ name: String, url: String, secret: String, list: String, _ words: [String]
  ) -> [ConfigurationProblem] {
    guard url.isEmpty == words.isEmpty else {
      let missing = url.isEmpty ? "\(name).url" : "\(name).\(list)"
      let given = url.isEmpty ? "\(name).\(list)" : "\(name).url"
      return [ConfigurationProblem(given, "this needs \(missing), too")]
    }
    guard url.isEmpty || !secret.isEmpty else {
      return [
        ConfigurationProblem(
          "\(name).url",
          "this needs \(name).secret: without a signature the service could not tell who asks")
      ]
    }
    return []
  }
}
