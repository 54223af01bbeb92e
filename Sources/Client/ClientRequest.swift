// The objects that a client sends. The number of a request is written last of all, because a publish
// that is sent again on another connection has another number and is otherwise the same.

import RoostJSON
import RoostRooms

/// Writes requests, each without its closing brace and number.
enum ClientRequest {
  static func join(_ room: RoomName, since: RoomPosition?) -> [UInt8] {
    var text = begin("join")
    append(room: room, to: &text)
    append(since: since, to: &text)
    return text
  }

  static func leave(_ room: RoomName) -> [UInt8] {
    var text = begin("leave")
    append(room: room, to: &text)
    return text
  }

  static func publish(_ room: RoomName, _ data: JSONValue, key: String) -> [UInt8] {
    var text = begin("publish")
    append(room: room, to: &text)
    text += Array(",\"data\":".utf8)
    text += data.bytes
    text += Array(",\"key\":".utf8)
    JSONWriter.appendString(key, to: &text)
    return text
  }

  static func send(to target: SendTarget, _ data: JSONValue) -> [UInt8] {
    var text = begin("send")
    text += Array(",\"to\":{".utf8)
    switch target {
    case .user(let user):
      text += Array("\"user\":".utf8)
      JSONWriter.appendString(user, to: &text)
    case .connection(let connection):
      text += Array("\"connection\":".utf8)
      JSONWriter.appendString(connection, to: &text)
    }
    text += Array("},\"data\":".utf8)
    text += data.bytes
    return text
  }

  static func presence(_ room: RoomName, limit: Int?, after: UInt64?) -> [UInt8] {
    var text = begin("presence")
    append(room: room, to: &text)
    append("limit", limit.map { UInt64(max($0, 0)) }, to: &text)
    append("after", after, to: &text)
    return text
  }

  static func history(
    _ room: RoomName, since: RoomPosition?, limit: Int?, reverse: Bool
  ) -> [UInt8] {
    var text = begin("history")
    append(room: room, to: &text)
    append(since: since, to: &text)
    append("limit", limit.map { UInt64(max($0, 0)) }, to: &text)
    if reverse { text += Array(",\"reverse\":true".utf8) }
    return text
  }

  static func authenticate(_ token: String) -> [UInt8] {
    var text = begin("auth")
    text += Array(",\"token\":".utf8)
    JSONWriter.appendString(token, to: &text)
    return text
  }

  static func ping() -> [UInt8] { begin("ping") }

  /// The whole object; without a number there is no `ok`.
  static func finished(_ text: [UInt8], id: UInt64?) -> [UInt8] {
    var text = text
    append("id", id, to: &text)
    text.append(UInt8(ascii: "}"))
    return text
  }

  /// A publish of opaque bytes, which has no number.
  static func binary(_ room: RoomName, _ payload: [UInt8]) -> [UInt8] {
    [1, UInt8(room.bytes.count)] + room.bytes + payload
  }

  private static func begin(_ type: String) -> [UInt8] {
    var text: [UInt8] = []
    text += Array("{\"type\":\"".utf8)
    text += Array(type.utf8)
    text.append(UInt8(ascii: "\""))
    return text
  }

  private static func append(room: RoomName, to text: inout [UInt8]) {
    text += Array(",\"room\":".utf8)
    JSONWriter.appendString(room.bytes.span, to: &text)
  }

  private static func append(since: RoomPosition?, to text: inout [UInt8]) {
    guard let since else { return }
    text += Array(",\"since\":{\"epoch\":".utf8)
    JSONWriter.appendString(since.epoch, to: &text)
    append("offset", since.offset, to: &text)
    text.append(UInt8(ascii: "}"))
  }

  private static func append(_ key: String, _ number: UInt64?, to text: inout [UInt8]) {
    guard let number else { return }
    text += Array(",\"\(key)\":".utf8)
    JSONWriter.appendInteger(number, to: &text)
  }
}

/// Whom a `send` is for.
public enum SendTarget: Hashable, Sendable {
  /// Every connection of a user.
  case user(String)
  /// One connection by its id.
  case connection(String)
}
