// What a client can find wrong with a handshake. A server has no such list: it answers with a
// `HandshakeRefusal`, which is an HTTP response.

/// Why a client cannot open a connection with what it was given or what came back.
public enum HandshakeViolation: Error, Equatable, Sendable {
  // Of the caller's request.
  /// Host, path, subprotocol or field with a character that cannot stand in a request head.
  case requestTextInvalid
  /// A key of other than 16 bytes.
  case keyInvalid

  // Of the response.
  /// The server did not switch protocols but answered with this status.
  case statusUnexpected(Int)
  /// No `Upgrade: websocket`.
  case upgradeMissing
  /// No `Connection: Upgrade`.
  case connectionMissing
  /// Sec-WebSocket-Accept is absent, repeated, or does not belong to the key that was sent.
  case acceptMismatch
  /// A subprotocol that was not offered, or more than one.
  case subprotocolNotOffered
  /// Sec-WebSocket-Extensions breaks its grammar.
  case extensionsMalformed
  /// An extension that was not offered, or the same one twice.
  case extensionNotOffered
  /// A parameter of permessage-deflate that is malformed, repeated or not what was offered.
  case extensionParameterNotOffered
}
