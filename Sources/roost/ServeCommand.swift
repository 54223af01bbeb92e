// `roost serve`: the node, from its signals to its exit status.

import Admin
import Gateway
import Glibc
import RoostEventLoop
import Telemetry

/// Runs a node.
enum ServeCommand {
  /// Runs until the node has stopped; the exit status: 0 when everything ended in order, 1 when the
  /// node could not start or was cut short.
  ///
  /// - Parameters:
  ///   - environment: names the supervisor that wants to be told, if there is one.
  ///   - clockFile: where it stands how wrong the wall clock is to be; nil for a true one.
  ///   - reread: reads the configuration anew, for a reload.
  static func run(
    configuration: Configuration, environment: [String: String], clockFile: String? = nil,
    reread: () -> ConfigurationOutcome
  ) -> Int32 {
    let log = Log(
      level: configuration.log.level, format: configuration.log.format,
      linesMax: configuration.log.linesPerSecond)
    var supervision = Supervision(environment: environment, log: log)
    let signals: Signals
    do {
      // Before any thread exists, so that every thread leaves them to this one.
      signals = try Signals([SIGTERM, SIGINT, SIGHUP])
    } catch {
      log.error("start_failed", "signals cannot be read: \(error)")
      return 1
    }
    let node: Node
    let admin: AdminServer
    do throws(NodeFailure) {
      node = try Node(configuration, log: log)
    } catch {
      log.error("start_failed", "\(error)")
      return 1
    }
    do throws(NodeFailure) {
      admin = try AdminServer(node: node, listen: configuration.admin)
    } catch {
      log.error("start_failed", "\(error)")
      node.stop()
      node.waitUntilStopped()
      return 1
    }
    announce(node, admin, configuration, log)
    supervision.tell(.ready)
    var clock = clockFile.map { ClockFile(path: $0, log: log) }
    let status = waitForEnd(of: node, signals, &supervision, log, reread) { clock?.look() }
    admin.stop()
    log.tellLeftOut()
    log.info("node_stopped", "the node has stopped", [.init("exit_status", Int(status))])
    return status
  }

  private static func announce(
    _ node: Node, _ admin: AdminServer, _ configuration: Configuration, _ log: Log
  ) {
    log.info(
      "ready", "the node accepts connections",
      [
        .init("node", node.nodeID), .init("version", RoostVersion.text),
        .init("listen", node.address.description), .init("admin", admin.address.description),
        .init("shards", node.shardCount), .init("connections_max", node.connectionsMax),
        .init("backplane", configuration.redis.urls.isEmpty ? "local" : "redis"),
        .init("dev", configuration.dev),
      ])
  }

  /// Waits until the node has stopped, and looks after it meanwhile: signals, certificates, the drain.
  private static func waitForEnd(
    of node: Node, _ signals: borrowing Signals, _ supervision: inout Supervision, _ log: Log,
    _ reread: () -> ConfigurationOutcome, meanwhile: () -> Void
  ) -> Int32 {
    let stopped = StopFlag()
    let waiter: LoopThread
    do {
      // The threads are waited for beside, so that this one hears signals to the end.
      waiter = try LoopThread(name: "stop") {
        node.waitUntilStopped()
        stopped.set()
      }
    } catch {
      log.error("start_failed", "no thread to wait with: \(error)")
      node.stop()
      node.waitUntilStopped()
      return 1
    }
    var status: Int32 = 0
    var wasSignalled = false
    var renewsAt = MonotonicInstant.now().advanced(by: certificateInterval)
    while !stopped.isSet {
      // A drain may end at any moment, and may be begun by the server API.
      let isDraining = node.phase != .serving
      switch signals.next(within: isDraining ? .milliseconds(20) : idleInterval) {
      case nil: break
      case SIGHUP:
        if !isDraining {
          supervision.tell(.reloading(.now()))
          reload(node, log, reread())
          supervision.tell(.ready)
        }
      case _ where wasSignalled: node.cutDrain(because: "a second signal came")
      default:
        wasSignalled = true
        node.drain(.signal)
      }
      supervision.look(at: node)
      meanwhile()
      if node.isDrainOverdue { node.cutDrain(because: "drain.hard_stop has passed") }
      if !isDraining, node.clusterEntry == .refused {
        guard status == 0 else { continue }
        log.error(
          "start_failed",
          "another living node has the id \(node.nodeID): give each its own with --node-id",
          [.init("node", node.nodeID)])
        status = 1
        node.stop()
      }
      if !isDraining, node.hasCertificates, MonotonicInstant.now() >= renewsAt {
        // Certificates are renewed by others, who do not always tell.
        node.renewCertificates(evenUnchanged: false)
        renewsAt = MonotonicInstant.now().advanced(by: certificateInterval)
      }
    }
    waiter.join()
    return node.wasCut ? 1 : status
  }

  /// Takes up what stands in the configuration now, all of it or nothing.
  private static func reload(_ node: Node, _ log: Log, _ outcome: ConfigurationOutcome) {
    let result: ReloadOutcome =
      switch outcome {
      case .loaded(let configuration, _): node.reload(configuration)
      case .refused(let problems): .refused(problems)
      }
    switch result {
    case .reloaded(let kept):
      log.info("reloaded", "the configuration was read anew and holds now")
      for path in kept {
        log.warning(
          "reload_kept", "this setting changes with a restart only", [.init("setting", path)])
      }
    case .refused(let problems):
      for problem in problems {
        log.error(
          "reload_refused", "the configuration that was read anew is not taken; nothing changes",
          [.init("problem", problem.description)])
      }
    }
  }

  /// How often it is looked whether somebody else has begun a drain.
  private static let idleInterval = Duration.milliseconds(250)

  /// How often the files of certificates are looked at.
  private static let certificateInterval = Duration.seconds(2)
}
