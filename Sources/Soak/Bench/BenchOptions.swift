// What a benchmark is told to do, and whether the machine allows it.

import Glibc
import RoostEventLoop

/// What a run is made from.
public struct BenchOptions: Equatable, Sendable {
  /// How long a workload can be measured.
  public static let secondsRange = 0.1...600.0

  /// What to measure, in this order.
  public var workloads: [BenchWorkload]
  /// Seconds for which each one is measured, within `secondsRange`.
  public var seconds: Double
  /// The path of `roost`, from which nodes are started.
  public var program: String
  /// What is measured.
  public var build: BenchBuild

  /// Puts options together.
  public init(
    workloads: [BenchWorkload], seconds: Double, program: String, build: BenchBuild
  ) {
    precondition(Self.secondsRange.contains(seconds), "\(seconds) s")
    self.workloads = workloads
    self.seconds = seconds
    self.program = program
    self.build = build
  }

  /// Descriptors of a process besides its connections.
  private static let descriptorsBesides = 200

  /// Whether so many connections can be had.
  ///
  /// Throws a sentence with what there is and what it takes.
  ///
  /// - Parameters:
  ///   - descriptors: how many a process may have.
  ///   - localPorts: how many connections there can be from one address to one port.
  func check(descriptors: Int, localPorts: Int) throws(BenchProblem) {
    for workload in workloads {
      let needed = workload.connections + Self.descriptorsBesides
      guard needed <= descriptors else {
        throw BenchProblem(
          "\(workload.name.rawValue) has \(Grouped.text(workload.connections)) connections, for "
            + "which a process needs \(Grouped.text(needed)) descriptors and may have "
            + "\(Grouped.text(descriptors)): raise the hard limit (ulimit -Hn), or take fewer with "
            + "--connections")
      }
      let toOneNode = (workload.connections + workload.nodes - 1) / workload.nodes
      guard toOneNode <= localPorts else {
        throw BenchProblem(
          "\(workload.name.rawValue) has \(Grouped.text(toOneNode)) connections to one node, and "
            + "net.ipv4.ip_local_port_range gives \(Grouped.text(localPorts)) ports: widen it, or "
            + "take fewer with --connections")
      }
    }
  }

  /// The ports of a kernel's `ip_local_port_range`.
  static func localPorts(inRange text: String) -> Int? {
    let ends = text.split { $0 == "\t" || $0 == " " || $0 == "\n" }.compactMap { Int($0) }
    guard ends.count == 2, ends[0] <= ends[1] else { return nil }
    return ends[1] - ends[0] + 1
  }
}
