// From an HTTP request to a request of the server API: everything is checked here, and what is wrong
// is answered with a problem that names the part.

import Auth
import Backplane
import Gateway
import RoostHTTP
import RoostJSON
import RoostRooms
import RoostWire

/// Reads requests of the server API.
struct APIRequest {
  let head: RequestHead
  let body: [UInt8]
  let operation: APIOperation
  let parameters: [String: [UInt8]]
  /// Whose idempotency keys these are.
  let scope: [UInt8]
  let messageBytesMax: Int

  /// Rooms of one broadcast.
  static let broadcastRoomsMax = 1000
  /// An event's id: an epoch, a colon and an offset are fewer.
  private static let eventIDLengthMax = 64
  /// Nesting of a request body: that of a message's `data`, and the braces around it.
  private static let depthMax = 63

  /// What is to be done.
  func action() throws(Problem) -> AdminAction {
    guard operation == .streamEvents else { return .ask(try read(), operation) }
    // An id that nobody wrote is no error; one that nobody could have written is.
    let ids = [try query()["last_event_id"], head.fields.valueBytes(of: "Last-Event-ID")]
      .map { String(decoding: $0 ?? [], as: UTF8.self).unicodeScalars.count }
    guard ids.allSatisfy({ $0 <= Self.eventIDLengthMax }) else {
      throw Problem(
        .badRequest, "The last event's id has at most \(Self.eventIDLengthMax) characters.")
    }
    return .stream(try room(), since: EventStreamID.position(of: head))
  }

  /// Checks a request to this node alone: it has neither a query nor a body.
  func checkLocal() throws(Problem) {
    _ = try query()
    try checkKey()
    guard body.isEmpty else { throw Problem(.badRequest, "No body belongs here.") }
  }

  private func checkKey() throws(Problem) {
    if head.fields.count(of: "Idempotency-Key") > 0, !operation.takesKey {
      throw Problem(.badRequest, "Idempotency-Key is for publishes only.")
    }
  }

  private func read() throws(Problem) -> ServerRequest {
    let query = try query()
    try checkKey()
    switch operation {
    case .publishMessage:
      return .publish(try room(), try payload(), key: try key())
    case .broadcast: return try broadcast()
    case .listRooms:
      return .rooms(
        after: try query["after"].map { text throws(Problem) in try Self.room(text, "after") },
        limit: try limit(query, max: Node.listMax) ?? 100)
    case .readRoom: return .room(try room())
    case .readPresence:
      return .presence(
        try room(), limit: try limit(query, max: 100_000),
        after: try number(query, "after") ?? 0)
    case .readHistory:
      return .history(
        try room(), since: try since(query), limit: try limit(query, max: 100_000),
        reverse: try flag(query, "reverse"))
    case .clearHistory: return .clearHistory(try room())
    case .joinUser: return .join(user: try user(), try room())
    case .kickUser: return .kick(user: try user(), try room())
    case .sendToUser: return .send(user: try user(), data: try jsonBody())
    case .listConnections: return .connections(user: try user())
    case .disconnectUser: return .disconnectUser(try user(), reason: try reason(query))
    case .readConnection: return .connection(try connection())
    case .disconnectConnection:
      return .disconnect(try connection(), reason: try reason(query))
    case .streamEvents, .readDrain, .drain, .undrain:
      preconditionFailure("\(operation) is no request to the cluster")
    case .listNodes: return .nodes
    case .readTop:
      return .top(limit: try limit(query, max: 100) ?? 10, node: try node(query))
    case .revokeTokens: return try revocation()
    }
  }

  // MARK: Path

  private func room() throws(Problem) -> RoomName {
    try Self.room(parameters["room"] ?? [], "room")
  }

  private static func room(_ bytes: [UInt8], _ name: String) throws(Problem) -> RoomName {
    do {
      return try RoomName(bytes)
    } catch {
      throw Problem(.badRequest, "`\(name)` is no room's name: \(error.reason).")
    }
  }

