// A result beside a saved one: a ratio for each figure that both have, and what makes them hard to
// compare.

/// Two results, figure by figure.
public struct BenchComparison: Equatable, Sendable {
  /// One figure.
  struct Row: Equatable, Sendable {
    let workload: BenchWorkload
    let measure: BenchMeasure
    let before: Double
    let now: Double

    /// How many times the earlier figure this one is; nil when that was 0.
    var ratio: Double? { before > 0 ? now / before : nil }
  }

  private(set) var rows: [Row] = []
  /// What is not alike, a sentence each.
  private(set) var warnings: [String] = []
  /// What was measured then.
  let build: BenchBuild

  /// Holds a result against an earlier one.
  ///
  /// Void figures are left out, and so are those of workloads of another size.
  public init(_ result: BenchResult, against earlier: BenchResult) {
    build = earlier.build
    warnings = result.machine.differences(from: earlier.machine)
    if result.build.isRelease != earlier.build.isRelease {
      warnings.append(
        "then it was a \(earlier.build.configuration) build, now it is a "
          + "\(result.build.configuration) build")
    }
    if result.seconds != earlier.seconds {
      warnings.append(
        "each was measured for \(Decimal.text(earlier.seconds, digits: 1)) s, now for "
          + "\(Decimal.text(result.seconds, digits: 1)) s")
    }
    if result.source != earlier.source {
      warnings.append(
        "CPU came from \(earlier.source.rawValue), and comes from \(result.source.rawValue)")
    }
    for outcome in result.outcomes where outcome.faults.isEmpty {
      let name = outcome.workload.name
      guard let before = earlier.outcomes.first(where: { $0.workload.name == name }) else {
        warnings.append("\(name.rawValue) was not measured then")
        continue
      }
      guard before.workload == outcome.workload else {
        warnings.append(
          "\(name.rawValue) had \(Grouped.text(before.workload.connections)) connections then, "
            + "\(Grouped.text(outcome.workload.connections)) now")
        continue
      }
      for measure in BenchMeasure.allCases where measure.isCompared {
        guard let then = before.figures[measure], let now = outcome.figures[measure] else {
          continue
        }
        rows.append(
          Row(workload: outcome.workload, measure: measure, before: then, now: now))
      }
    }
  }
}
