// roost.js, as the node serves it, plays the table of Tests/Behaviour under Node and in a browser. The
// source with its comments plays it, too, which shows that nothing was lost with them.

import Gateway
import Pages
import RoostEventLoop
import TestSupport
import Testing

extension ConformanceTests {
  @Suite struct BehaviourTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")

    @Test(
      .enabled(if: Environment.besidePython("node") != nil, InteropDriver.nodeIsMissing),
      arguments: ["served", "source"])
    func `the table holds under Node`(kind: String) throws {
      let module =
        kind == "served"
        ? ClientScript.module
        : String(
          decoding: try contents(of: "/\(Self.root)/Sources/Pages/roost.js"), as: UTF8.self)
      let file = try TemporaryFile(module, named: "roost.mjs")
      let player = try Subprocess(
        try #require(Environment.besidePython("node")),
        ["/\(Self.root)/Tests/Interop/behaviour.mjs", "/\(Self.root)/Tests/Behaviour", file.path])
      #expect(try player.wait(within: .seconds(120)) == .exited(0), "\(player.outputs)")
    }

    @Test(
      .enabled(if: InteropDriver.python != nil, InteropDriver.pythonIsMissing),
      .enabled(if: InteropDriver.chromium != nil, InteropDriver.chromiumIsMissing))
    func `the table holds in a browser`() async throws {
      try await withNode(.forTests(dev: false)) { node in
        let player = try InteropDriver.start(
          "browser_behaviour.py",
          ["--chromium", try #require(InteropDriver.chromium), node.address.description])
        #expect(try player.wait(within: .seconds(180)) == .exited(0), "\(player.outputs)")
      }
    }
  }
}
