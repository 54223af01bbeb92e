// What the admin port answers by itself, and what it asks the node. Pure but for the node's figures.

import Gateway
import Pages
import RoostHTTP
import RoostRooms
import RoostWire
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

/// What is to be done with a request.
enum AdminAction: Sendable {
  /// It is answered; the operation is for the figures.
  case respond(AdminResponse, APIOperation?)
  /// The node is asked, and the answer waited for.
  case ask(ServerRequest, APIOperation)
  /// The connection becomes a stream of a room's events.
  case stream(RoomName, since: Position?)
}

/// The routes of the admin port.
struct AdminRoutes: Sendable {
  let node: Node

  /// How long an event loop may be silent before the process counts as broken: far longer than any
  /// tick, and than a machine that is short of time lets it wait.
  static let loopPatience = Duration.seconds(15)

  /// Decides about a request; `metrics` are those of the server API.
  func action(for head: RequestHead, body: [UInt8], metrics: APIMetrics) -> AdminAction {
    if head.path == "/v1" || head.path.hasPrefix("/v1/") {
      do throws(Problem) {
        return try serverAPI(head, body)
      } catch {
        return .respond(error.response, operation(of: head))
      }
    }
    return .respond(respond(to: head, metrics), nil)
  }

  /// Whether the path belongs to the server API, whose requests are counted.
  static func isServerAPI(_ head: RequestHead) -> Bool {
    head.path == "/v1" || head.path.hasPrefix("/v1/")
  }

  private func respond(to head: RequestHead, _ metrics: APIMetrics) -> AdminResponse {
    switch head.path {
    case "/healthz":
      return reading(head) {
        guard node.loopsAnswer(within: Self.loopPatience) else {
          return .text(503, "an event loop does not run\n")
        }
        return .text(200, "ok\n")
      }
    case "/readyz":
      return reading(head) {
        guard let reason = node.notReadyReason else { return .text(200, "\(node.phase.word)\n") }
        return .text(503, "\(reason)\n")
      }
    case "/metrics":
      return reading(head) {
        let format = MetricsFormat(accepting: head.fields.listElements(of: "Accept"))
        var text = PrometheusText(format)
        node.appendMetrics(to: &text)
        metrics.append(to: &text)
        text.finish()
        return AdminResponse(
          status: 200,
          fields: [
            ("Content-Type", format.contentType), ("Cache-Control", "no-store"), ("Vary", "Accept"),
          ],
          body: text.bytes)
      }
    case "/openapi.json":
      return reading(head) {
        AdminResponse(
          status: 200,
          fields: [
            ("Content-Type", OpenAPIDocument.contentType), ("Cache-Control", "no-cache"),
            ("Access-Control-Allow-Origin", "*"),
          ], body: Array("\(OpenAPIDocument.json)".utf8))
      }
    case "/":
      return reading(head) {
        // The page holds nothing secret: what it shows it reads from /v1, with a key of the reader's.
        AdminResponse(
          status: 200,
          fields: [
            ("Content-Type", "\(ClusterPage.contentType)"), ("Cache-Control", "no-cache"),
            ("Content-Security-Policy", "\(ClusterPage.contentSecurityPolicy)"),
            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Cross-Origin-Resource-Policy", "same-origin"),
          ], body: Array("\(ClusterPage.html)".utf8))
      }
    default:
      if let file = ServedFile(at: head.path) {
        return reading(head) {
          let known = head.fields.value(of: "If-None-Match")
          return AdminResponse(
            status: file.status(ifNoneMatch: known), fields: file.fields,
            body: Array(file.text.utf8))
        }
      }
      return Problem(status: 404, .notFound, "There is nothing at this path.").response
    }
  }

  private func reading(_ head: RequestHead, _ respond: () -> AdminResponse) -> AdminResponse {
    guard head.method == .get || head.method == .head else {
      return Problem(
        status: 405, .methodNotAllowed, "Only GET and HEAD are allowed here.",
        fields: [("Allow", "GET, HEAD")]
      ).response
    }
    return respond()
  }

  // MARK: The server API

  private func operation(of head: RequestHead) -> APIOperation? {
    guard let segments = head.pathSegments(),
      case .operation(let operation, _) = APIOperation.match(head.method, segments)
    else { return nil }
    return operation
  }

  private func serverAPI(_ head: RequestHead, _ body: [UInt8]) throws(Problem) -> AdminAction {
    // Another site's page may not use a person's browser, not even where no key is needed; browsers
    // say where a request comes from, programs do not.
    if let site = head.fields.value(of: "Sec-Fetch-Site"), site != "same-origin", site != "none" {
      throw Problem(.forbidden, "Pages of other sites may not use this.")
    }
    // Whoever has no key is told nothing about what is there.
    let scope = try scope(of: head)
    guard let segments = head.pathSegments() else {
      throw Problem(.badRequest, "The path has a malformed percent escape.")
    }
    switch APIOperation.match(head.method, segments) {
    case .nothing: throw Problem(status: 404, .notFound, "There is nothing at this path.")
    case .otherMethods(let methods):
      let names = methods.flatMap { $0 == .get ? ["GET", "HEAD"] : [$0.name] }
        .joined(separator: ", ")
      throw Problem(
        status: 405, .methodNotAllowed, "Only \(names) is allowed here.",
        fields: [("Allow", names)])
    case .operation(let operation, let parameters):
      let request = APIRequest(
        head: head, body: body, operation: operation, parameters: parameters, scope: scope,
        messageBytesMax: node.messageBytesMax)
      guard operation.isLocal else { return try request.action() }
      try request.checkLocal()
      return .respond(try drain(operation), operation)
    }
  }

  private func drain(_ operation: APIOperation) throws(Problem) -> AdminResponse {
    switch operation {
    case .drain:
      node.drain(.request)
      return APIResponse.drain(202, node.drainReport)
    case .undrain:
      guard node.undrain() else {
        throw Problem(
          status: 409, .conflict,
          "There is no drain to take back: none was begun here, or it has gone too far.")
      }
      return APIResponse.drain(200, node.drainReport)
    default: return APIResponse.drain(200, node.drainReport)
    }
  }

  private func scope(of head: RequestHead) throws(Problem) -> [UInt8] {
    guard head.fields.count(of: .authorization) <= 1 else {
      throw Problem(.badRequest, "Authorization stands once in a request.")
    }
    var problem: Problem
    switch node.apiAccess(authorization: head.fields.valueBytes(of: .authorization)) {
    case .granted(let scope): return scope
    case .closed:
      throw Problem(.forbidden, "No API key is configured: the setting auth.api_keys opens this.")
    case .missing:
      problem = Problem(.unauthorized, "An API key is needed: Authorization: Bearer KEY.")
      problem.fields = [("WWW-Authenticate", "Bearer realm=\"roost\"")]
    case .wrong:
      problem = Problem(.unauthorized, "The API key is not a known one.")
      problem.fields = [("WWW-Authenticate", "Bearer realm=\"roost\", error=\"invalid_token\"")]
    }
    throw problem
  }
}
