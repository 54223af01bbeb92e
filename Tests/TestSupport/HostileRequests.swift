// Requests that nobody means well with: for smuggling a second request past a proxy, for injecting a
// field, for filling memory, for another protocol. Every port of the node that speaks HTTP is held
// against the same table.

public import RoostEventLoop

/// One attack, and the statuses that may answer it.
public struct HostileRequest: Sendable, CustomStringConvertible {
  /// What is wrong with it.
  public let name: String
  /// What is sent.
  public let bytes: [UInt8]
  /// The statuses that say so.
  public let statuses: Set<Int>

  /// The name, so that a failing case tells which it is.
  public var description: String { name }

  /// Stands in every request, and must stand in no answer.
  public static let mark = "zqxj"

  private init(_ name: String, _ text: String, _ statuses: Set<Int> = [400]) {
    self.init(name, Array(text.utf8), statuses)
  }

  private init(_ name: String, _ bytes: [UInt8], _ statuses: Set<Int> = [400]) {
    self.name = name
    self.bytes = bytes
    self.statuses = statuses
  }

  // MARK: How they are made

  /// A whole request with another first line.
  private static func line(
    _ name: String, _ line: String, _ statuses: Set<Int> = [400]
  ) -> HostileRequest {
    HostileRequest(name, line + "\r\nHost: a\r\n\r\n", statuses)
  }

  /// A whole request with fields behind a good first line and Host.
  private static func fields(
    _ name: String, _ fields: String, _ statuses: Set<Int> = [400]
  ) -> HostileRequest {
    HostileRequest(name, "GET /zqxj HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n", statuses)
  }

  /// A whole request whose only field is Host.
  private static func host(_ value: String) -> HostileRequest {
    HostileRequest(
      "a Host of \(value.debugDescription)", "GET /zqxj HTTP/1.1\r\nHost: \(value)\r\n\r\n")
  }

  /// A POST with fields, and a request behind it that must never be answered.
  private static func smuggle(
    _ name: String, _ fields: String, body: String = "0\r\n\r\n", version: String = "1.1",
    _ statuses: Set<Int> = [400]
  ) -> HostileRequest {
    HostileRequest(
      name,
      "POST /zqxj HTTP/\(version)\r\nHost: a\r\n\(fields)\r\n\r\n\(body)"
        + "GET /readyz?zqxj HTTP/1.1\r\nHost: a\r\n\r\n", statuses)
  }

  /// A handshake in which something is not as it should be.
  private static func upgrade(
    _ name: String, line: String = "GET /ws?zqxj HTTP/1.1",
    _ fields: String, body: String = "", _ statuses: Set<Int>
  ) -> HostileRequest {
    HostileRequest(name, "\(line)\r\nHost: a\r\n\(fields)\r\n\r\n\(body)", statuses)
  }

  private static func times(_ count: Int, _ text: String) -> String {
    String(repeating: text, count: count)
  }

  /// All of them.
  public static let all =
    lines + targets + headers + hosts + sizes + framing + chunks + upgrades
    + protocols

  // MARK: First lines

