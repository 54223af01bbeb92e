// What one node asks of others, and how it is written: a JSON object that travels through the
// backplane. It comes from Redis, where others may write, too, so reading it is strict and bounded.

import Auth
import Backplane
import RoostJSON
import RoostRooms

/// Which connections a question is about.
enum ControlTarget: Sendable, Equatable {
  /// Every connection of a user.
  case user(String)
  /// One connection.
  case connection(ConnectionID)
  /// Every connection of the cluster.
  case everyone
}

extension ClusterAudience {
  /// The nodes that hold connections of a user.
  static func nodes(ofUser user: String) -> ClusterAudience {
    let room = Identity.room(ofUser: user)?.bytes ?? []
    return .user(String(decoding: room.dropFirst("user:".utf8.count), as: UTF8.self))
  }
}

/// A question to nodes.
enum ControlQuestion: Sendable, Equatable {
  /// Queue a direct message.
  case send(ControlTarget, data: [UInt8], sender: Member?, mid: UInt64)
  /// Close connections with 4003.
  case disconnect(ControlTarget, reason: String?)
  /// Close a connection with 4007: a newer one of its user takes its place.
  case evict(ConnectionID)
  /// Join a user's connections to a room.
  case join(user: String, RoomName)
  /// Take a user's connections out of a room.
  case kick(user: String, RoomName)
  /// Tell about connections.
  case describe(ControlTarget)
  /// The rooms behind a name that have members.
  case rooms(after: RoomName?, limit: Int)
  /// The rooms and connections with the most of something, of all nodes or of one.
  case top(limit: Int, node: String?)
  /// Refuse tokens, and close the connections that they opened.
  case revoke(Revocation)
  /// A connection has moved: another one, of this id, is its client's now.
  case move(ConnectionID, to: ConnectionID)

  /// The longest id of a node that a question names: 255 characters.
  static let nodeBytesMax = 1020
  /// The longest list that an answer may hold.
  static let listMax = 1000
  /// Characters of a reason: a close frame has room for 123 bytes, which are 30 of any kind.
  static let reasonCharactersMax = 30

  /// Whether carrying it out twice would be noticed.
  var hasEffect: Bool {
    switch self {
    case .send, .disconnect, .evict, .join, .kick, .revoke: true
    case .describe, .rooms, .top, .move: false
    }
  }

  /// Whether a text may be a reason: 1 to 30 characters without control characters.
  static func isReason(_ text: String) -> Bool {
    (1...reasonCharactersMax).contains(text.unicodeScalars.count)
      && !text.unicodeScalars.contains { $0.properties.generalCategory == .control }
  }

  // MARK: Writing

  /// The question as JSON.
  var json: [UInt8] {
    var output: [UInt8] = []
    switch self {
    case .send(let target, let data, let sender, let mid):
      Self.begin("send", target, &output)
      Self.append("mid", String(mid, radix: 16), &output)
      if let sender {
        output.append(contentsOf: ",\"from\":\"".utf8)
        sender.connection.append(to: &output)
        output.append(UInt8(ascii: "\""))
        if let user = sender.user { Self.append("from_user", user, &output) }
      }
      output.append(contentsOf: ",\"data\":".utf8)
      output.append(contentsOf: data)
    case .disconnect(let target, let reason):
      Self.begin("disconnect", target, &output)
      if let reason { Self.append("reason", reason, &output) }
    case .evict(let connection): Self.begin("evict", .connection(connection), &output)
    case .join(let user, let room):
      Self.begin("join", .user(user), &output)
      Self.append("room", room.description, &output)
    case .kick(let user, let room):
      Self.begin("kick", .user(user), &output)
      Self.append("room", room.description, &output)
    case .describe(let target):
      Self.begin("describe", target, &output)
    case .rooms(let after, let limit):
      Self.begin("rooms", nil, &output)
      if let after { Self.append("after", after.description, &output) }
      Self.append("limit", limit, &output)
    case .top(let limit, let node):
      Self.begin("top", nil, &output)
      if let node { Self.append("node", node, &output) }
      Self.append("limit", limit, &output)
    case .revoke(let revocation):
      Self.begin("revoke", nil, &output)
      let record = RevocationRecord(revocation)
      Self.append("tokens", String(decoding: record.name, as: UTF8.self), &output)
      Self.append("issued_before", Int(record.issuedBefore), &output)
      Self.append("until", Int(record.until), &output)
    case .move(let member, let connection):
      Self.begin("move", .connection(member), &output)
      Self.append("to", connection.description, &output)
    }
    output.append(UInt8(ascii: "}"))
    return output
  }

