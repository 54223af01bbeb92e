// A link on a loop of its own: the test runs ticks until what it waits for has happened.

import Backplane
import RoostCrypto
import RoostEventLoop
import TestSupport

/// What the loop does for the link, and what came of it.
struct LinkStages: LoopStages, ~Copyable {
  var link: RedisLink
  var events: [RedisLink.Event] = []
  /// Replies in the notation of the reader's tests.
  var replies: [String] = []
  /// Only so long does a wait last.
  var patience = MonotonicInstant.distantFuture
  private var reply = RedisReply()

  init(link: consuming RedisLink) {
    self.link = link
  }

  var isDirty: Bool { false }

  mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    if let event = link.ready(readiness, now: now) { events.append(event) }
    takeReplies()
  }

  mutating func takeReplies() {
    do {
      while try link.nextReply(into: &reply) { replies.append(RedisReplyReaderTests.show(reply)) }
    } catch {
      replies.append("violation: \(error)")
      link.close("\(error)")
    }
  }

  mutating func takeLetters(now: MonotonicInstant) {}

  mutating func expireTimers(now: MonotonicInstant) {
    if let event = link.expire(now: now) { events.append(event) }
  }

  mutating func postLetters() {}

  mutating func flush(now: MonotonicInstant) {
    if let event = link.flush(now: now) { events.append(event) }
  }

  mutating func closeScheduled(now: MonotonicInstant) {}

  func nextDeadline() -> MonotonicInstant? {
    min(patience, link.nextDeadline() ?? .distantFuture)
  }
}

/// A link and its loop.
struct LinkHarness: ~Copyable {
  static let limits = RedisLinkLimits(
    connectTimeout: .seconds(10), loginTimeout: .seconds(10), outputBytesMax: 1 << 20,
    replyBytesMax: 1 << 24, replyTokensMax: 100_000, tickBytesMax: 1 << 20,
    keepAlive: KeepAlive(idleSeconds: 15, intervalSeconds: 5, probes: 3))

  var stages: LinkStages
  private var loop: Loop

  init(
    _ url: String, security: RedisSecurity? = nil, clientName: String = "roost-test",
    limits: RedisLinkLimits = Self.limits
  ) throws {
    let poller = try Poller()
    let wakeup = try Wakeup()
    let context = try security.map { security in
      try TLSContext.client(
        caFile: security.caFile, certificateFile: security.certificateFile,
        keyFile: security.keyFile, serverName: security.serverName)
    }
    let endpoint = try RedisEndpoint(url)
    loop = Loop(poller: poller, wakeup: wakeup)
    stages = LinkStages(
      link: RedisLink(
        endpoint: endpoint, security: context, clientName: clientName, limits: limits,
        poller: poller, token: 7, wakeup: wakeup))
  }

  /// Runs ticks until something is so; throws when it is not within twenty seconds.
  mutating func run(until isSo: (borrowing LinkStages) -> Bool) throws {
    stages.patience = MonotonicInstant.now().advanced(by: .seconds(20))
    // What the test has appended since the last tick, which would wait before it flushes.
    stages.flush(now: .now())
    while !isSo(stages) {
      guard MonotonicInstant.now() < stages.patience else {
        throw TestFailure("it did not happen; events: \(stages.events)")
      }
      loop.tick(&stages)
    }
  }

  /// Opens the link and returns the first event.
  mutating func open() throws -> RedisLink.Event {
    let before = stages.events.count
    stages.link.open(at: .now())
    try run { $0.events.count > before }
    return stages.events[before]
  }

  /// Runs ticks until the link's next event.
  mutating func nextEvent() throws -> RedisLink.Event {
    let before = stages.events.count
    try run { $0.events.count > before }
    return stages.events[before]
  }

  /// Sends a command and returns its reply.
  mutating func ask(_ words: String...) throws -> String {
    let before = stages.replies.count
    send(words)
    try run { $0.replies.count > before || !$0.link.isOpen }
    guard stages.replies.count > before else {
      throw TestFailure("no reply; events: \(stages.events)")
    }
    return stages.replies[before]
  }

  /// Appends a command to what is sent next.
  mutating func send(_ words: [String]) {
    RedisCommandWriter.begin(words.count, to: &stages.link.output)
    for word in words { RedisCommandWriter.argument(text: word, to: &stages.link.output) }
  }
}
