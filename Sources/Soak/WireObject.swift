// What the harness reads of an object that a node sends: looked through once, without a tree,
// because this is done for every delivery.

import RoostJSON

/// The members of one object that matter to the judge.
struct WireObject {
  enum Kind {
    case welcome, ok, error, message, joined, left, gap, presenceReset, reset, draining, other
  }

  private static let scanner = JSONScanner(depthMax: 32)

  private(set) var kind = Kind.other
  /// The number of the request that this answers; -1 for none.
  private(set) var id: Int64 = -1
  private(set) var room: [UInt8]?
  private(set) var epoch: String?
  private(set) var offset: Int64?
  private(set) var recovered: Bool?
  private(set) var code: String?
  private(set) var retryAfterMilliseconds: Int64?
  /// Where the content of `data` stands when it is a string without escapes.
  private(set) var data: Range<Int>?
  /// The id of this connection in a `welcome`, and of another one in `joined` and `left`.
  private(set) var connection: String?
  /// The name of the node in a `welcome`.
  private(set) var node: String?
  /// Where the list of a room's members stands.
  private var list: RawRange?

  /// Looks through a text; nil when it is no object.
  init?(_ text: borrowing Span<UInt8>) {
    var fields: [(key: RawRange, value: RawRange)] = []
    fields.reserveCapacity(8)
    do throws(JSONViolation) {
      _ = try Self.scanner.object(in: text, at: 0) { fields.append(($0, $1)) }
    } catch {
      return nil
    }
    for (key, value) in fields { take(key, value, text) }
  }

  private mutating func take(
    _ key: RawRange, _ value: RawRange, _ text: borrowing Span<UInt8>
  ) {
    // The keys' contents stand between quotation marks: their length tells most of them apart.
    switch key.count - 2 {
    case 2 where Self.scanner.equals(key, "id", in: text):
      id = Self.scanner.integer(value, in: text) ?? -1
    case 4 where Self.scanner.equals(key, "type", in: text): kind = Self.kind(value, text)
    case 4 where Self.scanner.equals(key, "room", in: text):
      room = Self.scanner.unescaped(value, in: text)
    case 4 where Self.scanner.equals(key, "data", in: text):
      if value.kind == .string, !value.hasEscapes { data = value.start + 1..<value.end - 1 }
    case 4 where Self.scanner.equals(key, "node", in: text): node = Self.string(value, text)
    case 4 where Self.scanner.equals(key, "code", in: text): code = Self.string(value, text)
    case 5 where Self.scanner.equals(key, "epoch", in: text): epoch = Self.string(value, text)
    case 6 where Self.scanner.equals(key, "offset", in: text):
      offset = Self.scanner.integer(value, in: text)
    case 6 where Self.scanner.equals(key, "member", in: text):
      connection = Self.connection(of: value, text)
    case 7 where Self.scanner.equals(key, "members", in: text):
      if value.kind == .array { list = value }
    case 9 where Self.scanner.equals(key, "recovered", in: text):
      recovered = value.kind == .boolTrue
    case 10 where Self.scanner.equals(key, "connection", in: text):
      connection = Self.string(value, text)
    case 14 where Self.scanner.equals(key, "retry_after_ms", in: text):
      retryAfterMilliseconds = Self.scanner.integer(value, in: text)
    default: break
    }
  }

  /// The ids of a list of members; nil when there is none.
  func members(in text: borrowing Span<UInt8>) -> [String]? {
    guard let list else { return nil }
    var elements: [RawRange] = []
    do throws(JSONViolation) {
      _ = try Self.scanner.array(in: text, at: list.start) { elements.append($0) }
    } catch {
      return nil
    }
    return elements.compactMap { Self.connection(of: $0, text) }
  }

  /// The id in a member's object.
  private static func connection(
    of object: RawRange, _ text: borrowing Span<UInt8>
  ) -> String? {
    guard object.kind == .object else { return nil }
    var fields: [(key: RawRange, value: RawRange)] = []
    do throws(JSONViolation) {
      _ = try scanner.object(in: text, at: object.start) { fields.append(($0, $1)) }
    } catch {
      return nil
    }
    for (key, value) in fields where scanner.equals(key, "connection", in: text) {
      return string(value, text)
    }
    return nil
  }

  private static func string(_ value: RawRange, _ text: borrowing Span<UInt8>) -> String? {
    guard value.kind == .string else { return nil }
    return String(decoding: scanner.unescaped(value, in: text), as: UTF8.self)
  }

  private static func kind(_ value: RawRange, _ text: borrowing Span<UInt8>) -> Kind {
    if scanner.equals(value, "message", in: text) { return .message }
    if scanner.equals(value, "ok", in: text) { return .ok }
    if scanner.equals(value, "error", in: text) { return .error }
    if scanner.equals(value, "welcome", in: text) { return .welcome }
    if scanner.equals(value, "joined", in: text) { return .joined }
    if scanner.equals(value, "left", in: text) { return .left }
    if scanner.equals(value, "gap", in: text) { return .gap }
    if scanner.equals(value, "presence_reset", in: text) { return .presenceReset }
    if scanner.equals(value, "reset", in: text) { return .reset }
    if scanner.equals(value, "draining", in: text) { return .draining }
    return .other
  }
}
