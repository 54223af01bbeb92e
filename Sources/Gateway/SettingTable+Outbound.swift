// The table of settings: the callback and the webhooks.

extension Setting {
  static let outbound: [Setting] = [
    node(
      "hooks.url", .webURL, .text(\.hooks.url, show: { $0 }, parse: { $0 }),
      "The callback that is asked before something is allowed (POST); nothing means none."),
    node(
      "hooks.decides", .words(HookEvent.allCases.map(\.rawValue)), .list(\.hooks.decides),
      "What the callback decides, besides what policies say."),
    node(
      "hooks.secret", .secret, .secret(\.hooks.secret),
      "Signs every request to the callback. Never shown."),
    node(
      "hooks.ca_file", .path, .text(\.hooks.caFile, show: { $0 }, parse: { $0 }),
      "Certificates that may have signed that of the callback (PEM); nothing: those of the system."),
    node(
      "hooks.timeout", .seconds(.milliseconds(50) ... .seconds(60), zero: nil),
      .seconds(\.hooks.timeout),
      "How long the callback's answer may take, the wait for its turn included."),
    node(
      "hooks.concurrency", .integer(1...1024, zero: nil), .integer(\.hooks.concurrency),
      "Requests to the callback at the same time; 16 times as many may wait."),
    node(
      "hooks.cache", .seconds(.milliseconds(100) ... .seconds(86_400), zero: "off"),
      .seconds(\.hooks.cache),
      "How long a decision about a user's join of a room is remembered."),
    node(
      "hooks.on_failure", .word(HookFallback.allCases.map(\.rawValue), later: [:]),
      .word(\.hooks.onFailure),
      "What happens when the callback does not answer."),

    node(
      "webhooks.url", .webURL, .text(\.webhooks.url, show: { $0 }, parse: { $0 }),
      "Where events are sent (POST); nothing means nowhere."),
    node(
      "webhooks.secret", .secret, .secret(\.webhooks.secret),
      "Signs every request with events. Never shown."),
    node(
      "webhooks.ca_file", .path, .text(\.webhooks.caFile, show: { $0 }, parse: { $0 }),
      "Certificates that may have signed that of the receiver (PEM); nothing: those of the system."),
    node(
      "webhooks.events", .words(WebhookKind.allCases.map(\.rawValue)), .list(\.webhooks.events),
      "What is told."),
    node(
      "webhooks.queue", .integer(100...1_000_000, zero: nil), .integer(\.webhooks.queue),
      "Events that may wait; when there are more, the newest are dropped and counted."),
    node(
      "webhooks.retries", .integer(1...100, zero: "none"), .integer(\.webhooks.retries),
      "How often a batch that was not taken is sent again before it is dropped."),
  ]
}
