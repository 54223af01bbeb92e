// Methods by name, with their letter case.

import RoostHTTP
import Testing

@Suite struct HTTPMethodTests {
  static let known: [(String, HTTPMethod)] = [
    ("GET", .get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("DELETE", .delete),
    ("OPTIONS", .options), ("PATCH", .patch), ("TRACE", .trace),
  ]

  @Test(arguments: known)
  func `a known method is its case and names itself`(_ name: String, _ method: HTTPMethod) throws {
    #expect(try parse("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n").method == method)
    #expect(method.name == name)
  }

  @Test(arguments: ["get", "Get", "PROPFIND", "X", "GETX", "!#$%&'*+-.^_`|~09", "CONNECTED"])
  func `every other token is kept as it is`(_ name: String) throws {
    let method = try parse("\(name) / HTTP/1.1\r\nHost: a\r\n\r\n").method
    #expect(method == .other(name))
    #expect(method.name == name)
  }

  @Test func `CONNECT is known too`() throws {
    #expect(try parse("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n").method == .connect)
    #expect(HTTPMethod.connect.name == "CONNECT")
  }
}
