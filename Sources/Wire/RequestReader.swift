// Reads requests out of a text message: one JSON object or several in a row. Each object is read by
// itself, so that a mistake in one has its own answer; after a syntax error nothing more is read,
// because nobody knows where the next object would begin.

import RoostJSON
import RoostRooms

/// What the next look at a message found.
public enum RequestStep: Sendable, Equatable {
  /// An object, good or bad.
  case request(ParsedRequest)
  /// Broken JSON: the rest of the message is to be dropped.
  case syntaxError(RequestRejection)
  /// Nothing is left.
  case end
}

/// Bounds of a request.
public struct RequestLimits: Sendable, Equatable {
  /// Nesting of a request's JSON, its own braces included.
  public let depthMax: Int
  /// Bytes of an idempotency key.
  public let keyBytesMax: Int
  /// Bytes of `id` as it stands in the message.
  public let idBytesMax: Int
  /// Bytes of a token.
  public let tokenBytesMax: Int

  /// Puts limits together.
  public init(depthMax: Int, keyBytesMax: Int, idBytesMax: Int, tokenBytesMax: Int) {
    self.depthMax = depthMax
    self.keyBytesMax = keyBytesMax
    self.idBytesMax = idBytesMax
    self.tokenBytesMax = tokenBytesMax
  }
}

/// Reads the requests of one text message in order.
///
/// Pure.
public struct RequestReader: Sendable {
  private let scanner: JSONScanner
  private let limits: RequestLimits

  /// A reader with those bounds.
  public init(limits: RequestLimits) {
    self.limits = limits
    scanner = JSONScanner(depthMax: limits.depthMax)
  }

  /// The fields that any request may have, as they stand in the message; the last of a name wins.
  private struct Fields {
    var type: RawRange?
    var id: RawRange?
    var room: RawRange?
    var data: RawRange?
    var key: RawRange?
    var since: RawRange?
    var to: RawRange?
    var limit: RawRange?
    var reverse: RawRange?
    var after: RawRange?
    var token: RawRange?
  }

  /// Reads the object at `offset` and moves it behind the object.
  public func next(in text: borrowing Span<UInt8>, at offset: inout Int) -> RequestStep {
    let start = scanner.skipWhiteSpace(in: text, from: offset)
    guard start < text.count else {
      offset = start
      return .end
    }
    var fields = Fields()
    do {
      let object = try scanner.object(in: text, at: start) { key, value in
        note(key, value, in: text, &fields)
      }
      offset = object.end
    } catch {
      offset = text.count
      return .syntaxError(
        RequestRejection(
          .badRequest,
          "the message is not a row of JSON objects: \(error.reason) at byte \(error.offset)"))
    }
    return .request(request(from: fields, in: text))
  }

  private func note(
    _ key: RawRange, _ value: RawRange, in text: borrowing Span<UInt8>, _ fields: inout Fields
  ) {
    // Keys of other lengths cannot be one of ours; unknown fields are ignored.
    guard key.count >= 4, key.count <= 9 || key.hasEscapes else { return }
    if scanner.equals(key, "type", in: text) {
      fields.type = value
    } else if scanner.equals(key, "room", in: text) {
      fields.room = value
    } else if scanner.equals(key, "data", in: text) {
      fields.data = value
    } else if scanner.equals(key, "id", in: text) {
      fields.id = value
    } else if scanner.equals(key, "key", in: text) {
      fields.key = value
    } else if scanner.equals(key, "since", in: text) {
      fields.since = value
    } else if scanner.equals(key, "to", in: text) {
      fields.to = value
    } else if scanner.equals(key, "limit", in: text) {
      fields.limit = value
    } else if scanner.equals(key, "reverse", in: text) {
      fields.reverse = value
    } else if scanner.equals(key, "after", in: text) {
      fields.after = value
    } else if scanner.equals(key, "token", in: text) {
      fields.token = value
    }
  }

