// RFC 9457: what went wrong, as an object that programs and people can read.

import Gateway
import RoostHTTP
import RoostJSON
import RoostWire

/// A problem document.
struct Problem: Error, Sendable, Equatable {
  /// Words for what the protocol has no code for.
  enum Word: String, CaseIterable, Sendable {
    case notFound = "not_found"
    case methodNotAllowed = "method_not_allowed"
    case unsupportedMediaType = "unsupported_media_type"
    case notHTTP = "bad_http"
    case conflict
  }

  /// The HTTP status.
  let status: Int
  /// The protocol's error code, or a word for what it has none for.
  let code: String
  /// One sentence about this occurrence.
  let detail: String
  var fields: [(String, String)] = []
  /// Further members of the object, each with a comma before it.
  var members: [UInt8] = []

  init(status: Int, _ word: Word, _ detail: String, fields: [(String, String)] = []) {
    self.status = status
    code = word.rawValue
    self.detail = detail
    self.fields = fields
  }

  init(_ code: ErrorCode, status: Int? = nil, _ detail: String) {
    self.status = status ?? code.status
    self.code = code.rawValue
    self.detail = detail
  }

  init(_ failure: ServerFailure) {
    status = failure.status
    code = failure.code?.rawValue ?? Word.notFound.rawValue
    detail = failure.message
    if let retryAfter = failure.retryAfter {
      let seconds = max(
        1, (retryAfter.components.seconds) + (retryAfter.components.attoseconds > 0 ? 1 : 0))
      fields.append(("Retry-After", String(seconds)))
    }
    if !failure.missing.isEmpty {
      members.append(contentsOf: ",".utf8)
      APIResponse.appendMissing(failure.missing, to: &members)
    }
  }

  static func == (left: Problem, right: Problem) -> Bool {
    left.response == right.response
  }

  /// The members that an object about the problem has, without braces.
  func appendMembers(to body: inout [UInt8]) {
    // `type` is `about:blank`, so the title is the status's phrase; `code` tells the rest.
    body.append(contentsOf: "\"type\":\"about:blank\",\"title\":".utf8)
    JSONWriter.appendString(ResponseWriter.reasonPhrase(status), to: &body)
    body.append(contentsOf: ",\"status\":".utf8)
    JSONWriter.appendInteger(status, to: &body)
    body.append(contentsOf: ",\"detail\":".utf8)
    JSONWriter.appendString(detail, to: &body)
    body.append(contentsOf: ",\"code\":".utf8)
    JSONWriter.appendString(code, to: &body)
  }

  /// The document as a response.
  var response: AdminResponse {
    var body: [UInt8] = [UInt8(ascii: "{")]
    appendMembers(to: &body)
    body.append(contentsOf: members)
    body.append(contentsOf: "}\n".utf8)
    return AdminResponse(
      status: status,
      fields: fields + [
        ("Content-Type", "application/problem+json"), ("Cache-Control", "no-store"),
      ], body: body)
  }
}
