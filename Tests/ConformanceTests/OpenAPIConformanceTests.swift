// The server API judged by a program of others that knows nothing but its description.

import Admin
import Gateway
import RoostEventLoop
import RoostRooms
import TestSupport
import Testing

extension ConformanceTests {
  @Suite(.enabled(if: InteropDriver.python != nil, InteropDriver.pythonIsMissing))
  struct OpenAPIConformanceTests {
    @Test func `every response is as the OpenAPI document says`() async throws {
      let key = "a-key-for-conformance"
      let configuration = Configuration.forTests(dev: false, shards: 2) {
        $0.auth.apiKeys = [key]
        $0.namespaces[""]?.presence = true
        $0.namespaces[""]?.history.messages = 100
        $0.namespaces[""]?.history.lifetime = .seconds(300)
        // The namespace of the document's examples.
        $0.namespaces["chat"] = $0.namespaces[""]
      }
      try await withNode(configuration) { node in
        let admin = try AdminServer(node: node, listen: .loopback)
        defer { admin.stop() }
        let program = try InteropDriver.start("openapi.py", [admin.address.description, key])
        let end = try program.wait(within: .seconds(120))
        #expect(end == .exited(0), "\(program.outputs.suffix(8000))")
      }
    }
  }
}
