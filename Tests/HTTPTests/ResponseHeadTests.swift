// The client's side: what a response's head says, and what is not one.

import RoostHTTP
import Testing

@Suite struct ResponseHeadTests {
  @Test func `a handshake's answer gives all its parts`() throws {
    let response = try parseResponse(
      bytes(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: upgrade\r\n"
          + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nL: a,b\r\nL: c\r\n\r\n"))
    #expect(response.status == 101)
    #expect(response.reason == "Switching Protocols")
    #expect(response.minorVersion == 1)
    #expect(response.fields.value(of: "sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    #expect(response.fields.valueBytes(of: "Upgrade") == bytes("WebSocket"))
    #expect(response.fields.value(of: "Missing") == nil)
    #expect(response.fields.hasToken("websocket", in: "Upgrade"))
    #expect(response.fields.count(of: "l") == 2)
    #expect(response.fields.listElements(of: "L") == ["a", "b", "c"])
    #expect(response.fields.all.count == 5)
  }

  @Test(arguments: [
    ("HTTP/1.1 200 OK", 200, "OK"), ("HTTP/1.1 200 ", 200, ""), ("HTTP/1.1 200", 200, ""),
    ("HTTP/1.0 503 a b c", 503, "a b c"),
    ("HTTP/1.1 999 é\t", 999, "é\t"), ("HTTP/1.1 100  x", 100, " x"),
  ])
  func `the reason may be anything and may be missing`(
    _ line: String, _ status: Int, _ reason: String
  ) throws {
    let response = try parseResponse(bytes(line + "\r\n\r\n"))
    #expect(response.status == status)
    #expect(response.reason == reason)
  }

  @Test(arguments: [
    ("HTTP/1.1 20 OK", HTTPViolation.badStatusLine), ("HTTP/1.1 2000 OK", .badStatusLine),
    ("HTTP/1.1  200 OK", .badStatusLine),
    ("HTTP/1.1 099 OK", .badStatusLine), ("HTTP/1.1 2x0 OK", .badStatusLine),
    ("HTTP/1.1\t200 OK", .badStatusLine), ("HTTP/1.1 200\tOK", .badStatusLine),
    ("http/1.1 200 OK", .badStatusLine), ("200 OK", .badStatusLine), ("HTTP/1.1", .badStatusLine),
    ("GET / HTTP/1.1", .badStatusLine),
    ("HTTP/2.0 200 OK", .unsupportedVersion), ("HTTP/1.2 200 OK", .unsupportedVersion),
    ("HTTP/1.1 200 OK\0", .nulByte),
    ("HTTP/1.1 200 OK\r\nA : b", .spaceBeforeColon),
    ("HTTP/1.1 200 OK\r\nA: b\r\n c", .foldedField), ("HTTP/1.1 200 OK\nA: b", .bareLineFeed),
  ])
  func `what is no response is refused`(_ text: String, _ expected: HTTPViolation) {
    #expect(throws: expected) { try parseResponse(bytes(text + "\r\n\r\n")) }
  }

  @Test func `every prefix of a response's head is incomplete`() {
    let whole = bytes("HTTP/1.1 200 OK\r\nA: b\r\n\r\n")
    for count in 0..<whole.count {
      #expect(throws: HTTPViolation.incompleteHead) { try parseResponse(Array(whole[..<count])) }
    }
  }

  @Test func `a response that we write can be read`() throws {
    let written = ResponseWriter.response(
      status: 426, fields: [("Upgrade", "websocket"), ("Connection", "Upgrade")], body: bytes("x"),
      keepAlive: false, omitBody: false)
    let response = try parseResponse(written)
    #expect(response.status == 426)
    #expect(response.fields.listElements(of: "Connection") == ["Upgrade", "close"])
    #expect(response.fields.value(of: "Content-Length") == "1")
  }
}
