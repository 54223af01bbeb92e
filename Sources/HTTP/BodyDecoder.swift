// A body's bytes out of a connection's bytes: by length, or chunk by chunk (RFC 9112, 6.2 and 7.1).
// Chunk extensions and trailers are checked, bounded and dropped; nothing here needs them.

/// How far a body has come.
public enum BodyProgress: Equatable, Sendable {
  /// Everything given was taken; the body goes on.
  case needMore
  /// The body is whole; what follows it belongs to the next request.
  case complete
}

/// Decodes one body in pieces of any size.
///
/// Owned by its connection. After a violation it must not be used again: what it took by then is in
/// the caller's buffer, and the connection's bytes make no sense any more.
public struct BodyDecoder: Sendable {
  /// Bytes that all chunk extensions of one body may take together: nobody uses them honestly.
  public static let extensionBytesMax = 4_096
  /// Bytes that all trailer fields of one body may take, line ends included.
  public static let trailerBytesMax = 8_192

  private enum State: Sendable {
    /// A size line's digits; the count tells a line without any.
    case size(value: Int, digits: Int)
    /// White space behind the digits, which only an extension may follow.
    case sizeSpace(value: Int)
    /// An extension, passed over to the line's end.
    case sizeExtension(value: Int)
    /// The LF of the size line.
    case sizeLineFeed(value: Int)
    /// Bytes of a chunk, or of a whole body with a length.
    case content(left: Int)
    case chunkReturn
    case chunkLineFeed
    case trailerStart
    case trailerName
    case trailerValue
    case trailerLineFeed
    case lastLineFeed
    case complete
  }

  private var state: State
  private let isChunked: Bool
  /// What the caller still allows.
  private var bytesLeft: Int
  private var extensionBytesLeft = Self.extensionBytesMax
  private var trailerBytesLeft = Self.trailerBytesMax

  /// Makes a decoder for a body of at most `bytesMax` bytes, framing not counted.
  public init(body: RequestBody, bytesMax: Int) {
    bytesLeft = bytesMax
    switch body {
    case .none:
      isChunked = false
      state = .complete
    case .length(let length):
      isChunked = false
      state = length == 0 ? .complete : .content(left: length)
    case .chunked:
      isChunked = true
      state = .size(value: 0, digits: 0)
    }
  }

  /// Takes bytes from `offset` on, appends content to `body`, and moves `offset` behind what it
  /// took.
  ///
  /// A length or a chunk size that goes beyond the limit throws before any of its bytes is kept.
  public mutating func decode(
    _ bytes: borrowing Span<UInt8>, from offset: inout Int, into body: inout [UInt8]
  ) throws(HTTPViolation) -> BodyProgress {
    while true {
      if case .complete = state { return .complete }
      if case .content(let left) = state {
        guard left <= bytesLeft else { throw .bodyTooLarge }
        let count = min(left, bytes.count - offset)
        body.append(copying: bytes, offset..<offset + count)
        offset += count
        bytesLeft -= count
        guard count == left else {
          state = .content(left: left - count)
          return .needMore
        }
        state = isChunked ? .chunkReturn : .complete
        continue
      }
      guard offset < bytes.count else { return .needMore }
      state = try next(after: bytes[offset])
      offset += 1
    }
  }

  /// The state behind one byte of framing.
  private mutating func next(after byte: UInt8) throws(HTTPViolation) -> State {
    switch state {
    case .size(let value, let digits):
      return try nextInSize(byte, value: value, digits: digits)
    case .sizeSpace(let value):
      if isOptionalSpace(byte) { return try passExtensionByte(value) }
      guard byte == Byte.semicolon else { throw .badChunkSize }
      return try passExtensionByte(value, .sizeExtension(value: value))
    case .sizeExtension(let value):
      if byte == Byte.carriageReturn { return .sizeLineFeed(value: value) }
      guard isFieldValueByte(byte) else { throw violation(ofByte: byte) }
      return try passExtensionByte(value, .sizeExtension(value: value))
    case .sizeLineFeed(let value):
      guard byte == Byte.lineFeed else { throw .bareCarriageReturn }
      return value == 0 ? .trailerStart : .content(left: value)
    case .chunkReturn:
      guard byte == Byte.carriageReturn else { throw .badChunkEnd }
      return .chunkLineFeed
    case .chunkLineFeed:
      guard byte == Byte.lineFeed else { throw .badChunkEnd }
      return .size(value: 0, digits: 0)
    case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .lastLineFeed:
      return try nextInTrailer(byte)
    case .content, .complete:
      preconditionFailure("no framing byte is expected in \(state)")
    }
  }

  /// § 7.1: hexadecimal digits, one at least, then the line's end or an extension.
  private mutating func nextInSize(
    _ byte: UInt8, value: Int, digits: Int
  ) throws(HTTPViolation) -> State {
    if let digit = hexadecimalValue(byte) {
      // Sixteen digits say everything; longer ones are leading zeros meant to tire a reader.
      guard digits < 16 else { throw .badChunkSize }
      guard value <= Int.max >> 4 else { throw .bodyTooLarge }
      return .size(value: value << 4 | Int(digit), digits: digits + 1)
    }
    guard digits > 0 else { throw .badChunkSize }
    switch byte {
    case Byte.carriageReturn: return .sizeLineFeed(value: value)
    case Byte.semicolon: return try passExtensionByte(value, .sizeExtension(value: value))
    case Byte.space, Byte.tab: return try passExtensionByte(value)
    case Byte.lineFeed: throw .bareLineFeed
    default: throw .badChunkSize
    }
  }

  private mutating func passExtensionByte(
    _ value: Int, _ next: State? = nil
  ) throws(HTTPViolation) -> State {
    guard extensionBytesLeft > 0 else { throw .framingTooLarge }
    extensionBytesLeft -= 1
    return next ?? .sizeSpace(value: value)
  }

  /// § 7.1.2: field lines up to an empty one; what they say is dropped.
  private mutating func nextInTrailer(_ byte: UInt8) throws(HTTPViolation) -> State {
    if case .lastLineFeed = state {
      guard byte == Byte.lineFeed else { throw .bareCarriageReturn }
      return .complete
    }
    if case .trailerStart = state, byte == Byte.carriageReturn { return .lastLineFeed }
    guard trailerBytesLeft > 0 else { throw .framingTooLarge }
    trailerBytesLeft -= 1
    switch state {
    case .trailerStart:
      guard isTokenCharacter(byte) else { throw .badTrailer }
      return .trailerName
    case .trailerName:
      if byte == Byte.colon { return .trailerValue }
      guard isTokenCharacter(byte) else { throw .badTrailer }
      return .trailerName
    case .trailerValue:
      if byte == Byte.carriageReturn { return .trailerLineFeed }
      guard isFieldValueByte(byte) else { throw violation(ofByte: byte) }
      return .trailerValue
    default:
      guard byte == Byte.lineFeed else { throw .bareCarriageReturn }
      return .trailerStart
    }
  }
}
