// Every way in which a message can be refused, with the status that answers it. Strict where two
// readers could disagree about where a message ends (RFC 9112, 11.2): such requests are refused,
// never repaired.

/// The first rule of RFC 9112 or RFC 9110, or limit of the caller, that a message breaks.
///
/// After one of these the connection's bytes can no longer be trusted: answer and close.
public enum HTTPViolation: Error, Equatable, Sendable {
  // Lines.

  /// A CR without an LF behind it.
  case bareCarriageReturn
  /// An LF without a CR before it.
  case bareLineFeed
  /// A byte 0.
  case nulByte
  /// Another control character that may not stand in a head.
  case controlCharacter(UInt8)
  /// The head ends before its empty line; only the parsers say so, the scanner waits.
  case incompleteHead

  // Start line.

  /// The line is not a method, a target and a version with one space between them.
  case badRequestLine
  /// The target is in none of the forms that its method allows, or has a byte that none may have.
  case badTarget
  /// The version is well formed and is neither HTTP/1.0 nor HTTP/1.1.
  case unsupportedVersion
  /// A response's first line is not a version, a status and a reason.
  case badStatusLine

  // Fields.

  /// A line that starts with white space, and so continues the one before (RFC 9112, 5.2).
  case foldedField
  /// A field line without a colon.
  case missingColon
  /// White space between a field's name and its colon (RFC 9112, 5.1).
  case spaceBeforeColon
  /// A field's name is empty or has a byte that no token has.
  case badFieldName
  /// An HTTP/1.1 request without a Host field.
  case missingHost
  /// More than one Host field.
  case duplicateHost
  /// The Host, or the target's authority, is not a host with an optional port.
  case badHost
  /// An expectation other than `100-continue`.
  case unknownExpectation

  // Framing.

  /// A Content-Length that is not digits only.
  case badContentLength
  /// More than one Content-Length, even when they agree.
  case duplicateContentLength
  /// A Content-Length beside a Transfer-Encoding: the classic way to smuggle a request.
  case lengthAndTransferEncoding
  /// A Transfer-Encoding that is malformed, or in which `chunked` is not last and once.
  case badTransferEncoding
  /// A Transfer-Encoding in an HTTP/1.0 message.
  case transferEncodingInOldVersion
  /// A transfer coding other than `chunked`.
  case unknownTransferCoding
  /// A chunk's size line is malformed.
  case badChunkSize
  /// A chunk is not followed by a line end.
  case badChunkEnd
  /// A trailer field is malformed.
  case badTrailer

  // Limits.

  /// The start line is longer than the caller allows.
  case targetTooLong
  /// The head is longer than the caller allows.
  case headTooLarge
  /// The head has more fields than the caller allows.
  case tooManyFields
  /// The body is, or says that it will be, longer than the caller allows.
  case bodyTooLarge
  /// Chunk extensions or trailers take more bytes than ``BodyDecoder`` puts up with.
  case framingTooLarge

  /// The status code that answers a request with this fault.
  public var status: Int {
    switch self {
    case .bodyTooLarge: 413
    case .targetTooLong: 414
    case .unknownExpectation: 417
    case .headTooLarge, .tooManyFields: 431
    case .unknownTransferCoding: 501
    case .unsupportedVersion: 505
    default: 400
    }
  }

  /// One sentence for the person at the other end; printable ASCII only.
  public var reason: String {
    switch self {
    case .bareCarriageReturn: "A carriage return must be followed by a line feed."
    case .bareLineFeed: "Lines must end with carriage return and line feed."
    case .nulByte: "The head holds a NUL byte."
    case .controlCharacter: "The head holds a control character."
    case .incompleteHead: "The head ends too early."
    case .badRequestLine: "The request line must be method, target and version."
    case .badTarget: "The request target is malformed."
    case .unsupportedVersion: "Only HTTP/1.1 and HTTP/1.0 are spoken here."
    case .badStatusLine: "The status line is malformed."
    case .foldedField: "Field lines must not be folded."
    case .missingColon: "A field line has no colon."
    case .spaceBeforeColon: "White space stands before a field's colon."
    case .badFieldName: "A field name is not a token."
    case .missingHost: "The Host field is missing."
    case .duplicateHost: "The Host field occurs more than once."
    case .badHost: "The host is malformed."
    case .unknownExpectation: "The only expectation that can be met is 100-continue."
    case .badContentLength: "The Content-Length is not a decimal number."
    case .duplicateContentLength: "The Content-Length field occurs more than once."
    case .lengthAndTransferEncoding: "Content-Length and Transfer-Encoding exclude each other."
    case .badTransferEncoding: "The Transfer-Encoding must be chunked, once and last."
    case .transferEncodingInOldVersion: "HTTP/1.0 has no Transfer-Encoding."
    case .unknownTransferCoding: "The only transfer coding known is chunked."
    case .badChunkSize: "A chunk size is malformed."
    case .badChunkEnd: "A chunk does not end where its size says."
    case .badTrailer: "A trailer field is malformed."
    case .targetTooLong: "The request line is too long."
    case .headTooLarge: "The head is too large."
    case .tooManyFields: "The head has too many fields."
    case .bodyTooLarge: "The content is too large."
    case .framingTooLarge: "Chunk extensions or trailers are too large."
    }
  }
}
