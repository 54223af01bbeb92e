// An earlier run, to be shown beside this one: a rollout with pacing beside one without.

import RoostJSON

/// What is taken from the verdict of an earlier run.
public struct EarlierRun: Equatable, Sendable {
  /// The scenario's name.
  let name: String
  /// Handshakes by second, from the beginning of its load.
  let handshakes: [Int]

  /// Reads the text of a `verdict.json`; throws when it is none.
  public init(parsing text: [UInt8]) throws(ScenarioProblem) {
    let tree: JSONTree
    do throws(JSONViolation) {
      tree = try JSONTree(parsing: text, depthMax: 8, bytesMax: 16 << 20)
    } catch {
      throw ScenarioProblem("the verdict is no JSON: \(error.reason)")
    }
    guard let name = tree["scenario"]?.string,
      let numbers = tree["handshakes_per_second"]?.elements?.compactMap(\.integer)
    else { throw ScenarioProblem("the file is no verdict of a soak") }
    self.name = name
    handshakes = numbers.map { Int(clamping: $0) }
  }
}

extension SoakReport {
  /// Handshakes by second, from the beginning of the load to its end.
  var handshakesBySecond: [Int] {
    figures.seconds.filter { Double($0.second) >= loadStart && Double($0.second) <= loadEnd }
      .map(\.handshakes)
  }

  /// Reconnections a second of both runs on one axis; nil without an earlier one.
  var comparison: Plot? {
    guard let beside = options.beside else { return nil }
    func line(_ name: String, _ values: [Int]) -> Plot.Line {
      Plot.Line(
        name: name,
        points: values.enumerated().map { (loadStart + Double($0.offset), Double($0.element)) })
    }
    return Plot(
      title: "Connections that came, beside an earlier run", unit: "a second",
      lines: [line(options.name, handshakesBySecond), line(beside.name, beside.handshakes)])
  }
}
