// Known names are told apart while a head is parsed, all others when they are asked for; both must
// find the same fields.

import RoostHTTP
import Testing

@Suite struct FieldNameTests {
  /// Every name that the parser knows, and one that it does not, as they are usually written.
  static let names: [(FieldName, String)] = [
    (.host, "Host"), (.connection, "Connection"), (.upgrade, "Upgrade"), (.origin, "Origin"),
    (.expect, "Expect"), (.authorization, "Authorization"), (.contentLength, "Content-Length"),
    (.transferEncoding, "Transfer-Encoding"), (.webSocketKey, "Sec-WebSocket-Key"),
    (.webSocketVersion, "Sec-WebSocket-Version"), (.webSocketAccept, "Sec-WebSocket-Accept"),
    (.webSocketProtocol, "Sec-WebSocket-Protocol"),
    (.webSocketExtensions, "Sec-WebSocket-Extensions"), ("X-Other", "X-Other"),
  ]

  @Test(arguments: names)
  func `a field is found by its name in any case and by no other`(
    name: FieldName, text: String
  ) throws {
    for written in [text, text.lowercased(), text.uppercased()] {
      let head = bytes("HTTP/1.1 200 OK\r\n\(written): chunked\r\n\r\n")
      let fields = try ResponseHead(
        parsing: head.span, requestLineBytesMax: 100, headBytesMax: 1000, fieldsMax: 1
      ).fields
      #expect(fields.value(of: name) == "chunked")
      #expect(fields.value(of: FieldName(text)) == "chunked")
      #expect(fields.valueRange(of: name) == 19 + text.utf8.count..<26 + text.utf8.count)
      let found = Self.names.filter { fields.count(of: $0.0) > 0 }.map(\.1)
      #expect(found == [text])
    }
  }

  @Test(arguments: [
    "Hos", "Hostx", "0rigin", "Sec-WebSocket-Kez", "Sec_WebSocket-Key", "Upgraded",
  ])
  func `a name that is nearly a known one is another name`(text: String) throws {
    let head = bytes("HTTP/1.1 200 OK\r\n\(text): x\r\n\r\n")
    let fields = try ResponseHead(
      parsing: head.span, requestLineBytesMax: 100, headBytesMax: 1000, fieldsMax: 1
    ).fields
    #expect(Self.names.allSatisfy { fields.count(of: $0.0) == 0 })
    #expect(fields.value(of: FieldName(text)) == "x")
  }

  @Test(
    arguments: [
      ("b, a", ["a", "b"], "b"), ("c,b", ["a", "b"], "b"), ("A", ["a"], nil), ("a", [], nil),
      ("\"a\", a", ["a"], "a"), (" , ,a", ["a"], "a"), ("", ["a"], nil),
    ] as [(String, [String], String?)])
  func `the first element that is a candidate is found`(
    value: String, candidates: [String], found: String?
  ) throws {
    let request = try parse(hosted("L: \(value)"))
    #expect(request.fields.firstElement(of: "L", among: candidates) == found)
  }
}
