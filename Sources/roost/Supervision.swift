// The node and its supervisor: what is told when, and by which socket.

import Gateway
import Glibc
import RoostEventLoop
import Telemetry

/// Tells the supervisor how the node is; nothing where there is none.
///
/// The thread that waits for signals only.
struct Supervision: ~Copyable {
  private let socket: ServiceSocket?
  private let log: Log
  private var report: ServiceReport
  private var wasHolding = false

  /// Reads from the environment who wants to be told.
  init(environment: [String: String], log: Log) {
    self.log = log
    report = ServiceReport(watchdog: ServiceReport.watchdog(in: environment, process: getpid()))
    guard let name = environment["NOTIFY_SOCKET"], !name.isEmpty else {
      socket = nil
      return
    }
    socket = ServiceSocket(name: name)
    if socket == nil {
      log.warning(
        "supervisor_unknown", "NOTIFY_SOCKET is no name of a Unix socket: nobody is told",
        [.init("socket", name)])
    }
  }

  /// Whether anybody listens.
  var isOn: Bool {
    switch socket {
    case .some: true
    case .none: false
    }
  }

  /// Tells something at once.
  func tell(_ notice: ServiceNotice) {
    switch socket {
    case .some(let socket): socket.send(notice.text)
    case .none: break
    }
  }

  /// Tells what is due; to be called often.
  mutating func look(at node: Node, _ now: MonotonicInstant = .now()) {
    guard isOn else { return }
    let standing = ServiceStanding(
      isLeaving: Self.isLeaving(node), loopsAnswer: node.loopsAnswer(within: report.loopPatience),
      status: Self.status(of: node))
    for notice in report.due(standing, now) { tell(notice) }
    if report.isHolding, !wasHolding {
      log.error("loop_stuck", "an event loop does not run: the supervisor gets no sign of life")
    }
    wasHolding = report.isHolding
  }

  private static func isLeaving(_ node: Node) -> Bool {
    guard node.phase != .serving, node.phase != .starting else { return false }
    let drain = node.drainReport
    // What the server API has begun may be taken back until upgrades are refused.
    return drain.cause != .request || drain.step != .grace
  }

  private static func status(of node: Node) -> String {
    let drain = node.drainReport
    switch drain.step {
    case .serving:
      let reason = node.notReadyReason.map { "not ready: \($0)" } ?? node.phase.word
      return "\(reason); \(drain.connections) connections of \(node.connectionsMax)"
    case .grace, .moving, .flushing, .cut:
      return "draining (\(drain.step.rawValue)); \(drain.connections) connections left"
    }
  }
}
