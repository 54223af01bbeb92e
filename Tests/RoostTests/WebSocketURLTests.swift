// URLs of WebSockets as people type them.

import Testing

@testable import roost

struct WebSocketURLTests {
  @Test(arguments: [
    ("ws://a", false, "a", UInt16(80), "/ws", "a"),
    ("wss://a.example", true, "a.example", 443, "/ws", "a.example"),
    ("WS://a:8080/", false, "a", 8080, "/", "a:8080"),
    ("ws://a:80/x?y=z#f", false, "a", 80, "/x?y=z", "a"),
    ("wss://[::1]:8443/ws", true, "::1", 8443, "/ws", "[::1]:8443"),
    ("ws://[::1]", false, "::1", 80, "/ws", "[::1]"),
    ("ws://a?user=b", false, "a", 80, "/ws?user=b", "a"),
  ])
  func `a URL has its parts`(
    text: String, isEncrypted: Bool, host: String, port: UInt16, path: String, authority: String
  ) throws {
    let url = try #require(WebSocketURL(text))
    #expect(url.isEncrypted == isEncrypted && url.host == host && url.port == port)
    #expect(url.path == path && url.authority == authority)
  }

  @Test(arguments: [
    "", "a", "http://a", "ws:/a", "ws://", "ws://:80", "ws://a:", "ws://a:0", "ws://a:65536",
    "ws://a:x", "ws://u@a", "ws://u:p@a", "ws://[::1", "ws://[::1]x", "ws://a b", "ws://a\n",
    "ws://ä",
  ])
  func `anything else is none`(text: String) {
    #expect(WebSocketURL(text) == nil)
  }
}
