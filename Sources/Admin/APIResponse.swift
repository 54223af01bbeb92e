// From an answer of the server API to an HTTP response. What did not reach every node is 202 and
// names the nodes that are missing; what failed is a problem document.

import Backplane
import Gateway
import RoostHTTP
import RoostJSON
import RoostRooms
import RoostWire

/// Writes responses of the server API.
enum APIResponse {
  /// The response to a request.
  static func response(to request: ServerRequest, _ answer: ServerAnswer) -> AdminResponse {
    switch answer {
    case .failed(let failure): return Problem(failure).response
    case .published(let position):
      guard case .publish(let room, _, _) = request else { break }
      return object(200) { body in
        appendRoom(room, position, to: &body)
      }
    case .broadcast(let outcomes): return broadcast(outcomes)
    case .delivered(let count, let missing):
      return object(missing.isEmpty ? 200 : 202) { body in
        append("delivered", count, to: &body)
        appendMissing(missing, behindOthers: true, to: &body)
      }
    case .changed(let count, let missing):
      return object(missing.isEmpty ? 200 : 202) { body in
        append("connections", count, to: &body)
        appendMissing(missing, behindOthers: true, to: &body)
      }
    case .rooms(let rooms, let hasMore, let missing):
      guard case .rooms(_, let limit) = request else { break }
      return list(rooms, hasMore ? rooms.last?.room : nil, limit, missing)
    case .room(let room, let members, let position):
      return object(200) { body in
        appendRoom(room, position, to: &body)
        body.append(UInt8(ascii: ","))
        append("members", members, to: &body)
      }
    case .presence(let members, let next):
      return object(200) { body in
        Fields.appendMembers(members, to: &body)
        body.removeFirst(behind: UInt8(ascii: "{"))
        if let next {
          body.append(UInt8(ascii: ","))
          append("next", Int(clamping: next), to: &body)
        }
      }
    case .history(let entries, let position, let recovered):
      return object(200) { body in
        Fields.appendMessages(entries, to: &body)
        body.removeFirst(behind: UInt8(ascii: "{"))
        Fields.appendPosition(position, to: &body)
        if let recovered {
          body.append(contentsOf: ",\"recovered\":".utf8)
          JSONWriter.appendBool(recovered, to: &body)
        }
      }
    case .cleared:
      return AdminResponse(status: 204, fields: [("Cache-Control", "no-store")], body: [])
    case .connections(let connections, let missing):
      return object(200) { body in
        appendList("connections", connections, to: &body) { $0.append(to: &$1) }
        appendMissing(missing, behindOthers: true, to: &body)
      }
    case .connection(let details):
      var body: [UInt8] = []
      details.append(to: &body)
      return json(200, body)
    case .nodes(let nodes, let missing):
      return object(200) { body in
        appendList("nodes", nodes, to: &body) { $0.append(to: &$1) }
        appendMissing(missing, behindOthers: true, to: &body)
      }
    case .top(let figures, let missing):
      return object(200) { body in
        figures.appendMembers(to: &body)
        appendMissing(missing, behindOthers: true, to: &body)
      }
    }
    return Problem(.internal, "The answer does not belong to the request.").response
  }

  /// 200 when every room has the message, else a problem that lists them all.
  private static func broadcast(_ outcomes: [BroadcastOutcome]) -> AdminResponse {
    var results: [UInt8] = []
    var worst: ServerFailure?
    appendList("results", outcomes, to: &results) { outcome, body in
      body.append(UInt8(ascii: "{"))
      switch outcome.result {
      case .success(let position): appendRoom(outcome.room, position, to: &body)
      case .failure(let failure):
        // What may have been done matters more than what was not.
        if worst == nil || failure.code == .unknown { worst = failure }
        appendRoom(outcome.room, nil, to: &body)
        body.append(contentsOf: ",\"problem\":{".utf8)
        Problem(failure).appendMembers(to: &body)
        body.append(UInt8(ascii: "}"))
      }
      body.append(UInt8(ascii: "}"))
    }
    guard let worst else {
      return object(200) { $0.append(contentsOf: results) }
    }
    var problem = Problem(worst)
    problem.members = [UInt8(ascii: ",")] + results
    return problem.response
  }

