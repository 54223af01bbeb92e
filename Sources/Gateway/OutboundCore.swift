// What the outbound thread owns: the requests to other servers, and the machines that decide which
// are sent. Shards write letters to it and get letters back.

import Fetch
import Glibc
import RoostEventLoop
import RoostRooms
import Telemetry

/// Letters to the outbound thread.
enum OutboundLetter: Sendable {
  /// A question for the callback.
  case ask(HookQuestion)
  /// Something to be told.
  case happened(WebhookEvent)
  /// Whether a shard has members of a room.
  case room(RoomName, isOccupied: Bool, shard: Int)
  /// A token names a key that is not known.
  case keyIsUnknown
}

/// How other threads reach the outbound thread.
struct OutboundPlace: Sendable {
  let mailbox: Mailbox<OutboundLetter>
  let metrics = OutboundMetrics()
}

/// What the outbound thread owns.
struct OutboundCore: ~Copyable {
  /// How long a node that ends goes on telling.
  static let flushTime = Duration.seconds(5)
  /// How long a receiver of webhooks may take.
  static let webhookTimeout = Duration.seconds(10)
  /// Between two lines of the log about one trouble.
  private static let logPause = Duration.seconds(10)

  /// What a request is for.
  enum Purpose {
    /// The callback; with the number of the settings by which it is asked.
    case question(HookQuestion, settings: Int)
    case webhooks
    case keySet(KeySetSource)
  }

  let shared: NodeShared
  let place: OutboundPlace
  var metrics: OutboundMetrics { place.metrics }
  /// What the rules that hold say, followed between two rounds.
  private(set) var plan: OutboundPlan
  private var configuration: Configuration
  private var rulesNumber: UInt64
  private var hookSettings = 0
  /// Where webhooks go, as long as any wait: also when new ones are not wanted any more.
  private var webhookTarget: OutboundTarget?
  var fetcher: Fetcher
  var isStopped = false
  private var stopsBy: MonotonicInstant?

  private var purposes: [UInt64: Purpose] = [:]
  private var lastID: UInt64 = 0
  private var outgoing: [[ShardLetter]]
  private var outgoingCount = 0
  private let clock = MomentClock()

  private var desk: HookDesk?
  private var questionsUnderWay = 0
  private var answers: [HookDesk.Answer] = []
  private var complainedAt: MonotonicInstant?

  private var webhooks: WebhookQueue?
  var refresher: KeySetRefresher?
  var fileStamp: FileStamp?
  var fileDueAt = MonotonicInstant.zero

  private var occupancy = RoomOccupancy()
  private var isFullTold = false

  init(shared: NodeShared, place: OutboundPlace, fetcher: consuming Fetcher) {
    self.shared = shared
    self.place = place
    self.fetcher = fetcher
    outgoing = Array(repeating: [], count: shared.shardCount)
    let rules = shared.rules
    plan = rules.outbound
    configuration = rules.configuration
    rulesNumber = rules.number
    makeRefresher(MonotonicInstant.now())
    if plan.hooks != nil { desk = HookDesk(configuration.hooks) }
    followWebhooks()
  }

  // MARK: Reloads

  /// Takes up the rules that hold now, if they are others than before.
  ///
  /// Whoever waits for a decision gets one, and no event is lost.
  private mutating func followRules(_ now: MonotonicInstant) {
    guard shared.rulesNumber != rulesNumber else { return }
    let rules = shared.rules
    let (formerPlan, former) = (plan, configuration)
    rulesNumber = rules.number
    plan = rules.outbound
    configuration = rules.configuration
    if configuration.hooks != former.hooks {
      hookSettings += 1
      if desk != nil {
        desk?.follow(configuration.hooks)
      } else if plan.hooks != nil {
        desk = HookDesk(configuration.hooks)
      }
    }
    if configuration.webhooks != former.webhooks { followWebhooks() }
    if !plan.wishes.contains(.rooms) { occupancy = RoomOccupancy() }
    if plan.keySet != formerPlan.keySet {
      makeRefresher(now)
      // Without a URL the configured keys are all that there will be.
      if plan.keySet == nil { shared.awaitsKeys = false }
    }
    if plan.watchesKeyFile { fileDueAt = min(fileDueAt, now) }
  }

  private mutating func makeRefresher(_ now: MonotonicInstant) {
    refresher = plan.keySet.map {
      KeySetRefresher(interval: $0.interval, now: now, seed: shared.process)
    }
  }

  private mutating func followWebhooks() {
    guard let target = plan.webhooks else { return }
    webhookTarget = target
    if webhooks != nil {
      webhooks?.follow(configuration.webhooks)
    } else {
      webhooks = WebhookQueue(
        configuration.webhooks, node: shared.nodeID, process: shared.process)
    }
  }

