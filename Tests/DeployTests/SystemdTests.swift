// The unit of systemd: read by systemd itself, where it is installed.

import Gateway
import TestSupport
import Testing

@Suite struct SystemdTests {
  private static let unit = "deploy/systemd/roost.service"

  @Test(.enabled(if: Tool.systemdAnalyze != nil, Tool.isMissing))
  func `systemd finds nothing wrong with the unit and hardly anything exposed`() throws {
    // The programs that a unit names must be there.
    let text = try Checkout.text(Self.unit).replacing("/usr/local/bin/roost", with: "/bin/true")
    let folder = try TemporaryFolder()
    let path = try folder.write("roost.service", text)
    let analyze = try #require(Tool.systemdAnalyze)
    let verify = try Subprocess(
      analyze, ["verify", "--man=no", path], environment: Tool.environment)
    #expect(try verify.wait() == .exited(0), "\(verify.outputs)")
    #expect(verify.outputs.isEmpty, "\(verify.outputs)")
    // In tenths; 2.0 is less than what nearly every shipped unit has.
    let security = try Subprocess(
      analyze, ["security", "--offline=true", "--threshold=20", path],
      environment: Tool.environment)
    #expect(try security.wait() == .exited(0), "\(security.outputs)")
  }

  @Test func `the unit waits longer for a drain than a drain takes`() throws {
    let text = try Checkout.text(Self.unit)
    #expect(text.contains("\nTimeoutStopSec=75s\n"))
    #expect(Configuration().drain.hardStop == .seconds(60))
    #expect(text.contains("\nUser=roost\n") && text.contains("\nNoNewPrivileges=yes\n"))
  }
}
