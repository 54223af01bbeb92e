// Finds the end of a request's or response's head while its bytes trickle in (RFC 9112, 2.1 and
// 2.2). Limits and forbidden bytes are found at the byte that breaks them, so a peer cannot make
// the connection hold on to a head that will be refused anyway.

/// What a look at the bytes so far says.
public enum HeadScan: Equatable, Sendable {
  /// No end yet; call again with the same bytes and more.
  case needMore
  /// The head, its empty line included, is the first `headBytes` bytes.
  case complete(headBytes: Int)
}

/// What a limit for heads may be at most: offsets into a head are kept in 32 bits.
let headLimitMax = 1 << 24

/// Finds the end of one head in bytes that come in pieces.
///
/// Remembers where it stopped, so n bytes that come one by one cost O(n) in total. Owned by its
/// connection; make a new one for the next head. After a violation it must not be used again.
public struct HeadScanner: Sendable {
  /// Longest start line in bytes, its line end not counted.
  private let requestLineBytesMax: Int
  /// Longest head in bytes, all line ends counted.
  private let headBytesMax: Int
  /// Most field lines.
  private let fieldsMax: Int

  /// Bytes looked at so far.
  private var position = 0
  /// Where the line under way began.
  private var lineStart = 0
  /// Whether the byte before `position` is a CR whose LF has not been seen.
  private var expectsLineFeed = false
  /// Line ends passed that belong to the start line (1) and the fields.
  private var lines = 0
  /// RFC 9112, 2.2: one empty line before the start line is passed over, for old clients.
  private var skippedEmptyLine = false

  /// Makes a scanner for one head.
  ///
  /// `requestLineBytesMax` counts the start line without its line end, `headBytesMax` the whole
  /// head with every line end (at most 16 MiB), `fieldsMax` the field lines.
  public init(requestLineBytesMax: Int, headBytesMax: Int, fieldsMax: Int) {
    precondition(
      (1...headLimitMax).contains(headBytesMax) && requestLineBytesMax > 0 && fieldsMax >= 0,
      "limits \(requestLineBytesMax), \(headBytesMax), \(fieldsMax) are out of range")
    self.requestLineBytesMax = min(requestLineBytesMax, headBytesMax)
    self.headBytesMax = headBytesMax
    self.fieldsMax = fieldsMax
  }

  /// Looks at what is new in `bytes`, which are all bytes since the head began.
  ///
  /// Throws at the first byte that no valid head within the limits could have there. The bytes are
  /// not kept; what a line says is ``RequestHead``'s affair.
  public mutating func scan(
    _ bytes: borrowing Span<UInt8>
  ) throws(HTTPViolation) -> HeadScan {
    let end = min(bytes.count, headBytesMax)
    while position < end {
      if expectsLineFeed {
        guard bytes[position] == Byte.lineFeed else { throw .bareCarriageReturn }
        position += 1
        expectsLineFeed = false
        if try passLineEnd() { return .complete(headBytes: position) }
      } else {
        try scanLine(bytes, until: end)
      }
    }
    guard position < headBytesMax else { throw .headTooLarge }
    return .needMore
  }

  /// Passes the bytes of a line up to and including its CR, or up to `end`.
  private mutating func scanLine(
    _ bytes: borrowing Span<UInt8>, until end: Int
  ) throws(HTTPViolation) {
    // § 2.2 and § 5.2: white space at the start of a line is either a folded field or an attempt
    // to hide one; no line may begin with it.
    if position == lineStart, lines > 0, isOptionalSpace(bytes[position]) { throw .foldedField }
    // The start line may have as many bytes as its limit says, and then its CR.
    let limit = lines == 0 ? min(end, lineStart + requestLineBytesMax) : end
    position = bytes.lineBytesEnd(from: position, to: limit)
    guard position < end else { return }
    let byte = bytes[position]
    if byte == Byte.carriageReturn {
      position += 1
      expectsLineFeed = true
    } else if isFieldValueByte(byte) {
      throw .targetTooLong
    } else {
      throw violation(ofByte: byte)
    }
  }

  /// Counts a line that just ended; true when it was the empty one that ends the head.
  private mutating func passLineEnd() throws(HTTPViolation) -> Bool {
    let isEmpty = position - lineStart == 2
    lineStart = position
    if isEmpty {
      if lines > 0 { return true }
      guard !skippedEmptyLine else { throw .badRequestLine }
      skippedEmptyLine = true
      return false
    }
    lines += 1
    guard lines - 1 <= fieldsMax else { throw .tooManyFields }
    return false
  }
}
