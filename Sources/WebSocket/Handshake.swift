// The opening handshake from the server's side, RFC 6455 4.2: a request head in, a response out. Who
// may connect is not decided here; the caller has looked at origin and credentials before.

import RoostCrypto
public import RoostHTTP

/// The key and its answer, which both sides compute.
enum AcceptKey {
  /// § 1.3: what is appended to the key before it is hashed.
  private static let suffix = [UInt8]("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)

  /// Appends the value of Sec-WebSocket-Accept for a Sec-WebSocket-Key as it was sent.
  static func appendAnswer(to key: borrowing Span<UInt8>, to output: inout [UInt8]) {
    // What is hashed is put together where the answer will stand.
    let start = output.count
    output.append(copying: key)
    output.append(contentsOf: suffix)
    let digest = Digest.sha1InPlace(output.span.extracting(start...))
    output.removeLast(output.count - start)
    Base64.append(digest.span, to: &output)
  }

  /// § 4.2.1: Base64 of 16 bytes.
  static func isValid(_ key: borrowing Span<UInt8>) -> Bool {
    Base64.decodedCount(of: key) == 16
  }
}

/// A handshake that was accepted.
public struct HandshakeAcceptance: Equatable, Sendable {
  /// The chosen subprotocol, or nothing when the client offered none that is supported.
  public let subprotocol: String?
  /// What was agreed on for compression, or nothing.
  public let deflate: DeflateAgreement?
}

/// A handshake that was refused, as an HTTP response to be.
public struct HandshakeRefusal: Equatable, Sendable {
  /// 400, 405 or 426.
  public let status: Int
  /// Fields that belong to the status, such as `Sec-WebSocket-Version: 13`.
  public let fields: [HTTPField]
  /// One sentence for the person who reads the response.
  public let message: String

  /// A name and a value.
  public struct HTTPField: Equatable, Sendable {
    /// The field's name.
    public let name: String
    /// The field's value.
    public let value: String
  }
}

/// What a server makes of a request.
public enum HandshakeResult: Equatable, Sendable {
  /// Send the response that was written and speak WebSocket.
  case accept(HandshakeAcceptance)
  /// Answer and close.
  case refuse(HandshakeRefusal)
}

/// The server's side of the opening handshake.
public enum ServerHandshake {
  private static let responseStart = [UInt8](
    ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Accept: ").utf8)

  /// Judges a request; when it is accepted, appends the whole response, `101 Switching Protocols`.
  ///
  /// Any thread. `subprotocols` are those that the caller speaks; of the client's offers the first
  /// that is among them is chosen, and a client that offers none of them is accepted without one.
  /// Frames may follow right behind the response. § 4.2.1 and 4.2.2.
  public static func evaluate(
    _ head: RequestHead, subprotocols: [String], deflate: DeflateConfiguration,
    response: inout [UInt8]
  ) -> HandshakeResult {
    if let refusal = refusal(of: head) { return .refuse(refusal) }
    // § 4.2.1, 5: once, and 16 bytes.
    let fields = head.fields
    guard fields.count(of: .webSocketKey) == 1, let key = fields.valueRange(of: .webSocketKey),
      AcceptKey.isValid(fields.bytes.span.extracting(key))
    else {
      return .refuse(badRequest("Sec-WebSocket-Key must be 16 bytes in Base64, once."))
    }
    let choice = chooseCompression(fields, deflate)
    var agreement: DeflateAgreement?
    switch choice {
    case .agreed(let agreed): agreement = agreed
    case .declined: break
    case .malformed: return .refuse(badRequest("Sec-WebSocket-Extensions is malformed."))
    }
    let subprotocol = fields.firstElement(of: .webSocketProtocol, among: subprotocols)
    // § 4.2.2, 5: written at once rather than field by field.
    response.append(contentsOf: responseStart)
    AcceptKey.appendAnswer(to: fields.bytes.span.extracting(key), to: &response)
    append(subprotocol, agreement, to: &response)
    return .accept(HandshakeAcceptance(subprotocol: subprotocol, deflate: agreement))
  }

  /// The reason to refuse a request before its key is looked at.
  private static func refusal(of head: RequestHead) -> HandshakeRefusal? {
    // § 4.2.1, 1: GET, and HTTP/1.1 or higher.
    guard head.method == .get else {
      return HandshakeRefusal(
        status: 405, fields: [.init(name: "Allow", value: "GET")],
        message: "A WebSocket connection begins with GET.")
    }
    guard head.minorVersion >= 1 else {
      return upgradeRequired("A WebSocket connection needs HTTP/1.1; a proxy may speak 1.0.")
    }
    guard head.fields.hasToken("websocket", in: .upgrade) else {
      return upgradeRequired(
        "This is a WebSocket endpoint: \"Upgrade: websocket\" is missing; a proxy may drop it.")
    }
    guard head.fields.hasToken("upgrade", in: .connection) else {
      return badRequest("\"Connection: Upgrade\" is missing; a proxy may drop it.")
    }
    // § 4.2.1, 2: HTTP/1.1 requests without exactly one were refused by the parser already.
    guard head.hasHost else { return badRequest("Host is missing.") }
    // Bytes of a body would be taken for frames.
    guard head.body == .none || head.body == .length(0) else {
      return badRequest("A WebSocket request has no body.")
    }
    // § 4.4: other versions are told which one is spoken here.
    guard head.fields.count(of: .webSocketVersion) == 1,
      let version = head.fields.valueRange(of: .webSocketVersion),
      head.fields.bytes.span.extracting(version).equals("13")
    else {
      return HandshakeRefusal(
        status: 426,
        fields: [
          .init(name: "Sec-WebSocket-Version", value: "13"),
          .init(name: "Upgrade", value: "websocket"),
          .init(name: "Connection", value: "Upgrade"),
        ], message: "Sec-WebSocket-Version must be 13.")
    }
    return nil
  }

  private static func chooseCompression(
    _ fields: FieldLines, _ configuration: DeflateConfiguration
  ) -> DeflateChoice {
    guard let offers = fields.valueRange(of: .webSocketExtensions) else { return .declined }
    guard fields.count(of: .webSocketExtensions) > 1 else {
      return DeflateNegotiation.choose(
        among: fields.bytes.span.extracting(offers), configuration: configuration)
    }
    // § 9.1: several fields are one list.
    let joined = fields.listElements(of: .webSocketExtensions).joined(separator: ",")
    return DeflateNegotiation.choose(among: joined.utf8.span, configuration: configuration)
  }

  /// The fields of the response that are not always there, and its end.
  private static func append(
    _ subprotocol: String?, _ deflate: DeflateAgreement?, to response: inout [UInt8]
  ) {
    if let subprotocol {
      response.append(text: "\r\nSec-WebSocket-Protocol: ")
      response.append(text: subprotocol)
    }
    if let deflate {
      response.append(text: "\r\nSec-WebSocket-Extensions: ")
      DeflateNegotiation.appendResponse(for: deflate, to: &response)
    }
    response.append(text: "\r\n\r\n")
  }

  private static func badRequest(_ message: String) -> HandshakeRefusal {
    HandshakeRefusal(status: 400, fields: [], message: message)
  }

  private static func upgradeRequired(_ message: String) -> HandshakeRefusal {
    HandshakeRefusal(
      status: 426,
      fields: [
        .init(name: "Upgrade", value: "websocket"), .init(name: "Connection", value: "Upgrade"),
      ], message: message)
  }
}
