// What `GET /v1/top` tells: rooms and connections with the most of something. Shards find their own,
// nodes and the cluster put them together; between nodes and to the operator it is the same JSON.

import RoostJSON
public import RoostRooms

/// A connection with the figures that an operator looks for.
public struct ConnectionFigure: Sendable, Equatable {
  /// The connection.
  public let connection: ConnectionID
  /// Its user; nil when anonymous.
  public let user: String?
  /// The address that it comes from, without its port.
  public let address: String
  /// The id of the node that holds it.
  public var node: String
  /// Rooms that it is in or on its way into.
  public let rooms: Int
  /// Bytes that wait for it.
  public let queueBytes: Int
  /// Messages a second that came from it lately.
  public let messagesPerSecond: Double
}

/// Rooms and connections with the most of something, the most first.
public struct TopFigures: Sendable, Equatable {
  /// By members.
  public var largestRooms: [RoomActivity] = []
  /// By messages a second.
  public var busiestRooms: [RoomActivity] = []
  /// By bytes that wait.
  public var deepestQueues: [ConnectionFigure] = []
  /// By messages a second.
  public var busiestConnections: [ConnectionFigure] = []

  /// Nothing.
  public init() {}

  var isEmpty: Bool {
    largestRooms.isEmpty && busiestRooms.isEmpty && deepestQueues.isEmpty
      && busiestConnections.isEmpty
  }

  /// Adds what another shard or node found.
  ///
  /// Each holds members of its own, but every one of them sees all messages of a room: members are
  /// summed, of the rates the highest counts.
  mutating func merge(_ other: TopFigures) {
    largestRooms = Self.merged(largestRooms + other.largestRooms).sorted {
      $0.members == $1.members ? $0.room.precedes($1.room) : $0.members > $1.members
    }
    busiestRooms = Self.merged(busiestRooms + other.busiestRooms).sorted {
      $0.messagesPerSecond == $1.messagesPerSecond
        ? $0.room.precedes($1.room) : $0.messagesPerSecond > $1.messagesPerSecond
    }
    deepestQueues = (deepestQueues + other.deepestQueues).sorted { $0.queueBytes > $1.queueBytes }
    busiestConnections = (busiestConnections + other.busiestConnections)
      .sorted { $0.messagesPerSecond > $1.messagesPerSecond }
  }

  /// Leaves the first elements of each list.
  mutating func cut(to limit: Int) {
    largestRooms = Array(largestRooms.prefix(limit))
    busiestRooms = Array(busiestRooms.prefix(limit))
    deepestQueues = Array(deepestQueues.prefix(limit))
    busiestConnections = Array(busiestConnections.prefix(limit))
  }

  private static func merged(_ rooms: [RoomActivity]) -> [RoomActivity] {
    var byName: [RoomName: RoomActivity] = [:]
    for room in rooms {
      guard let known = byName[room.room] else {
        byName[room.room] = room
        continue
      }
      let (members, overflow) = known.members.addingReportingOverflow(room.members)
      byName[room.room] = RoomActivity(
        room: room.room, members: overflow ? .max : members,
        messagesPerSecond: max(known.messagesPerSecond, room.messagesPerSecond))
    }
    return Array(byName.values)
  }

  // MARK: JSON

  /// Appends the four lists as members of an object, without its braces.
  public func appendMembers(to output: inout [UInt8]) {
    Self.append("rooms", largestRooms, &output) { $0.append(to: &$1, withMembers: true) }
    output.append(UInt8(ascii: ","))
    Self.append("busiest_rooms", busiestRooms, &output) { $0.append(to: &$1, withMembers: false) }
    output.append(UInt8(ascii: ","))
    Self.append("queues", deepestQueues, &output) { $0.append(to: &$1) }
    output.append(UInt8(ascii: ","))
    Self.append("busiest_connections", busiestConnections, &output) { $0.append(to: &$1) }
  }

  private static func append<Element>(
    _ key: String, _ elements: [Element], _ output: inout [UInt8],
    _ write: (Element, inout [UInt8]) -> Void
  ) {
    output.append(contentsOf: "\"\(key)\":[".utf8)
    for (place, element) in elements.enumerated() {
      if place > 0 { output.append(UInt8(ascii: ",")) }
      write(element, &output)
    }
    output.append(UInt8(ascii: "]"))
  }

  /// Reads what `appendMembers` of another node writes; nil for anything else.
  init?(_ tree: JSONTree, node: String) {
    for key in ["rooms", "busiest_rooms", "queues", "busiest_connections"] {
      guard let elements = tree[key]?.elements, elements.count <= ControlQuestion.listMax else {
        return nil
      }
      for element in elements {
        switch key {
        case "rooms", "busiest_rooms":
          guard let room = RoomActivity(element) else { return nil }
          if key == "rooms" { largestRooms.append(room) } else { busiestRooms.append(room) }
        default:
          guard let figure = ConnectionFigure(element, node: node) else { return nil }
          if key == "queues" {
            deepestQueues.append(figure)
          } else {
            busiestConnections.append(figure)
          }
        }
      }
    }
  }
}

extension RoomActivity {
  /// Appends the room as an object.
  ///
  /// Where it stands for its messages its members are left out: nodes with few of them may not have
  /// named it.
  func append(to output: inout [UInt8], withMembers: Bool) {
    output.append(contentsOf: "{\"room\":".utf8)
    JSONWriter.appendString(room.bytes.span, to: &output)
    if withMembers { appendNumber("members", members, to: &output) }
    appendRate("messages_per_second", messagesPerSecond, to: &output)
    output.append(UInt8(ascii: "}"))
  }

  init?(_ tree: JSONTree) {
    guard let room = tree["room"]?.string.flatMap({ RoomName(text: $0) }),
      let members = tree["members"].map({ $0.integer }) ?? 0, members >= 0,
      let rate = tree["messages_per_second"]?.double, rate >= 0
    else { return nil }
    self.init(room: room, members: Int(members), messagesPerSecond: rate)
  }
}

extension ConnectionFigure {
  /// Appends the connection as an object.
  func append(to output: inout [UInt8]) {
    appendIdentity(connection, user, node, to: &output)
    output.append(contentsOf: ",\"address\":".utf8)
    JSONWriter.appendString(address, to: &output)
    appendNumber("room_count", rooms, to: &output)
    appendNumber("queue_bytes", queueBytes, to: &output)
    appendRate("messages_per_second", messagesPerSecond, to: &output)
    output.append(UInt8(ascii: "}"))
  }

  init?(_ tree: JSONTree, node: String) {
    guard let id = tree["connection"]?.string.flatMap({ ConnectionID(text: $0) }),
      let address = tree["address"]?.string, address.utf8.count <= 64,
      let rooms = tree["room_count"]?.integer, rooms >= 0,
      let queueBytes = tree["queue_bytes"]?.integer, queueBytes >= 0,
      let rate = tree["messages_per_second"]?.double, rate >= 0
    else { return nil }
    self.init(
      connection: id, user: tree["user"]?.string, address: address, node: node, rooms: Int(rooms),
      queueBytes: Int(queueBytes), messagesPerSecond: rate)
  }
}

/// Appends a rate with one decimal at most.
func appendRate(_ key: String, _ rate: Double, to output: inout [UInt8]) {
  output.append(contentsOf: ",\"\(key)\":".utf8)
  let tenths = Int((min(max(rate, 0), 1e15) * 10).rounded())
  JSONWriter.appendInteger(tenths / 10, to: &output)
  guard tenths % 10 != 0 else { return }
  output.append(UInt8(ascii: "."))
  JSONWriter.appendInteger(tenths % 10, to: &output)
}
