import Testing

@testable import RoostClient

@Suite struct ClientURLTests {
  @Test(arguments: [
    ("ws://example.com", false, "example.com", 80, "/ws", "example.com"),
    ("wss://example.com", true, "example.com", 443, "/ws", "example.com"),
    (
      "WS://example.com:8080/ws?user=ann", false, "example.com", 8080, "/ws?user=ann",
      "example.com:8080"
    ),
    ("wss://example.com:443/", true, "example.com", 443, "/", "example.com"),
    ("wss://example.com:80", true, "example.com", 80, "/ws", "example.com:80"),
    ("ws://[::1]:9000?a=b", false, "::1", 9000, "/ws?a=b", "[::1]:9000"),
    ("http://a:1/x#y", false, "a", 1, "/x", "a:1"),
    ("https://a", true, "a", 443, "/ws", "a"),
  ])
  func `an address is read`(
    text: String, isSecure: Bool, host: String, port: Int, path: String, field: String
  ) throws {
    let url = try ClientURL(text)
    #expect(url.isSecure == isSecure && url.host == host && Int(url.port) == port)
    #expect(url.path == path && url.hostField == field)
  }

  @Test(arguments: [
    "", "example.com", "ftp://a", "ws://", "ws://:80", "ws://a:0", "ws://a:65536", "ws://a:x",
    "ws://a b", "ws://user@a", "ws://[::1]x", "ws://a/ü", "ws://a/b c",
    "ws://" + String(repeating: "a", count: 256),
    "ws://a/" + String(repeating: "a", count: 8192),
  ])
  func `what is no address of a server is refused`(text: String) {
    #expect(throws: ClientFailure.self) { _ = try ClientURL(text) }
  }

  @Test func `CONNECT names host and port in any case`() throws {
    #expect(try ClientURL("wss://a").authority == "a:443")
    #expect(try ClientURL("ws://[::1]").authority == "[::1]:80")
  }
}
