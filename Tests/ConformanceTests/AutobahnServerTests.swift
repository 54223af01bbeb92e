// The Autobahn suite against `/echo`: RFC 6455 and RFC 7692 as a hostile client would test them.

import Gateway
import TestSupport
import Testing

extension ConformanceTests {
  @Suite(
    .enabled(if: InteropDriver.python != nil, InteropDriver.pythonIsMissing),
    .enabled(if: InteropDriver.wstest != nil, InteropDriver.wstestIsMissing))
  struct AutobahnServerTests {
    @Test func `the node in the server's role passes every Autobahn case`() async throws {
      let configuration = Configuration.forTests(shards: 2) {
        $0.compression.contextTakeover = true
      }
      try await withNode(configuration) { node in
        let suite = try InteropDriver.start(
          "autobahn.py",
          InteropDriver.autobahnCases(
            ["--url", "ws://\(node.address)/echo"], output: "autobahn-server", expectedShort: 301))
        let end = try suite.wait(within: .seconds(3700))
        #expect(end == .exited(0), "\(suite.outputs)")
        try await node.empties()
      }
    }
  }
}
