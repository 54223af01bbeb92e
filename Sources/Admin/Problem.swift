// RFC 9457: what went wrong, as an object that programs and people can read.

import RoostHTTP
import RoostJSON

/// A problem document.
struct Problem: Sendable, Equatable {
  /// The HTTP status.
  let status: Int
  /// One sentence about this occurrence.
  let detail: String

  /// The document as a response.
  ///
  /// `type` is `about:blank`, so the title is the status's phrase.
  var response: AdminResponse {
    var body: [UInt8] = []
    body.append(contentsOf: "{\"type\":\"about:blank\",\"title\":".utf8)
    JSONWriter.appendString(ResponseWriter.reasonPhrase(status), to: &body)
    body.append(contentsOf: ",\"status\":".utf8)
    JSONWriter.appendInteger(status, to: &body)
    body.append(contentsOf: ",\"detail\":".utf8)
    JSONWriter.appendString(detail, to: &body)
    body.append(contentsOf: "}\n".utf8)
    return AdminResponse(
      status: status,
      fields: [("Content-Type", "application/problem+json"), ("Cache-Control", "no-store")],
      body: body)
  }
}
