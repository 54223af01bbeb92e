// A fetcher on a loop of its own: the test runs ticks until what it waits for has come.

import RoostEventLoop
import TestSupport
import Testing

@testable import Fetch

/// What the loop does for the fetcher, and what came of it.
struct FetchStages: LoopStages, ~Copyable {
  var fetcher: Fetcher
  var completed: [FetchCompletion] = []
  /// Only so long does a wait last.
  var patience = MonotonicInstant.distantFuture

  init(fetcher: consuming Fetcher) { self.fetcher = fetcher }

  var isDirty: Bool { false }

  mutating func ready(_ readiness: Readiness, now: MonotonicInstant) {
    fetcher.ready(readiness, now: now)
    completed += fetcher.takeCompleted()
  }

  mutating func takeLetters(now: MonotonicInstant) {}

  mutating func expireTimers(now: MonotonicInstant) {
    fetcher.expire(now: now)
    completed += fetcher.takeCompleted()
  }

  mutating func postLetters() {}
  mutating func flush(now: MonotonicInstant) {}
  mutating func closeScheduled(now: MonotonicInstant) {}

  func nextDeadline() -> MonotonicInstant? {
    min(patience, fetcher.nextDeadline() ?? .distantFuture)
  }
}

/// A fetcher and its loop.
struct FetchHarness: ~Copyable {
  var loop: Loop
  var stages: FetchStages

  init(concurrencyMax: Int = 8) throws {
    let poller = try Poller()
    let wakeup = try Wakeup()
    let made = Fetcher(poller: poller, firstToken: 7, concurrencyMax: concurrencyMax)
    guard let fetcher = consume made else { throw TestFailure("libcurl cannot be used") }
    loop = Loop(poller: poller, wakeup: wakeup)
    stages = FetchStages(fetcher: fetcher)
  }

  /// Begins a request; false when it was not taken.
  mutating func start(_ request: FetchRequest, id: UInt64 = 1) -> Bool {
    stages.fetcher.start(request, id: id, now: .now())
  }

  /// Runs until so many requests have ended, or nothing more may be waited for.
  mutating func run(
    until count: Int, within limit: Duration = .seconds(60)
  ) throws -> [FetchCompletion] {
    stages.patience = MonotonicInstant.now().advanced(by: limit)
    while stages.completed.count < count {
      loop.tick(&stages)
      guard MonotonicInstant.now() < stages.patience else {
        throw TestFailure("\(stages.completed.count) of \(count) requests have ended")
      }
    }
    return stages.completed
  }

  /// Sends one request and waits for its end.
  mutating func outcome(of request: FetchRequest) throws -> FetchOutcome {
    stages.completed = []
    #expect(start(request))
    return try #require(try run(until: 1).first).outcome
  }
}

extension FetchRequest {
  /// A request with limits out of the way.
  static func to(
    _ url: String, body: String? = nil, timeout: Duration = .seconds(15),
    connectTimeout: Duration = .seconds(15), responseBytesMax: Int = 1 << 20,
    authorityFile: String? = nil
  ) throws -> FetchRequest {
    FetchRequest(
      url: try FetchURL(url), body: body.map { Array($0.utf8) }, timeout: timeout,
      connectTimeout: connectTimeout, responseBytesMax: responseBytesMax,
      authorityFile: authorityFile)
  }
}

extension FetchOutcome {
  /// The response; throws when there is none.
  var response: FetchResponse {
    get throws {
      switch self {
      case .response(let response): return response
      case .failed(let failure): throw TestFailure("\(failure.kind): \(failure)")
      }
    }
  }

  /// What went wrong; nil when nothing did.
  var failure: FetchFailure.Kind? {
    if case .failed(let failure) = self { failure.kind } else { nil }
  }
}