  /// Requests that a node may have under way.
  static func concurrencyMax(_ configuration: Configuration) -> Int {
    // One more each for webhooks and key sets.
    configuration.hooks.concurrency + 2
  }

  /// Sends what may be sent and handles what has ended.
  private mutating func advance(_ now: MonotonicInstant) {
    for completion in fetcher.takeCompleted() { ended(completion, now) }
    sendQuestions(now)
    sendWebhooks(now)
    fetchKeys(now)
    metrics.hooksWaiting.set(Int64((desk?.waitingCount ?? 0) + questionsUnderWay))
    metrics.webhooksWaiting.set(Int64(webhooks?.count ?? 0))
  }

  private mutating func ended(_ completion: FetchCompletion, _ now: MonotonicInstant) {
    switch purposes.removeValue(forKey: completion.id) {
    case .question(let question, let settings):
      questionEnded(question, isPresent: settings == hookSettings, completion, now)
    case .webhooks: webhooksEnded(completion, now)
    case .keySet(let source):
      // Another one is asked by now.
      if source == plan.keySet { keysFetched(completion, source, now) }
    case nil: preconditionFailure("request \(completion.id) has no purpose")
    }
  }

  mutating func start(_ request: FetchRequest, _ purpose: Purpose, _ now: MonotonicInstant) {
    lastID += 1
    purposes[lastID] = purpose
    let isTaken = fetcher.start(request, id: lastID, now: now)
    precondition(isTaken, "more requests than places for them")
  }

  // MARK: The callback

  private mutating func take(_ question: HookQuestion, _ now: MonotonicInstant) {
    if let answer = desk?.ask(question, now) { answers.append(answer) }
  }

  private mutating func sendQuestions(_ now: MonotonicInstant) {
    while let target = plan.hooks, questionsUnderWay < configuration.hooks.concurrency,
      let next = desk?.next(now, into: &answers)
    {
      questionsUnderWay += 1
      let request = target.request(
        next.question.json(node: shared.nodeID), id: requestID(),
        timeout: next.timeout, responseBytesMax: HookReading.bytesMax,
        wallSeconds: clock.moment(now).wallMilliseconds / 1000)
      start(request, .question(next.question, settings: hookSettings), now)
    }
    // A shard may have asked before it knew.
    if plan.hooks == nil { desk?.release(into: &answers) }
    desk?.expire(now, into: &answers)
    metrics.circuitOpen.set(desk?.circuit.isOpen == true ? 1 : 0)
    for answer in answers {
      metrics.count(answer.event, answer.result)
      if answer.isRemembered { metrics.remembered.add() }
      outgoing[answer.ticket.shard].append(.decided(answer))
      outgoingCount += 1
    }
    answers.removeAll(keepingCapacity: answers.capacity <= 4096)
  }

  private mutating func questionEnded(
    _ question: HookQuestion, isPresent: Bool, _ completion: FetchCompletion,
    _ now: MonotonicInstant
  ) {
    questionsUnderWay -= 1
    metrics.hookTime.observe(completion.duration)
    let reading = HookReading(completion.outcome)
    let wasOpen = desk?.circuit.isOpen == true
    guard let ended = desk?.ended(question, reading, isPresent: isPresent, now) else { return }
    answers.append(ended.answer)
    if case .failed(let reason) = reading { complain(reason, now) }
    let url = plan.hooks?.url.place ?? ""
    if ended.opened {
      shared.log.warning(
        "hook_circuit_opened", "the callback has failed too often in a row and is left alone",
        [.init("url", url), .init("on_failure", configuration.hooks.onFailure.rawValue)])
    } else if wasOpen, desk?.circuit.isOpen == false {
      shared.log.info("hook_circuit_closed", "the callback answers again", [.init("url", url)])
    }
  }

  private mutating func complain(_ reason: String, _ now: MonotonicInstant) {
    if let before = complainedAt, now.since(before) < Self.logPause { return }
    complainedAt = now
    shared.log.warning(
      "hook_failed", "the callback did not decide: \(reason)",
      [.init("url", plan.hooks?.url.place ?? "")])
  }

  /// Names a request for the service's log.
  private func requestID() -> String {
    "\(String(shared.process, radix: 16))-q\(lastID + 1)"
  }

  // MARK: Webhooks

  private mutating func happened(_ event: WebhookEvent, _ now: MonotonicInstant) {
    guard plan.webhooks != nil, configuration.webhooks.tells(event.kind) else { return }
    if let place = WebhookKind.allCases.firstIndex(of: event.kind) {
      metrics.webhookEvents.add(place)
    }
    let wall = clock.moment(now).wallMilliseconds
    guard webhooks?.append(event, wallMilliseconds: wall) == false else { return }
    metrics.webhookDrops.add(0)
    guard !isFullTold else { return }
    isFullTold = true
    shared.log.warning(
      "webhook_queue_full", "events are dropped: the receiver does not keep up",
      [.init("events", webhooks?.count ?? 0)])
  }

