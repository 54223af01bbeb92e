// Why something that the application asked for did not happen. Codes of the server keep their words,
// and what the client decides by itself has words of its own beside them.

/// Why a call failed, or a client could not be made.
public enum ClientFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// The server refused; its code and its sentence.
  case refused(code: String, message: String)
  /// No answer came in time: it may have been done or not.
  case timeout
  /// Too many calls, or too many bytes of them, wait already.
  case bufferFull
  /// The message would be larger than the server takes, in bytes.
  case tooLarge(bytesMax: Int)
  /// The connection ended behind the request: it may have been done or not.
  case unknown
  /// The client is closed: certainly not done.
  case closed
  /// The task that waited was cancelled, or the room was left.
  case cancelled
  /// The room's name is none; why.
  case roomName(String)
  /// The text is no JSON; why.
  case notJSON(String)
  /// The address or an option cannot be used; why.
  case configuration(String)
  /// The server's answer is not what the protocol says.
  case answer(String)

  /// The code in one word: the server's own for what it refused.
  public var code: String {
    switch self {
    case .refused(let code, _): code
    case .timeout: "timeout"
    case .bufferFull: "buffer_full"
    case .tooLarge: "too_large"
    case .unknown: "unknown"
    case .closed: "closed"
    case .cancelled: "cancelled"
    case .roomName: "room_name"
    case .notJSON: "not_json"
    case .configuration: "configuration"
    case .answer: "answer"
    }
  }

  /// A sentence without its full stop.
  public var description: String {
    switch self {
    case .refused(let code, let message): "\(code): \(message)"
    case .timeout: "no answer came in time"
    case .bufferFull: "too much waits to be sent already"
    case .tooLarge(let bytesMax): "the server takes messages of at most \(bytesMax) bytes"
    case .unknown: "the connection ended before the answer: it may have been done"
    case .closed: "the client is closed"
    case .cancelled: "it was cancelled"
    case .roomName(let reason), .notJSON(let reason), .configuration(let reason),
      .answer(let reason):
      reason
    }
  }
}
