// Responses byte for byte, and that nothing a peer sent can end a line in one.

import RoostHTTP
import Testing

@Suite struct ResponseWriterTests {
  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  private func response(
    _ status: Int, _ fields: [(String, String)] = [], body: String = "", keepAlive: Bool = true,
    omitBody: Bool = false
  ) -> String {
    text(
      ResponseWriter.response(
        status: status, fields: fields, body: bytes(body), keepAlive: keepAlive, omitBody: omitBody)
    )
  }

  @Test func `a response has its length and its fields in order`() {
    #expect(
      response(200, [("Content-Type", "application/json"), ("X-B", "")], body: "{}")
        == "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-B: \r\nContent-Length: 2\r\n\r\n{}"
    )
  }

  @Test func `an empty body has the length nought`() {
    #expect(response(404) == "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
  }

  @Test func `a connection that ends is announced`() {
    #expect(
      response(400, body: "no", keepAlive: false)
        == "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
  }

  @Test func `HEAD is told the length and not given the body`() {
    #expect(
      response(200, body: "hello", omitBody: true) == "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    )
  }

  @Test(arguments: [
    (100, "HTTP/1.1 100 Continue\r\n\r\n"), (101, "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    (204, "HTTP/1.1 204 No Content\r\n\r\n"),
    (304, "HTTP/1.1 304 Not Modified\r\n\r\n"),
  ])
  func `a status without content has neither length nor body`(_ status: Int, _ expected: String) {
    #expect(response(status, body: "ignored") == expected)
  }

  @Test func `a head alone has no length`() {
    let head = ResponseWriter.head(
      status: 101, fields: [("Upgrade", "websocket"), ("Connection", "Upgrade")], keepAlive: true)
    #expect(
      text(head)
        == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    let stream = ResponseWriter.head(status: 200, fields: [], keepAlive: false)
    #expect(text(stream) == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
  }

  @Test func `a value cannot end its line`() {
    #expect(
      response(200, [("Location", "/a\r\nSet-Cookie: x=1\r\n\r\n<html>\0\u{7F}\té")])
        == "HTTP/1.1 200 OK\r\nLocation: /a  Set-Cookie: x=1    <html>  \té\r\nContent-Length: 0\r\n\r\n"
    )
  }

  @Test(arguments: [
    (100, "Continue"), (101, "Switching Protocols"), (200, "OK"), (201, "Created"),
    (202, "Accepted"), (204, "No Content"), (304, "Not Modified"),
    (400, "Bad Request"), (401, "Unauthorized"), (403, "Forbidden"), (404, "Not Found"),
    (405, "Method Not Allowed"), (408, "Request Timeout"),
    (409, "Conflict"), (411, "Length Required"), (413, "Content Too Large"), (414, "URI Too Long"),
    (415, "Unsupported Media Type"),
    (417, "Expectation Failed"), (421, "Misdirected Request"), (422, "Unprocessable Content"),
    (426, "Upgrade Required"), (429, "Too Many Requests"),
    (431, "Request Header Fields Too Large"), (500, "Internal Server Error"),
    (501, "Not Implemented"), (503, "Service Unavailable"),
    (504, "Gateway Timeout"), (505, "HTTP Version Not Supported"),
  ])
  func `the statuses in use have their standard phrases`(_ status: Int, _ phrase: String) {
    #expect(ResponseWriter.reasonPhrase(status) == phrase)
    #expect(response(status).hasPrefix("HTTP/1.1 \(status) \(phrase)\r\n"))
  }

  @Test func `a status without a phrase keeps the space before it`() {
    #expect(response(299).hasPrefix("HTTP/1.1 299 \r\n"))
  }

  @Test func `chunks carry their size in hexadecimal and empty ones are not written`() {
    var output: [UInt8] = []
    ResponseWriter.appendChunk([UInt8](repeating: 0x61, count: 26).span, to: &output)
    ResponseWriter.appendChunk([UInt8]().span, to: &output)
    ResponseWriter.appendLastChunk(to: &output)
    #expect(text(output) == "1a\r\n" + String(repeating: "a", count: 26) + "\r\n0\r\n\r\n")
  }
}
