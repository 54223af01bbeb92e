// The rates that a message has to pass, by whose they are, and what is said when one is used up.

/// A rate of messages or bytes.
enum RateLimit: Int, CaseIterable, Sendable {
  /// Requests of the connection.
  case messages
  /// Payload bytes of the connection.
  case bytes
  /// Requests of all connections of the user.
  case userMessages
  /// Payload bytes of all connections of the user.
  case userBytes
  /// Requests of all connections from the address.
  case addressMessages
  /// Payload bytes of all connections from the address.
  case addressBytes
  /// Publishes of the connection into rooms of one namespace.
  case namespaceMessages

  /// Its name in metrics.
  var label: String {
    switch self {
    case .messages: "messages"
    case .bytes: "bytes"
    case .userMessages: "user_messages"
    case .userBytes: "user_bytes"
    case .addressMessages: "address_messages"
    case .addressBytes: "address_bytes"
    case .namespaceMessages: "namespace_messages"
    }
  }

  /// What the client is told.
  var message: String {
    switch self {
    case .messages: "more messages than limits.messages_per_second allows"
    case .bytes: "more bytes than limits.bytes_per_second allows; the message was dropped"
    case .userMessages: "more messages of this user than limits.messages_per_second_per_user allows"
    case .userBytes:
      "more bytes of this user than limits.bytes_per_second_per_user allows; the message was dropped"
    case .addressMessages:
      "more messages from this address than limits.messages_per_second_per_address allows"
    case .addressBytes:
      "more bytes from this address than limits.bytes_per_second_per_address allows; the message "
        + "was dropped"
    case .namespaceMessages:
      "more messages than `messages_per_second` of the room's namespace allows"
    }
  }
}

/// What happens when a user has as many connections as it may have and opens another one.
public enum UserOverflow: String, CaseIterable, Sendable {
  /// The new one is refused.
  case refuse
  /// The oldest one is closed with 4007.
  case evict
}
