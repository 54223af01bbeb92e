// What the server answers: `ok`, `pong`, `error`. Objects are written byte by byte into a buffer that
// the caller reuses; nothing here allocates per field.

import RoostJSON
public import RoostRooms

/// Writes the answers to requests.
///
/// Pure; any thread with its own buffer.
public enum Reply {
  /// `ok` of a join.
  ///
  /// - Parameters:
  ///   - members: connections in the room, this one included; nil when it is not known now.
  ///   - position: the room's newest, in rooms with history.
  ///   - recovered: whether everything since the client's position follows; nil without `since`.
  ///   - isDegraded: whether the node is cut off from the others.
  public static func joined(
    id: [UInt8]?, room: RoomName, members: Int?, position: Position?, recovered: Bool?,
    isDegraded: Bool, to output: inout [UInt8]
  ) {
    guard let id else { return }
    begin("ok", id, to: &output)
    joinedFields(room, members, position, recovered, isDegraded, to: &output)
  }

  /// The first event of an event stream: an `ok` without an id, with the fields of a join's.
  public static func streaming(
    room: RoomName, members: Int?, position: Position?, recovered: Bool?, isDegraded: Bool,
    to output: inout [UInt8]
  ) {
    append("{\"type\":\"ok\"", to: &output)
    joinedFields(room, members, position, recovered, isDegraded, to: &output)
  }

  private static func joinedFields(
    _ room: RoomName, _ members: Int?, _ position: Position?, _ recovered: Bool?,
    _ isDegraded: Bool, to output: inout [UInt8]
  ) {
    appendRoom(room, to: &output)
    if let members {
      append(",\"members\":", to: &output)
      JSONWriter.appendInteger(members, to: &output)
    }
    if let position { appendPosition(position, to: &output) }
    if let recovered {
      append(",\"recovered\":", to: &output)
      JSONWriter.appendBool(recovered, to: &output)
    }
    if isDegraded { append(",\"degraded\":true", to: &output) }
    end(&output)
  }

  /// `ok` with nothing but the id.
  public static func done(id: [UInt8]?, to output: inout [UInt8]) {
    guard let id else { return }
    begin("ok", id, to: &output)
    end(&output)
  }

  /// `ok` of a publish, with its place in rooms that have a log.
  public static func published(id: [UInt8]?, position: Position?, to output: inout [UInt8]) {
    guard let id else { return }
    begin("ok", id, to: &output)
    if let position { appendPosition(position, to: &output) }
    end(&output)
  }

  /// `ok` of a send: how many connections it was queued for, and whether every node has said so.
  public static func sent(
    id: [UInt8]?, delivered: Int, isComplete: Bool, to output: inout [UInt8]
  ) {
    guard let id else { return }
    begin("ok", id, to: &output)
    append(",\"delivered\":", to: &output)
    JSONWriter.appendInteger(delivered, to: &output)
    if !isComplete { append(",\"complete\":false", to: &output) }
    end(&output)
  }

  /// `ok` of a presence request; `next` is given while there are more members.
  public static func presence(
    id: [UInt8]?, members: [Member], next: UInt64?, to output: inout [UInt8]
  ) {
    guard let id else { return }
    begin("ok", id, to: &output)
    Fields.appendMembers(members, to: &output)
    if let next {
      append(",\"next\":", to: &output)
      JSONWriter.appendInteger(next, to: &output)
    }
    end(&output)
  }

  /// `ok` of a history request.
  public static func history(
    id: [UInt8]?, messages: [LogEntry], position: Position, recovered: Bool?,
    to output: inout [UInt8]
  ) {
    guard let id else { return }
    begin("ok", id, to: &output)
    Fields.appendMessages(messages, to: &output)
    appendPosition(position, to: &output)
    if let recovered {
      append(",\"recovered\":", to: &output)
      JSONWriter.appendBool(recovered, to: &output)
    }
    end(&output)
  }

  /// `ok` of an `auth`: who the connection is now, and when that ends, in seconds since 1970.
  public static func authenticated(
    id: [UInt8]?, user: String, expires: Int64, to output: inout [UInt8]
  ) {
    guard let id else { return }
    begin("ok", id, to: &output)
    append(",\"user\":", to: &output)
    JSONWriter.appendString(user, to: &output)
    append(",\"expires\":", to: &output)
    JSONWriter.appendInteger(expires, to: &output)
    end(&output)
  }

  /// `pong`, always sent, with the id when there is one.
  public static func pong(id: [UInt8]?, to output: inout [UInt8]) {
    append("{\"type\":\"pong\"", to: &output)
    appendID(id, to: &output)
    end(&output)
  }

