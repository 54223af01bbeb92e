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
  /// - Parameter reread: reads the configuration anew, for a reload.
  static func run(
    configuration: Configuration, reread: () -> ConfigurationOutcome
  ) -> Int32 {
    let log = Log(level: configuration.log.level, format: configuration.log.format)
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
    let status = waitForEnd(of: node, signals, log, reread)
    admin.stop()
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

  /// The first signal; nil when the node must not go on: another living one has its id.
  ///
  /// That shows when Redis is reached for the first time. A node that loses its id later, because it
  /// stood still, has clients to look after: it stays, and is not ready.
  private static func firstSignal(
    for node: Node, _ signals: borrowing Signals, _ log: Log, _ reread: () -> ConfigurationOutcome
  ) -> Int32? {
    while node.clusterEntry != .entered {
      if node.clusterEntry == .refused {
        log.error(
          "start_failed",
          "another living node has the id \(node.nodeID): give each its own with --node-id",
          [.init("node", node.nodeID)])
        return nil
      }
      if let signal = signals.next(within: .milliseconds(250)) {
        guard signal == SIGHUP else { return signal }
        reload(node, log, reread())
      }
    }
    while true {
      // Certificates are renewed by others, who do not always tell.
      let patience = node.hasCertificates ? certificateInterval : nil
      guard let signal = signals.next(within: patience) else {
        guard node.hasCertificates else { return nil }
        node.renewCertificates(evenUnchanged: false)
        continue
      }
      guard signal == SIGHUP else { return signal }
      reload(node, log, reread())
    }
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

  /// How often the files of certificates are looked at.
  private static let certificateInterval = Duration.seconds(2)

  /// Waits for the first signal, then for the connections' end, a second signal or the hard stop.
  private static func waitForEnd(
    of node: Node, _ signals: borrowing Signals, _ log: Log, _ reread: () -> ConfigurationOutcome
  ) -> Int32 {
    guard let signal = firstSignal(for: node, signals, log, reread) else {
      node.stop()
      node.waitUntilStopped()
      return 1
    }
    let startedAt = MonotonicInstant.now()
    log.info(
      "draining", "the node leaves: connections are closed 1001",
      [.init("signal", Int(signal)), .init("connections", node.connectionCount)])
    node.drain()
    let stopped = StopFlag()
    do {
      // The threads are waited for beside, so that this one can still hear a second signal.
      let waiter = try LoopThread(name: "stop") {
        node.waitUntilStopped()
        stopped.set()
      }
      let hardStop = startedAt.advanced(by: node.configuration.drain.hardStop)
      while !stopped.isSet {
        if let again = signals.next(within: .milliseconds(20)), again != SIGHUP {
          return cut(node, waiter, log, "a second signal came")
        }
        if MonotonicInstant.now() >= hardStop {
          return cut(node, waiter, log, "drain.hard_stop has passed")
        }
      }
      waiter.join()
      return 0
    } catch {
      log.error("stop_failed", "no thread to wait with: \(error)")
      node.stop()
      node.waitUntilStopped()
      return 1
    }
  }

  private static func cut(_ node: Node, _ waiter: LoopThread, _ log: Log, _ reason: String)
    -> Int32
  {
    log.warning(
      "drain_cut", "connections were cut: \(reason)", [.init("connections", node.connectionCount)])
    node.stop()
    waiter.join()
    return 1
  }
}