  private mutating func sendWebhooks(_ now: MonotonicInstant) {
    guard let target = webhookTarget, let batch = webhooks?.next(now) else { return }
    let request = target.request(
      batch.body, id: batch.id, timeout: Self.webhookTimeout, responseBytesMax: 65_536,
      wallSeconds: clock.moment(now).wallMilliseconds / 1000)
    start(request, .webhooks, now)
  }

  private mutating func webhooksEnded(_ completion: FetchCompletion, _ now: MonotonicInstant) {
    var wish = Duration.zero
    let reason: String
    switch completion.outcome {
    case .response(let response) where (200..<300).contains(response.status):
      metrics.webhookPosts.add(0)
      webhooks?.taken()
      if let count = webhooks?.count, count * 2 < configuration.webhooks.queue {
        isFullTold = false
      }
      return
    case .response(let response):
      reason = "status \(response.status)"
      if let seconds = response.field("retry-after").flatMap({ Int($0) }), seconds > 0 {
        wish = .seconds(min(seconds, 3600))
      }
    case .failed(let failure): reason = failure.description
    }
    metrics.webhookPosts.add(1)
    let url = webhookTarget?.url.place ?? ""
    switch webhooks?.failed(now, wish: wish) {
    case .again(let pause):
      shared.log.warning(
        "webhook_failed", "events were not taken, and are sent again: \(reason)",
        [.init("url", url), .init("retry_ms", Int(pause.millisecondsClamped))])
    case .dropped(let count):
      metrics.webhookDrops.add(1, UInt64(count))
      shared.log.error(
        "webhook_dropped", "events were not taken often enough, and are lost: \(reason)",
        [.init("url", url), .init("events", count)])
    case nil: break
    }
  }

  // MARK: The end

  /// Follows the node's end: what is to be told is told, as far as that is quick.
  private mutating func followEnd(_ now: MonotonicInstant) {
    guard shared.stopsOutbound, !isStopped else { return }
    let deadline = stopsBy ?? now.advanced(by: Self.flushTime)
    if stopsBy == nil {
      stopsBy = deadline
      webhooks?.hurry()
      // The last letters of the shards may have come since this tick looked.
      takeLetters(now: now)
    }
    let left = webhooks?.count ?? 0
    guard left == 0 || deadline <= now || shared.stopsAtOnce else { return }
    if left > 0 {
      metrics.webhookDrops.add(2, UInt64(left))
      shared.log.error(
        "webhook_dropped", "events were not taken before the node's end, and are lost",
        [.init("url", webhookTarget?.url.place ?? ""), .init("events", left)])
    }
    isStopped = true
  }
}

extension OutboundCore: LoopStages {
  var isDirty: Bool { false }

  mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    fetcher.ready(readiness, now: now)
    advance(now)
  }

  mutating func takeLetters(now: MonotonicInstant) {
    let letters = place.mailbox.takeAll()
    // Behind taking: a shard that is ahead may ask what only newer rules want to know.
    followRules(now)
    for letter in letters {
      switch letter {
      case .ask(let question): take(question, now)
      case .happened(let event): happened(event, now)
      case .room(let room, let isOccupied, let shard):
        if let event = occupancy.note(room, isOccupied: isOccupied, shard: shard) {
          happened(event, now)
        }
      case .keyIsUnknown: refresher?.keyIsUnknown(now)
      }
    }
    advance(now)
  }

  mutating func expireTimers(now: MonotonicInstant) {
    fetcher.expire(now: now)
    advance(now)
    watchKeyFile(now)
    followEnd(now)
  }

  mutating func postLetters() {
    guard outgoingCount > 0 else { return }
    for shard in outgoing.indices where !outgoing[shard].isEmpty {
      // What is left is bounded by the questions that may wait: who asks waits for an answer.
      outgoingCount -= shared.mailboxes[shard].post(from: &outgoing[shard])
    }
  }

  mutating func flush(now: MonotonicInstant) {}

  mutating func closeScheduled(now: MonotonicInstant) {}

  func nextDeadline() -> MonotonicInstant? {
    if isStopped { return .zero }
    let now = MonotonicInstant.now()
    if shared.stopsOutbound, stopsBy == nil || shared.stopsAtOnce { return .zero }
    var next = fetcher.nextDeadline() ?? .distantFuture
    if let deadline = desk?.nextDeadline() { next = min(next, deadline) }
    if let deadline = webhooks?.nextDeadline() { next = min(next, deadline) }
    if let deadline = refresher?.nextDeadline() { next = min(next, deadline) }
    if plan.watchesKeyFile { next = min(next, fileDueAt) }
    if let stopsBy { next = min(next, stopsBy) }
    if outgoingCount > 0 { next = min(next, now.advanced(by: .milliseconds(1))) }
    return next
  }
}
