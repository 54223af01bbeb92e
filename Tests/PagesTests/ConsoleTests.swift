// What the console page is relied on for.

import Pages
import Testing

@Test(arguments: ["fetch(", "XMLHttp"])
func `the console speaks WebSocket only`(text: String) {
  #expect(!ConsolePage.html.contains(text))
}

@Test func `the script imports the client that the node serves, and nothing else`() throws {
  let script = try Page.console.body(of: "script")
  #expect(script.hasPrefix("\nimport { Roost } from \"/roost.js\";\n"))
  #expect(script.ranges(of: "import ").count == 1)
}

@Test(arguments: [
  "connect-button", "disconnect-button", "user-field", "status", "room-field", "join-button",
  "join-error", "room-list", "leave-button", "history-button", "message-list", "message-input",
  "publish-button", "publish-result", "member-list", "member-count", "close-code", "close-reason",
  "close-explanation", "retry-seconds", "rtt", "frame-list",
])
func `the ids that browser tests rely on are there`(id: String) {
  #expect(ConsolePage.html.contains(" id=\"\(id)\""))
}

@Test(
  arguments: [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013]
    + [4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007])
func `each close code of the protocol is explained`(code: Int) throws {
  #expect(try Page.console.body(of: "script").contains("\n  \(code): [\""))
}