  private static func begin(_ word: String, _ target: ControlTarget?, _ output: inout [UInt8]) {
    output.append(contentsOf: "{\"do\":\"".utf8)
    output.append(contentsOf: word.utf8)
    output.append(UInt8(ascii: "\""))
    switch target {
    case .user(let user): append("user", user, &output)
    case .connection(let connection): append("connection", connection.description, &output)
    case .everyone: output.append(contentsOf: ",\"everyone\":true".utf8)
    case nil: break
    }
  }

  private static func append(_ key: String, _ text: String, _ output: inout [UInt8]) {
    output.append(contentsOf: ",\"\(key)\":".utf8)
    JSONWriter.appendString(text, to: &output)
  }

  private static func append(_ key: String, _ number: Int, _ output: inout [UInt8]) {
    output.append(contentsOf: ",\"\(key)\":".utf8)
    JSONWriter.appendInteger(number, to: &output)
  }

  // MARK: Reading

  /// Reads what `json` writes; nil for anything else, and for more than `bytesMax` bytes.
  init?(reading text: [UInt8], bytesMax: Int) {
    guard text.count <= bytesMax else { return nil }
    let fields = JSONFields(text, depthMax: Bounds.requestDepthMax + 1)
    guard let fields, let word = fields.string("do", bytesMax: 16) else { return nil }
    let target = Self.target(fields)
    switch word {
    case "send":
      guard let target, let data = fields.raw("data") else { return nil }
      var sender: Member?
      if fields.has("from") {
        guard let text = fields.string("from", bytesMax: 40), let id = ConnectionID(text: text)
        else { return nil }
        sender = Member(connection: id, user: Self.user(fields, "from_user"), info: nil)
      }
      let mid = fields.string("mid", bytesMax: 16).flatMap { UInt64($0, radix: 16) }
      self = .send(target, data: data, sender: sender, mid: mid ?? 0)
    case "disconnect":
      guard let target else { return nil }
      let reason = fields.string("reason", bytesMax: 4 * Self.reasonCharactersMax)
      if fields.has("reason") { guard let reason, Self.isReason(reason) else { return nil } }
      self = .disconnect(target, reason: reason)
    case "evict":
      guard case .connection(let connection) = target else { return nil }
      self = .evict(connection)
    case "join", "kick":
      guard case .user(let user) = target, let room = Self.room(fields, "room") else { return nil }
      self = word == "join" ? .join(user: user, room) : .kick(user: user, room)
    case "describe":
      guard let target, target != .everyone else { return nil }
      self = .describe(target)
    case "rooms":
      let after = Self.room(fields, "after")
      guard after != nil || !fields.has("after"), let limit = Self.limit(fields) else { return nil }
      self = .rooms(after: after, limit: limit)
    case "top":
      let node = fields.string("node", bytesMax: Self.nodeBytesMax)
      guard node != nil || !fields.has("node"), let limit = Self.limit(fields) else { return nil }
      self = .top(limit: limit, node: node)
    case "revoke":
      guard let name = fields.string("tokens", bytesMax: RevocationRecord.nameBytesMax),
        let issuedBefore = fields.integer("issued_before"), let until = fields.integer("until"),
        let revocation = Revocation(
          RevocationRecord(name: Array(name.utf8), issuedBefore: issuedBefore, until: until))
      else { return nil }
      self = .revoke(revocation)
    case "move":
      guard case .connection(let member) = target,
        let connection = fields.string("to", bytesMax: 40).flatMap({ ConnectionID(text: $0) })
      else { return nil }
      self = .move(member, to: connection)
    default: return nil
    }
  }

  private static func target(_ fields: JSONFields) -> ControlTarget? {
    if let user = user(fields, "user") { return .user(user) }
    if let text = fields.string("connection", bytesMax: 40), let id = ConnectionID(text: text) {
      return .connection(id)
    }
    return fields.isTrue("everyone") ? .everyone : nil
  }

  private static func user(_ fields: JSONFields, _ key: String) -> String? {
    guard let user = fields.string(key, bytesMax: Identity.userBytesMax),
      Identity.isValidUser(Array(user.utf8))
    else { return nil }
    return user
  }

  private static func room(_ fields: JSONFields, _ key: String) -> RoomName? {
    fields.string(key, bytesMax: RoomName.bytesMax).flatMap { RoomName(text: $0) }
  }

  private static func limit(_ fields: JSONFields) -> Int? {
    guard let limit = fields.integer("limit"), (1...Int64(listMax)).contains(limit) else {
      return nil
    }
    return Int(limit)
  }
}
