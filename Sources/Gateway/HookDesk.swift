// What happens to a question before and after it is sent: answered from memory, refused because the
// callback is away or too much waits already, or put into the line.

import RoostEventLoop

/// What a question came to, for metrics.
enum HookResult: Int, CaseIterable, Sendable {
  case allowed
  case denied
  /// It was sent, and there was no answer.
  case failed
  /// It was not sent: the circuit is open, the line is full, or its turn came too late.
  case unasked

  var label: String {
    switch self {
    case .allowed: "allowed"
    case .denied: "denied"
    case .failed: "failed"
    case .unasked: "unasked"
    }
  }
}

/// The questions of a node to its callback.
///
/// Pure.
struct HookDesk: Sendable {
  /// Questions that may wait for each one that may be under way.
  static let waitingPerRequest = 16
  /// Decisions that are remembered.
  static let cacheCountMax = 100_000

  /// What became of a question.
  struct Answer: Sendable, Equatable {
    let ticket: HookTicket
    let event: HookEvent
    let decision: HookDecision
    let result: HookResult
    /// Whether it came out of memory.
    var isRemembered = false
  }

  private struct Waiting {
    let question: HookQuestion
    let deadline: MonotonicInstant
  }

  private var timeout: Duration
  private var fallback: HookFallback
  private let waitingMax: Int
  private(set) var circuit = CircuitBreaker()
  private var cache: HookCache
  // The line; what stands before `first` has gone.
  private var line: [Waiting] = []
  private var first = 0

  init(_ configuration: Configuration.Hooks) {
    timeout = configuration.timeout
    fallback = configuration.onFailure
    waitingMax = configuration.concurrency * Self.waitingPerRequest
    cache = HookCache(lifetime: configuration.cache, countMax: Self.cacheCountMax)
  }

  /// Goes by other settings from the next question on; what was decided before is forgotten.
  mutating func follow(_ configuration: Configuration.Hooks) {
    timeout = configuration.timeout
    fallback = configuration.onFailure
    circuit = CircuitBreaker()
    cache = HookCache(lifetime: configuration.cache, countMax: Self.cacheCountMax)
  }

  /// Questions that wait for their turn.
  var waitingCount: Int { line.count - first }

  /// Takes a question; an answer when it does not have to wait for one.
  mutating func ask(_ question: HookQuestion, _ now: MonotonicInstant) -> Answer? {
    if let known = cache.decision(for: question, now) {
      return Answer(
        ticket: question.ticket, event: question.act.event, decision: known,
        result: known.result, isRemembered: true)
    }
    guard waitingCount < waitingMax else { return unanswered(question, .unasked, now) }
    line.append(Waiting(question: question, deadline: now.advanced(by: timeout)))
    return nil
  }

  /// The next question to be sent, and how long its answer may take; those that cannot be sent any
  /// more are answered.
  mutating func next(
    _ now: MonotonicInstant, into answers: inout [Answer]
  ) -> (question: HookQuestion, timeout: Duration)? {
    while first < line.count {
      let waiting = line[first]
      first += 1
      if first * 2 >= line.count {
        line.removeFirst(first)
        first = 0
      }
      if waiting.deadline > now, circuit.admits(now) {
        return (waiting.question, waiting.deadline.since(now))
      }
      answers.append(unanswered(waiting.question, .unasked, now))
    }
    return nil
  }

  /// When the first question that waits has waited too long; nil when none does.
  ///
  /// Only of use while nothing may be sent: every other time takes all that wait.
  func nextDeadline() -> MonotonicInstant? { first < line.count ? line[first].deadline : nil }

  /// Allows all that wait: nobody is to be asked any more.
  mutating func release(into answers: inout [Answer]) {
    for waiting in line[first...] {
      answers.append(
        Answer(
          ticket: waiting.question.ticket, event: waiting.question.act.event,
          decision: .allowed(.none), result: .unasked))
    }
    line = []
    first = 0
  }

  /// Answers those that have waited too long.
  mutating func expire(_ now: MonotonicInstant, into answers: inout [Answer]) {
    while first < line.count, line[first].deadline <= now {
      answers.append(unanswered(line[first].question, .unasked, now))
      first += 1
    }
    if first == line.count {
      line.removeAll(keepingCapacity: line.capacity <= 1024)
      first = 0
    }
  }

  /// What the callback said to a question; second whether this opened the circuit.
  ///
  /// - Parameter isPresent: whether it was asked by the settings that hold now; otherwise its word
  ///   counts for this question only.
  mutating func ended(
    _ question: HookQuestion, _ reading: HookReading, isPresent: Bool = true,
    _ now: MonotonicInstant
  ) -> (answer: Answer, opened: Bool) {
    let decision: HookDecision
    switch reading {
    case .allowed(let addition): decision = .allowed(addition)
    case .denied(let reason): decision = .denied(reason)
    case .failed:
      let opened = isPresent && circuit.failed(now)
      return (unanswered(question, .failed, now), opened)
    }
    if isPresent {
      circuit.succeeded()
      cache.remember(decision, for: question, now)
    }
    let answer = Answer(
      ticket: question.ticket, event: question.act.event, decision: decision,
      result: decision.result)
    return (answer, false)
  }

  private func unanswered(
    _ question: HookQuestion, _ result: HookResult, _ now: MonotonicInstant
  ) -> Answer {
    Answer(
      ticket: question.ticket, event: question.act.event,
      decision: fallback.decision(retryAfter: circuit.retryAfter(now)), result: result)
  }
}

extension HookFallback {
  /// What stands in for a decision.
  func decision(retryAfter: Duration) -> HookDecision {
    switch self {
    case .allow: .allowed(.none)
    case .deny: .undecided(retryAfter)
    }
  }
}

extension HookDecision {
  /// How a decision of the callback counts.
  var result: HookResult {
    switch self {
    case .allowed: .allowed
    case .denied: .denied
    case .undecided: .failed
    }
  }
}
