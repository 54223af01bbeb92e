// What `roost top` writes where nobody looks at a screen: lines for people and grep, or JSON.

import RoostJSON

/// Figures as lines.
enum TopReport {
  /// A line for the cluster, one for each node, room and connection.
  static func plain(_ snapshot: ClusterSnapshot, at time: String) -> String {
    var text =
      "\(time) nodes=\(snapshot.nodes.count) ready=\(snapshot.readyCount)"
      + " connections=\(Int(snapshot.sum { Double($0.connections) }))"
      + " messages_in=\(decimal(snapshot.sum(\.messagesIn)))"
      + " messages_out=\(decimal(snapshot.sum(\.messagesOut)))"
      + " handshakes=\(decimal(snapshot.sum(\.handshakes)))"
      + " queue_bytes=\(Int(snapshot.sum { Double($0.queueBytes) }))"
    if !snapshot.missing.isEmpty {
      text += " missing=\(snapshot.missing.map(word).joined(separator: ","))"
    }
    text += "\n"
    for node in snapshot.nodes {
      text +=
        "node \(word(node.name)) phase=\(word(node.phase)) connections=\(node.connections)"
        + " connections_max=\(node.connectionsMax) rooms=\(node.rooms)"
        + " messages_in=\(decimal(node.messagesIn)) messages_out=\(decimal(node.messagesOut))"
        + " handshakes=\(decimal(node.handshakes)) queue_bytes=\(node.queueBytes)"
        + " resident_bytes=\(node.residentBytes) redis=\(node.links.rawValue)"
      if let reason = node.notReady { text += " not_ready=\(word(reason))" }
      text += "\n"
    }
    for room in snapshot.largestRooms {
      text +=
        "room \(word(room.name)) members=\(room.members)"
        + " messages_per_second=\(decimal(room.messagesPerSecond))\n"
    }
    for room in snapshot.busiestRooms {
      text +=
        "busy_room \(word(room.name)) messages_per_second=\(decimal(room.messagesPerSecond))\n"
    }
    for connection in snapshot.deepestQueues { text += line("queue", connection) }
    for connection in snapshot.busiestConnections { text += line("busy_connection", connection) }
    return text
  }

  /// One object a line: when, and both answers as they came.
  static func json(nodes: [UInt8], top: [UInt8], milliseconds: Int64) -> String {
    "{\"at\":\(milliseconds),\"nodes\":\(whole(nodes)),\"top\":\(whole(top))}\n"
  }

  /// One object for a moment without answers.
  static func json(problem: String, milliseconds: Int64) -> String {
    var output = Array("{\"at\":\(milliseconds),\"error\":".utf8)
    JSONWriter.appendString(problem, to: &output)
    return String(decoding: output, as: UTF8.self) + "}\n"
  }

  private static func line(_ kind: String, _ connection: ClusterSnapshot.Connection) -> String {
    "\(kind) \(word(connection.id)) node=\(word(connection.node))"
      + (connection.user.map { " user=\(word($0))" } ?? "")
      + " address=\(word(connection.address)) rooms=\(connection.rooms)"
      + " queue_bytes=\(connection.queueBytes)"
      + " messages_per_second=\(decimal(connection.messagesPerSecond))\n"
  }

  /// A body in one line.
  private static func whole(_ body: [UInt8]) -> String {
    var output: [UInt8] = []
    let scanner = JSONScanner(depthMax: 16)
    guard let range = try? scanner.document(in: body.span) else { return "null" }
    JSONWriter.appendValue(range, in: body.span, to: &output)
    return String(decoding: output, as: UTF8.self)
  }

  /// A text without spaces as it is, any other one in quotes.
  private static func word(_ text: String) -> String {
    let isPlain = !text.isEmpty && !text.contains { $0.isWhitespace || $0 == "\"" || $0 == "=" }
    if isPlain { return text }
    var output: [UInt8] = []
    JSONWriter.appendString(text, to: &output)
    return String(decoding: output, as: UTF8.self)
  }

  private static func decimal(_ rate: Double) -> String {
    let tenths = Int((min(rate, 1e15) * 10).rounded())
    return tenths % 10 == 0 ? String(tenths / 10) : "\(tenths / 10).\(tenths % 10)"
  }
}