  private func user() throws(Problem) -> String {
    let bytes = parameters["user"] ?? []
    guard Node.isUser(bytes) else {
      throw Problem(
        .badRequest, "`user` has 1 to 128 bytes of UTF-8 without control characters.")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func connection() throws(Problem) -> ConnectionID {
    let text = String(decoding: parameters["connection"] ?? [], as: UTF8.self)
    guard let connection = ConnectionID(text: text) else {
      throw Problem(status: 404, .notFound, "There is no such connection.")
    }
    return connection
  }

  // MARK: Query

  private func query() throws(Problem) -> [String: [UInt8]] {
    guard let items = head.queryItems() else {
      throw Problem(.badRequest, "The query has a malformed percent escape.")
    }
    var query: [String: [UInt8]] = [:]
    for (bytes, value) in items {
      let name = String(decoding: bytes, as: UTF8.self)
      guard operation.queryNames.contains(name) else {
        let known = operation.queryNames.map { "`\($0)`" }.joined(separator: ", ")
        throw Problem(
          .badRequest,
          "The query has the unknown name `\(name.prefix(64))`; here it may have "
            + (known.isEmpty ? "none." : "\(known)."))
      }
      guard query.updateValue(value, forKey: name) == nil else {
        throw Problem(.badRequest, "`\(name)` stands twice in the query.")
      }
    }
    return query
  }

  private func number(
    _ query: [String: [UInt8]], _ name: String
  ) throws(Problem) -> UInt64? {
    guard let value = query[name] else { return nil }
    let isDigits = !value.isEmpty && value.allSatisfy { (48...57).contains($0) }
    // As in JSON, where a number is a signed one.
    guard isDigits, value.count <= 20, let number = UInt64(String(decoding: value, as: UTF8.self)),
      number <= Int64.max
    else { throw Problem(.badRequest, "`\(name)` is a whole number from 0 to 2^63 - 1.") }
    return number
  }

  private func limit(_ query: [String: [UInt8]], max: Int) throws(Problem) -> Int? {
    guard query["limit"] != nil else { return nil }
    guard let number = try number(query, "limit"), (1...UInt64(max)).contains(number) else {
      throw Problem(.badRequest, "`limit` is a whole number from 1 to \(max).")
    }
    return Int(number)
  }

  private func flag(_ query: [String: [UInt8]], _ name: String) throws(Problem) -> Bool {
    switch query[name].map({ String(decoding: $0, as: UTF8.self) }) {
    case nil, "false": return false
    case "true": return true
    default: throw Problem(.badRequest, "`\(name)` is true or false.")
    }
  }

  private func since(_ query: [String: [UInt8]]) throws(Problem) -> Position? {
    let offset = try number(query, "since_offset")
    guard let digits = query["since_epoch"] else {
      guard offset == nil else {
        throw Problem(.badRequest, "`since_offset` needs `since_epoch`.")
      }
      return nil
    }
    guard let offset else { throw Problem(.badRequest, "`since_epoch` needs `since_offset`.") }
    guard let epoch = Epoch(text: digits.span) else {
      throw Problem(.badRequest, "`since_epoch` is 32 hexadecimal digits in lower case.")
    }
    return Position(epoch: epoch, offset: offset)
  }

  private func reason(_ query: [String: [UInt8]]) throws(Problem) -> String? {
    guard let bytes = query["reason"] else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self), Node.isReason(text) else {
      throw Problem(
        .badRequest, "`reason` has 1 to 30 characters, none of them a control character.")
    }
    return text
  }

  /// The id of a node that is there or not: no more is known about it here.
  private func node(_ query: [String: [UInt8]]) throws(Problem) -> String? {
    guard let bytes = query["node"] else { return nil }
    guard let text = String(validating: bytes, as: UTF8.self),
      (1...255).contains(text.unicodeScalars.count)
    else { throw Problem(.badRequest, "`node` is the id of a node: 1 to 255 characters.") }
    return text
  }

  // MARK: Body

  private func payload() throws(Problem) -> Payload {
    if mediaType == "application/octet-stream" {
      try checkSize(body.count)
      try checkCoding()
      return .binary(body)
    }
    return .json(try jsonBody(orBinary: true))
  }

  private func jsonBody(orBinary: Bool = false) throws(Problem) -> [UInt8] {
    try checkJSON(orBinary: orBinary)
    let scanner = JSONScanner(depthMax: Self.depthMax)
    let value: RawRange
    do throws(JSONViolation) {
      value = try scanner.document(in: body.span)
    } catch {
      throw Self.notJSON(error)
    }
    try checkSize(value.count)
    var data: [UInt8] = []
    data.reserveCapacity(value.count)
    JSONWriter.appendValue(value, in: body.span, to: &data)
    return data
  }

  private func broadcast() throws(Problem) -> ServerRequest {
    let fields = try fields(["rooms", "all", "data"])
    guard let data = fields.raw("data") else { throw Problem(.badRequest, "`data` is missing.") }
    try checkSize(data.count)
    guard fields.has("all") else {
      return .broadcast(try rooms(fields), data: data, key: try key())
    }
    guard fields.isTrue("all"), !fields.has("rooms") else {
      throw Problem(.badRequest, "`all` is true and stands without `rooms`.")
    }
    guard try key() == nil else {
      throw Problem(
        .badRequest, "Idempotency-Key has no effect with `all`: such messages have no room.")
    }
    return .broadcastAll(data: data)
  }

  /// Which tokens are taken back.
  private func revocation() throws(Problem) -> ServerRequest {
    let fields = try fields(["user", "token_id", "everything", "issued_before"])
    let targets = ["user", "token_id", "everything"].filter { fields.has($0) }
    guard targets.count == 1 else {
      throw Problem(.badRequest, "One of `user`, `token_id` and `everything` is given.")
    }
    let target: Revocation.Target
    switch targets[0] {
    case "user":
      guard let user = fields.string("user", bytesMax: 128), Node.isUser(Array(user.utf8)) else {
        throw Problem(
          .badRequest, "`user` has 1 to 128 bytes of UTF-8 without control characters.")
      }
      target = .user(user)
    case "token_id":
      guard let tokenID = fields.string("token_id", bytesMax: 128), !tokenID.isEmpty else {
        throw Problem(.badRequest, "`token_id` is a token's `jti`, 1 to 128 bytes.")
      }
      guard !fields.has("issued_before") else {
        throw Problem(.badRequest, "`issued_before` has no meaning for a single token.")
      }
      target = .token(tokenID)
    default:
      guard fields.isTrue("everything") else {
        throw Problem(.badRequest, "`everything` is true, or is left out.")
      }
      target = .everything
    }
    guard fields.has("issued_before") else { return .revoke(target, issuedBefore: nil) }
    guard let time = fields.integer("issued_before"), (1...32_503_680_000).contains(time) else {
      throw Problem(.badRequest, "`issued_before` is a time in whole seconds since 1970.")
    }
    return .revoke(target, issuedBefore: time)
  }

  /// The members of the body, a JSON object with no others than these.
  private func fields(_ names: [String]) throws(Problem) -> JSONFields {
    try checkJSON(orBinary: false)
    guard let fields = JSONFields(body, depthMax: Self.depthMax + 1) else {
      do throws(JSONViolation) {
        _ = try JSONScanner(depthMax: Self.depthMax + 1).document(in: body.span)
      } catch {
        throw Self.notJSON(error)
      }
      throw Problem(.badRequest, "The body is one JSON object in which no name stands twice.")
    }
    for name in fields.keys where !names.contains(name) {
      throw Problem(.badRequest, "The body has the unknown member `\(name.prefix(64))`.")
    }
    return fields
  }

  private func rooms(_ fields: JSONFields) throws(Problem) -> [RoomName] {
    guard fields.has("rooms") else {
      throw Problem(.badRequest, "`rooms` is missing, or `all`: true.")
    }
    let names = fields.strings(
      "rooms", countMax: Self.broadcastRoomsMax, bytesMax: RoomName.bytesMax)
    guard let names, !names.isEmpty else {
      throw Problem(
        .badRequest,
        "`rooms` is a list of 1 to \(Self.broadcastRoomsMax) names of at most 255 bytes.")
    }
    var rooms: [RoomName] = []
    for name in names { rooms.append(try Self.room(Array(name.utf8), "rooms")) }
    guard Set(rooms).count == rooms.count else {
      throw Problem(.badRequest, "A room stands twice in `rooms`.")
    }
    return rooms
  }

  private func checkSize(_ count: Int) throws(Problem) {
    guard count <= messageBytesMax else {
      throw Problem(
        .tooLarge, "A message has at most \(messageBytesMax) bytes (limits.message_bytes).")
    }
  }

  /// The type of the body in lower case, without parameters; nil when none is given.
  private var mediaType: String? {
    head.fields.value(of: "Content-Type").map { value in
      let type = value.prefix { $0 != ";" }.lowercased()
      return String(type.filter { $0 != " " && $0 != "\t" })
    }
  }

  private func checkJSON(orBinary: Bool) throws(Problem) {
    try checkCoding()
    if let type = mediaType, type != "application/json", !type.hasSuffix("+json") {
      throw Problem(
        status: 415, .unsupportedMediaType,
        "Content-Type is application/json here"
          + (orBinary ? ", or application/octet-stream for opaque bytes." : "."))
    }
  }

  private func checkCoding() throws(Problem) {
    guard head.fields.count(of: "Content-Encoding") == 0 else {
      throw Problem(status: 415, .unsupportedMediaType, "Content-Encoding is not supported.")
    }
  }

  private static func notJSON(_ violation: JSONViolation) -> Problem {
    Problem(
      .badRequest,
      "The body is not one JSON value: \(violation.reason) at byte \(violation.offset).")
  }

  private func key() throws(Problem) -> ScopedKey? {
    guard let key = head.fields.valueBytes(of: "Idempotency-Key") else { return nil }
    let isVisible = key.allSatisfy { (0x21...0x7E).contains($0) }
    guard isVisible, (1...Node.keyBytesMax).contains(key.count),
      head.fields.count(of: "Idempotency-Key") == 1
    else {
      throw Problem(
        .badRequest,
        "Idempotency-Key stands once and has 1 to \(Node.keyBytesMax) visible ASCII characters.")
    }
    return ScopedKey(scope: scope, key: key)
  }
}
