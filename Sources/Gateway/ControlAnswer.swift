// What a node answers to a question: the sums of its shards. It travels as JSON through the backplane
// and is read as strictly as a question.

import RoostJSON
public import RoostRooms

/// A connection as the server API shows it.
public struct ConnectionDetails: Sendable, Equatable {
  /// The connection.
  public let connection: ConnectionID
  /// Its user; nil when anonymous.
  public let user: String?
  /// The address that it comes from, without its port.
  public let address: String
  /// The id of the node that holds it.
  public var node: String
  /// Whether it is a stream of server-sent events, not WebSocket.
  public let isEventStream: Bool
  /// When it was accepted, in milliseconds since 1970.
  public let openedAt: Int64
  /// When bytes came from it last, in milliseconds since 1970.
  public let lastActivityAt: Int64
  /// The rooms that it is in or on its way into.
  public let rooms: [RoomName]
  /// Bytes that wait for it.
  public let queueBytes: Int
  /// Microseconds from the last ping to its pong; nil before the first.
  public let roundTrip: Int?
}

/// An answer, of one shard or put together from several.
struct ControlAnswer: Sendable, Equatable {
  /// Connections that were reached, changed or found.
  var count = 0
  var connections: [ConnectionDetails] = []
  /// Rooms with their members, by name.
  var rooms: [RoomSize] = []
  var hasMoreRooms = false
  /// Whether it is about one connection, which counts once, however many nodes have reached it.
  var isAboutOne = false
  var top = TopFigures()

  /// The longest answer that is read.
  static let bytesMax = 4 << 20

  /// Adds another part: lists are merged and cut to what the question asked for.
  mutating func merge(_ other: ControlAnswer, for question: ControlQuestion) {
    let (sum, overflow) = count.addingReportingOverflow(other.count)
    count = overflow ? .max : sum
    connections += other.connections.prefix(
      max(0, ControlQuestion.listMax - connections.count))
    hasMoreRooms = hasMoreRooms || other.hasMoreRooms
    isAboutOne = isAboutOne || other.isAboutOne
    switch question {
    case .rooms(_, let limit): mergeRooms(other.rooms, limit)
    // Cut when all parts are there: a room may be among the last of each.
    case .top: top.merge(other.top)
    case .move: mergeRooms(other.rooms, ControlQuestion.listMax)
    case .send, .disconnect, .evict, .join, .kick, .describe, .revoke: break
    }
  }

  private mutating func mergeRooms(_ others: [RoomSize], _ limit: Int) {
    guard !others.isEmpty else { return }
    var sizes: [RoomName: Int] = [:]
    for size in rooms + others {
      let (sum, overflow) = sizes[size.room, default: 0].addingReportingOverflow(size.members)
      sizes[size.room] = overflow ? .max : sum
    }
    let merged = sizes.map { RoomSize(room: $0.key, members: $0.value) }
      .sorted { $0.room.precedes($1.room) }
    if merged.count > limit { hasMoreRooms = true }
    rooms = Array(merged.prefix(limit))
  }

  // MARK: Writing

  /// The answer as JSON.
  var json: [UInt8] {
    var output: [UInt8] = []
    output.append(contentsOf: "{\"count\":".utf8)
    JSONWriter.appendInteger(count, to: &output)
    if hasMoreRooms { output.append(contentsOf: ",\"more\":true".utf8) }
    if isAboutOne { output.append(contentsOf: ",\"one\":true".utf8) }
    Self.appendList("connections", connections, &output) { $0.append(to: &$1) }
    Self.appendList("rooms", rooms, &output) { $0.append(to: &$1) }
    if !top.isEmpty {
      output.append(contentsOf: ",\"top\":{".utf8)
      top.appendMembers(to: &output)
      output.append(UInt8(ascii: "}"))
    }
    output.append(UInt8(ascii: "}"))
    return output
  }

  private static func appendList<Element>(
    _ key: String, _ elements: [Element], _ output: inout [UInt8],
    _ write: (Element, inout [UInt8]) -> Void
  ) {
    guard !elements.isEmpty else { return }
    output.append(contentsOf: ",\"\(key)\":[".utf8)
    for (place, element) in elements.enumerated() {
      if place > 0 { output.append(UInt8(ascii: ",")) }
      write(element, &output)
    }
    output.append(UInt8(ascii: "]"))
  }

  // MARK: Reading

