// The documented conversation, held by client libraries that other people wrote.

import Gateway
import RoostEventLoop
import TestSupport
import Testing

extension ConformanceTests {
  @Suite(.enabled(if: InteropDriver.python != nil, InteropDriver.pythonIsMissing))
  struct StockClientTests {
    @Test(arguments: ["websockets", "aiohttp", "wsproto"], [1, 2])
    func `a client library of others holds the whole conversation`(library: String, shards: Int)
      async throws
    {
      try await withNode(.forTests(shards: shards)) { node in
        let clients = try InteropDriver.start(
          "stock_clients.py", [library, node.address.description])
        let end = try clients.wait(within: .seconds(60))
        #expect(end == .exited(0), "\(clients.outputs)")
        try await node.empties()
      }
    }
  }
}
