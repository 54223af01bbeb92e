// The whole of it: `roost bench` against real nodes, in a size for every run of the tests. What is
// looked at is that everything was counted and nothing went missing; no figure has to have a value.

import Glibc
import RoostEventLoop
import TestSupport
import Testing

@testable import Soak

@Suite(.serialized) struct BenchCommandTests {
  private static let environment = ["PATH": "/usr/bin:/bin:/usr/sbin"]

  /// Runs a few workloads with twenty connections.
  private func bench(
    _ arguments: [String], in folder: String
  ) throws -> (end: ProcessEnd, output: String, said: String) {
    let process = try Subprocess(
      try BuiltProgram.path(), ["bench", "--connections", "20", "--seconds", "0.1"] + arguments,
      environment: Self.environment.merging(["TMPDIR": folder]) { $1 })
    let end = try process.wait(within: .seconds(100))
    return (end, process.output, process.outputs)
  }

  @Test func `workloads are measured, saved and held against the saved run`() throws {
    let folder = try Files.makeTemporaryFolder()
    defer { Files.remove(folder) }
    let file = "\(folder)/saved.json"
    let names = ["w1", "w2w16", "w3paced", "w4", "echo"]
    let first = try bench(names + ["--save", file], in: folder)
    #expect(first.end == .exited(0), "\(first.said)")
    for name in names { #expect(first.output.contains("\n\(name) "), "\(first.said)") }
    #expect(first.output.hasSuffix("\nsaved: \(file)\n"), "\(first.said)")

    let bytes = try #require(Machine.bytes(of: file, bytesMax: 1 << 16))
    let result = try BenchResult(parsing: bytes)
    #expect(result.outcomes.map(\.workload.name.rawValue) == names)
    #expect(result.outcomes.allSatisfy { $0.workload.connections == 20 })
    for outcome in result.outcomes.dropFirst() {
      #expect(outcome.timed > 0, "\(outcome)")
      for measure: BenchMeasure in [.processor, .rate, .median, .longest, .nodeMemory] {
        #expect(outcome.figures[measure, default: -1] >= 0, "\(measure) of \(outcome)")
      }
    }
    #expect(result.outcomes[0].figures[.memory, default: -1] >= 0)

    let second = try bench(["w4", "--against", file], in: folder)
    #expect(second.end == .exited(0), "\(second.said)")
    #expect(second.output.contains("\nAgainst roost 0.1.0, "), "\(second.said)")
    #expect(second.output.contains("\nw4        handshakes a second"), "\(second.said)")
    // What was started had its folders in this one.
    #expect(unlink(file) == 0)
    #expect(rmdir(folder) == 0)
  }

  @Test(.enabled(if: Environment["ROOST_TEST_REDIS"] != nil, "needs redis-server"))
  func `two nodes with a Redis between them lose nothing`() throws {
    let folder = try Files.makeTemporaryFolder()
    defer { Files.remove(folder) }
    let file = "\(folder)/saved.json"
    let (end, output, said) = try bench(["W5", "--save", file], in: folder)
    #expect(end == .exited(0), "\(said)")
    #expect(output.contains("2 rooms of 10 on 2 nodes, 20/s"), "\(said)")
    let bytes = try #require(Machine.bytes(of: file, bytesMax: 1 << 16))
    let result = try BenchResult(parsing: bytes)
    #expect(result.outcomes.first?.figures[.redis] != nil, "\(said)")
  }

  /// A proxy spoils what a node delivers: the whole way from the socket to the verdict sees it.
  @Test(arguments: [Plant.drop, .double, .swap])
  func `what a proxy drops, doubles or exchanges makes the figures void`(plant: Plant) throws {
    let workload = BenchWorkload(.w2paced, connections: 30)
    let cluster = try BenchCluster(workload, program: try BuiltProgram.path(), nil)
    defer { cluster.stop() }
    try cluster.start { false }
    var targets = cluster.targets
    let proxy = try PlantingProxy(plant, to: targets.addresses, seed: 3)
    defer { proxy.stop() }
    targets.addresses = [proxy.address]
    let poller = try Poller()
    var loop = Loop(poller: poller, wakeup: try Wakeup())
    let timer = try PreciseTimer(on: poller, token: BenchCore.timerToken)
    var core = BenchCore(
      workload, seconds: 0.3, targets, ProcessMeter(), poller, timer,
      isInterrupted: { false }, show: { _ in })
    // A test has no time to be sure.
    core.quietLooksMax = 6
    while !core.isDone { loop.tick(&core) }
    let (failure, faults) = (core.failure, core.outcome.faults)
    #expect(failure == nil)
    // What the proxy holds back at the end is lost, too.
    switch plant {
    case .drop: #expect(faults.lost > 0 && faults.doubled + faults.reordered == 0, "\(faults)")
    case .double: #expect(faults.doubled > 0 && faults.lost + faults.reordered == 0, "\(faults)")
    default: #expect(faults.reordered > 0 && faults.doubled == 0, "\(faults)")
    }
    #expect(faults.wrong == 0 && faults.cut == 0, "\(faults)")
  }

  @Test func `an interrupted run ends what it has started and leaves nothing behind`() throws {
    let folder = try Files.makeTemporaryFolder()
    defer { Files.remove(folder) }
    let process = try Subprocess(
      try BuiltProgram.path(), ["bench", "echo", "--connections", "20", "--seconds", "600"],
      environment: Self.environment.merging(["TMPDIR": folder]) { $1 })
    while try !process.line(fromErrors: true).contains("starting") {}
    process.kill(SIGTERM)
    #expect(try process.wait() == .exited(2))
    #expect(process.errors.contains("it was interrupted"), "\(process.errors)")
    #expect(rmdir(folder) == 0)
  }

  @Test(arguments: [
    (["w2"], "there is no workload w2; did you mean w1?; there are w1 w2w16 "),
    (["--seconds", "0"], "--seconds takes 0.1 to 600, not 0"),
    (["--seconds", "nan"], "--seconds takes 0.1 to 600, not nan"),
    (["--connections", "1"], "--connections takes 2 to 100000, not 1"),
    (["--connections", "100001"], "--connections takes 2 to 100000, not 100001"),
    (["--save", "/nowhere/at/all"], "/nowhere/at/all cannot be written: "),
    (["--against", "/nowhere/at/all"], "/nowhere/at/all cannot be read: "),
    (["--against", "/dev/null"], "/dev/null: line 1, column 1: "),
    (["--against", "/dev/zero"], "/dev/zero is no file that roost bench --save has written"),
  ])
  func `what cannot be run is said in a sentence, with status 2`(
    arguments: [String], sentence: String
  ) throws {
    let process = try Subprocess(try BuiltProgram.path(), ["bench"] + arguments)
    #expect(try process.wait() == .exited(2))
    #expect(process.errors.hasPrefix("roost bench: \(sentence)"), "\(process.errors)")
  }
}
