// What the harness reads of an object that a node sends: looked through once, without a tree,
// because this is done for every delivery.

import RoostJSON

/// The members of one object that matter to the judge.
struct WireObject {
  enum Kind {
    case welcome, ok, error, message, gap, reset, draining, other
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
    case 4 where Self.scanner.equals(key, "code", in: text): code = Self.string(value, text)
    case 5 where Self.scanner.equals(key, "epoch", in: text): epoch = Self.string(value, text)
    case 6 where Self.scanner.equals(key, "offset", in: text):
      offset = Self.scanner.integer(value, in: text)
    case 9 where Self.scanner.equals(key, "recovered", in: text):
      recovered = value.kind == .boolTrue
    case 14 where Self.scanner.equals(key, "retry_after_ms", in: text):
      retryAfterMilliseconds = Self.scanner.integer(value, in: text)
    default: break
    }
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
    if scanner.equals(value, "gap", in: text) { return .gap }
    if scanner.equals(value, "reset", in: text) { return .reset }
    if scanner.equals(value, "draining", in: text) { return .draining }
    return .other
  }
}
