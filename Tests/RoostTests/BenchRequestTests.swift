// What the command line of `roost bench` comes to.

import Soak
import Testing

@testable import roost

struct BenchRequestTests {
  private func request(_ arguments: String...) throws -> BenchCommand.Request {
    let outcome = Invocation.parse(["bench"] + arguments)
    guard case .run(let invocation) = outcome else {
      Issue.record("\(outcome)")
      throw CancellationError()
    }
    return try BenchCommand.request(invocation)
  }

  @Test func `without arguments everything is measured for five seconds`() throws {
    let request = try request()
    #expect(request.options.workloads.map(\.name) == BenchWorkload.Name.allCases)
    #expect(request.options.seconds == 5)
    #expect(request.options.build == BenchBuild(version: "0.1.0", isRelease: isRelease))
    #expect(request.savePath == nil)
    #expect(request.earlier == nil)
  }

  private var isRelease: Bool {
    #if DEBUG
      false
    #else
      true
    #endif
  }

  @Test func `any number of workloads may be named, between flags or behind them`() throws {
    let names = BenchWorkload.Name.allCases.map(\.rawValue)
    let all = Invocation.parse(["bench"] + names)
    guard case .run(let invocation) = all else {
      Issue.record("\(all)")
      return
    }
    #expect(invocation.arguments == names)
    let request = try request("w4", "--seconds", "0.5", "echo", "--connections=30", "W1")
    #expect(request.options.workloads.map(\.name) == [.w1, .w4, .echo])
    #expect(request.options.workloads.map(\.connections) == [30, 30, 30])
    #expect(request.options.seconds == 0.5)
    let many = Array(repeating: "w1", count: 17)
    #expect(
      Invocation.parse(["bench"] + many) == .mistake("bench does not take the argument w1"))
  }

  @Test(
    arguments: [
      ("0.1", 0.1), ("600", 600), ("0.09", nil), ("600.1", nil), ("-1", nil), ("inf", nil),
      ("", nil),
    ] as [(String, Double?)])
  func `seconds have bounds`(text: String, seconds: Double?) throws {
    if let seconds {
      #expect(try request("--seconds=\(text)").options.seconds == seconds)
      return
    }
    #expect(throws: CommandMistake("--seconds takes 0.1 to 600, not \(text)")) {
      try request("--seconds=\(text)")
    }
  }

  @Test(
    arguments: [
      ("2", 2), ("100000", 100_000), ("1", nil), ("100001", nil), ("x", nil), ("", nil),
    ] as [(String, Int?)])
  func `connections have bounds`(text: String, connections: Int?) throws {
    guard let connections else {
      #expect(throws: CommandMistake("--connections takes 2 to 100000, not \(text)")) {
        try request("w1", "--connections=\(text)")
      }
      return
    }
    let found = try request("w1", "--connections=\(text)").options.workloads
    #expect(found == [BenchWorkload(.w1, connections: connections)])
  }

  @Test func `what cannot be written or read is said before anything is measured`() throws {
    for (flag, verb) in [("--save", "written"), ("--against", "read")] {
      let sentence = "/nowhere/a cannot be \(verb): No such file or directory (errno 2)"
      #expect(throws: CommandMistake(sentence)) { try request(flag, "/nowhere/a") }
    }
    #expect(try request("--save", "/tmp/roost-bench-that-is-not-made").savePath != nil)
  }
}
