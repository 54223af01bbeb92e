// A request's head (RFC 9112, 3 and 5): one copy of its bytes, ranges into it, and the answers that
// decide what happens next. Everything in it was checked; nothing is decoded before it is asked for.

/// The head of one request.
///
/// Any thread; a value. Parsing costs one copy of the head and one array of its fields.
public struct RequestHead: Sendable {
  /// The method; unknown tokens are kept as they are.
  public let method: HTTPMethod
  /// The version's second digit: 1 for HTTP/1.1, 0 for HTTP/1.0.
  public let minorVersion: Int
  /// Whether the connection may carry another request after this one (RFC 9112, 9.3).
  public let keepsAlive: Bool
  /// Whether the peer waits for `100 Continue` before it sends the body (RFC 9110, 10.1.1).
  public let expectsContinue: Bool
  /// How the body is framed (RFC 9112, 6.3).
  public let body: RequestBody
  /// The fields.
  public let fields: FieldLines

  let requestTarget: RequestTarget
  /// Host and port out of an absolute target, else out of the Host field.
  private let authority: Range<Int>?

  /// Parses a whole head, its empty line included; bytes behind it are not looked at.
  ///
  /// The limits are those of ``HeadScanner/init(requestLineBytesMax:headBytesMax:fieldsMax:)`` and
  /// are checked here as well, before anything is kept.
  public init(
    parsing head: borrowing Span<UInt8>, requestLineBytesMax: Int, headBytesMax: Int,
    fieldsMax: Int
  ) throws(HTTPViolation) {
    guard head.count <= min(headBytesMax, headLimitMax) else { throw .headTooLarge }
    var lines = FieldLines(bytes: head.copied(0..<head.count))
    let lineStart = lines.startLineOffset
    let lineEnd = try lines.lineEnd(from: lineStart)
    guard lineEnd - lineStart <= requestLineBytesMax else { throw .targetTooLong }
    let parts = try RequestLine(lineStart..<lineEnd, in: lines.bytes.span)
    try lines.parse(from: lineEnd + 2, fieldsMax: fieldsMax)

    let framing = try RequestFraming(lines, minorVersion: parts.minorVersion)
    method = parts.method
    minorVersion = parts.minorVersion
    requestTarget = parts.target
    keepsAlive = framing.keepsAlive
    expectsContinue = framing.expectsContinue
    body = framing.body
    // RFC 9112, 3.2.2: an absolute target's host goes before the Host field.
    authority = parts.target.authority ?? framing.host
    fields = lines
  }

  /// The target as it was sent.
  public var target: String { text(requestTarget.whole) }

  /// The path, still percent-encoded, without the query.
  ///
  /// `/` where an absolute target has none, `*` for `OPTIONS *`, empty for CONNECT.
  public var path: String {
    guard requestTarget.path.isEmpty, requestTarget.form == .absolute else {
      return text(requestTarget.path)
    }
    return "/"
  }

  /// What stands behind the question mark, still percent-encoded; nil without one.
  public var rawQuery: String? { requestTarget.query.map(text) }

  /// Host and optional port as they were sent; empty in an HTTP/1.0 request that names none.
  public var host: String { authority.map(text) ?? "" }

  /// Whether ``host`` is not empty.
  public var hasHost: Bool { authority.map { !$0.isEmpty } ?? false }

  private func text(_ range: Range<Int>) -> String {
    fields.bytes.span.extracting(range).string
  }
}

/// How a request's body is framed.
public enum RequestBody: Equatable, Sendable {
  /// Neither length nor coding: there is no body.
  case none
  /// This many bytes follow the head, 0 included.
  case length(Int)
  /// The body comes in chunks (RFC 9112, 7.1).
  case chunked
}

/// RFC 9112, 3: method, target and version, parted by single spaces.
private struct RequestLine {
  let method: HTTPMethod
  let target: RequestTarget
  let minorVersion: Int

  init(_ line: Range<Int>, in bytes: borrowing Span<UInt8>) throws(HTTPViolation) {
    var methodEnd = line.lowerBound
    while methodEnd < line.upperBound, isTokenCharacter(bytes[methodEnd]) { methodEnd += 1 }
    guard methodEnd > line.lowerBound, methodEnd < line.upperBound, bytes[methodEnd] == Byte.space
    else { throw .badRequestLine }
    var targetEnd = methodEnd + 1
    while targetEnd < line.upperBound, bytes[targetEnd] != Byte.space { targetEnd += 1 }
    guard targetEnd < line.upperBound else { throw .badRequestLine }
    // The version is looked at first: what HTTP/2 would call a target is not our business.
    guard let digits = versionDigits(targetEnd + 1..<line.upperBound, in: bytes) else {
      throw .badRequestLine
    }
    guard digits.major == 1, digits.minor <= 1 else { throw .unsupportedVersion }
    minorVersion = digits.minor
    method = HTTPMethod(token: bytes.extracting(line.lowerBound..<methodEnd))
    target = try RequestTarget(methodEnd + 1..<targetEnd, in: bytes, method: method)
  }
}

/// RFC 9112, 2.3: `HTTP/` and two digits with a point between them, upper case only.
func versionDigits(
  _ range: Range<Int>, in bytes: borrowing Span<UInt8>
) -> (major: Int, minor: Int)? {
  let start = range.lowerBound
  guard range.count == 8, bytes.extracting(start..<start + 5).equals("HTTP/"),
    isDigit(bytes[start + 5]), bytes[start + 6] == UInt8(ascii: "."), isDigit(bytes[start + 7])
  else { return nil }
  return (Int(bytes[start + 5]) - 0x30, Int(bytes[start + 7]) - 0x30)
}
