// What a node tells the supervisor that started it, as sd_notify(3) has it: lines of NAME=VALUE in one
// datagram. Pure; when it is told what is decided here, too.

import RoostEventLoop

/// One thing that is told.
enum ServiceNotice: Equatable, Sendable {
  /// The node accepts connections, for the first time or again after a reload.
  case ready
  /// The configuration is being read anew, since this moment of the monotonic clock.
  case reloading(MonotonicInstant)
  /// The node leaves, and nothing takes that back.
  case stopping
  /// It is alive.
  case watchdog
  /// One line for people.
  case status(String)

  /// The lines of the datagram.
  var text: String {
    switch self {
    case .ready: "READY=1"
    case .reloading(let now): "RELOADING=1\nMONOTONIC_USEC=\(now.nanoseconds / 1000)"
    case .stopping: "STOPPING=1"
    case .watchdog: "WATCHDOG=1"
    case .status(let line): "STATUS=" + line.map { $0.isNewline ? " " : String($0) }.joined()
    }
  }
}

/// How a node stands, as far as a supervisor cares.
struct ServiceStanding: Equatable, Sendable {
  /// Whether it leaves for good.
  ///
  /// A drain that may still be taken back does not count: whoever is told STOPPING=1 kills what has
  /// not ended in time.
  var isLeaving: Bool
  /// Whether every event loop runs.
  var loopsAnswer: Bool
  /// For people.
  var status: String
}

/// Decides when which notice is due.
struct ServiceReport: Sendable {
  /// How often the line for people is renewed.
  static let statusInterval = Duration.seconds(5)

  /// How long the supervisor waits for a sign of life; nil when it does not.
  let watchdog: Duration?
  private var watchdogAt = MonotonicInstant.zero
  private var statusAt = MonotonicInstant.zero
  private var status = ""
  private var hasSaidStopping = false
  /// Whether signs of life are held back, because a loop does not run.
  private(set) var isHolding = false

  /// - Parameter watchdog: how long the supervisor waits, nil for ever.
  init(watchdog: Duration?) { self.watchdog = watchdog }

  /// How long an event loop may be silent and still count as running: half of what the supervisor
  /// waits, and never less than two of the seconds in which loops speak up.
  var loopPatience: Duration { max((watchdog ?? .seconds(30)) / 2, .seconds(2)) }

  /// What is to be told now.
  mutating func due(_ standing: ServiceStanding, _ now: MonotonicInstant) -> [ServiceNotice] {
    var notices: [ServiceNotice] = []
    if standing.isLeaving, !hasSaidStopping {
      hasSaidStopping = true
      notices.append(.stopping)
    }
    isHolding = watchdog != nil && !standing.loopsAnswer
    if let watchdog, watchdogAt <= now, standing.loopsAnswer {
      // Half of the time, as sd_watchdog_enabled(3) advises.
      watchdogAt = now.advanced(by: watchdog / 2)
      notices.append(.watchdog)
    }
    if standing.status != status, statusAt <= now || notices.contains(.stopping) {
      statusAt = now.advanced(by: Self.statusInterval)
      status = standing.status
      notices.append(.status(status))
    }
    return notices
  }

  /// What WATCHDOG_USEC and WATCHDOG_PID ask of this process; nil when they ask nothing of it.
  static func watchdog(in environment: [String: String], process: Int32) -> Duration? {
    guard let microseconds = environment["WATCHDOG_USEC"].flatMap({ Int64($0) }), microseconds > 0,
      environment["WATCHDOG_PID"].map({ $0 == String(process) }) ?? true
    else { return nil }
    return .microseconds(microseconds)
  }
}
