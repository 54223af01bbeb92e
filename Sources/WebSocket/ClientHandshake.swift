// The opening handshake from the client's side, RFC 6455 4.1: a request out, a response head in.

import RoostCrypto
public import RoostHTTP

/// What a client and a server have agreed on.
public struct ClientHandshakeResult: Equatable, Sendable {
  /// The subprotocol that the server chose, or nothing.
  public let subprotocol: String?
  /// What was agreed on for compression, or nothing.
  public let deflate: DeflateAgreement?
}

/// One attempt of a client to open a connection: keeps what the response is measured against.
public struct ClientHandshake: Sendable {
  /// The whole request.
  public let requestBytes: [UInt8]

  private let acceptKey: [UInt8]
  private let subprotocols: [String]
  private let deflate: DeflateConfiguration

  /// Writes the request.
  ///
  /// - Parameters:
  ///   - host: host and, where it is not the scheme's own, port.
  ///   - path: path and query, percent-encoded, with its leading slash.
  ///   - key: 16 random bytes, fresh for each connection (§ 4.1, 7).
  ///   - subprotocols: in order of preference; may be empty.
  ///   - deflate: what to offer.
  ///   - extraFields: further fields, such as Authorization or Origin.
  ///
  /// Throws `.requestTextInvalid` or `.keyInvalid`: nothing that came from elsewhere can add a line
  /// to the request.
  public init(
    host: String, path: String, key: [UInt8], subprotocols: [String],
    deflate: DeflateConfiguration, extraFields: [(String, String)]
  ) throws(HandshakeViolation) {
    guard key.count == 16 else { throw .keyInvalid }
    guard Self.isVisible(host), Self.isVisible(path), path.utf8.first == UInt8(ascii: "/"),
      subprotocols.allSatisfy(Self.isToken),
      extraFields.allSatisfy({ Self.isToken($0.0) && Self.isFieldValue($0.1) })
    else { throw .requestTextInvalid }
    let keyText = Base64.encode(key.span)
    var text = "GET \(path) HTTP/1.1\r\nHost: \(host)\r\nUpgrade: websocket\r\n"
    text += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
    text += String(decoding: keyText, as: UTF8.self) + "\r\n"
    if !subprotocols.isEmpty {
      text += "Sec-WebSocket-Protocol: " + subprotocols.joined(separator: ", ") + "\r\n"
    }
    if let offer = DeflateNegotiation.offer(deflate) {
      text += "Sec-WebSocket-Extensions: " + offer + "\r\n"
    }
    for (name, value) in extraFields { text += name + ": " + value + "\r\n" }
    text += "\r\n"
    requestBytes = [UInt8](text.utf8)
    var answer: [UInt8] = []
    AcceptKey.appendAnswer(to: keyText.span, to: &answer)
    acceptKey = answer
    self.subprotocols = subprotocols
    self.deflate = deflate
  }

  /// Measures the response against the request; § 4.1, second list.
  ///
  /// After an error the connection must be closed: no frame may be sent.
  public func verify(_ head: ResponseHead) throws(HandshakeViolation) -> ClientHandshakeResult {
    guard head.status == 101 else { throw .statusUnexpected(head.status) }
    let fields = head.fields
    guard fields.hasToken("websocket", in: .upgrade) else { throw .upgradeMissing }
    guard fields.hasToken("upgrade", in: .connection) else { throw .connectionMissing }
    guard fields.count(of: .webSocketAccept) == 1,
      fields.valueBytes(of: .webSocketAccept) == acceptKey
    else { throw .acceptMismatch }
    return ClientHandshakeResult(
      subprotocol: try verifySubprotocol(fields), deflate: try verifyExtensions(fields))
  }

  private func verifySubprotocol(_ fields: FieldLines) throws(HandshakeViolation) -> String? {
    guard let chosen = fields.value(of: .webSocketProtocol) else { return nil }
    guard fields.count(of: .webSocketProtocol) == 1, subprotocols.contains(chosen) else {
      throw .subprotocolNotOffered
    }
    return chosen
  }

  private func verifyExtensions(
    _ fields: FieldLines
  ) throws(HandshakeViolation) -> DeflateAgreement? {
    guard let answer = fields.valueBytes(of: .webSocketExtensions) else { return nil }
    guard fields.count(of: .webSocketExtensions) > 1 else {
      return try DeflateNegotiation.agreement(from: answer.span, configuration: deflate)
    }
    let joined = fields.listElements(of: .webSocketExtensions).joined(separator: ",")
    return try DeflateNegotiation.agreement(from: joined.utf8.span, configuration: deflate)
  }

  // MARK: What may stand in a request

  private static func isVisible(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
  }

  private static func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy(ExtensionReader.isTokenByte)
  }

  private static func isFieldValue(_ text: String) -> Bool {
    text.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
  }
}