  private func request(from fields: Fields, in text: borrowing Span<UInt8>) -> ParsedRequest {
    var id: [UInt8]?
    if let raw = fields.id {
      guard raw.kind == .string || raw.kind == .number else {
        return rejected(nil, .badRequest, "`id` is a string or a number")
      }
      guard raw.count <= limits.idBytesMax else {
        return rejected(nil, .tooLarge, "`id` has at most \(limits.idBytesMax) bytes")
      }
      id = copy(raw, of: text)
    }
    guard let type = fields.type else {
      return rejected(id, .badRequest, "`type` is missing")
    }
    guard type.kind == .string else {
      return rejected(id, .badRequest, "`type` is a string")
    }
    do throws(RequestRejection) {
      return ParsedRequest(id: id, result: .success(try body(type, fields, in: text)))
    } catch {
      return ParsedRequest(id: id, result: .failure(error))
    }
  }

  private func body(
    _ type: RawRange, _ fields: Fields, in text: borrowing Span<UInt8>
  ) throws(RequestRejection) -> Request {
    if scanner.equals(type, "publish", in: text) {
      return .publish(
        try room(fields, in: text), data: try data(fields, in: text),
        key: try key(fields, in: text))
    }
    if scanner.equals(type, "join", in: text) {
      return .join(try room(fields, in: text), since: try since(fields, in: text))
    }
    if scanner.equals(type, "leave", in: text) { return .leave(try room(fields, in: text)) }
    if scanner.equals(type, "ping", in: text) { return .ping }
    if scanner.equals(type, "send", in: text) {
      return .send(to: try target(fields, in: text), data: try data(fields, in: text))
    }
    if scanner.equals(type, "presence", in: text) {
      return .presence(
        try room(fields, in: text), limit: try limit(fields, in: text),
        after: try after(fields, in: text))
    }
    if scanner.equals(type, "history", in: text) {
      return .history(
        try room(fields, in: text), since: try since(fields, in: text),
        limit: try limit(fields, in: text), reverse: try reverse(fields, in: text))
    }
    if scanner.equals(type, "auth", in: text) { return .auth(token: try token(fields, in: text)) }
    throw RequestRejection(
      .unknownType,
      "`type` is one of join, leave, publish, send, presence, history, auth, ping")
  }

  // MARK: Fields

  private func room(_ fields: Fields, in text: borrowing Span<UInt8>) throws(RequestRejection)
    -> RoomName
  {
    guard let raw = fields.room else { throw RequestRejection(.badRequest, "`room` is missing") }
    guard raw.kind == .string else { throw RequestRejection(.badRequest, "`room` is a string") }
    // Six bytes in the message for one in the name is the most that escapes can do.
    guard raw.count <= 6 * RoomName.bytesMax + 2 else {
      throw RequestRejection(.badRequest, RoomNameViolation.tooLong.reason)
    }
    do {
      return try RoomName(scanner.unescaped(raw, in: text))
    } catch {
      throw RequestRejection(.badRequest, error.reason)
    }
  }

  private func data(_ fields: Fields, in text: borrowing Span<UInt8>) throws(RequestRejection)
    -> [UInt8]
  {
    guard let raw = fields.data else { throw RequestRejection(.badRequest, "`data` is missing") }
    return copy(raw, of: text)
  }

  private func key(_ fields: Fields, in text: borrowing Span<UInt8>) throws(RequestRejection)
    -> [UInt8]?
  {
    guard let raw = fields.key, raw.kind != .null else { return nil }
    guard raw.kind == .string else { throw RequestRejection(.badRequest, "`key` is a string") }
    guard raw.count <= 6 * limits.keyBytesMax + 2 else { throw keyIsTooLong }
    let key = scanner.unescaped(raw, in: text)
    guard !key.isEmpty else { throw RequestRejection(.badRequest, "`key` is empty") }
    guard key.count <= limits.keyBytesMax else { throw keyIsTooLong }
    return key
  }

  private var keyIsTooLong: RequestRejection {
    RequestRejection(.badRequest, "`key` has at most \(limits.keyBytesMax) bytes")
  }