  private static let lines: [HostileRequest] = [
    HostileRequest("HTTP/0.9", "GET /zqxj\r\n\r\n"),
    line("a method alone", "zqxj"),
    line("two spaces before the target", "GET  /zqxj HTTP/1.1"),
    line("two spaces before the version", "GET /zqxj  HTTP/1.1"),
    line("a space before the method", " GET /zqxj HTTP/1.1"),
    line("a space behind the version", "GET /zqxj HTTP/1.1 "),
    line("tabs for spaces", "GET\t/zqxj\tHTTP/1.1"),
    line("a space in the target", "GET /zq xj HTTP/1.1"),
    line("a version in lower case", "GET /zqxj http/1.1"),
    line("a version of three digits", "GET /zqxj HTTP/1.10"),
    line("a version without a dot", "GET /zqxj HTTP/11"),
    line("half a version", "GET /zqxj HTTP/1"),
    line("another protocol's version", "GET /zqxj HTTQ/1.1"),
    line("version 0.9 in a whole request", "GET /zqxj HTTP/0.9", [505]),
    line("version 1.2", "GET /zqxj HTTP/1.2", [505]),
    line("version 2.0", "GET /zqxj HTTP/2.0", [505]),
    line("version 3.0", "GET /zqxj HTTP/3.0", [505]),
    line("no method", " /zqxj HTTP/1.1"),
    line("a method that is no token", "G@T /zqxj HTTP/1.1"),
    line("a method with a colon", "GET: /zqxj HTTP/1.1"),
    line("a method of 9,000 letters", times(9_000, "Z") + " /zqxj HTTP/1.1", [414]),
    line("a NUL in the method", "GE\0T /zqxj HTTP/1.1"),
    HostileRequest("two empty lines first", "\r\n\r\nGET /zqxj HTTP/1.1\r\nHost: a\r\n\r\n"),
    HostileRequest("a line feed first", "\nGET /zqxj HTTP/1.1\r\nHost: a\r\n\r\n"),
    HostileRequest("bare line feeds", "GET /zqxj HTTP/1.1\nHost: a\n\n"),
    HostileRequest("a bare line feed behind the first line", "GET /zqxj HTTP/1.1\nHost: a\r\n\r\n"),
    HostileRequest("bare carriage returns", "GET /zqxj HTTP/1.1\rHost: a\r\r"),
    HostileRequest("line ends turned round", "GET /zqxj HTTP/1.1\n\rHost: a\n\r\n\r"),
  ]

  private static let targets: [HostileRequest] = [
    line("a target without a slash", "GET zqxj HTTP/1.1"),
    line("an asterisk for GET", "GET * HTTP/1.1\r\nX: zqxj"),
    line("a fragment", "GET /zqxj#fragment HTTP/1.1"),
    line("bytes above ASCII in the target", "GET /zqxjé HTTP/1.1"),
    line("DEL in the target", "GET /zqxj\u{7F} HTTP/1.1"),
    line("a NUL in the target", "GET /zq\0xj HTTP/1.1"),
    line("a carriage return in the target", "GET /zqxj\rX: 1 HTTP/1.1"),
    line("a backspace in the target", "GET /zqxj\u{08} HTTP/1.1"),
    line("a line end in the target", "GET /zqxj\r\nX: 1 HTTP/1.1", [400]),
    line("a target of 9,000 letters", "GET /zqxj" + times(9_000, "a") + " HTTP/1.1", [414]),
    line("a tunnel", "CONNECT zqxj:443 HTTP/1.1", [400, 404, 405]),
    line("a tunnel to a path", "CONNECT /zqxj HTTP/1.1"),
    line("a name and a password", "GET http://user:zqxj@a/ HTTP/1.1"),
    line("an absolute target without a host", "GET http:///zqxj HTTP/1.1"),
    line("an absolute target with a port too large", "GET http://a:99999/zqxj HTTP/1.1"),
    line("an absolute target with a space", "GET http://a b/zqxj HTTP/1.1"),
    line("an absolute target of another protocol", "GET ftp://a/zqxj HTTP/1.1", [400, 404]),
    line("an absolute target that nobody serves", "GET http://zqxj/zqxj HTTP/1.1", [400, 404]),
    line("a malformed escape", "GET /zqxj%zz HTTP/1.1", [400, 404]),
    line("a way up", "GET /../../zqxj HTTP/1.1", [400, 404]),
    line("an escaped line end", "GET /zqxj%0d%0aX:%201 HTTP/1.1", [400, 404]),
    line("a page's script", "GET /<script>zqxj</script> HTTP/1.1", [400, 404]),
    line("a trace", "TRACE /zqxj HTTP/1.1", [400, 404, 405]),
    line("a method that nobody knows", "ZQXJ /zqxj HTTP/1.1", [400, 404, 405, 501]),
  ]

  // MARK: Fields

