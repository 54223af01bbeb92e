import RoostHTTP
import Testing

@testable import RoostWebSocket

struct HandshakeTests {
  /// The fields of RFC 6455 1.2 that are needed.
  static let fields: [(String, String)] = [
    ("Host", "server.example.com"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13"),
  ]

  static let bareResponse =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

  @Test func `the example of RFC 6455 is answered as printed there`() throws {
    let (result, response) = try answer(Self.fields)
    #expect(result == .accept(HandshakeAcceptance(subprotocol: nil, deflate: nil)))
    #expect(response == Self.bareResponse + "\r\n\r\n")
  }

  @Test func `subprotocol and compression stand in the response`() throws {
    let (result, response) = try answer(
      Self.fields + [
        ("Sec-WebSocket-Protocol", "roost.v1.json"),
        ("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
      ], deflate: .eachMessageByItself)
    #expect(
      result
        == .accept(
          HandshakeAcceptance(subprotocol: "roost.v1.json", deflate: .withoutTakeover)))
    #expect(
      response == Self.bareResponse + "\r\nSec-WebSocket-Protocol: roost.v1.json"
        + "\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
        + "client_no_context_takeover\r\n\r\n")
  }

  /// What browsers and proxies do with the two fields that matter.
  @Test(arguments: [
    ("Upgrade", "WebSocket"), ("Upgrade", "h2c, websocket"), ("upgrade", "WEBSOCKET"),
    ("Connection", "keep-alive, Upgrade"), ("Connection", "upgrade"),
    ("connection", "UPGRADE , close"),
  ])
  func `tokens are compared without regard to case, among others`(
    name: String, value: String
  ) throws {
    let others = Self.fields.filter { !isSame($0.0, name) }
    guard case .accept = try evaluate(others + [(name, value)]) else {
      Issue.record("refused: \(name): \(value)")
      return
    }
  }

