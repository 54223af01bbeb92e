// The opening handshake from the server's side, RFC 6455 4.2: a request head in, a response out. Who
// may connect is not decided here; the caller has looked at origin and credentials before.

import RoostCrypto
public import RoostHTTP

/// The key and its answer, which both sides compute.
enum AcceptKey {
  /// § 1.3: what is appended to the key before it is hashed.
  private static let suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

  /// The value of Sec-WebSocket-Accept for a Sec-WebSocket-Key as it was sent.
  static func answer(to key: borrowing Span<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(key.count + suffix.utf8.count)
    text.append(copying: key)
    text.append(contentsOf: suffix.utf8)
    return Base64.encode(Digest.sha1(text.span).span)
  }

  /// § 4.2.1: Base64 of 16 bytes.
  static func isValid(_ key: borrowing Span<UInt8>) -> Bool {
    Base64.decodedCount(of: key) == 16
  }
}

/// A handshake that was accepted.
public struct HandshakeAcceptance: Equatable, Sendable {
  /// The whole response, `101 Switching Protocols`; frames follow right behind it.
  public let responseBytes: [UInt8]
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
  /// Send the response and speak WebSocket.
  case accept(HandshakeAcceptance)
  /// Answer and close.
  case refuse(HandshakeRefusal)
}

/// The server's side of the opening handshake.
public enum ServerHandshake {
  private static let responseStart =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    + "Sec-WebSocket-Accept: "

  /// Judges a request and writes the response.
  ///
  /// Any thread. `subprotocols` are those that the caller speaks; of the client's offers the first
  /// that is among them is chosen, and a client that offers none of them is accepted without one.
  /// § 4.2.1 and 4.2.2.
  public static func evaluate(
    _ head: RequestHead, subprotocols: [String], deflate: DeflateConfiguration
  ) -> HandshakeResult {
    if let refusal = refusal(of: head) { return .refuse(refusal) }
    // § 4.2.1, 5: once, and 16 bytes.
    guard head.fieldCount(of: "Sec-WebSocket-Key") == 1,
      let key = head.valueBytes(of: "Sec-WebSocket-Key"), AcceptKey.isValid(key.span)
    else {
      return .refuse(badRequest("Sec-WebSocket-Key must be 16 bytes in Base64, once."))
    }
    let choice = chooseCompression(head, deflate)
    var agreement: DeflateAgreement?
    switch choice {
    case .agreed(let agreed): agreement = agreed
    case .declined: break
    case .malformed: return .refuse(badRequest("Sec-WebSocket-Extensions is malformed."))
    }
    let subprotocol = chooseSubprotocol(head, among: subprotocols)
    return .accept(
      HandshakeAcceptance(
        responseBytes: response(
          accept: AcceptKey.answer(to: key.span), subprotocol: subprotocol, deflate: agreement),
        subprotocol: subprotocol, deflate: agreement))
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
    guard head.hasToken("websocket", in: "Upgrade") else {
      return upgradeRequired(
        "This is a WebSocket endpoint: \"Upgrade: websocket\" is missing; a proxy may drop it.")
    }
    guard head.hasToken("upgrade", in: "Connection") else {
      return badRequest("\"Connection: Upgrade\" is missing; a proxy may drop it.")
    }
    // § 4.2.1, 2: HTTP/1.1 requests without exactly one were refused by the parser already.
    guard !head.host.isEmpty else { return badRequest("Host is missing.") }
    // Bytes of a body would be taken for frames.
    guard head.body == .none || head.body == .length(0) else {
      return badRequest("A WebSocket request has no body.")
    }
    // § 4.4: other versions are told which one is spoken here.
    guard head.fieldCount(of: "Sec-WebSocket-Version") == 1,
      head.value(of: "Sec-WebSocket-Version") == "13"
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

  private static func chooseSubprotocol(
    _ head: RequestHead, among supported: [String]
  ) -> String? {
    guard !supported.isEmpty else { return nil }
    return head.listElements(of: "Sec-WebSocket-Protocol").first { supported.contains($0) }
  }

  private static func chooseCompression(
    _ head: RequestHead, _ configuration: DeflateConfiguration
  ) -> DeflateChoice {
    let name = "Sec-WebSocket-Extensions"
    guard let offers = head.valueBytes(of: name) else { return .declined }
    guard head.fieldCount(of: name) > 1 else {
      return DeflateNegotiation.choose(among: offers.span, configuration: configuration)
    }
    // § 9.1: several fields are one list.
    let joined = [UInt8](head.listElements(of: name).joined(separator: ",").utf8)
    return DeflateNegotiation.choose(among: joined.span, configuration: configuration)
  }

  /// § 4.2.2, 5: the response, written at once rather than field by field.
  private static func response(
    accept: [UInt8], subprotocol: String?, deflate: DeflateAgreement?
  ) -> [UInt8] {
    var response: [UInt8] = []
    response.reserveCapacity(320)
    response.append(contentsOf: responseStart.utf8)
    response.append(contentsOf: accept)
    if let subprotocol {
      response.append(contentsOf: "\r\nSec-WebSocket-Protocol: ".utf8)
      response.append(contentsOf: subprotocol.utf8)
    }
    if let deflate {
      response.append(contentsOf: "\r\nSec-WebSocket-Extensions: ".utf8)
      DeflateNegotiation.appendResponse(for: deflate, to: &response)
    }
    response.append(contentsOf: "\r\n\r\n".utf8)
    return response
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
