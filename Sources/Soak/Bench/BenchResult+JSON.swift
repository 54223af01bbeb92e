// A result as a file, to be held against a later one. Who reads it back may have got it from
// anywhere: whatever it holds is checked before it is used or shown.

import RoostJSON

extension BenchResult {
  /// The most bytes of a file, some fifty times what one has.
  public static let fileBytesMax = 262_144
  private static let textBytesMax = 200
  /// No figure is larger; doubles below it are exact to a thousandth.
  private static let figureMax = 1e12

  /// One object, which `init(parsing:)` reads.
  public var json: String {
    var object = ObjectText()
    object.add("roost_bench", 1)
    var facts = ObjectText()
    facts.add("processor", machine.processor)
    facts.add("processors", machine.processors)
    facts.add("kernel", machine.kernel)
    facts.add("memory_bytes", machine.memoryBytes)
    facts.add("pinned", raw: "\(machine.isPinned)")
    object.add("machine", raw: facts.text)
    object.add("version", build.version)
    object.add("build", build.configuration)
    object.add("seconds", seconds)
    object.add("cpu_from", source.rawValue)
    let rows = outcomes.map(Self.row).joined(separator: ",\n ")
    object.add("workloads", raw: "[\n \(rows)\n]")
    return object.text + "\n"
  }

  private static func row(_ outcome: BenchOutcome) -> String {
    var object = ObjectText()
    object.add("name", outcome.workload.name.rawValue)
    object.add("connections", outcome.workload.connections)
    var figures = ObjectText()
    for measure in BenchMeasure.allCases {
      guard let value = outcome.figures[measure] else { continue }
      figures.add(measure.rawValue, value, digits: 4)
    }
    object.add("figures", raw: figures.text)
    object.add("timed", outcome.timed)
    return object.text
  }

  /// Writes a file; throws when it cannot be written.
  public func save(to path: String) throws(SoakFailure) { try Files.write(json, to: path) }

  /// Reads a file's bytes.
  ///
  /// Throws a sentence that says what is wrong with them.
  public init(parsing text: [UInt8]) throws(BenchProblem) {
    let tree: JSONTree
    do throws(JSONViolation) {
      tree = try JSONTree(parsing: text, depthMax: 6, bytesMax: Self.fileBytesMax)
    } catch {
      let place = JSONTree.location(of: error.offset, in: text)
      throw BenchProblem("line \(place.line), column \(place.column): \(error.reason)")
    }
    guard let form = tree["roost_bench"] else {
      throw BenchProblem("it was not written by roost bench --save")
    }
    guard form.integer == 1 else {
      throw BenchProblem("it was written by a roost bench of another version")
    }
    machine = BenchMachine(
      processor: try Self.text(tree, "machine", "processor"),
      processors: try Self.number(tree, "machine", "processors", in: 1...1_048_576),
      kernel: try Self.text(tree, "machine", "kernel"),
      memoryBytes: try Self.number(tree, "machine", "memory_bytes", in: 0...1 << 60),
      isPinned: try Self.flag(tree, "machine", "pinned"))
    let configuration = try Self.text(tree, "build")
    guard ["release", "debug"].contains(configuration) else { throw Self.wrong("build") }
    build = BenchBuild(
      version: try Self.text(tree, "version"), isRelease: configuration == "release")
    guard let seconds = tree["seconds"]?.double, BenchOptions.secondsRange.contains(seconds) else {
      throw Self.wrong("seconds")
    }
    self.seconds = seconds
    guard let source = ProcessMeter.Source(rawValue: try Self.text(tree, "cpu_from")) else {
      throw Self.wrong("cpu_from")
    }
    self.source = source
    guard let rows = tree["workloads"]?.elements else { throw Self.wrong("workloads") }
    for row in rows {
      let outcome = try Self.outcome(row)
      guard !outcomes.contains(where: { $0.workload.name == outcome.workload.name }) else {
        throw BenchProblem("\(outcome.workload.name.rawValue) occurs twice in it")
      }
      outcomes.append(outcome)
    }
  }

  private static func outcome(_ row: JSONTree) throws(BenchProblem) -> BenchOutcome {
    guard let name = row["name"]?.string.flatMap(BenchWorkload.Name.init) else {
      throw wrong("workloads.name")
    }
    let connections = try number(row, "connections", in: BenchWorkload.connectionsRange)
    var outcome = BenchOutcome(BenchWorkload(name, connections: connections))
    outcome.timed = try number(row, "timed", in: 0...1 << 40)
    guard let figures = row["figures"]?.members else { throw wrong("workloads.figures") }
    for (key, value) in figures {
      // What a later version may have measured besides is not known here, and no mistake.
      guard let measure = BenchMeasure(rawValue: key) else { continue }
      guard let number = value.double, number >= 0, number <= figureMax else {
        throw wrong("workloads.figures.\(measure.rawValue)")
      }
      outcome.figures[measure] = number
    }
    return outcome
  }

  // MARK: Values

  private static func wrong(_ path: String) -> BenchProblem {
    BenchProblem("\(path) is missing or wrong in it")
  }

  private static func value(_ tree: JSONTree, _ path: [String]) -> JSONTree? {
    path.reduce(Optional(tree)) { $0?[$1] }
  }

  private static func text(_ tree: JSONTree, _ path: String...) throws(BenchProblem) -> String {
    guard let text = value(tree, path)?.string, text.utf8.count <= textBytesMax else {
      throw wrong(path.joined(separator: "."))
    }
    return text
  }

  private static func flag(_ tree: JSONTree, _ path: String...) throws(BenchProblem) -> Bool {
    guard let flag = value(tree, path)?.bool else { throw wrong(path.joined(separator: ".")) }
    return flag
  }

  private static func number(
    _ tree: JSONTree, _ path: String..., in range: ClosedRange<Int>
  ) throws(BenchProblem) -> Int {
    guard let number = value(tree, path)?.integer.flatMap({ Int(exactly: $0) }),
      range.contains(number)
    else { throw wrong(path.joined(separator: ".")) }
    return number
  }
}