  /// `error`, always sent, with the id when there is one.
  public static func error(
    id: [UInt8]?, code: ErrorCode, message: String, retryAfter: Duration?,
    to output: inout [UInt8]
  ) {
    append("{\"type\":\"error\"", to: &output)
    appendID(id, to: &output)
    append(",\"code\":", to: &output)
    JSONWriter.appendString(code.rawValue, to: &output)
    append(",\"message\":", to: &output)
    JSONWriter.appendString(message, to: &output)
    if let retryAfter {
      append(",\"retry_after_ms\":", to: &output)
      // Rounded up, so that the client does not come back too early.
      let (seconds, attoseconds) = retryAfter.components
      let milliseconds = attoseconds / 1_000_000_000_000_000
      let rest = attoseconds % 1_000_000_000_000_000 > 0 ? Int64(1) : 0
      JSONWriter.appendInteger(
        max(1, min(seconds, 86_400) * 1000 + milliseconds + rest), to: &output)
    }
    end(&output)
  }

  private static func begin(_ type: StaticString, _ id: [UInt8], to output: inout [UInt8]) {
    append("{\"type\":\"", to: &output)
    append(type, to: &output)
    output.append(UInt8(ascii: "\""))
    appendID(id, to: &output)
  }

  private static func end(_ output: inout [UInt8]) {
    output.append(UInt8(ascii: "}"))
  }

  private static func appendID(_ id: [UInt8]?, to output: inout [UInt8]) {
    guard let id else { return }
    append(",\"id\":", to: &output)
    output.append(contentsOf: id)
  }
}

// What replies and pushes share.

func append(_ text: StaticString, to output: inout [UInt8]) {
  text.withUTF8Buffer { unsafe output.append(contentsOf: $0) }
}

func appendRoom(_ room: RoomName, to output: inout [UInt8]) {
  append(",\"room\":", to: &output)
  JSONWriter.appendString(room.bytes.span, to: &output)
}

func appendEpoch(_ epoch: Epoch, to output: inout [UInt8]) {
  append(",\"epoch\":\"", to: &output)
  output.append(contentsOf: epoch.digits)
  output.append(UInt8(ascii: "\""))
}

func appendPosition(_ position: Position, to output: inout [UInt8]) {
  appendEpoch(position.epoch, to: &output)
  append(",\"offset\":", to: &output)
  JSONWriter.appendInteger(position.offset, to: &output)
}

func appendPayload(_ payload: Payload, to output: inout [UInt8]) {
  switch payload {
  case .json(let bytes): output.append(contentsOf: bytes)
  case .binary(let bytes):
    append("{\"binary\":", to: &output)
    JSONWriter.appendBase64(bytes.span, to: &output)
    output.append(UInt8(ascii: "}"))
  }
}

func appendMember(_ member: Member, withInfo: Bool, to output: inout [UInt8]) {
  append("{\"connection\":\"", to: &output)
  member.connection.append(to: &output)
  output.append(UInt8(ascii: "\""))
  if let user = member.user {
    append(",\"user\":", to: &output)
    JSONWriter.appendString(user, to: &output)
  }
  if withInfo, let info = member.info {
    append(",\"info\":", to: &output)
    output.append(contentsOf: info)
  }
  output.append(UInt8(ascii: "}"))
}

func appendSender(_ sender: Member?, to output: inout [UInt8]) {
  guard let sender else { return }
  append(",\"from\":", to: &output)
  appendMember(sender, withInfo: false, to: &output)
}

func appendTime(_ wallMilliseconds: Int64?, to output: inout [UInt8]) {
  guard let wallMilliseconds else { return }
  append(",\"time\":", to: &output)
  JSONWriter.appendInteger(wallMilliseconds, to: &output)
}

/// A message's own number, as 16 hexadecimal digits; nothing for 0.
func appendMid(_ mid: UInt64, to output: inout [UInt8]) {
  guard mid != 0 else { return }
  append(",\"mid\":\"", to: &output)
  for shift in stride(from: UInt64(60), through: 0, by: -4) {
    let nibble = UInt8(truncatingIfNeeded: mid >> shift) & 15
    output.append(nibble < 10 ? 48 + nibble : 87 + nibble)
  }
  output.append(UInt8(ascii: "\""))
}

/// A ticket, which is plain ASCII and needs no escapes.
func appendTicket(_ ticket: [UInt8]?, to output: inout [UInt8]) {
  guard let ticket else { return }
  append(",\"ticket\":\"", to: &output)
  output.append(contentsOf: ticket)
  output.append(UInt8(ascii: "\""))
}
