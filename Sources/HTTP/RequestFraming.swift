// Which fields decide where a request ends and whether the connection lives on (RFC 9112, 6 and 9).
// Here sits everything that request smuggling is made of, so every doubt is a refusal.

/// What the fields of a request say about its host, its body and its connection.
struct RequestFraming {
  private(set) var host: Range<Int>?
  private(set) var body = RequestBody.none
  private(set) var keepsAlive: Bool
  private(set) var expectsContinue = false

  init(_ lines: FieldLines, minorVersion: Int) throws(HTTPViolation) {
    let bytes = lines.bytes.span
    var length: Range<Int>?
    var hasTransferEncoding = false
    var hasConnection = false
    keepsAlive = minorVersion == 1
    for line in lines.lines {
      switch line.kind {
      case .host:
        guard host == nil else { throw .duplicateHost }
        host = line.value
      case .expect:
        // RFC 9110, 10.1.1: to be passed over in HTTP/1.0.
        guard minorVersion == 1 else { continue }
        guard bytes.extracting(line.value).equalsIgnoringCase("100-continue") else {
          throw .unknownExpectation
        }
        expectsContinue = true
      case .connection:
        hasConnection = true
      case .contentLength:
        // RFC 9110, 8.6 would let equal ones pass; no honest client sends two.
        guard length == nil else { throw .duplicateContentLength }
        length = line.value
      case .transferEncoding:
        hasTransferEncoding = true
      default:
        break
      }
    }
    try checkHost(in: bytes, minorVersion: minorVersion)
    if hasConnection {
      // RFC 9112, 9.3: `close` wins over everything, `keep-alive` is HTTP/1.0's wish.
      let closes = lines.hasToken("close", in: .connection)
      keepsAlive = !closes && (keepsAlive || lines.hasToken("keep-alive", in: .connection))
    }
    if hasTransferEncoding {
      // RFC 9112, 6.1: "ought to be handled as an error" is taken at its word.
      guard length == nil else { throw .lengthAndTransferEncoding }
      guard minorVersion == 1 else { throw .transferEncodingInOldVersion }
      try checkTransferEncoding(lines)
      body = .chunked
    } else if let length {
      body = .length(try contentLength(length, in: bytes))
    }
  }

  /// RFC 9112, 3.2: exactly one, and a host, not an empty string; HTTP/1.0 may go without.
  private func checkHost(
    in bytes: borrowing Span<UInt8>, minorVersion: Int
  ) throws(HTTPViolation) {
    guard let host else {
      guard minorVersion == 0 else { throw .missingHost }
      return
    }
    guard isAuthority(host, in: bytes, needsPort: false) else { throw .badHost }
  }
}

/// RFC 9112, 6.1 and 6.3: `chunked`, once and last, is the only coding that is understood.
func checkTransferEncoding(_ lines: FieldLines) throws(HTTPViolation) {
  let bytes = lines.bytes.span
  var isChunked = false
  var fault: HTTPViolation?
  lines.forEachElement(of: .transferEncoding) { element in
    if isChunked {
      fault = .badTransferEncoding
    } else if bytes.extracting(element).equalsIgnoringCase("chunked") {
      isChunked = true
    } else {
      fault = isCoding(bytes.extracting(element)) ? .unknownTransferCoding : .badTransferEncoding
    }
    return fault != nil
  }
  if let fault { throw fault }
  guard isChunked else { throw .badTransferEncoding }
}

/// RFC 9110, 10.1.4: a token, perhaps with parameters, which `chunked` does not take.
private func isCoding(_ element: borrowing Span<UInt8>) -> Bool {
  var end = 0
  while end < element.count, isTokenCharacter(element[end]) { end += 1 }
  guard end > 0 else { return false }
  if end == element.count { return true }
  if element.extracting(0..<end).equalsIgnoringCase("chunked") { return false }
  while end < element.count, isOptionalSpace(element[end]) { end += 1 }
  return end < element.count && element[end] == Byte.semicolon
}

/// RFC 9110, 8.6: decimal digits and nothing else; a number beyond all memory is too large.
func contentLength(
  _ range: Range<Int>, in bytes: borrowing Span<UInt8>
) throws(HTTPViolation) -> Int {
  guard !range.isEmpty else { throw .badContentLength }
  for place in range {
    guard isDigit(bytes[place]) else { throw .badContentLength }
  }
  var length = 0
  for place in range {
    let (tens, overflow) = length.multipliedReportingOverflow(by: 10)
    let (sum, carry) = tens.addingReportingOverflow(Int(bytes[place] - UInt8(ascii: "0")))
    if overflow || carry { throw .bodyTooLarge }
    length = sum
  }
  return length
}
