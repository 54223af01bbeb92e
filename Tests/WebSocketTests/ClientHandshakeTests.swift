import RoostHTTP
import Testing

@testable import RoostWebSocket

struct ClientHandshakeTests {
  /// The key of RFC 6455 1.3 as bytes.
  static let key = [UInt8]("the sample nonce".utf8)

  static let goodFields: [(String, String)] = [
    ("Upgrade", "websocket"), ("Connection", "Upgrade"),
    ("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
  ]

  @Test func `the request has every field once`() throws {
    let handshake = try ClientHandshake(
      host: "chat.example.com:8080", path: "/ws?user=a", key: Self.key,
      subprotocols: ["roost.v1.json", "b"], deflate: .eachMessageByItself,
      extraFields: [("Authorization", "Bearer x"), ("Origin", "https://example.com")])
    #expect(
      String(decoding: handshake.requestBytes, as: UTF8.self)
        == "GET /ws?user=a HTTP/1.1\r\nHost: chat.example.com:8080\r\nUpgrade: websocket\r\n"
        + "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        + "Sec-WebSocket-Protocol: roost.v1.json, b\r\n"
        + "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
        + "client_no_context_takeover; client_max_window_bits\r\n"
        + "Authorization: Bearer x\r\nOrigin: https://example.com\r\n\r\n")
  }

  @Test func `the smallest request has only what is needed`() throws {
    let handshake = try bare()
    #expect(
      String(decoding: handshake.requestBytes, as: UTF8.self)
        == "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
  }

  /// Nothing that is put in can add a line or a word to the request.
  @Test(arguments: [
    ("h\r\nX: y", "/", "n", "v", "p"), ("", "/", "n", "v", "p"), ("h h", "/", "n", "v", "p"),
    ("h", "ws", "n", "v", "p"), ("h", "", "n", "v", "p"), ("h", "/a b", "n", "v", "p"),
    ("h", "/\r\n", "n", "v", "p"), ("h", "/ä", "n", "v", "p"), ("h", "/", "", "v", "p"),
    ("h", "/", "n:", "v", "p"), ("h", "/", "n", "v\r\nX: y", "p"), ("h", "/", "n", "v\0", "p"),
    ("h", "/", "n", "v", ""), ("h", "/", "n", "v", "p,q"), ("h", "/", "n", "v", "p\n"),
  ])
  func `text that does not belong into a request is refused`(
    host: String, path: String, name: String, value: String, subprotocol: String
  ) {
    #expect(throws: HandshakeViolation.requestTextInvalid) {
      try ClientHandshake(
        host: host, path: path, key: Self.key, subprotocols: [subprotocol], deflate: .disabled,
        extraFields: [(name, value)])
    }
  }

  @Test(arguments: [0, 15, 17])
  func `a key of other than 16 bytes is refused`(count: Int) {
    #expect(throws: HandshakeViolation.keyInvalid) {
      try ClientHandshake(
        host: "h", path: "/", key: [UInt8](repeating: 1, count: count), subprotocols: [],
        deflate: .disabled, extraFields: [])
    }
  }

  @Test func `the response of RFC 6455 is accepted`() throws {
    let result = try bare().verify(response(Self.goodFields))
    #expect(result == ClientHandshakeResult(subprotocol: nil, deflate: nil))
  }

  @Test(
    arguments: [
      ("Upgrade", nil, .upgradeMissing), ("Upgrade", "h2c", .upgradeMissing),
      ("Connection", nil, .connectionMissing), ("Connection", "close", .connectionMissing),
      ("Sec-WebSocket-Accept", nil, .acceptMismatch),
      ("Sec-WebSocket-Accept", "", .acceptMismatch),
      ("Sec-WebSocket-Accept", "dGhlIHNhbXBsZSBub25jZQ==", .acceptMismatch),
      ("Sec-WebSocket-Accept", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", .acceptMismatch),
      ("Sec-WebSocket-Protocol", "roost.v1.json", .subprotocolNotOffered),
      ("Sec-WebSocket-Extensions", "permessage-deflate", .extensionNotOffered),
      ("Sec-WebSocket-Extensions", "permessage-deflate;", .extensionsMalformed),
    ] as [(String, String?, HandshakeViolation)])
  func `a response that lacks something, or has too much, is refused`(
    name: String, value: String?, violation: HandshakeViolation
  ) throws {
    var fields = Self.goodFields.filter { $0.0 != name }
    if let value { fields.append((name, value)) }
    let head = try response(fields)
    let handshake = try bare()
    #expect(throws: violation) { try handshake.verify(head) }
  }

  @Test(arguments: [100, 200, 301, 401, 426, 503])
  func `any other status is reported`(status: Int) throws {
    let head = try response(Self.goodFields, status: status)
    let handshake = try bare()
    #expect(throws: HandshakeViolation.statusUnexpected(status)) { try handshake.verify(head) }
  }

  @Test func `two answers to one key are refused`() throws {
    let head = try response(Self.goodFields + [Self.goodFields[2]])
    let handshake = try bare()
    #expect(throws: HandshakeViolation.acceptMismatch) { try handshake.verify(head) }
  }

  @Test func `two subprotocols are refused though both were offered`() throws {
    let handshake = try ClientHandshake(
      host: "h", path: "/", key: Self.key, subprotocols: ["a", "b"], deflate: .disabled,
      extraFields: [])
    let head = try response(
      Self.goodFields + [("Sec-WebSocket-Protocol", "a"), ("Sec-WebSocket-Protocol", "b")])
    #expect(throws: HandshakeViolation.subprotocolNotOffered) { try handshake.verify(head) }
  }

  @Test func `both sides of this target come to the same agreement`() throws {
    let client = try ClientHandshake(
      host: "h", path: "/ws", key: Self.key, subprotocols: ["x", "roost.v1.json"],
      deflate: .eachMessageByItself, extraFields: [])
    let head = try RequestHead(
      parsing: client.requestBytes.span, requestLineBytesMax: 1_000, headBytesMax: 8_000,
      fieldsMax: 50)
    var response: [UInt8] = []
    let result = ServerHandshake.evaluate(
      head, subprotocols: ["roost.v1.json"], deflate: .eachMessageByItself, response: &response)
    guard case .accept(let acceptance) = result else {
      Issue.record("refused: \(result)")
      return
    }
    let answer = try ResponseHead(
      parsing: response.span, requestLineBytesMax: 1_000, headBytesMax: 8_000,
      fieldsMax: 50)
    #expect(
      try client.verify(answer)
        == ClientHandshakeResult(subprotocol: "roost.v1.json", deflate: .withoutTakeover))
    #expect(acceptance.deflate == .withoutTakeover)
    #expect(acceptance.subprotocol == "roost.v1.json")
  }

  private func bare() throws -> ClientHandshake {
    try ClientHandshake(
      host: "h", path: "/", key: Self.key, subprotocols: [], deflate: .disabled, extraFields: [])
  }

  private func response(
    _ fields: [(String, String)], status: Int = 101
  ) throws -> ResponseHead {
    var text = "HTTP/1.1 \(status) Whatever\r\n"
    for (name, value) in fields { text += "\(name): \(value)\r\n" }
    let bytes = [UInt8]((text + "\r\n").utf8)
    return try ResponseHead(
      parsing: bytes.span, requestLineBytesMax: 1_000, headBytesMax: 8_000, fieldsMax: 50)
  }
}