  private static let headers: [HostileRequest] = [
    fields("a folded field", "X: zqxj\r\n folded"),
    fields("a field folded by a tab", "X: zqxj\r\n\tfolded"),
    HostileRequest(
      "a fold behind the first line", "GET /zqxj HTTP/1.1\r\n X: zqxj\r\nHost: a\r\n\r\n"),
    fields("a folded empty line", "X: zqxj\r\n \r\nY: 1"),
    fields("a space before the colon", "X : zqxj"),
    fields("a tab before the colon", "X\t: zqxj"),
    fields("no name", ": zqxj"),
    fields("no colon", "zqxj"),
    fields("a space in a name", "X Y: zqxj"),
    fields("a parenthesis in a name", "X(: zqxj"),
    fields("a name above ASCII", "Xé: zqxj"),
    fields("a NUL in a name", "X\0: zqxj"),
    fields("a NUL in a value", "X: zq\0xj"),
    fields("a control character in a value", "X: zq\u{01}xj"),
    fields("an escape in a value", "X: \u{1B}[2Jzqxj"),
    fields("DEL in a value", "X: zqxj\u{7F}"),
    fields("a bare carriage return in a value", "X: a\rSet-Cookie: zqxj"),
    fields("two carriage returns", "X: zqxj\r\r\nY: 1"),
    fields("a bare line feed in a value", "X: a\nSet-Cookie: zqxj"),
    fields("a vertical tab before a value", "Transfer-Encoding:\u{0B}chunked\r\nX: zqxj"),
    fields("an expectation that nobody meets", "Expect: zqxj", [417]),
    fields("two expectations", "Expect: 100-continue, zqxj", [417]),
  ]

