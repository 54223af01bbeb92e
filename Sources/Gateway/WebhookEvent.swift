// What webhooks tell, as JSON.

import RoostEventLoop
import RoostJSON
import RoostRooms

/// Something that happened.
enum WebhookEvent: Sendable, Equatable {
  case connected(ConnectionID, user: String?, SocketAddress)
  case disconnected(ConnectionID, user: String?, code: UInt16)
  /// The node has its first member of the room.
  case roomOccupied(RoomName)
  /// The node has none any more.
  case roomVacated(RoomName)

  var kind: WebhookKind {
    switch self {
    case .connected: .connected
    case .disconnected: .disconnected
    case .roomOccupied: .roomOccupied
    case .roomVacated: .roomVacated
    }
  }

  /// The event as one member of `events`.
  ///
  /// - Parameters:
  ///   - id: what the receiver knows repetitions by.
  ///   - time: milliseconds since 1970.
  func json(id: String, time: Int64) -> [UInt8] {
    var output: [UInt8] = []
    output.append(contentsOf: "{\"id\":\"\(id)\",\"event\":\"\(kind.rawValue)\",\"time\":".utf8)
    JSONWriter.appendInteger(time, to: &output)
    switch self {
    case .connected(let connection, let user, let address):
      Self.append(connection, user, to: &output)
      output.append(contentsOf: ",\"address\":\"\(address.hostText)\"".utf8)
    case .disconnected(let connection, let user, let code):
      Self.append(connection, user, to: &output)
      output.append(contentsOf: ",\"code\":\(code)".utf8)
    case .roomOccupied(let room), .roomVacated(let room):
      output.append(contentsOf: ",\"room\":".utf8)
      JSONWriter.appendString(room.bytes.span, to: &output)
    }
    output.append(UInt8(ascii: "}"))
    return output
  }

  /// Appends the members that say whose connection it is; `user` is null for nobody's.
  ///
  /// The callback is told in the same words.
  static func append(_ connection: ConnectionID, _ user: String?, to output: inout [UInt8]) {
    output.append(contentsOf: ",\"connection\":\"".utf8)
    connection.append(to: &output)
    output.append(contentsOf: "\",\"user\":".utf8)
    if let user {
      JSONWriter.appendString(user, to: &output)
    } else {
      output.append(contentsOf: "null".utf8)
    }
  }
}
