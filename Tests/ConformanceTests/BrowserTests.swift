// The console page in a real browser, used by its own input events.

import Gateway
import RoostEventLoop
import TestSupport
import Testing

extension ConformanceTests {
  @Suite(
    .enabled(if: InteropDriver.python != nil, InteropDriver.pythonIsMissing),
    .enabled(if: InteropDriver.chromium != nil, InteropDriver.chromiumIsMissing))
  struct BrowserTests {
    @Test func `people can use the console in a browser`() async throws {
      // The room of the walk-through is in a namespace that --dev lets fall to the default one.
      try await withNode(.forTests(shards: 2)) { node in
        let browser = try InteropDriver.start(
          "browser.py",
          [
            "--chromium", try #require(InteropDriver.chromium), "--output",
            InteropDriver.report("console"), node.address.description,
          ])
        let end = try browser.wait(within: .seconds(120))
        #expect(end == .exited(0), "\(browser.outputs)")
        try await node.empties()
      }
    }
  }
}
