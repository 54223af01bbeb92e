// One object of the server, looked through once: where its members stand, so that `data` is copied out
// byte for byte and everything else is read only when it is needed. The server is a stranger, too:
// what is not as the protocol says is not there.

import RoostJSON

/// The members of one object from the server.
///
/// Good for the text that it was read from only.
struct ServerObject {
  /// The `type`.
  enum Kind: String {
    case ok, pong, error, welcome, message, direct, joined, left, members, expiring, added, removed
    case gap, reset, draining
    case presenceReset = "presence_reset"
  }

  private static let scanner = JSONScanner(depthMax: JSONValue.depthMax)

  /// Nil for a type that this version does not know.
  private(set) var kind: Kind?
  /// The client's own number of the request that this answers.
  private(set) var id: UInt64?

  private var members: [(key: RawRange, value: RawRange)] = []

  /// Looks through a text; nil when it is not one object.
  init?(_ text: borrowing Span<UInt8>) {
    members.reserveCapacity(8)
    do throws(JSONViolation) {
      let range = try Self.scanner.object(in: text, at: 0) { members.append(($0, $1)) }
      guard Self.scanner.skipWhiteSpace(in: text, from: range.end) == text.count else { return nil }
    } catch {
      return nil
    }
    guard let type = range("type", text), type.kind == .string else { return }
    let name = String(decoding: Self.scanner.unescaped(type, in: text), as: UTF8.self)
    kind = Kind(rawValue: name)
    id = unsigned("id", text)
  }

  /// Where a member's value stands; of a key that occurs twice, the last one.
  func range(_ key: String, _ text: borrowing Span<UInt8>) -> RawRange? {
    for index in members.indices.reversed()
    where Self.scanner.equals(members[index].key, key, in: text) {
      return members[index].value
    }
    return nil
  }

  /// A string's content.
  func string(_ key: String, _ text: borrowing Span<UInt8>) -> String? {
    bytes(key, text).map { String(decoding: $0, as: UTF8.self) }
  }

  /// A string's content as UTF-8.
  func bytes(_ key: String, _ text: borrowing Span<UInt8>) -> [UInt8]? {
    guard let found = range(key, text), found.kind == .string else { return nil }
    return Self.scanner.unescaped(found, in: text)
  }

  /// An integer.
  func integer(_ key: String, _ text: borrowing Span<UInt8>) -> Int64? {
    range(key, text).flatMap { Self.scanner.integer($0, in: text) }
  }

  /// An integer that is not negative.
  func unsigned(_ key: String, _ text: borrowing Span<UInt8>) -> UInt64? {
    integer(key, text).flatMap { UInt64(exactly: $0) }
  }

  /// A count that is not negative.
  func count(_ key: String, _ text: borrowing Span<UInt8>) -> Int? {
    integer(key, text).flatMap { $0 >= 0 ? Int(exactly: $0) : nil }
  }

  /// Milliseconds, from zero to a day.
  func milliseconds(_ key: String, _ text: borrowing Span<UInt8>) -> Duration? {
    integer(key, text).map { .milliseconds(min(max($0, 0), 86_400_000)) }
  }

  /// `true` or `false`.
  func bool(_ key: String, _ text: borrowing Span<UInt8>) -> Bool? {
    switch range(key, text)?.kind {
    case .boolTrue: true
    case .boolFalse: false
    default: nil
    }
  }

  /// Any value.
  func value(_ key: String, _ text: borrowing Span<UInt8>) -> JSONValue? {
    range(key, text).map { Self.copy($0, text) }
  }

  /// `epoch` and `offset`, where both are there.
  func position(_ text: borrowing Span<UInt8>) -> RoomPosition? {
    guard let epoch = string("epoch", text), let offset = unsigned("offset", text) else {
      return nil
    }
    return RoomPosition(epoch: epoch, offset: offset)
  }

  /// A ticket that can stand in a header: 1 to 600 letters of base64url.
  func ticket(_ text: borrowing Span<UInt8>) -> String? {
    guard let ticket = string("ticket", text), (1...600).contains(ticket.utf8.count) else {
      return nil
    }
    let isBase64 = ticket.utf8.allSatisfy { letter in
      switch letter {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    return isBase64 ? ticket : nil
  }

  /// What a message is known again by on another connection, at most 40 bytes.
  func mark(_ text: borrowing Span<UInt8>) -> String? {
    guard let mark = string("mid", text), mark.utf8.count <= 40 else { return nil }
    return mark
  }

  /// A connection under a key.
  func member(_ key: String, _ text: borrowing Span<UInt8>) -> ClientMember? {
    range(key, text).flatMap { Self.member($0, text) }
  }

  static func member(_ range: RawRange, _ text: borrowing Span<UInt8>) -> ClientMember? {
    guard range.kind == .object else { return nil }
    var fields: [(key: RawRange, value: RawRange)] = []
    _ = try? scanner.object(in: text, at: range.start) { fields.append(($0, $1)) }
    var member = ClientMember(connection: "")
    for (key, value) in fields {
      if scanner.equals(key, "connection", in: text) {
        member.connection = content(value, text) ?? ""
      } else if scanner.equals(key, "user", in: text) {
        member.user = content(value, text)
      } else if scanner.equals(key, "info", in: text) {
        member.info = copy(value, text)
      }
    }
    return member
  }

  private static func content(_ range: RawRange, _ text: borrowing Span<UInt8>) -> String? {
    guard range.kind == .string else { return nil }
    return String(decoding: scanner.unescaped(range, in: text), as: UTF8.self)
  }

  private static func copy(_ range: RawRange, _ text: borrowing Span<UInt8>) -> JSONValue {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(range.count)
    JSONWriter.appendValue(range, in: text, to: &bytes)
    return JSONValue(validated: bytes)
  }

  /// The whole object's text.
  static func whole(_ text: borrowing Span<UInt8>) -> JSONValue? {
    guard let range = try? scanner.document(in: text) else { return nil }
    return copy(range, text)
  }
}
