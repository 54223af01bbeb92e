// A run from start to result: for each workload its programs up, its clients in, load, figures, all
// down again.

import Glibc
import RoostEventLoop

/// A run.
///
/// One thread, which must not end before the run has: its programs end with it.
public final class BenchRun {
  private let options: BenchOptions
  private let isInterrupted: () -> Bool
  private let show: (String) -> Void

  /// Prepares a run; throws when the machine does not allow it.
  ///
  /// - Parameters:
  ///   - isInterrupted: whether somebody wants it to end.
  ///   - show: takes a line of progress, which replaces the one before.
  public init(
    _ options: BenchOptions, isInterrupted: @escaping () -> Bool, show: @escaping (String) -> Void
  ) throws(SoakFailure) {
    self.options = options
    self.isInterrupted = isInterrupted
    self.show = show
    let range = Machine.contents(of: "/proc/sys/net/ipv4/ip_local_port_range") ?? ""
    do throws(BenchProblem) {
      // What a kernel has without anybody's change, where it does not tell.
      let localPorts = BenchOptions.localPorts(inRange: range) ?? 28_232
      try options.check(descriptors: Machine.raiseDescriptorLimit(), localPorts: localPorts)
    } catch {
      throw SoakFailure(error.sentence)
    }
  }

  /// Measures everything; throws when something could not be measured, which is no result.
  public func run() throws(SoakFailure) -> BenchResult {
    let allowed = Machine.allowedProcessors()
    var machine = BenchMachine.read(isPinned: false)
    var places = BenchPlaces(allowed: allowed, siblings: BenchPlaces.siblings)
    if let chosen = places, !Machine.setAllowedProcessors([chosen.load]) { places = nil }
    defer { _ = Machine.setAllowedProcessors(allowed) }
    machine.isPinned = places != nil
    let meter = ProcessMeter()
    var result = BenchResult(
      machine: machine, build: options.build, seconds: options.seconds, source: meter.source)
    for (place, workload) in options.workloads.enumerated() {
      if let obstacle = BenchCluster.obstacle(workload) {
        result.skipped.append(BenchSkip(name: workload.name, sentence: obstacle))
        continue
      }
      let count = "\(place + 1)/\(options.workloads.count)  "
      result.outcomes.append(try measure(workload, places, meter, count))
    }
    return result
  }

  private func measure(
    _ workload: BenchWorkload, _ places: BenchPlaces?, _ meter: ProcessMeter, _ count: String
  ) throws(SoakFailure) -> BenchOutcome {
    show("\(count)\(workload.name.rawValue)  starting")
    let cluster = try BenchCluster(workload, program: options.program, places)
    defer { cluster.stop() }
    try cluster.start(isInterrupted: isInterrupted)
    let core = try Self.drive(
      workload, options.seconds, cluster.targets, meter, isInterrupted,
      show: { [show] in show(count + $0) })
    guard let failure = core.failure else { return core.outcome }
    // Whoever lost its program would rather know about that.
    throw cluster.lossOfProgram.map { SoakFailure("\(workload.name.rawValue): \($0)") } ?? failure
  }

  /// Runs the clients to their end.
  private static func drive(
    _ workload: BenchWorkload, _ seconds: Double, _ targets: BenchTargets, _ meter: ProcessMeter,
    _ isInterrupted: @escaping () -> Bool, show: @escaping (String) -> Void
  ) throws(SoakFailure) -> BenchCore {
    do throws(Errno) {
      let poller = try Poller()
      var loop = Loop(poller: poller, wakeup: try Wakeup())
      var core = BenchCore(
        workload, seconds: seconds, targets, meter, poller,
        try PreciseTimer(on: poller, token: BenchCore.timerToken), isInterrupted: isInterrupted,
        show: show)
      while !core.isDone { loop.tick(&core) }
      return core
    } catch {
      throw SoakFailure("no clients: \(error)")
    }
  }
}
