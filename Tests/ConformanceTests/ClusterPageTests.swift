// The cluster page of the admin port in a real browser, used by its own input events.

import Admin
import Gateway
import RoostEventLoop
import RoostRooms
import TestSupport
import Testing

extension ConformanceTests {
  @Suite(
    .enabled(if: InteropDriver.python != nil, InteropDriver.pythonIsMissing),
    .enabled(if: InteropDriver.chromium != nil, InteropDriver.chromiumIsMissing))
  struct ClusterPageTests {
    @Test func `operators can use the cluster page in a browser`() async throws {
      let key = "a-key-for-conformance"
      let configuration = Configuration.forTests(shards: 2) {
        $0.namespaces["chat"] = $0.namespaces[""]
        $0.namespaces["chat"]?.presence = true
        $0.namespaces["chat"]?.history.messages = 100
        $0.namespaces["chat"]?.history.lifetime = .seconds(300)
      }
      try await withNode(configuration) { node in
        let admin = try AdminServer(node: node, listen: .loopback)
        defer { admin.stop() }
        try await withNode(.forTests(dev: false) { $0.auth.apiKeys = [key] }) { other in
          let locked = try AdminServer(node: other, listen: .loopback)
          defer { locked.stop() }
          let program = try InteropDriver.start(
            "cluster_page.py",
            [
              "--chromium", try #require(InteropDriver.chromium), "--output",
              InteropDriver.report("cluster"), node.address.description,
              admin.address.description, locked.address.description, key,
            ])
          let end = try program.wait(within: .seconds(300))
          #expect(end == .exited(0), "\(program.outputs)")
        }
      }
    }
  }
}
