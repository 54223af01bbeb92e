// What the admin port answers. Pure but for the node's figures.

import Gateway
import RoostHTTP
import Telemetry

/// A response to be.
struct AdminResponse: Sendable, Equatable {
  let status: Int
  let fields: [(String, String)]
  let body: [UInt8]

  static func text(_ status: Int, _ text: String, fields: [(String, String)] = [])
    -> AdminResponse
  {
    AdminResponse(
      status: status,
      fields: fields + [
        ("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store"),
      ], body: Array(text.utf8))
  }

  static func == (left: AdminResponse, right: AdminResponse) -> Bool {
    left.status == right.status && left.body == right.body
      && left.fields.elementsEqual(right.fields, by: ==)
  }
}

/// The routes of the admin port.
enum AdminRoutes {
  /// Answers a request.
  static func respond(to head: RequestHead, body: [UInt8], node: Node) -> AdminResponse {
    switch head.path {
    case "/healthz": return reading(head) { .text(200, "ok\n") }
    case "/readyz":
      return reading(head) {
        let phase = node.phase
        return .text(phase.isReady ? 200 : 503, "\(phase.word)\n")
      }
    case "/metrics": return reading(head) { metrics(of: node) }
    case "/":
      return reading(head) {
        .text(200, "Roost \(RoostVersion.text): /healthz /readyz /metrics\n")
      }
    case let path where path == "/v1" || path.hasPrefix("/v1/"):
      return Problem(
        status: 403, detail: "The server API is not part of this version; no API key is accepted."
      ).response
    default:
      return Problem(status: 404, detail: "There is nothing at this path.").response
    }
  }

  private static func reading(_ head: RequestHead, _ respond: () -> AdminResponse)
    -> AdminResponse
  {
    guard head.method == .get || head.method == .head else {
      var problem = Problem(status: 405, detail: "Only GET and HEAD are allowed here.").response
      problem = AdminResponse(
        status: problem.status, fields: problem.fields + [("Allow", "GET, HEAD")],
        body: problem.body)
      return problem
    }
    return respond()
  }

  private static func metrics(of node: Node) -> AdminResponse {
    var text = PrometheusText()
    node.appendMetrics(to: &text)
    return AdminResponse(
      status: 200,
      fields: [("Content-Type", PrometheusText.contentType), ("Cache-Control", "no-store")],
      body: text.bytes)
  }
}
