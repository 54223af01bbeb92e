// What the server sends unasked. One object a text message, without raw line breaks.

import RoostJSON
public import RoostRooms

/// Writes pushes.
///
/// Pure; any thread with its own buffer.
public enum Push {
  /// `message` in a joined room.
  ///
  /// - Parameter showsMid: whether it says which message it is, to who may get it over two
  ///   connections.
  public static func message(
    _ envelope: Envelope, showsMid: Bool = false, to output: inout [UInt8]
  ) {
    append("{\"type\":\"message\"", to: &output)
    appendRoom(envelope.room, to: &output)
    append(",\"data\":", to: &output)
    appendPayload(envelope.payload, to: &output)
    if let position = envelope.position {
      append(",\"offset\":", to: &output)
      JSONWriter.appendInteger(position.offset, to: &output)
      if envelope.startsEpoch { appendEpoch(position.epoch, to: &output) }
    }
    appendSender(envelope.sender, to: &output)
    appendTime(envelope.wallMilliseconds, to: &output)
    if showsMid { appendMid(envelope.mid, to: &output) }
    output.append(UInt8(ascii: "}"))
  }

  /// `direct`: somebody's `send`, or the server API's when there is no sender.
  ///
  /// - Parameter mid: which message it is, for who may get it over two connections; 0 for others.
  public static func direct(
    data: [UInt8], sender: Member?, mid: UInt64 = 0, to output: inout [UInt8]
  ) {
    append("{\"type\":\"direct\",\"data\":", to: &output)
    output.append(contentsOf: data)
    appendSender(sender, to: &output)
    appendMid(mid, to: &output)
    output.append(UInt8(ascii: "}"))
  }

  /// `joined`: a member came.
  public static func joined(_ room: RoomName, _ member: Member, to output: inout [UInt8]) {
    memberEvent("{\"type\":\"joined\"", room, member, to: &output)
  }

  /// `left`: a member went.
  public static func left(_ room: RoomName, _ member: Member, to output: inout [UInt8]) {
    memberEvent("{\"type\":\"left\"", room, member, to: &output)
  }

  /// `members`: the count, in place of `joined` and `left` in large rooms.
  public static func members(_ room: RoomName, count: Int, to output: inout [UInt8]) {
    append("{\"type\":\"members\"", to: &output)
    appendRoom(room, to: &output)
    append(",\"count\":", to: &output)
    JSONWriter.appendInteger(count, to: &output)
    output.append(UInt8(ascii: "}"))
  }

  /// `added`: the server joined this connection to a room.
  public static func added(_ room: RoomName, position: Position?, to output: inout [UInt8]) {
    append("{\"type\":\"added\"", to: &output)
    appendRoom(room, to: &output)
    if let position { appendPosition(position, to: &output) }
    output.append(UInt8(ascii: "}"))
  }

  /// `removed`: the server took this connection out of a room; the code is that of a close frame.
  public static func removed(_ room: RoomName, code: CloseCode, to output: inout [UInt8]) {
    append("{\"type\":\"removed\"", to: &output)
    appendRoom(room, to: &output)
    append(",\"code\":", to: &output)
    JSONWriter.appendInteger(Int(code.rawValue), to: &output)
    output.append(UInt8(ascii: "}"))
  }

  /// `expiring`: the connection's token expires in so many milliseconds.
  public static func expiring(milliseconds: Int64, to output: inout [UInt8]) {
    append("{\"type\":\"expiring\",\"in_ms\":", to: &output)
    JSONWriter.appendInteger(milliseconds, to: &output)
    output.append(UInt8(ascii: "}"))
  }

  /// `draining`: the node closes the connection soon; a client that can connects elsewhere, after so
  /// many milliseconds.
  ///
  /// - Parameter ticket: by which another node knows the connection again; nil where there is none.
  public static func draining(
    reconnectAfterMilliseconds: Int64, ticket: [UInt8]?, to output: inout [UInt8]
  ) {
    append("{\"type\":\"draining\",\"reconnect_after_ms\":", to: &output)
    JSONWriter.appendInteger(reconnectAfterMilliseconds, to: &output)
    appendTicket(ticket, to: &output)
    output.append(UInt8(ascii: "}"))
  }

  /// `reset`: what was missed cannot be told; delivery goes on from the position.
  public static func reset(_ room: RoomName, position: Position, to output: inout [UInt8]) {
    append("{\"type\":\"reset\"", to: &output)
    appendRoom(room, to: &output)
    appendPosition(position, to: &output)
    output.append(UInt8(ascii: "}"))
  }

  /// `gap`: messages may have been missed in a room that keeps no history.
  public static func gap(_ room: RoomName, to output: inout [UInt8]) {
    append("{\"type\":\"gap\"", to: &output)
    appendRoom(room, to: &output)
    output.append(UInt8(ascii: "}"))
  }

  /// `presence_reset`: presence events may have been missed; presence is to be read again.
  public static func presenceReset(_ room: RoomName, to output: inout [UInt8]) {
    append("{\"type\":\"presence_reset\"", to: &output)
    appendRoom(room, to: &output)
    output.append(UInt8(ascii: "}"))
  }

  private static func memberEvent(
    _ head: StaticString, _ room: RoomName, _ member: Member, to output: inout [UInt8]
  ) {
    append(head, to: &output)
    appendRoom(room, to: &output)
    append(",\"member\":", to: &output)
    appendMember(member, withInfo: true, to: &output)
    output.append(UInt8(ascii: "}"))
  }
}
