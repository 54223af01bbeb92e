// Fields that replies on a connection and answers of the server API have in common, written alike.

import RoostJSON
public import RoostRooms

/// Writes fields of an object, each with a comma before it.
///
/// Pure; any thread with its own buffer.
public enum Fields {
  /// `members`: who is in a room.
  public static func appendMembers(_ members: [Member], to output: inout [UInt8]) {
    append(",\"members\":[", to: &output)
    var isFirst = true
    for member in members {
      if !isFirst { output.append(UInt8(ascii: ",")) }
      isFirst = false
      appendMember(member, withInfo: true, to: &output)
    }
    output.append(UInt8(ascii: "]"))
  }

  /// `messages`: entries of a room's log.
  public static func appendMessages(_ messages: [LogEntry], to output: inout [UInt8]) {
    append(",\"messages\":[", to: &output)
    var isFirst = true
    for message in messages {
      if !isFirst { output.append(UInt8(ascii: ",")) }
      isFirst = false
      append("{\"offset\":", to: &output)
      JSONWriter.appendInteger(message.offset, to: &output)
      append(",\"data\":", to: &output)
      appendPayload(message.payload, to: &output)
      appendSender(message.sender, to: &output)
      appendTime(message.wallMilliseconds, to: &output)
      output.append(UInt8(ascii: "}"))
    }
    output.append(UInt8(ascii: "]"))
  }

  /// `room`: a room's name.
  public static func appendRoom(_ room: RoomName, to output: inout [UInt8]) {
    RoostWire.appendRoom(room, to: &output)
  }

  /// `epoch` and `offset`: a place in a room's log.
  public static func appendPosition(_ position: Position, to output: inout [UInt8]) {
    RoostWire.appendPosition(position, to: &output)
  }
}
