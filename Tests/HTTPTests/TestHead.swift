// What the HTTP tests share: heads as bytes, and one way to take a head through scanner and parser.

import RoostHTTP

/// Limits that tests use unless a limit is what they are about.
let testRequestLineBytesMax = 512
let testHeadBytesMax = 4_096
let testFieldsMax = 32

/// The bytes of a string.
func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

/// A GET of `/` with the given field lines, Host not included.
func head(_ fields: String...) -> [UInt8] {
  bytes("GET / HTTP/1.1\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
}

/// As ``head(_:)``, with a Host field before the others.
func hosted(_ fields: String...) -> [UInt8] {
  bytes("GET / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n")
}

/// A scanner with the test limits.
func makeScanner() -> HeadScanner {
  HeadScanner(
    requestLineBytesMax: testRequestLineBytesMax, headBytesMax: testHeadBytesMax,
    fieldsMax: testFieldsMax)
}

/// Parses a head with the test limits.
func parse(_ head: [UInt8]) throws(HTTPViolation) -> RequestHead {
  try RequestHead(
    parsing: head.span, requestLineBytesMax: testRequestLineBytesMax,
    headBytesMax: testHeadBytesMax, fieldsMax: testFieldsMax)
}

/// Parses a head of text with the test limits.
func parse(_ head: String) throws(HTTPViolation) -> RequestHead { try parse(bytes(head)) }

/// Parses a response head with the test limits.
func parseResponse(_ head: [UInt8]) throws(HTTPViolation) -> ResponseHead {
  try ResponseHead(
    parsing: head.span, requestLineBytesMax: testRequestLineBytesMax,
    headBytesMax: testHeadBytesMax, fieldsMax: testFieldsMax)
}

extension HeadScanner {
  /// Scans an array; `#expect` cannot take a call apart that has a span among its arguments.
  mutating func scan(_ bytes: [UInt8]) throws(HTTPViolation) -> HeadScan { try scan(bytes.span) }
}

/// Takes a head through the scanner in pieces that end at `ends`, then through the parser.
func receive(_ head: [UInt8], endingAt ends: [Int]) throws(HTTPViolation) -> RequestHead? {
  var scanner = makeScanner()
  for end in ends {
    if case .complete(let count) = try scanner.scan(Array(head[..<end])) {
      return try parse(Array(head[..<count]))
    }
  }
  return nil
}

/// What went wrong, if something did.
func violation<Value>(of body: () throws(HTTPViolation) -> Value) -> HTTPViolation? {
  do {
    _ = try body()
    return nil
  } catch {
    return error
  }
}
