// `roost soak`: reads the scenario and the flags, runs it, shows where it stands, writes the
// report.

import Gateway
import Glibc
import RoostEventLoop
import Soak

enum SoakCommand {
  static func run(_ invocation: Invocation) -> Int32 {
    WatchedRun.carryOut("soak") { () throws(CommandMistake) in
      try options(invocation)
    } _: { (options, isInterrupted, line) throws(SoakFailure) in
      let report = try SoakRun(options, isInterrupted: isInterrupted, show: line.show).run()
      line.end()
      Output.write(report.summary)
      if let folder = options.reportFolder {
        try report.write(to: folder)
        Output.write("  report: \(folder)/report.html\n")
      }
      return report.isKept ? 0 : 1
    }
  }

  // MARK: Options

  static func options(_ invocation: Invocation) throws(CommandMistake) -> SoakOptions {
    guard let path = invocation.argument else {
      throw CommandMistake("a scenario is missing: roost soak ops/soak/smoke.json")
    }
    let text: [UInt8]
    switch ProcessEnvironment.contents(of: path) {
    case .success(let bytes): text = bytes
    case .failure(let failure):
      let hint = path.contains("/") ? "" : "; did you mean ops/soak/\(path).json?"
      throw CommandMistake("\(path) cannot be read: \(failure)\(hint)")
    }
    var scenario: Scenario
    do throws(ScenarioProblem) {
      scenario = try Scenario(parsing: text)
      try change(&scenario, invocation)
      try scenario.check()
    } catch {
      throw CommandMistake("\(path): \(error.sentence)")
    }
    var seed = UInt64.random(in: 1...999_999)
    if let text = invocation.value(of: "--seed") {
      guard let number = UInt64(text) else {
        throw CommandMistake("--seed takes a number from 0 to \(UInt64.max), not \(text)")
      }
      seed = number
    }
    let name = path.split(separator: "/").last.map { $0.prefix { $0 != "." } } ?? ""
    var options = SoakOptions(
      scenario: scenario, name: String(name), seed: seed, program: ProcessEnvironment.program,
      command: command(path, invocation, seed))
    options.reportFolder = invocation.value(of: "--report")
    for text in invocation.values(of: "--target") {
      options.targets.append(try address(text, "--target"))
    }
    for text in invocation.values(of: "--admin") {
      options.admins.append(try address(text, "--admin"))
    }
    if let path = invocation.value(of: "--beside") {
      options.beside = try earlier(path)
    }
    if let text = invocation.value(of: "--plant") {
      guard let plant = Plant(rawValue: text) else {
        let known = Plant.allCases.map(\.rawValue)
        throw CommandMistake(
          "--plant takes \(known.joined(separator: ", "))"
            + Nearest.sentence(for: text, among: known)
        )
      }
      options.plant = plant
    }
    guard options.admins.isEmpty || !options.targets.isEmpty else {
      throw CommandMistake("--admin is for a running cluster: --target is missing")
    }
    return options
  }

  private static func earlier(_ path: String) throws(CommandMistake) -> EarlierRun {
    switch ProcessEnvironment.contents(of: path) {
    case .failure(let failure): throw CommandMistake("\(path) cannot be read: \(failure)")
    case .success(let bytes):
      do throws(ScenarioProblem) {
        return try EarlierRun(parsing: bytes)
      } catch {
        throw CommandMistake("\(path): \(error.sentence)")
      }
    }
  }

  private static func address(
    _ text: String, _ flag: String
  ) throws(CommandMistake) -> SocketAddress {
    guard let address = SocketAddress(text: text), address.port > 0 else {
      throw CommandMistake("\(flag) takes a numeric HOST:PORT, not \(text)")
    }
    return address
  }

  private static func change(
    _ scenario: inout Scenario, _ invocation: Invocation
  ) throws(ScenarioProblem) {
    if let number = try number(invocation, "--nodes", 1...6) { scenario.nodes = number }
    if let number = try number(invocation, "--clients", 1...100_000) { scenario.setClients(number) }
    if let number = try number(invocation, "--rooms", 1...100_000) { scenario.rooms = number }
    if let number = try number(invocation, "--rate", 0...100_000) {
      scenario.publishesPerSecond = number
    }
    if let number = try number(invocation, "--payload", 64...60_000) {
      scenario.payloadBytes = number
    }
    if let text = invocation.value(of: "--duration") {
      guard let seconds = TimeText.seconds(of: text), (1...86_400).contains(seconds) else {
        throw ScenarioProblem("--duration takes 1s to 24h, not \(text)")
      }
      scenario.seconds = Int(seconds)
      scenario.faults.removeAll { $0.at >= scenario.seconds }
    }
    if let text = invocation.value(of: "--faults") {
      scenario.faults = []
      scenario.faultKinds = []
      guard text != "none" else { return }
      for name in text.split(separator: ",") {
        scenario.faultKinds.append(try FaultKind.read(String(name)))
      }
    }
  }

  private static func number(
    _ invocation: Invocation, _ flag: String, _ range: ClosedRange<Int>
  ) throws(ScenarioProblem) -> Int? {
    guard let text = invocation.value(of: flag) else { return nil }
    guard let number = Int(text), range.contains(number) else {
      throw ScenarioProblem(
        "\(flag) takes \(range.lowerBound) to \(range.upperBound), not \(text)")
    }
    return number
  }

  /// The same run once more.
  private static func command(_ path: String, _ invocation: Invocation, _ seed: UInt64) -> String {
    var words = ["roost soak", path]
    for given in invocation.flags where given.flag.name != "--seed" {
      words += [given.flag.name, given.text]
    }
    return (words + ["--seed", "\(seed)"]).joined(separator: " ")
  }
}