  private static func list(
    _ rooms: [RoomSize], _ next: RoomName?, _ limit: Int, _ missing: [String]
  ) -> AdminResponse {
    var fields: [(String, String)] = []
    if let next {
      let after = percentEncoded(next.bytes)
      fields.append(("Link", "</v1/rooms?limit=\(limit)&after=\(after)>; rel=\"next\""))
    }
    return object(200, fields: fields) { body in
      appendList("rooms", rooms, to: &body) { $0.append(to: &$1) }
      if let next {
        body.append(contentsOf: ",\"next\":".utf8)
        JSONWriter.appendString(next.bytes.span, to: &body)
      }
      appendMissing(missing, behindOthers: true, to: &body)
    }
  }

  // MARK: Pieces

  private static func object(
    _ status: Int, fields: [(String, String)] = [], _ write: (inout [UInt8]) -> Void
  ) -> AdminResponse {
    var body: [UInt8] = [UInt8(ascii: "{")]
    write(&body)
    body.append(UInt8(ascii: "}"))
    return json(status, body, fields: fields)
  }

  private static func json(
    _ status: Int, _ body: [UInt8], fields: [(String, String)] = []
  ) -> AdminResponse {
    AdminResponse(
      status: status,
      fields: fields + [("Content-Type", "application/json"), ("Cache-Control", "no-store")],
      body: body + [UInt8(ascii: "\n")])
  }

  private static func appendRoom(
    _ room: RoomName, _ position: Position?, to body: inout [UInt8]
  ) {
    body.append(contentsOf: "\"room\":".utf8)
    JSONWriter.appendString(room.bytes.span, to: &body)
    if let position { Fields.appendPosition(position, to: &body) }
  }

  private static func append(_ key: String, _ number: Int, to body: inout [UInt8]) {
    body.append(contentsOf: "\"\(key)\":".utf8)
    JSONWriter.appendInteger(number, to: &body)
  }

  private static func appendList<Element>(
    _ key: String, _ elements: [Element], to body: inout [UInt8],
    _ write: (Element, inout [UInt8]) -> Void
  ) {
    body.append(contentsOf: "\"\(key)\":[".utf8)
    for (place, element) in elements.enumerated() {
      if place > 0 { body.append(UInt8(ascii: ",")) }
      write(element, &body)
    }
    body.append(UInt8(ascii: "]"))
  }

  /// `missing`: ids of nodes that did not answer; nothing when all did.
  static func appendMissing(
    _ missing: [String], behindOthers: Bool = false, to body: inout [UInt8]
  ) {
    guard !missing.isEmpty else { return }
    if behindOthers { body.append(UInt8(ascii: ",")) }
    appendList("missing", missing, to: &body) { JSONWriter.appendString($0, to: &$1) }
  }

  /// RFC 3986, 2.1: everything but unreserved characters as `%` and two digits.
  private static func percentEncoded(_ bytes: [UInt8]) -> String {
    var encoded: [UInt8] = []
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in bytes {
      switch byte {
      case 48...57, 65...90, 97...122, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        encoded.append(byte)
      default: encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: encoded, as: UTF8.self)
  }
}

extension [UInt8] {
  /// Takes away the comma that a row of fields begins with, right behind a brace.
  fileprivate mutating func removeFirst(behind brace: UInt8) {
    guard count > 1, self[0] == brace, self[1] == UInt8(ascii: ",") else { return }
    remove(at: 1)
  }
}

extension APIResponse {
  /// How far a drain is.
  static func drain(_ status: Int, _ report: DrainReport) -> AdminResponse {
    object(status) { body in
      body.append(contentsOf: "\"step\":\"\(report.step.rawValue)\"".utf8)
      if let cause = report.cause {
        body.append(contentsOf: ",\"cause\":\"\(cause.rawValue)\"".utf8)
      }
      for (key, value) in [
        ("started_at", report.startedAt), ("window_ends_at", report.windowEndsAt),
        ("connections", Int64(report.connections)), ("told", Int64(report.told)),
        ("closed", Int64(report.closed)), ("pace", Int64(report.pace.rounded(.up))),
      ] {
        guard let value else { continue }
        body.append(contentsOf: ",\"\(key)\":\(value)".utf8)
      }
    }
  }
}
