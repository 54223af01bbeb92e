// The table of the server API: one row an operation, with its method and path. The routes, the
// metrics' labels and the test of the OpenAPI document read it.

import RoostHTTP

/// An operation of the server API.
///
/// The raw value is the operation's id in the OpenAPI document and its label in metrics.
enum APIOperation: String, CaseIterable, Sendable {
  case publishMessage = "publish_message"
  case broadcast
  case listRooms = "list_rooms"
  case readRoom = "read_room"
  case readPresence = "read_presence"
  case readHistory = "read_history"
  case clearHistory = "clear_history"
  case streamEvents = "stream_events"
  case joinUser = "join_user"
  case kickUser = "kick_user"
  case sendToUser = "send_to_user"
  case listConnections = "list_connections"
  case disconnectUser = "disconnect_user"
  case readConnection = "read_connection"
  case disconnectConnection = "disconnect_connection"
  case listNodes = "list_nodes"
  case readTop = "read_top"
  case revokeTokens = "revoke_tokens"
  case readDrain = "read_drain"
  case drain
  case undrain

  /// The method; GET goes for HEAD, too.
  var method: HTTPMethod {
    switch self {
    case .publishMessage, .broadcast, .sendToUser, .revokeTokens, .drain, .undrain: .post
    case .listRooms, .readRoom, .readPresence, .readHistory, .streamEvents, .listConnections,
      .readConnection,
      .listNodes, .readTop, .readDrain:
      .get
    case .joinUser: .put
    case .clearHistory, .kickUser, .disconnectUser, .disconnectConnection: .delete
    }
  }

  /// The path; what stands in braces is one percent-encoded segment.
  var path: String {
    switch self {
    case .publishMessage: "/v1/rooms/{room}/messages"
    case .broadcast: "/v1/broadcast"
    case .listRooms: "/v1/rooms"
    case .readRoom: "/v1/rooms/{room}"
    case .readPresence: "/v1/rooms/{room}/presence"
    case .readHistory, .clearHistory: "/v1/rooms/{room}/history"
    case .streamEvents: "/v1/rooms/{room}/events"
    case .joinUser, .kickUser: "/v1/rooms/{room}/users/{user}"
    case .sendToUser: "/v1/users/{user}/messages"
    case .listConnections, .disconnectUser: "/v1/users/{user}/connections"
    case .readConnection, .disconnectConnection: "/v1/connections/{connection}"
    case .listNodes: "/v1/nodes"
    case .readTop: "/v1/top"
    case .revokeTokens: "/v1/revocations"
    case .readDrain, .drain: "/v1/drain"
    case .undrain: "/v1/undrain"
    }
  }

  /// The names that its query may have.
  var queryNames: [String] {
    switch self {
    case .listRooms: ["limit", "after"]
    case .readPresence: ["limit", "after"]
    case .readHistory: ["limit", "since_epoch", "since_offset", "reverse"]
    case .streamEvents: ["last_event_id"]
    case .readTop: ["limit", "node"]
    case .disconnectUser, .disconnectConnection: ["reason"]
    default: []
    }
  }

  /// Whether a publish may be repeated with the same `Idempotency-Key`.
  var takesKey: Bool { self == .publishMessage || self == .broadcast }

  /// Whether it is about the asked node alone, which answers it at once.
  var isLocal: Bool { self == .readDrain || self == .drain || self == .undrain }

  /// What a path and a method lead to.
  enum Match: Equatable {
    /// An operation, with what stands in the braces of its path.
    case operation(APIOperation, parameters: [String: [UInt8]])
    /// The path is one, but for other methods.
    case otherMethods([HTTPMethod])
    case nothing
  }

  /// Finds the operation of a request.
  static func match(_ method: HTTPMethod, _ segments: [[UInt8]]) -> Match {
    var methods: [HTTPMethod] = []
    let wanted: HTTPMethod = method == .head ? .get : method
    for operation in allCases {
      guard let parameters = operation.parameters(in: segments) else { continue }
      if operation.method == wanted { return .operation(operation, parameters: parameters) }
      methods.append(operation.method)
    }
    return methods.isEmpty ? .nothing : .otherMethods(methods)
  }

  private func parameters(in segments: [[UInt8]]) -> [String: [UInt8]]? {
    let pattern = path.split(separator: "/")
    guard pattern.count == segments.count else { return nil }
    var parameters: [String: [UInt8]] = [:]
    for (part, segment) in zip(pattern, segments) {
      if part.hasPrefix("{") {
        guard !segment.isEmpty else { return nil }
        parameters[String(part.dropFirst().dropLast())] = segment
      } else if Array(part.utf8) != segment {
        return nil
      }
    }
    return parameters
  }
}