  /// A field is left out or has another value; the status and the fields of the refusal.
  @Test(
    arguments: [
      ("Upgrade", nil, 426), ("Upgrade", "h2c", 426), ("Upgrade", "websocket2", 426),
      ("Connection", nil, 400), ("Connection", "keep-alive", 400),
      ("Connection", "upgraded", 400),
      ("Sec-WebSocket-Key", nil, 400), ("Sec-WebSocket-Key", "", 400),
      ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ", 400),  // no padding
      ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZR==", 400),  // bits behind the last byte
      ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j", 400),  // 15 bytes
      ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSE=", 400),  // 17 bytes
      ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25*ZQ==", 400),
      ("Sec-WebSocket-Version", nil, 426), ("Sec-WebSocket-Version", "8", 426),
      ("Sec-WebSocket-Version", "14", 426), ("Sec-WebSocket-Version", "013", 426),
      ("Sec-WebSocket-Version", "13, 8", 426), ("Sec-WebSocket-Version", "", 426),
      ("Sec-WebSocket-Extensions", "permessage-deflate;", 400),
      ("Content-Length", "5", 400), ("Transfer-Encoding", "chunked", 400),
    ] as [(String, String?, Int)])
  func `a request that lacks something is refused`(
    name: String, value: String?, status: Int
  ) throws {
    var fields = Self.fields.filter { !isSame($0.0, name) }
    if let value { fields.append((name, value)) }
    guard case .refuse(let refusal) = try evaluate(fields) else {
      Issue.record("accepted: \(name): \(value ?? "absent")")
      return
    }
    #expect(refusal.status == status)
    #expect(!refusal.message.isEmpty)
    // RFC 9110 15.5.22: 426 must say what to upgrade to.
    #expect(
      refusal.fields.contains(.init(name: "Upgrade", value: "websocket")) == (status == 426))
    // RFC 6455 4.4.
    #expect(
      refusal.fields.contains(.init(name: "Sec-WebSocket-Version", value: "13"))
        == (name == "Sec-WebSocket-Version"))
  }

  @Test(arguments: ["Sec-WebSocket-Key", "Sec-WebSocket-Version"])
  func `a field that must stand once is refused when it stands twice`(name: String) throws {
    let twice = Self.fields + Self.fields.filter { $0.0 == name }
    guard case .refuse = try evaluate(twice) else {
      Issue.record("accepted: \(name) twice")
      return
    }
  }

  @Test func `an empty body is no body`() throws {
    guard case .accept = try evaluate(Self.fields + [("Content-Length", "0")]) else {
      Issue.record("refused: a length of nothing")
      return
    }
  }

  @Test(arguments: ["HEAD", "POST", "OPTIONS", "PATCH", "get"])
  func `other methods are told which one is allowed`(method: String) throws {
    let result = try evaluate(Self.fields, method: method)
    guard case .refuse(let refusal) = result else {
      Issue.record("accepted: \(method)")
      return
    }
    #expect(refusal.status == 405)
    #expect(refusal.fields == [.init(name: "Allow", value: "GET")])
  }

  @Test func `HTTP 1.0 is told to upgrade`() throws {
    guard case .refuse(let refusal) = try evaluate(Self.fields, version: "HTTP/1.0") else {
      Issue.record("accepted: HTTP/1.0")
      return
    }
    #expect(refusal.status == 426)
  }

  @Test(
    arguments: [
      (["roost.v1.json"], "roost.v1.json", "roost.v1.json"),
      (["roost.v1.json"], "a, roost.v1.json", "roost.v1.json"),
      (["a", "b"], "b, a", "b"),
      (["a", "b"], "c,b", "b"),
      (["roost.v1.json"], "Roost.v1.json", nil),
      (["roost.v1.json"], "c", nil),
      ([], "a", nil),
    ] as [([String], String, String?)])
  func `the first of the client's subprotocols that is supported is chosen`(
    supported: [String], offered: String, chosen: String?
  ) throws {
    let (result, response) = try answer(
      Self.fields + [("Sec-WebSocket-Protocol", offered)], subprotocols: supported)
    guard case .accept(let acceptance) = result else {
      Issue.record("refused: \(offered)")
      return
    }
    #expect(acceptance.subprotocol == chosen)
    let line = chosen.map { "\r\nSec-WebSocket-Protocol: \($0)" } ?? ""
    #expect(response == Self.bareResponse + line + "\r\n\r\n")
  }

  /// RFC 6455 9.1 and 11.3.4: fields of one name are one list.
  @Test func `lists may be spread over several fields`() throws {
    let result = try evaluate(
      Self.fields + [
        ("Sec-WebSocket-Protocol", "a"), ("Sec-WebSocket-Protocol", "roost.v1.json"),
        ("Sec-WebSocket-Extensions", "foo; x=\"y\""),
        ("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=10"),
      ], deflate: .eachMessageByItself)
    guard case .accept(let acceptance) = result else {
      Issue.record("refused")
      return
    }
    #expect(acceptance.subprotocol == "roost.v1.json")
    #expect(acceptance.deflate?.serverMaxWindowBits == 10)
  }

  private func isSame(_ first: String, _ second: String) -> Bool {
    first.lowercased() == second.lowercased()
  }

  private func evaluate(
    _ fields: [(String, String)], method: String = "GET", version: String = "HTTP/1.1",
    subprotocols: [String] = ["roost.v1.json"], deflate: DeflateConfiguration = .disabled
  ) throws -> HandshakeResult {
    let (result, response) = try answer(
      fields, method: method, version: version, subprotocols: subprotocols, deflate: deflate)
    if case .refuse = result { #expect(response.isEmpty) }
    return result
  }

  /// The result, and the response that was written behind what stood in the buffer before.
  private func answer(
    _ fields: [(String, String)], method: String = "GET", version: String = "HTTP/1.1",
    subprotocols: [String] = ["roost.v1.json"], deflate: DeflateConfiguration = .disabled
  ) throws -> (HandshakeResult, String) {
    var text = "\(method) /ws \(version)\r\n"
    for (name, value) in fields { text += "\(name): \(value)\r\n" }
    let bytes = [UInt8]((text + "\r\n").utf8)
    let head = try RequestHead(
      parsing: bytes.span, requestLineBytesMax: 1_000, headBytesMax: 8_000, fieldsMax: 50)
    var response: [UInt8] = [1, 2]
    let result = ServerHandshake.evaluate(
      head, subprotocols: subprotocols, deflate: deflate, response: &response)
    #expect(response.prefix(2) == [1, 2])
    return (result, String(decoding: response.dropFirst(2), as: UTF8.self))
  }
}
