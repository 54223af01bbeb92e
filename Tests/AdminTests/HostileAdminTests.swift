// The admin port against the requests that the public port is held against.

import Admin
import Gateway
import RoostEventLoop
import TestSupport
import Testing

@Suite struct HostileAdminTests {
  @Test func `a hostile request is refused once and its connection ended`() async throws {
    try await withNode(.forTests(dev: false)) { node in
      let server = try AdminServer(node: node, listen: .loopback)
      defer { server.stop() }
      for attack in HostileRequest.all {
        let outcome = try attack.outcome(at: server.address)
        let status = outcome.status ?? 0
        #expect(attack.statuses.contains(status), "\(attack): \(status)")
        #expect(outcome.answers == 1, "\(attack): \(outcome.text)")
        #expect(!outcome.isReflected, "\(attack): \(outcome.text)")
      }
    }
  }
}
