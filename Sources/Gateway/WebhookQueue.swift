// Events on their way to the receiver: in order, one batch at a time, each until it was taken or has
// failed too often. A batch that was sent and not answered is sent again: at least once.

import RoostEventLoop

/// The webhooks of a node.
///
/// Pure.
struct WebhookQueue: Sendable {
  /// Events of one request.
  static let batchEventsMax = 100
  /// Pauses before a batch is sent again: the first, and the longest.
  static let pauses = Duration.milliseconds(500)...Duration.seconds(60)

  /// What to send.
  struct Batch: Sendable, Equatable {
    /// The same each time it is sent.
    let id: String
    let body: [UInt8]
  }

  /// What became of a batch that failed.
  enum Failure: Equatable, Sendable {
    /// It is sent again after this time.
    case again(Duration)
    /// It has failed too often; so many events are lost.
    case dropped(Int)
  }

  private let node: String
  private let process: String
  private var countMax: Int
  private var retriesMax: Int

  // Events as JSON, those before `first` sent and taken.
  private var events: [[UInt8]] = []
  private var first = 0
  private var lastID: UInt64 = 0

  // The batch under way or waiting to be sent again.
  private var batch: Batch?
  private var batchCount = 0
  private var failures = 0
  private var isUnderWay = false
  private var resumesAt = MonotonicInstant.zero
  private var jitter: Jitter

  /// - Parameter process: what no other process of a cluster is called.
  init(_ configuration: Configuration.Webhooks, node: String, process: UInt64) {
    self.node = node
    self.process = String(process, radix: 16)
    countMax = configuration.queue
    retriesMax = configuration.retries
    jitter = Jitter(seed: process)
  }

  /// Goes by other settings from now on; what waits goes on waiting, and is tried at once.
  mutating func follow(_ configuration: Configuration.Webhooks) {
    countMax = configuration.queue
    retriesMax = configuration.retries
    failures = 0
    resumesAt = .zero
  }

  /// Events that wait or are under way.
  var count: Int { events.count - first }

  /// Puts an event behind all others; false when there are too many already.
  mutating func append(_ event: WebhookEvent, wallMilliseconds: Int64) -> Bool {
    guard count < countMax else { return false }
    lastID += 1
    events.append(event.json(id: "\(process)-\(lastID)", time: wallMilliseconds))
    return true
  }

  /// What is to be sent now, if anything is.
  mutating func next(_ now: MonotonicInstant) -> Batch? {
    guard !isUnderWay, resumesAt <= now else { return nil }
    if batch == nil, count > 0 { batch = makeBatch() }
    guard let batch else { return nil }
    isUnderWay = true
    return batch
  }

  /// The batch under way was taken.
  mutating func taken() {
    precondition(isUnderWay, "a batch was taken that was not sent")
    forgetBatch()
  }

  /// The batch under way was not taken.
  ///
  /// - Parameter wish: how long the receiver asks to be left alone.
  mutating func failed(_ now: MonotonicInstant, wish: Duration = .zero) -> Failure {
    precondition(isUnderWay, "a batch failed that was not sent")
    isUnderWay = false
    guard failures < retriesMax else {
      let lost = batchCount
      forgetBatch()
      resumesAt = now.advanced(by: Self.pauses.lowerBound)
      return .dropped(lost)
    }
    failures += 1
    // Doubled each time, then anything from half of it on: receivers of many nodes come back to
    // requests that are spread out.
    let doubled = Self.pauses.lowerBound * (1 << min(failures - 1, 10))
    let most = min(doubled, Self.pauses.upperBound)
    let share = Int(jitter.next(in: 500...1000))
    let pause = max(most * share / 1000, min(wish, Self.pauses.upperBound))
    resumesAt = now.advanced(by: pause)
    return .again(pause)
  }

  /// When something is to be sent, if nothing happens before; nil when nothing waits for the clock.
  func nextDeadline() -> MonotonicInstant? {
    isUnderWay || count == 0 ? nil : resumesAt
  }

  /// Sends what waits without its pause: the node goes.
  mutating func hurry() { resumesAt = .zero }

  private mutating func makeBatch() -> Batch {
    batchCount = min(count, Self.batchEventsMax)
    lastID += 1
    var body: [UInt8] = []
    body.append(contentsOf: "{\"node\":".utf8)
    body.append(contentsOf: SettingValue.quoted(node).utf8)
    body.append(contentsOf: ",\"events\":[".utf8)
    for place in first..<(first + batchCount) {
      if place > first { body.append(UInt8(ascii: ",")) }
      body.append(contentsOf: events[place])
    }
    body.append(contentsOf: "]}".utf8)
    return Batch(id: "\(process)-\(lastID)", body: body)
  }

  private mutating func forgetBatch() {
    first += batchCount
    if first * 2 >= events.count {
      events.removeFirst(first)
      first = 0
    }
    batch = nil
    batchCount = 0
    failures = 0
    isUnderWay = false
    resumesAt = .zero
  }
}