  private static let hosts: [HostileRequest] =
    [
      HostileRequest("no Host", "GET /zqxj HTTP/1.1\r\n\r\n"),
      HostileRequest("two Hosts", "GET /zqxj HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
      HostileRequest("the same Host twice", "GET /zqxj HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"),
      HostileRequest(
        "a Host with a space before its colon", "GET /zqxj HTTP/1.1\r\nHost : a\r\n\r\n"),
      HostileRequest("a folded Host", "GET /zqxj HTTP/1.1\r\nHost:\r\n a\r\n\r\n"),
      HostileRequest(
        "two Hosts in version 1.0", "GET /zqxj HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
    ]
    + ["a b", "a/zqxj", "zqxj@a", "a:zqxj", "a:99999", "[::1", "a, b", "a\u{80}", "a?zqxj", "a#b"]
    .map { host($0) }

  // MARK: Sizes

  private static let sizes: [HostileRequest] = [
    fields("a field of 20,000 bytes", "X: zqxj" + times(20_000, "a"), [431]),
    fields("a name of 20,000 bytes", times(20_000, "a") + ": zqxj", [431]),
    fields(
      "fields of 20,000 bytes together", times(50, "X: zqxj\(times(400, "a"))\r\n") + "Y: 1", [431]),
    fields("200 fields", times(200, "X: zqxj\r\n") + "Y: 1", [431]),
    fields("fields without an end", times(400_000, "zqxj: zqxj\r\n"), [431]),
    HostileRequest("a first line without an end", "GET /zqxj" + times(100_000, "a"), [414]),
    smuggle(
      "a body larger than any", "Content-Length: 99999999999999999999", [400, 404, 405, 413]),
    smuggle("a body of an exabyte", "Content-Length: 1152921504606846976", [400, 404, 405, 413]),
  ]

  // MARK: Where a request ends

  private static let framing: [HostileRequest] =
    ["-1", "+5", "5 5", "5,5", "5, 5", "0x5", "5a", "", "5;a", "\"5\"", "５", "1e1", "5.0"].map {
      smuggle("a length of \($0.debugDescription)", "Content-Length: \($0)", body: "zqxj1")
    } + [
      smuggle("two lengths", "Content-Length: 5\r\nContent-Length: 6", body: "zqxj1"),
      smuggle("the same length twice", "Content-Length: 5\r\ncontent-length: 5", body: "zqxj1"),
      smuggle("a length and chunks", "Content-Length: 5\r\nTransfer-Encoding: chunked"),
      smuggle("chunks and a length", "Transfer-Encoding: chunked\r\nContent-Length: 5"),
      smuggle("chunks in capitals and a length", "TRANSFER-ENCODING: CHUNKED\r\nContent-Length: 0"),
      smuggle("chunks twice", "Transfer-Encoding: chunked, chunked"),
      smuggle("two fields of chunks", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"),
      smuggle("chunks that are not last", "Transfer-Encoding: chunked, gzip", [400, 501]),
      smuggle("chunks that are nothing", "Transfer-Encoding: chunked, identity", [400, 501]),
      smuggle("no coding that is known", "Transfer-Encoding: zqxj", [400, 501]),
      smuggle("a coding before the chunks", "Transfer-Encoding: gzip, chunked", [501]),
      smuggle("almost chunks", "Transfer-Encoding: xchunked", [400, 501]),
      smuggle("chunks with a parameter", "Transfer-Encoding: chunked;zqxj=1", [400, 501]),
      smuggle("chunks in quotes", "Transfer-Encoding: \"chunked\"", [400, 501]),
      smuggle("chunks with a space inside", "Transfer-Encoding: chun ked", [400, 501]),
      smuggle("chunks with a NUL", "Transfer-Encoding: chunked\0"),
      smuggle("chunks above ASCII", "Transfer-Encoding: chunked\u{A0}", [400, 501]),
      smuggle("an empty coding", "Transfer-Encoding: ", [400, 501]),
      smuggle("commas for a coding", "Transfer-Encoding: ,,", [400, 501]),
      smuggle("folded chunks", "Transfer-Encoding:\r\n chunked"),
      smuggle("a space before the colon of chunks", "Transfer-Encoding : chunked"),
      smuggle("chunks in version 1.0", "Transfer-Encoding: chunked", version: "1.0"),
      smuggle("a request as a body", "Content-Length: 38", body: "", [404, 405, 413]),
    ]

  private static let chunks: [HostileRequest] =
    [
      "zqxj\r\n", "-5\r\nzqxj1\r\n0\r\n\r\n", "0x5\r\nzqxj1\r\n0\r\n\r\n", "5\nzqxj1\n0\n\n",
      "5\r\nzqxj12\r\n0\r\n\r\n", "5\r\nzqxj1", "FFFFFFFFFFFFFFFFF\r\nzqxj1",
      "7FFFFFFFFFFFFFFF\r\nzqxj1", "5;" + times(40_000, "a") + "\r\nzqxj1\r\n0\r\n\r\n",
      "0\r\n" + times(10_000, "X: zqxj\r\n") + "\r\n", " 5\r\nzqxj1\r\n0\r\n\r\n",
      "0\r\nX : zqxj\r\n\r\n", "5\r\nzqxj1\r\n\r\n0\r\n\r\n",
    ].enumerated().map { number, body in
      smuggle(
        "malformed chunks \(number)", "Transfer-Encoding: chunked", body: body,
        [400, 404, 405, 413])
    }

  // MARK: Handshakes

  private static let upgrades: [HostileRequest] = {
    let refused: Set<Int> = [400, 404, 405, 413, 426, 505]
    let start = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    let version = "Sec-WebSocket-Version: 13\r\n"
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    return [
      upgrade(
        "a handshake of version 1.0", line: "GET /ws?zqxj HTTP/1.0",
        start + version + key, refused),
      upgrade(
        "a handshake by POST", line: "POST /ws?zqxj HTTP/1.1",
        start + version + key, refused),
      upgrade(
        "a handshake with a body", start + version + key + "\r\nContent-Length: 4",
        body: "zqxj", refused),
      upgrade(
        "a handshake with chunks", start + version + key + "\r\nTransfer-Encoding: chunked",
        body: "0\r\n\r\n", refused),
      upgrade("a handshake without a key", start + "Sec-WebSocket-Version: 13", refused),
      upgrade(
        "a handshake with two keys", start + version + key + "\r\n" + key, refused),
      upgrade(
        "a handshake with a short key", start + version + "Sec-WebSocket-Key: zqxj", refused),
      upgrade(
        "a handshake with a key that is no base64",
        start + version + "Sec-WebSocket-Key: zqxj!!!!!!!!!!!!!!!!!!!!", refused),
      upgrade("a handshake without a version", start + key, refused),
      upgrade(
        "a handshake of another version", start + "Sec-WebSocket-Version: 12\r\n" + key, refused),
      upgrade(
        "a handshake to something else", "Upgrade: h2c\r\nConnection: Upgrade\r\n" + version + key,
        refused),
      upgrade(
        "a handshake that upgrades nothing",
        "Upgrade: websocket\r\nConnection: keep-alive\r\n" + version + key, refused),
      upgrade(
        "a handshake with a folded protocol",
        start + version + key + "\r\nSec-WebSocket-Protocol: a,\r\n zqxj", [400]),
    ]
  }()

  // MARK: Other protocols

  private static let protocols: [HostileRequest] = [
    HostileRequest("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nzqxj", [505]),
    HostileRequest(
      "a greeting of TLS",
      [0x16, 0x03, 0x01, 0x00, 0x2F, 0x01, 0x00, 0x00, 0x2B, 0x03, 0x03] + Array("zqxj".utf8)
        + [UInt8](repeating: 7, count: 40)),
    HostileRequest("a greeting of SSL 2", [0x80, 0x2E, 0x01, 0x00, 0x02] + Array("zqxj".utf8)),
    HostileRequest("a greeting of SSH", "SSH-2.0-zqxj\r\n\r\n"),
    HostileRequest("a greeting of SMTP", "EHLO zqxj\r\n\r\n"),
    HostileRequest("a command of Redis", "*2\r\n$4\r\nPING\r\n$4\r\nzqxj\r\n\r\n"),
    HostileRequest("a command of FTP", "USER zqxj\r\n\r\n"),
    HostileRequest("a connect of MQTT", [0x10, 0x10, 0x00, 0x04] + Array("MQTTzqxj".utf8)),
    HostileRequest(
      "a PROXY line that nobody asked for",
      "PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\nGET /zqxj HTTP/1.1\r\nHost: a\r\n\r\n"),
    HostileRequest(
      "a PROXY header that nobody asked for",
      [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10, 0x20, 0, 0, 0]
        + Array("GET /zqxj HTTP/1.1\r\n\r\n".utf8)),
    HostileRequest("zeros", [UInt8](repeating: 0, count: 64)),
    HostileRequest(
      "bytes that are no text", [UInt8](repeating: 0xFF, count: 64) + [13, 10, 13, 10]),
  ]
}

extension HostileRequest {
  /// What a port made of it.
  public struct Outcome: Sendable {
    /// The status of the first answer; nil without an answer.
    public let status: Int?
    /// Answers that came.
    public let answers: Int
    /// Whether something of the request came back.
    public let isReflected: Bool
    /// All that came.
    public let text: String
  }

  /// Sends it over a connection of its own and reads until that one ends.
  public func outcome(at address: SocketAddress) throws -> Outcome {
    let socket = try BlockingSocket(to: address)
    // A port need not read to its end what it refuses.
    try? socket.write(bytes)
    socket.endSending()
    let text = String(decoding: try socket.readToEnd().bytes, as: UTF8.self)
    let parts = text.split(separator: " ", maxSplits: 2)
    return Outcome(
      status: text.hasPrefix("HTTP/1.1 ") && parts.count > 1 ? Int(parts[1]) : nil,
      answers: Self.answers(in: text),
      isReflected: text.lowercased().contains(Self.mark), text: text)
  }

  /// Status lines: the version and three digits behind it.
  private static func answers(in text: String) -> Int {
    var count = 0
    var rest = text[...]
    while let range = rest.firstRange(of: "HTTP/1.1 ") {
      rest = rest[range.upperBound...]
      if rest.prefix(3).utf8.count(where: { (48...57).contains($0) }) == 3 { count += 1 }
    }
    return count
  }
}
