// What a run has found: figures of each workload, and what they were found on.

/// A kind of figure.
public enum BenchMeasure: String, CaseIterable, Sendable {
  /// Processor time of all nodes for one delivery, handshake or echo.
  case processor = "node_us"
  /// The same of Redis.
  case redis = "redis_us"
  /// Private memory that a joined connection adds.
  case memory = "connection_bytes"
  /// Deliveries, handshakes or echoes in a second.
  case rate = "per_second"
  case median = "p50_ms"
  case percentile99 = "p99_ms"
  case percentile999 = "p999_ms"
  case longest = "max_ms"
  /// Private memory of all nodes at the end.
  case nodeMemory = "node_bytes"
  /// How full the nodes' processor was.
  case nodeShare = "node_percent"
  /// How full the clients' was.
  case loadShare = "load_percent"

  /// As people read it, for a workload with its unit.
  func title(_ workload: BenchWorkload) -> String {
    switch self {
    case .processor: "CPU µs a \(workload.unit)"
    case .redis: "Redis CPU µs a \(workload.unit)"
    case .memory: "private bytes a \(workload.unit)"
    case .rate: "\(workload.units) a second"
    case .median: "p50 ms"
    case .percentile99: "p99 ms"
    case .percentile999: "p99.9 ms"
    case .longest: "max ms"
    case .nodeMemory: "node MiB"
    case .nodeShare: "node's CPU %"
    case .loadShare: "clients' CPU %"
    }
  }

  /// A value of it as people read it.
  func text(_ value: Double) -> String {
    switch self {
    case .processor, .redis: Decimal.text(value, digits: value < 10 ? 3 : 1)
    case .memory, .rate: value.magnitude < 1e15 ? Grouped.text(Int(value.rounded())) : "-"
    case .median, .percentile99, .percentile999, .longest:
      Decimal.text(value, digits: value < 100 ? 2 : 0)
    case .nodeMemory: Decimal.text(value / 1_048_576, digits: 1)
    case .nodeShare, .loadShare: Decimal.text(value, digits: 0)
    }
  }

  /// Whether the ratio of two of them says something about two builds.
  var isCompared: Bool { self != .nodeShare && self != .loadShare }
}

/// What one workload came to.
public struct BenchOutcome: Equatable, Sendable {
  /// Which one, with its size.
  public let workload: BenchWorkload
  /// The figures that it has.
  public var figures: [BenchMeasure: Double] = [:]
  /// What went wrong.
  public var faults = BenchFaults()
  /// How often something was timed.
  var timed = 0

  init(_ workload: BenchWorkload) { self.workload = workload }

  /// Takes the percentiles of a histogram over.
  mutating func take(_ latencies: LatencyHistogram) {
    timed = latencies.count
    guard latencies.count > 0 else { return }
    figures[.median] = latencies.milliseconds(at: 0.5)
    figures[.percentile99] = latencies.milliseconds(at: 0.99)
    figures[.percentile999] = latencies.milliseconds(at: 0.999)
    figures[.longest] = latencies.milliseconds(at: 1)
  }
}

/// A workload that was not measured.
public struct BenchSkip: Equatable, Sendable {
  let name: BenchWorkload.Name
  /// Why, without a full stop.
  let sentence: String
}

/// The result of a run.
public struct BenchResult: Equatable, Sendable {
  var machine: BenchMachine
  var build: BenchBuild
  /// How long each workload was measured.
  var seconds: Double
  var source: ProcessMeter.Source
  var outcomes: [BenchOutcome] = []
  var skipped: [BenchSkip] = []

  /// Whether no message was lost, doubled, out of order or wrong, and no connection cut.
  public var isValid: Bool { outcomes.allSatisfy(\.faults.isEmpty) }
}