  private func since(_ fields: Fields, in text: borrowing Span<UInt8>) throws(RequestRejection)
    -> Position?
  {
    guard let raw = fields.since, raw.kind != .null else { return nil }
    let rejection = RequestRejection(
      .badRequest, "`since` is {\"epoch\": string, \"offset\": number} as `ok` or `reset` told it")
    guard raw.kind == .object else { throw rejection }
    var epochField: RawRange?
    var offsetField: RawRange?
    do {
      _ = try scanner.object(in: text, at: raw.start) { key, value in
        if scanner.equals(key, "epoch", in: text) {
          epochField = value
        } else if scanner.equals(key, "offset", in: text) {
          offsetField = value
        }
      }
    } catch {
      throw rejection
    }
    guard let epochField, epochField.kind == .string, let offsetField, offsetField.kind == .number,
      let offset = scanner.integer(offsetField, in: text), offset >= 0
    else { throw rejection }
    guard epochField.count <= 256 else { throw rejection }
    let digits = scanner.unescaped(epochField, in: text)
    // An epoch that nobody here ever wrote is not an error: it is one that cannot be recovered.
    let epoch = Epoch(text: digits.span) ?? Epoch(high: 0, low: 0)
    return Position(epoch: epoch, offset: UInt64(offset))
  }

  private func target(_ fields: Fields, in text: borrowing Span<UInt8>) throws(RequestRejection)
    -> SendTarget
  {
    let rejection = RequestRejection(
      .badRequest, "`to` is {\"user\": string} or {\"connection\": string}")
    guard let raw = fields.to, raw.kind == .object else { throw rejection }
    var user: RawRange?
    var connection: RawRange?
    do {
      _ = try scanner.object(in: text, at: raw.start) { key, value in
        if scanner.equals(key, "user", in: text) {
          user = value
        } else if scanner.equals(key, "connection", in: text) {
          connection = value
        }
      }
    } catch {
      throw rejection
    }
    guard (user == nil) != (connection == nil), let named = user ?? connection,
      named.kind == .string, named.count <= 6 * RoomName.bytesMax + 2
    else { throw rejection }
    let name = String(decoding: scanner.unescaped(named, in: text), as: UTF8.self)
    guard !name.isEmpty else { throw rejection }
    return user != nil ? .user(name) : .connection(name)
  }

  private func limit(_ fields: Fields, in text: borrowing Span<UInt8>) throws(RequestRejection)
    -> Int?
  {
    guard let raw = fields.limit, raw.kind != .null else { return nil }
    guard raw.kind == .number, let limit = scanner.integer(raw, in: text), limit >= 1 else {
      throw RequestRejection(.badRequest, "`limit` is a whole number from 1")
    }
    return Int(limit)
  }

  private func reverse(_ fields: Fields, in text: borrowing Span<UInt8>) throws(RequestRejection)
    -> Bool
  {
    guard let raw = fields.reverse, raw.kind != .null else { return false }
    guard raw.kind == .boolTrue || raw.kind == .boolFalse else {
      throw RequestRejection(.badRequest, "`reverse` is true or false")
    }
    return raw.kind == .boolTrue
  }

  private func after(_ fields: Fields, in text: borrowing Span<UInt8>) throws(RequestRejection)
    -> UInt64?
  {
    guard let raw = fields.after, raw.kind != .null else { return nil }
    guard raw.kind == .number, let after = scanner.integer(raw, in: text), after >= 0 else {
      throw RequestRejection(.badRequest, "`after` is the `next` of the page before")
    }
    return UInt64(after)
  }

  private func token(_ fields: Fields, in text: borrowing Span<UInt8>) throws(RequestRejection)
    -> [UInt8]
  {
    guard let raw = fields.token, raw.kind == .string else {
      throw RequestRejection(.badRequest, "`token` is a string")
    }
    guard raw.count <= limits.tokenBytesMax + 2 else {
      throw RequestRejection(.tooLarge, "`token` has at most \(limits.tokenBytesMax) bytes")
    }
    return scanner.unescaped(raw, in: text)
  }

  private func copy(_ raw: RawRange, of text: borrowing Span<UInt8>) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(raw.count)
    JSONWriter.appendValue(raw, in: text, to: &bytes)
    return bytes
  }

  private func rejected(_ id: [UInt8]?, _ code: ErrorCode, _ message: String) -> ParsedRequest {
    ParsedRequest(id: id, result: .failure(RequestRejection(code, message)))
  }
}
