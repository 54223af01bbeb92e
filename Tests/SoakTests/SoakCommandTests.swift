// The whole of it: `roost soak` against real nodes, Redis and HAProxy, short enough for every run
// of the tests, and what it says when it cannot be run.

import Glibc
import RoostEventLoop
import RoostJSON
import TestSupport
import Testing

@testable import Soak

@Suite(.serialized) struct SoakCommandTests {
  static let canRun =
    Environment["ROOST_TEST_REDIS"] != nil && Environment["ROOST_TEST_HAPROXY"] != nil

  /// Where the shipped scenarios are, in the checkout that this file was compiled in.
  static let folder: String = {
    var path = Substring(#filePath)
    for _ in 0..<3 { path = path[..<(path.lastIndex(of: "/") ?? path.startIndex)] }
    return path + "/ops/soak"
  }()

  /// Writes a scenario into a folder of its own and runs it; the end, the verdict and what was
  /// said.
  private func soak(
    _ scenario: String, _ flags: [String] = []
  ) throws -> (end: ProcessEnd, verdict: JSONTree?, said: String) {
    let folder = try Files.makeTemporaryFolder()
    defer { Files.remove(folder) }
    try Files.write(scenario, to: "\(folder)/scenario.json")
    let process = try Subprocess(
      try BuiltProgram.path(),
      ["soak", "\(folder)/scenario.json", "--report", "\(folder)/report", "--seed", "5"] + flags,
      environment: ["PATH": "/usr/bin:/bin:/usr/sbin", "TMPDIR": folder])
    let end = try process.wait(within: .seconds(150))
    let text = Machine.contents(of: "\(folder)/report/verdict.json", bytesMax: 1 << 20)
    let verdict = try text.map {
      try JSONTree(parsing: Array($0.utf8), depthMax: 8, bytesMax: 1 << 20)
    }
    if verdict != nil {
      let page = Machine.contents(of: "\(folder)/report/report.html", bytesMax: 1 << 22)
      #expect(page?.hasPrefix("<!doctype html>") == true)
    }
    return (end, verdict, process.outputs)
  }

  @Test(.enabled(if: canRun, "needs redis-server and haproxy"))
  func `the smoke scenario is kept while a node dies, Redis hangs up and all clients are cut`()
    throws
  {
    let path = Self.folder + "/smoke.json"
    let scenario = try #require(Machine.contents(of: path))
    let (end, verdict, said) = try soak(scenario, ["--duration", "6s"])
    #expect(end == .exited(0), "\(said)")
    #expect(verdict?["verdict"]?.string == "kept", "\(said)")
    #expect(verdict?["faults"]?.elements?.count == 3)
    #expect(verdict?["clients"]?.integer == 52)
    #expect((verdict?["counts"]?["recoveries"]?.integer ?? 0) > 40)
    #expect(verdict?["findings"]?["lost"]?.integer == 0)
    #expect((verdict?["counts"]?["presence_lists"]?.integer ?? 0) > 20)
  }

  @Test(.enabled(if: canRun, "needs redis-server and haproxy"))
  func `a rolling restart under 300 clients loses nothing, and all come back`() throws {
    let (end, verdict, said) = try soak(
      """
      { "seconds": 4, "nodes": 3, "rooms": { "history": 30 },
        "clients": { "ours": 150, "stock": 150, "connects_per_second": 300, "tls_percent": 30 },
        "publishes": { "per_second": 100 }, "drain": { "window": 1, "lb_grace": 1 },
        "faults": { "at": [{ "at": 1, "kind": "rollout" }] } }
      """)
    #expect(end == .exited(0), "\(said)")
    #expect(verdict?["faults"]?.elements?.first?["well_again_after"]?.double != nil)
    // Every client was moved at least once; those of the library by themselves, if they were in
    // time.
    #expect((verdict?["closes"]?["stock 1001"]?.integer ?? 0) >= 150, "\(said)")
    #expect(verdict?["counts"]?["announced"]?.integer == 0)
    // At first, and behind each restart.
    #expect((verdict?["connections_over_tls"]?.integer ?? 0) >= 180, "\(said)")
  }

  @Test(.enabled(if: canRun, "needs redis-server and haproxy"))
  func `a node that gets no more memory costs nothing, whether it ends or not`() throws {
    let (end, verdict, said) = try soak(
      """
      { "seconds": 6, "nodes": 3, "rooms": { "history": 12, "presence_percent": 30 },
        "clients": { "ours": 40, "stock": 40, "churning": 10, "churn_seconds": 1 },
        "publishes": { "per_second": 100 }, "drain": { "window": 1, "lb_grace": 0 },
        "faults": { "at": [{ "at": 1, "kind": "memory_shortage", "node": 2, "seconds": 2 },
                           { "at": 4, "kind": "storm" }] } }
      """)
    #expect(end == .exited(0), "\(said)")
    #expect(verdict?["verdict"]?.string == "kept", "\(said)")
    let faults = verdict?["faults"]?.elements ?? []
    #expect(faults.allSatisfy { $0["well_again_after"]?.double != nil }, "\(said)")
  }

  @Test(.enabled(if: canRun, "needs redis-server and haproxy"))
  func `subscriptions that Redis ends and a balancer that is reloaded cost nothing`() throws {
    let (end, verdict, said) = try soak(
      """
      { "seconds": 6, "nodes": 2, "rooms": { "history": 12, "presence_percent": 30 },
        "clients": { "ours": 25, "stock": 25, "churning": 10, "churn_seconds": 1 },
        "publishes": { "per_second": 100 }, "drain": { "window": 1, "lb_grace": 0 },
        "faults": { "at": [{ "at": 1, "kind": "subscriptions_cut" },
                           { "at": 2, "kind": "balancer_reload" },
                           { "at": 4, "kind": "balancer_reload" }] } }
      """)
    #expect(end == .exited(0), "\(said)")
    #expect(verdict?["verdict"]?.string == "kept", "\(said)")
    let faults = verdict?["faults"]?.elements ?? []
    #expect(faults.count == 3)
    #expect(faults.allSatisfy { $0["well_again_after"]?.double != nil }, "\(said)")
    #expect((verdict?["counts"]?["acknowledged"]?.integer ?? 0) > 400, "\(said)")
  }

  @Test(.enabled(if: canRun, "needs redis-server and haproxy"))
  func `a bug between clients and nodes breaks the verdict`() throws {
    let (end, verdict, said) = try soak(
      """
      { "seconds": 2, "nodes": 1, "rooms": { "history": 2 }, "balancer": false,
        "clients": { "ours": 6, "stock": 6 }, "publishes": { "per_second": 60 },
        "drain": { "window": 0, "lb_grace": 0 } }
      """, ["--plant", "double"])
    #expect(end == .exited(1), "\(said)")
    #expect(verdict?["verdict"]?.string == "broken")
    #expect((verdict?["findings"]?["doubled"]?.integer ?? 0) > 5, "\(said)")
    #expect(said.contains(" was given offset "))
  }

  @Test(.enabled(if: canRun, "needs redis-server and haproxy"))
  func `an interrupted run ends what it has started and leaves nothing behind`() throws {
    let folder = try Files.makeTemporaryFolder()
    defer { Files.remove(folder) }
    let process = try Subprocess(
      try BuiltProgram.path(), ["soak", Self.folder + "/smoke.json"],
      environment: ["PATH": "/usr/bin:/bin:/usr/sbin", "TMPDIR": folder])
    // By the first line Redis may be up or not; either way it is to be gone.
    #expect(try process.line(fromErrors: true).hasPrefix("starting "))
    process.kill(SIGINT)
    #expect(try process.wait() == .exited(2))
    #expect(process.errors.contains("roost soak: it was interrupted"), "\(process.errors)")
    // The folder was the only one in there: its parent can be removed now.
    #expect(rmdir(folder) == 0)
  }

  @Test(arguments: [
    (["soak"], "a scenario is missing: roost soak ops/soak/smoke.json"),
    (["soak", "smoke"], "smoke cannot be read: "),
    (["soak", "/dev/null"], "/dev/null: line 1, column 1: "),
    (["soak", "S", "--nodes", "9"], "--nodes takes 1 to 6, not 9"),
    (["soak", "S", "--faults", "storn"], "storn is no kind of fault; did you mean storm?"),
    (["soak", "S", "--plant", "dropp"], "--plant takes drop, double, swap, "),
    (["soak", "S", "--seed", "-1"], "--seed takes a number"),
    (["soak", "S", "--target", "nowhere"], "--target takes a numeric HOST:PORT, not nowhere"),
    (["soak", "S", "--admin", "127.0.0.1:1"], "--admin is for a running cluster"),
    (["soak", "S", "--duration", "forever"], "--duration takes 1s to 24h, not forever"),
  ])
  func `what cannot be run is said in a sentence, with status 2`(
    arguments: [String], sentence: String
  ) throws {
    let scenario = Self.folder + "/smoke.json"
    let process = try Subprocess(
      try BuiltProgram.path(), arguments.map { $0 == "S" ? scenario : $0 })
    #expect(try process.wait() == .exited(2))
    #expect(process.errors.hasPrefix("roost soak: "), "\(process.errors)")
    #expect(process.errors.contains(sentence), "\(process.errors)")
  }

  @Test func `every shipped scenario can be read`() throws {
    let names = [
      "smoke", "steady", "churn", "storm", "rollout", "herd", "chaos", "overload", "large",
      "overnight",
    ]
    for name in names {
      let text = try #require(Machine.contents(of: "\(Self.folder)/\(name).json"), "\(name)")
      let scenario = try Scenario(parsing: Array(text.utf8))
      #expect(!scenario.about.isEmpty, "\(name)")
    }
  }
}
