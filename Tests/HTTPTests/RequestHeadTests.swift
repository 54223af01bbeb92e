// What a well-formed head says: line, target, host, fields, connection and framing.

import RoostHTTP
import Testing

@Suite struct RequestHeadTests {
  @Test func `an upgrade request gives all its parts`() throws {
    let request = try parse(
      "GET /ws?token=abc HTTP/1.1\r\nHost: gateway.example:8080\r\nUpgrade: websocket\r\n"
        + "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a, roost.v1.json\r\n\r\n")
    #expect(request.method == .get)
    #expect(request.target == "/ws?token=abc")
    #expect(request.path == "/ws")
    #expect(request.rawQuery == "token=abc")
    #expect(request.host == "gateway.example:8080")
    #expect(request.minorVersion == 1)
    #expect(request.keepsAlive)
    #expect(!request.expectsContinue)
    #expect(request.body == .none)
    #expect(request.fields.hasToken("websocket", in: "upgrade"))
    #expect(request.fields.hasToken("upgrade", in: "CONNECTION"))
    #expect(!request.fields.hasToken("close", in: "Connection"))
    #expect(request.fields.value(of: "sec-websocket-key") == "dGhlIHNhbXBsZSBub25jZQ==")
    #expect(request.fields.count(of: "SEC-WEBSOCKET-VERSION") == 1)
    #expect(request.fields.listElements(of: "Sec-WebSocket-Protocol") == ["a", "roost.v1.json"])
    #expect(
      request.fields.all.map(\.name) == [
        "Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version",
        "Sec-WebSocket-Protocol",
      ])
  }

  @Test func `one empty line before the request line is passed over`() throws {
    #expect(try parse("\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n").path == "/a")
  }

  @Test func `bytes behind the head are not looked at`() throws {
    #expect(try parse(hosted("A: b") + [0, 10, 13, 255]).fields.all.count == 2)
  }

  @Test func `the parser has the scanner's limits`() throws {
    let text = bytes("GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n")
    func parse(line: Int, head: Int, fields: Int) throws(HTTPViolation) -> RequestHead {
      try RequestHead(
        parsing: text.span, requestLineBytesMax: line, headBytesMax: head, fieldsMax: fields)
    }
    _ = try parse(line: 14, head: text.count, fields: 2)
    #expect(throws: HTTPViolation.targetTooLong) {
      try parse(line: 13, head: text.count, fields: 2)
    }
    #expect(throws: HTTPViolation.headTooLarge) {
      try parse(line: 14, head: text.count - 1, fields: 2)
    }
    #expect(throws: HTTPViolation.tooManyFields) {
      try parse(line: 14, head: text.count, fields: 1)
    }
  }

  // Fields.

  @Test func `white space around a value is no part of it`() throws {
    let request = try parse(hosted("A:b", "B: \t c d \t ", "C:", "D:  ", "E: \t\"x \""))
    #expect(request.fields.value(of: "A") == "b")
    #expect(request.fields.value(of: "B") == "c d")
    #expect(request.fields.value(of: "C") == "")
    #expect(request.fields.value(of: "D") == "")
    #expect(request.fields.value(of: "E") == "\"x \"")
    #expect(request.fields.value(of: "F") == nil)
    #expect(request.fields.valueBytes(of: "F") == nil)
  }

  @Test func `the first of several fields is the value and all are counted`() throws {
    let request = try parse(hosted("A: 1", "a: 2", "B: 3", "A: 4"))
    #expect(request.fields.value(of: "a") == "1")
    #expect(request.fields.count(of: "a") == 3)
    #expect(request.fields.count(of: "c") == 0)
  }

  @Test func `bytes beyond ASCII survive as bytes and are repaired as text`() throws {
    let request = try parse(bytes("GET / HTTP/1.1\r\nHost: a\r\nA: é") + [0xFF] + bytes("\r\n\r\n"))
    #expect(request.fields.valueBytes(of: "A") == [0xC3, 0xA9, 0xFF])
    #expect(request.fields.value(of: "A") == "é\u{FFFD}")
  }

  @Test func `a field's name is a token and every byte of a token is allowed`() throws {
    let allowed = Set("!#$%&'*+-.^_`|~0123456789".utf8)
    for byte in UInt8.min...UInt8.max where byte != 0x3A {
      let isLetter = (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
      let text = bytes("GET / HTTP/1.1\r\nHost: a\r\nx") + [byte] + bytes("y: z\r\n\r\n")
      let isAccepted = (try? parse(text)) != nil
      #expect(isAccepted == (isLetter || allowed.contains(byte)), "byte \(byte)")
    }
  }

  @Test(arguments: [
    ("a, b,c", ["a", "b", "c"]), ("", []), (",", []), (" , a , ,b,", ["a", "b"]),
    ("a;b=\"c,d\", e", ["a;b=\"c,d\"", "e"]),
    ("\"a\\\",b\",c", ["\"a\\\",b\"", "c"]), ("\"a,b", ["\"a,b"]), ("a\"\\", ["a\"\\"]),
  ])
  func `list elements are parted by commas outside quotes`(_ value: String, _ expected: [String])
    throws
  {
    #expect(try parse(hosted("L: " + value)).fields.listElements(of: "L") == expected)
  }

  @Test func `a list goes on over all fields of its name`() throws {
    let request = try parse(hosted("L: a, b", "M: x", "l: c"))
    #expect(request.fields.listElements(of: "L") == ["a", "b", "c"])
    #expect(request.fields.hasToken("C", in: "L"))
    #expect(!request.fields.hasToken("x", in: "L"))
    #expect(!request.fields.hasToken("a, b", in: "L"))
    #expect(request.fields.listElements(of: "N") == [])
  }

  // Connection, expectation, framing.

  @Test(arguments: [
    ("1.1", "X: y", true), ("1.1", "Connection: close", false),
    ("1.1", "Connection: x, CLOSE", false),
    ("1.1", "Connection: keep-alive", true), ("1.1", "Connection: keep-alive, close", false),
    ("1.1", "Connection: closed", true), ("1.0", "X: y", false),
    ("1.0", "Connection: Keep-Alive", true),
    ("1.0", "Connection: keep-alive, close", false), ("1.0", "Connection: x", false),
  ])
  func `the connection lives on as RFC 9112 says`(
    _ version: String, _ field: String, _ expected: Bool
  ) throws {
    let request = try parse("GET / HTTP/\(version)\r\nHost: a\r\n\(field)\r\n\r\n")
    #expect(request.keepsAlive == expected)
  }

  @Test func `every Connection field counts`() throws {
    #expect(try !parse(hosted("Connection: keep-alive", "Connection: close")).keepsAlive)
  }

  @Test func `an expectation counts in version 1_1 only`() throws {
    #expect(try parse(hosted("Expect: 100-Continue")).expectsContinue)
    #expect(try !parse(hosted("X: 100-continue")).expectsContinue)
    let old = try parse("PUT / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n")
    #expect(!old.expectsContinue)
    #expect(try !parse("PUT / HTTP/1.0\r\nExpect: x\r\n\r\n").expectsContinue)
  }

  @Test(arguments: [
    ("Content-Length: 0", RequestBody.length(0)), ("content-length:\t5 ", .length(5)),
    ("Content-Length: 0005", .length(5)),
    ("Content-Length: 9223372036854775807", .length(Int.max)),
    ("Transfer-Encoding: chunked", .chunked),
    ("transfer-encoding:CHUNKED", .chunked), ("Transfer-Encoding: , chunked ,", .chunked),
    ("X-Length: 5", .none),
    ("Content-Lengths: 5", .none), ("Transfer-Encodin: chunked", .none),
  ])
  func `the body's framing is read from the fields`(_ field: String, _ expected: RequestBody) throws
  {
    #expect(try parse(hosted(field)).body == expected)
  }

  // Target and host.

  @Test(arguments: [
    ("a", "a"), ("a.example", "a.example"), ("a:80", "a:80"), ("a:", "a:"), ("a:65535", "a:65535"),
    ("127.0.0.1:1", "127.0.0.1:1"),
    ("[::1]", "[::1]"), ("[2001:db8::7]:443", "[2001:db8::7]:443"),
    ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]"), ("under_score", "under_score"),
    ("%C3%A9.example", "%C3%A9.example"), (" \ta\t ", "a"),
  ])
  func `a host is taken as it was sent`(_ value: String, _ expected: String) throws {
    #expect(try parse(head("Host:" + value)).host == expected)
  }

  @Test func `version 1_0 may go without a host`() throws {
    let request = try parse("GET / HTTP/1.0\r\n\r\n")
    #expect(request.host == "")
    #expect(request.minorVersion == 0)
    #expect(throws: HTTPViolation.badHost) { try parse("GET / HTTP/1.0\r\nHost: a b\r\n\r\n") }
  }

  @Test func `an absolute target's host goes before the Host field`() throws {
    let request = try parse("GET http://real:81/x?y HTTP/1.1\r\nHost: other\r\n\r\n")
    #expect(request.target == "http://real:81/x?y")
    #expect(request.host == "real:81")
    #expect(request.path == "/x")
    #expect(request.rawQuery == "y")
    #expect(request.fields.value(of: "Host") == "other")
  }

  @Test(arguments: [
    ("HTTPS://a", "/", nil as String?), ("http://a?q", "/", "q"), ("http://a/", "/", nil),
    ("http://[::1]:5/x", "/x", nil),
  ])
  func `an absolute target without a path means the root`(
    _ target: String, _ path: String, _ query: String?
  ) throws {
    let request = try parse("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(request.path == path)
    #expect(request.rawQuery == query)
    #expect(request.pathSegments() == (path == "/" ? [] : [bytes("x")]))
  }

  @Test func `OPTIONS may ask about the server as a whole`() throws {
    let request = try parse("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(request.method == .options)
    #expect(request.path == "*")
    #expect(request.pathSegments() == nil)
  }

  @Test func `CONNECT names a host and has no path`() throws {
    let request = try parse("CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(request.method == .connect)
    #expect(request.host == "b:443")
    #expect(request.path == "")
    #expect(request.pathSegments() == nil)
  }

  @Test(arguments: [
    ("/", []), ("/a", ["a"]), ("/a/b", ["a", "b"]), ("/a/", ["a", ""]), ("//", ["", ""]),
    ("//a", ["", "a"]), ("/a%2Fb/c", ["a/b", "c"]),
    ("/chat%3Alobby", ["chat:lobby"]), ("/%e2%82%ac", ["€"]), ("/a+b", ["a+b"]),
    ("/../.", ["..", "."]), ("/a?b/c", ["a"]), ("/%25", ["%"]),
    ("/{room}|^[]`", ["{room}|^[]`"]),
  ])
  func `path segments are decoded one by one`(_ target: String, _ expected: [String]) throws {
    let request = try parse("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(request.pathSegments() == expected.map(bytes))
  }

  @Test(arguments: ["/%", "/%2", "/%zz", "/a%2/b", "/%2g/", "/a/%", "/%%41"])
  func `a malformed escape leaves no segments`(_ target: String) throws {
    #expect(try parse("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n").pathSegments() == nil)
  }

  @Test func `a decoded segment may hold any byte`() throws {
    let request = try parse("GET /%00%FF%0d%0A HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(request.pathSegments() == [[0x00, 0xFF, 0x0D, 0x0A]])
  }

  @Test(arguments: [
    ("token=abc", "abc" as String?), ("a=1&token=abc&token=def", "abc"), ("token=", ""),
    ("token", ""), ("token&x=1", ""), ("token=a=b", "a=b"),
    ("token=a%20b%26c", "a b&c"), ("token=a+b", "a+b"), ("%74oken=x", "x"), ("xtoken=1", nil),
    ("tokens=1", nil), ("", nil), ("&&token=1", "1"),
    ("token=%", nil), ("token=%4", nil), ("token=%4x", nil), ("a=token", nil),
    ("%zz=1&token=2", "2"), ("token=?/", "?/"), ("token={a|b}", "{a|b}"),
  ])
  func `a query's value is the first of its name, decoded`(
    _ query: String, _ expected: String?
  ) throws {
    let request = try parse("GET /?\(query) HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(request.queryValue("token") == expected.map(bytes))
    #expect(request.rawQuery == query)
  }

  @Test func `without a question mark there is no query`() throws {
    let request = try parse("GET /a&token=1 HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(request.rawQuery == nil)
    #expect(request.queryValue("token") == nil)
  }
}
