// Responses as bytes (RFC 9112, 4 and 6): one buffer, one write. Field values may hold what a
// client sent, so no byte of them can end a line.

/// Writes response heads, whole responses and chunks.
public enum ResponseWriter {
  /// A whole response with its Content-Length.
  ///
  /// `status` is 100 to 999. Adds `Connection: close` when not `keepAlive`. With `omitBody`, which
  /// answers HEAD, the length is told and the body left out. A status that has no content (1xx,
  /// 204, 304) gets neither length nor body. Control characters in field values become spaces.
  public static func response(
    status: Int, fields: [(String, String)], body: [UInt8], keepAlive: Bool, omitBody: Bool
  ) -> [UInt8] {
    let hasContent = status >= 200 && status != 204 && status != 304
    var output = startedHead(status: status, fields: fields, extraBytes: body.count + 64)
    if hasContent {
      output.append(text: "Content-Length: ")
      output.append(text: String(body.count))
      output.append(text: "\r\n")
    }
    finishHead(&output, keepAlive: keepAlive)
    if hasContent && !omitBody { output.append(contentsOf: body) }
    return output
  }

  /// A head alone, without a length: for switching protocols and for streams.
  ///
  /// A stream over HTTP/1.1 says `Transfer-Encoding: chunked` in `fields`; over HTTP/1.0 it ends
  /// with the connection, so `keepAlive` must be false.
  public static func head(status: Int, fields: [(String, String)], keepAlive: Bool) -> [UInt8] {
    var output = startedHead(status: status, fields: fields, extraBytes: 64)
    finishHead(&output, keepAlive: keepAlive)
    return output
  }

  /// Appends one chunk (RFC 9112, 7.1); nothing for empty content, which would end the body.
  public static func appendChunk(_ content: borrowing Span<UInt8>, to output: inout [UInt8]) {
    guard content.count > 0 else { return }
    output.append(text: String(content.count, radix: 16))
    output.append(text: "\r\n")
    output.append(copying: content, 0..<content.count)
    output.append(text: "\r\n")
  }

  /// Appends the chunk that ends a body, without trailers.
  public static func appendLastChunk(to output: inout [UInt8]) {
    output.append(text: "0\r\n\r\n")
  }

  /// The reason phrase of RFC 9110, 15, RFC 6585 or IANA; empty for a status that Roost never
  /// sends.
  public static func reasonPhrase(_ status: Int) -> String {
    switch status {
    case 100: "Continue"
    case 101: "Switching Protocols"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 411: "Length Required"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 426: "Upgrade Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: ""
    }
  }

  private static func startedHead(
    status: Int, fields: [(String, String)], extraBytes: Int
  ) -> [UInt8] {
    precondition((100...999).contains(status), "status \(status) is not within 100...999")
    var bytes = extraBytes + 64
    for (name, value) in fields { bytes += name.utf8.count + value.utf8.count + 4 }
    var output: [UInt8] = []
    output.reserveCapacity(bytes)
    output.append(text: "HTTP/1.1 ")
    output.append(text: String(status))
    output.append(Byte.space)
    output.append(text: reasonPhrase(status))
    output.append(text: "\r\n")
    for (name, value) in fields {
      appendField(name, value, to: &output)
    }
    return output
  }

  private static func appendField(_ name: String, _ value: String, to output: inout [UInt8]) {
    // Names are the program's own; a value may quote a peer.
    assert(name.utf8.allSatisfy(isTokenCharacter), "field name \(name) is no token")
    output.append(text: name)
    output.append(text: ": ")
    let start = output.count
    output.append(text: value)
    for place in start..<output.count where !isFieldValueByte(output[place]) {
      output[place] = Byte.space
    }
    output.append(text: "\r\n")
  }

  private static func finishHead(_ output: inout [UInt8], keepAlive: Bool) {
    if !keepAlive { output.append(text: "Connection: close\r\n") }
    output.append(text: "\r\n")
  }
}
