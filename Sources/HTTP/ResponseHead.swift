// The client's side of a head (RFC 9112, 4): what a handshake's answer, or any other, says.

/// The head of one response.
public struct ResponseHead: Sendable {
  /// The status code, 100 to 999.
  public let status: Int
  /// The version's second digit: 1 for HTTP/1.1, 0 for HTTP/1.0.
  public let minorVersion: Int
  /// The fields.
  public let fields: FieldLines

  private let reasonRange: Range<Int>

  /// Parses a whole head, its empty line included; bytes behind it are not looked at.
  ///
  /// Here `requestLineBytesMax` bounds the status line; the limits are otherwise those of
  /// ``RequestHead``.
  public init(
    parsing head: borrowing Span<UInt8>, requestLineBytesMax: Int, headBytesMax: Int,
    fieldsMax: Int
  ) throws(HTTPViolation) {
    guard head.count <= min(headBytesMax, headLimitMax) else { throw .headTooLarge }
    var lines = FieldLines(bytes: head.copied(0..<head.count))
    let start = lines.startLineOffset
    let end = try lines.lineEnd(from: start)
    guard end - start <= requestLineBytesMax else { throw .targetTooLong }
    let parts = try StatusLine(start..<end, in: lines.bytes.span)
    try lines.parse(from: end + 2, fieldsMax: fieldsMax)
    minorVersion = parts.minorVersion
    status = parts.status
    reasonRange = parts.reason
    fields = lines
  }

  /// The reason phrase; often empty, never meaningful.
  public var reason: String { text(reasonRange) }

  private func text(_ range: Range<Int>) -> String {
    fields.bytes.span.extracting(range).string
  }
}

/// RFC 9112, 4: `HTTP/1.1 101`, a space, and a reason that may be empty.
private struct StatusLine {
  let minorVersion: Int
  let status: Int
  let reason: Range<Int>

  init(_ line: Range<Int>, in bytes: borrowing Span<UInt8>) throws(HTTPViolation) {
    let start = line.lowerBound
    let end = line.upperBound
    // The space before the reason is missing in the answers of some servers, and nothing depends
    // on it.
    guard line.count >= 12, let digits = versionDigits(start..<start + 8, in: bytes),
      bytes[start + 8] == Byte.space, bytes[start + 9] != UInt8(ascii: "0"),
      isDigit(bytes[start + 9]), isDigit(bytes[start + 10]), isDigit(bytes[start + 11]),
      end == start + 12 || bytes[start + 12] == Byte.space
    else { throw .badStatusLine }
    guard digits.major == 1, digits.minor <= 1 else { throw .unsupportedVersion }
    minorVersion = digits.minor
    var code = 0
    for place in start + 9..<start + 12 { code = code * 10 + Int(bytes[place]) - 0x30 }
    status = code
    reason = min(start + 13, end)..<end
  }
}