  /// Reads what `json` of another node writes; nil for anything else.
  init?(reading text: [UInt8], from node: String) {
    let tree = try? JSONTree(parsing: text, depthMax: 5, bytesMax: Self.bytesMax)
    guard let tree, let count = tree["count"]?.integer, count >= 0 else { return nil }
    self.count = Int(count)
    hasMoreRooms = tree["more"]?.bool ?? false
    isAboutOne = tree["one"]?.bool ?? false
    if let tree = tree["top"] {
      guard let top = TopFigures(tree, node: node) else { return nil }
      self.top = top
    }
    for key in ["connections", "rooms"] {
      let elements = tree[key]?.elements ?? []
      guard elements.count <= ControlQuestion.listMax else { return nil }
      for element in elements {
        switch key {
        case "connections":
          guard let details = ConnectionDetails(element, node: node) else { return nil }
          connections.append(details)
        default:
          guard let size = RoomSize(element) else { return nil }
          rooms.append(size)
        }
      }
    }
  }

  /// An empty answer, to which others are added.
  init() {}
}

extension ConnectionDetails {
  /// Appends the connection as a JSON object.
  public func append(to output: inout [UInt8]) {
    appendIdentity(connection, user, node, to: &output)
    output.append(contentsOf: ",\"address\":".utf8)
    JSONWriter.appendString(address, to: &output)
    output.append(contentsOf: ",\"transport\":\"\(isEventStream ? "events" : "websocket")\"".utf8)
    appendNumber("opened_at", Int(openedAt), to: &output)
    appendNumber("last_activity_at", Int(lastActivityAt), to: &output)
    appendNumber("queue_bytes", queueBytes, to: &output)
    if let roundTrip { appendNumber("round_trip_us", roundTrip, to: &output) }
    output.append(contentsOf: ",\"rooms\":[".utf8)
    for (place, room) in rooms.enumerated() {
      if place > 0 { output.append(UInt8(ascii: ",")) }
      JSONWriter.appendString(room.bytes.span, to: &output)
    }
    output.append(contentsOf: "]}".utf8)
  }

  init?(_ tree: JSONTree, node: String) {
    guard let id = tree["connection"]?.string.flatMap({ ConnectionID(text: $0) }),
      let address = tree["address"]?.string, address.utf8.count <= 64,
      let openedAt = tree["opened_at"]?.integer,
      let lastActivityAt = tree["last_activity_at"]?.integer,
      let queueBytes = tree["queue_bytes"]?.integer, let names = tree["rooms"]?.elements,
      names.count <= ControlQuestion.listMax
    else { return nil }
    let rooms = names.compactMap { $0.string.flatMap { RoomName(text: $0) } }
    guard rooms.count == names.count else { return nil }
    self.init(
      connection: id, user: tree["user"]?.string, address: address, node: node,
      isEventStream: tree["transport"]?.string == "events", openedAt: openedAt,
      lastActivityAt: lastActivityAt, rooms: rooms, queueBytes: Int(queueBytes),
      roundTrip: tree["round_trip_us"]?.integer.map { Int($0) })
  }
}

extension RoomSize {
  /// Appends the size as a JSON object.
  public func append(to output: inout [UInt8]) {
    output.append(contentsOf: "{\"room\":".utf8)
    JSONWriter.appendString(room.bytes.span, to: &output)
    appendNumber("members", members, to: &output)
    output.append(UInt8(ascii: "}"))
  }

  init?(_ tree: JSONTree) {
    guard let room = tree["room"]?.string.flatMap({ RoomName(text: $0) }),
      let members = tree["members"]?.integer, members >= 0
    else { return nil }
    self.init(room: room, members: Int(members))
  }
}

func appendIdentity(
  _ connection: ConnectionID, _ user: String?, _ node: String, to output: inout [UInt8]
) {
  output.append(contentsOf: "{\"connection\":\"".utf8)
  connection.append(to: &output)
  output.append(contentsOf: "\",\"node\":".utf8)
  JSONWriter.appendString(node, to: &output)
  guard let user else { return }
  output.append(contentsOf: ",\"user\":".utf8)
  JSONWriter.appendString(user, to: &output)
}

func appendNumber(_ key: String, _ number: Int, to output: inout [UInt8]) {
  output.append(contentsOf: ",\"\(key)\":".utf8)
  JSONWriter.appendInteger(number, to: &output)
}
