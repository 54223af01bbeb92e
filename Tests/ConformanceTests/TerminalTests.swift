// `roost top` in a terminal, looked at by a program that knows what terminals do.

import Admin
import Gateway
import RoostEventLoop
import TestSupport
import Testing

extension ConformanceTests {
  @Suite(.enabled(if: InteropDriver.python != nil, InteropDriver.pythonIsMissing))
  struct TerminalTests {
    @Test func `roost top draws a screen, and gives the terminal back`() async throws {
      let key = "a-key-for-conformance"
      try await withNode(.forTests(dev: false, shards: 2) { $0.auth.apiKeys = [key] }) { node in
        let admin = try AdminServer(node: node, listen: .loopback)
        defer { admin.stop() }
        let program = try InteropDriver.start(
          "terminal.py", [try BuiltProgram.path(), admin.address.description, key])
        let end = try program.wait(within: .seconds(300))
        #expect(end == .exited(0), "\(program.outputs)")
      }
    }
  }
}
