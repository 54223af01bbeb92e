// A wall clock that is wrong on purpose: what the file may say, and that only --dev takes one.

import TestSupport
import Testing

@testable import roost

@Suite struct ClockFileTests {
  @Test(arguments: [
    ("3600000\n", 3_600_000), ("-1", -1), ("0\n", 0), ("315360000000", 315_360_000_000),
  ])
  func `milliseconds are read`(text: String, milliseconds: Int64) {
    #expect(ClockFile.milliseconds(in: Array(text.utf8)) == milliseconds)
  }

  @Test(arguments: ["", "\n", "1 h", "1\n2", "315360000001", "-315360000001"])
  func `what is no step is none`(text: String) {
    #expect(ClockFile.milliseconds(in: Array(text.utf8)) == nil)
  }

  @Test func `a node takes such a file under --dev only`() throws {
    let run = try SpawnedProgram.run(
      ["serve", "--dev-clock", "/dev/null"] + ServeProcessTests.ports,
      environment: ["ROOST_AUTH__ANONYMOUS=true"])
    #expect(run.status == 1)
    #expect(run.errors == "roost serve: --dev-clock is for trials, and needs --dev\n")
  }

  @Test func `a node steps its clock when the file changes, and says so`() throws {
    let folder = try TemporaryFolder()
    let path = try folder.file("clock", Array("0\n".utf8))
    let served = try ServeProcessTests.Served(
      ["--dev", "--dev-clock", path] + ServeProcessTests.ports)
    _ = try folder.file("clock", Array("-3600000\n".utf8))
    var line = ""
    repeat { line = try served.process.line(fromErrors: true) } while !line.contains("clock_")
    #expect(line.contains("\"step_ms\":-3600000"), "\(line)")
    served.process.kill(15)
    #expect(try served.process.wait() == .exited(0))
  }
}
