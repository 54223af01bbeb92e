// What a call of `MessageReader.next` can come to.

/// Where the bytes of a message or control frame are.
public enum Payload: Equatable, Sendable {
  /// In the caller's input, unmasked; nothing was copied.
  case inInput(Range<Int>)
  /// In `MessageReader.assembled`, from its first byte to its last.
  case assembled
}

/// One thing that was read from a connection.
public enum ReadStep: Equatable, Sendable {
  /// The input is used up.
  case needMore
  /// A whole message; if it is text, valid UTF-8.
  case message(MessageKind, Payload)
  /// A ping, to be answered with a pong of the same payload.
  case ping(Payload)
  /// A pong, asked for or not.
  case pong(Payload)
  /// The peer's close frame: its code, if it has one, and its reason as valid UTF-8.
  case close(code: UInt16?, reason: Payload)
}
