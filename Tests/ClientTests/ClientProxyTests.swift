import Testing

@testable import RoostClient

@Suite struct ClientProxyTests {
  @Test(
    arguments: [
      ("http://proxy:3128", "proxy", 3128, nil),
      ("proxy:3128", "proxy", 3128, nil),
      ("http://proxy", "proxy", 8080, nil),
      ("http://user:pass@proxy:1", "proxy", 1, "Basic dXNlcjpwYXNz"),
      ("http://us%65r:p%40ss@proxy:1/", "proxy", 1, "Basic dXNlcjpwQHNz"),
      ("http://100%:x@proxy:1/", "proxy", 1, "Basic MTAwJTp4"),
    ] as [(String, String, Int, String?)])
  func `a proxy is read`(text: String, host: String, port: Int, authorization: String?) throws {
    let proxy = try ClientProxy(text)
    #expect(proxy.host == host && Int(proxy.port) == port)
    #expect(proxy.authorization == authorization)
  }

  @Test(arguments: ["", "https://proxy", "socks5://proxy", "http://", "http://proxy:0"])
  func `what is no proxy is refused`(text: String) {
    #expect(throws: ClientFailure.self) { _ = try ClientProxy(text) }
  }

  @Test(arguments: [
    ("example.com", "", false), ("example.com", "*", true), ("example.com", "example.com", true),
    ("a.example.com", "example.com", true), ("a.example.com", ".example.com", true),
    ("example.com", ".example.com", true), ("notexample.com", "example.com", false),
    ("EXAMPLE.com", "other, Example.COM", true), ("10.0.0.1", "10.0.0.1", true),
    ("10.0.0.11", "10.0.0.1", false), ("example.com", "com.example", false),
  ])
  func `hosts that need no proxy are known`(host: String, list: String, isExcepted: Bool) {
    #expect(ClientProxy.isExcepted(host, from: list) == isExcepted)
  }

  @Test func `the request for a way names the server twice`() throws {
    let request = try ClientProxy("p:1").request(for: ClientURL("wss://a/path"))
    #expect(
      String(decoding: request, as: UTF8.self)
        == "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n")
  }
}
