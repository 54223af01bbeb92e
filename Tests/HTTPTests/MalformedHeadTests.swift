// Every malformed head that we know of, with the exact rule it breaks and the status that answers
// it, however its bytes are cut.

import RoostHTTP
import Testing

/// A head with one fault.
struct MalformedHead: Sendable, CustomTestStringConvertible {
  let head: [UInt8]
  let violation: HTTPViolation
  let status: Int

  init(_ head: [UInt8], _ violation: HTTPViolation, _ status: Int) {
    self.head = head
    self.violation = violation
    self.status = status
  }

  init(_ head: String, _ violation: HTTPViolation, _ status: Int) {
    self.init(bytes(head), violation, status)
  }

  /// The escapes keep line ends visible in a test report.
  var testDescription: String { String(decoding: head, as: UTF8.self).debugDescription }
}

@Suite struct MalformedHeadTests {
  static let lines: [MalformedHead] = [
    .init("GET / HTTP/1.1\nHost: a\r\n\r\n", .bareLineFeed, 400),
    .init("GET / HTTP/1.1\r\nHost: a\n\r\n", .bareLineFeed, 400),
    .init("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .bareLineFeed, 400),
    .init("GET / HTTP/1.1\r\nHost: a\r\nA: b\nC: d\r\n\r\n", .bareLineFeed, 400),
    .init("GET / HTTP/1.1\rHost: a\r\n\r\n", .bareCarriageReturn, 400),
    .init("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .bareCarriageReturn, 400),
    .init("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", .bareCarriageReturn, 400),
    .init("GET / HTTP/1.1\r\nHost: a\r\n\rX\n", .bareCarriageReturn, 400),
    .init("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", .nulByte, 400),
    .init("GET / HTTP/1.1\r\nHost: a\0b\r\n\r\n", .nulByte, 400),
    .init("GET / HTTP/1.1\r\nHost: a\r\nX\0: b\r\n\r\n", .nulByte, 400),
    .init(hosted("X: a\u{0B}b"), .controlCharacter(0x0B), 400),
    .init(hosted("X: a\u{1B}[31m"), .controlCharacter(0x1B), 400),
    .init(hosted("X: a\u{7F}"), .controlCharacter(0x7F), 400),
    .init("GET /\u{08} HTTP/1.1\r\nHost: a\r\n\r\n", .controlCharacter(0x08), 400),
    .init(hosted("X: a", " b"), .foldedField, 400),
    .init(hosted("X: a", "\tb: c"), .foldedField, 400),
    .init("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedField, 400),
    .init(hosted(" "), .foldedField, 400),
  ]

  static let requestLines: [MalformedHead] = [
    .init("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET /\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("G(T / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GÉT / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init(" / HTTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET / http/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET / HTTP/1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET / HTTP/1.\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET / HTTP/01.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET / HTTP/1,1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET / HTTP/+1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET / HTP/1.1\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("HTTP/1.1 200 OK\r\nHost: a\r\n\r\n", .badRequestLine, 400),
    .init("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .unsupportedVersion, 505),
    .init("PRI * HTTP/2.0\r\n\r\n", .unsupportedVersion, 505),
    .init("GET / HTTP/0.9\r\nHost: a\r\n\r\n", .unsupportedVersion, 505),
    .init("GET / HTTP/1.2\r\nHost: a\r\n\r\n", .unsupportedVersion, 505),
    .init("GET / HTTP/9.9\r\nHost: a\r\n\r\n", .unsupportedVersion, 505),
    .init("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET ?a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("OPTIONS ** HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET /a?b#c HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET /\"a\" HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET /<a> HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET /é HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET /?é HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET http:///a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET http://a:b/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET http:/a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("CONNECT a: HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
    .init("CONNECT http://a:1/ HTTP/1.1\r\nHost: a\r\n\r\n", .badTarget, 400),
  ]

  static let fields: [MalformedHead] = [
    .init(hosted("X : a"), .spaceBeforeColon, 400),
    .init(hosted("X\t: a"), .spaceBeforeColon, 400),
    .init("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .spaceBeforeColon, 400),
    .init(hosted("Transfer-Encoding : chunked"), .spaceBeforeColon, 400),
    .init(hosted("X"), .missingColon, 400),
    .init(hosted("X a"), .missingColon, 400),
    .init(hosted("X(a"), .missingColon, 400),
    .init(hosted(": a"), .badFieldName, 400),
    .init(hosted("X y: a"), .badFieldName, 400),
    .init(hosted("X(y): a"), .badFieldName, 400),
    .init(hosted("Xé: a"), .badFieldName, 400),
    .init(hosted("\"X\": a"), .badFieldName, 400),
    .init(head(), .missingHost, 400),
    .init(head("Hosts: a"), .missingHost, 400),
    .init("GET http://a/ HTTP/1.1\r\n\r\n", .missingHost, 400),
    .init(hosted("Host: a"), .duplicateHost, 400),
    .init(hosted("HOST: b"), .duplicateHost, 400),
    .init(head("Host:"), .badHost, 400),
    .init(head("Host: :80"), .badHost, 400),
    .init(head("Host: a b"), .badHost, 400),
    .init(head("Host: a, b"), .badHost, 400),
    .init(head("Host: a/b"), .badHost, 400),
    .init(head("Host: u@a"), .badHost, 400),
    .init(head("Host: a:b"), .badHost, 400),
    .init(head("Host: a:-1"), .badHost, 400),
    .init(head("Host: a:65536"), .badHost, 400),
    .init(head("Host: a:000080"), .badHost, 400),
    .init(head("Host: a:80:81"), .badHost, 400),
    .init(head("Host: ::1"), .badHost, 400),
    .init(head("Host: [::1"), .badHost, 400),
    .init(head("Host: []"), .badHost, 400),
    .init(head("Host: [::g]"), .badHost, 400),
    .init(head("Host: [::1]80"), .badHost, 400),
    .init(head("Host: a%2"), .badHost, 400),
    .init(head("Host: a%zz"), .badHost, 400),
    .init(head("Host: é"), .badHost, 400),
    .init(hosted("Expect: 200-ok"), .unknownExpectation, 417),
    .init(hosted("Expect:"), .unknownExpectation, 417),
    .init(hosted("Expect: 100-continue, x"), .unknownExpectation, 417),
  ]

  static let framing: [MalformedHead] = [
    .init(hosted("Content-Length:"), .badContentLength, 400),
    .init(hosted("Content-Length: +5"), .badContentLength, 400),
    .init(hosted("Content-Length: -5"), .badContentLength, 400),
    .init(hosted("Content-Length: 5 5"), .badContentLength, 400),
    .init(hosted("Content-Length: 5,5"), .badContentLength, 400),
    .init(hosted("Content-Length: 5, 6"), .badContentLength, 400),
    .init(hosted("Content-Length: 5;"), .badContentLength, 400),
    .init(hosted("Content-Length: 0x5"), .badContentLength, 400),
    .init(hosted("Content-Length: 5.0"), .badContentLength, 400),
    .init(hosted("Content-Length: 1e3"), .badContentLength, 400),
    .init(hosted("Content-Length: \"5\""), .badContentLength, 400),
    .init(hosted("Content-Length: ５"), .badContentLength, 400),
    .init(hosted("Content-Length: 99999999999999999999x"), .badContentLength, 400),
    .init(hosted("Content-Length: 9223372036854775808"), .bodyTooLarge, 413),
    .init(hosted("Content-Length: 99999999999999999999999999"), .bodyTooLarge, 413),
    .init(hosted("Content-Length: 5", "Content-Length: 5"), .duplicateContentLength, 400),
    .init(hosted("Content-Length: 5", "Content-Length: 6"), .duplicateContentLength, 400),
    .init(hosted("Content-Length: 5", "content-length: 5"), .duplicateContentLength, 400),
    // CL.TE and TE.CL, in both orders.
    .init(
      hosted("Content-Length: 5", "Transfer-Encoding: chunked"), .lengthAndTransferEncoding, 400),
    .init(
      hosted("Transfer-Encoding: chunked", "Content-Length: 5"), .lengthAndTransferEncoding, 400),
    .init(hosted("Transfer-Encoding: x", "Content-Length: 5"), .lengthAndTransferEncoding, 400),
    .init(hosted("Transfer-Encoding:", "Content-Length: 0"), .lengthAndTransferEncoding, 400),
    .init(hosted("Transfer-Encoding:"), .badTransferEncoding, 400),
    .init(hosted("Transfer-Encoding: ,"), .badTransferEncoding, 400),
    .init(hosted("Transfer-Encoding: chunked, identity"), .badTransferEncoding, 400),
    .init(hosted("Transfer-Encoding: chunked, gzip"), .badTransferEncoding, 400),
    .init(hosted("Transfer-Encoding: chunked, chunked"), .badTransferEncoding, 400),
    .init(
      hosted("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), .badTransferEncoding, 400),
    .init(hosted("Transfer-Encoding: chunked", "Transfer-Encoding: x"), .badTransferEncoding, 400),
    .init(hosted("Transfer-Encoding: chunked;a=b"), .badTransferEncoding, 400),
    .init(hosted("Transfer-Encoding: chunked foo"), .badTransferEncoding, 400),
    .init(hosted("Transfer-Encoding: \"chunked\""), .badTransferEncoding, 400),
    .init(hosted("Transfer-Encoding: chunked\u{A0}"), .badTransferEncoding, 400),
    .init(hosted("Transfer-Encoding: \u{0B}chunked"), .controlCharacter(0x0B), 400),
    .init(hosted("Transfer-Encoding: chunked\u{0C}"), .controlCharacter(0x0C), 400),
    .init(hosted("Transfer-Encoding: identity"), .unknownTransferCoding, 501),
    .init(hosted("Transfer-Encoding: xchunked"), .unknownTransferCoding, 501),
    .init(hosted("Transfer-Encoding: gzip"), .unknownTransferCoding, 501),
    .init(hosted("Transfer-Encoding: gzip, chunked"), .unknownTransferCoding, 501),
    .init(hosted("Transfer-Encoding: gzip;q=1, chunked"), .unknownTransferCoding, 501),
    .init(
      hosted("Transfer-Encoding: gzip", "Transfer-Encoding: chunked"), .unknownTransferCoding, 501),
    .init(
      "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInOldVersion, 400),
  ]

  static let all = lines + requestLines + fields + framing

  @Test(arguments: all)
  func `a malformed head is refused alike at every split point`(_ example: MalformedHead) {
    #expect(example.violation.status == example.status)
    let count = example.head.count
    for split in 0...count {
      let found = violation { () throws(HTTPViolation) in
        try receive(example.head, endingAt: [split, count])
      }
      #expect(found == example.violation, "split at \(split)")
    }
    let trickled = violation { () throws(HTTPViolation) in
      try receive(example.head, endingAt: Array(0...count))
    }
    #expect(trickled == example.violation)
  }

  @Test(arguments: all)
  func `the parser alone refuses what the scanner would have refused`(_ example: MalformedHead) {
    #expect(throws: example.violation) { try parse(example.head) }
  }

  @Test func `the tables hold well over sixty heads`() {
    #expect(Self.all.count >= 60)
  }

  @Test func `every prefix of a head is incomplete for the parser and unfinished for the scanner`()
    throws
  {
    let whole = hosted("X: y", "Upgrade: websocket")
    _ = try parse(whole)
    for count in 0..<whole.count {
      let prefix = Array(whole[..<count])
      #expect(throws: HTTPViolation.incompleteHead, "\(count) bytes") { try parse(prefix) }
      var scanner = makeScanner()
      #expect(try scanner.scan(prefix) == .needMore, "\(count) bytes")
    }
  }

  @Test func `no single byte anywhere in a head makes scanner or parser trap`() {
    let whole = bytes(
      "POST /a%20b?c=%64 HTTP/1.1\r\nHost: [::1]:80\r\nExpect: 100-continue\r\n"
        + "Connection: a, \"b,c\"\r\nTransfer-Encoding: chunked\r\n\r\n")
    for place in whole.indices {
      for byte in UInt8.min...UInt8.max {
        var changed = whole
        changed[place] = byte
        let found = violation { () throws(HTTPViolation) in
          try receive(changed, endingAt: [changed.count])
        }
        let alone = violation { () throws(HTTPViolation) in try parse(changed) }
        if found == nil, let head = try? parse(changed) {
          _ = head.pathSegments()
          _ = head.queryValue("c")
          _ = head.fields.listElements(of: "Connection")
        } else if found != nil {
          #expect(alone != nil, "byte \(byte) at \(place)")
        }
      }
    }
  }
}
