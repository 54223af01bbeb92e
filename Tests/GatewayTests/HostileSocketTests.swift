// The public port against requests that nobody means well with: one refusal, then the end, and nothing
// of what was sent in the answer.

import Gateway
import RoostEventLoop
import TestSupport
import Testing

extension SocketTests {
  struct HostileSocketTests {
    @Test func `a hostile request is refused once and its connection ended`() async throws {
      try await withNode(.forTests(dev: false)) { node in
        #expect(HostileRequest.all.count >= 100)
        for attack in HostileRequest.all {
          let outcome = try attack.outcome(at: node.address)
          let status = outcome.status ?? 0
          #expect(attack.statuses.contains(status), "\(attack): \(status)")
          #expect(outcome.answers == 1, "\(attack): \(outcome.text)")
          #expect(!outcome.isReflected, "\(attack): \(outcome.text)")
        }
        try await node.empties()
      }
    }
  }
}
