// The members of a JSON object of which none may occur twice. The project's scanner leaves duplicates
// to its caller; in a token they are how two readers are made to see two different things
// (RFC 7515 4, RFC 7519 4), so that such a token is refused.

import RoostJSON

/// The members of one object, by name.
struct UniqueMembers {
  /// Members that an object of a token has at most.
  static let countMax = 100
  /// How deep the claims of a token nest at most.
  static let scanner = JSONScanner(depthMax: 16)

  private let members: [(name: [UInt8], value: RawRange)]

  /// Reads the object that starts at `offset`; behind it, only white space may follow when
  /// `isDocument`.
  init(
    of text: borrowing Span<UInt8>, at offset: Int, isDocument: Bool
  ) throws(TokenRejection) {
    var ranges: [(key: RawRange, value: RawRange)] = []
    do throws(JSONViolation) {
      let range = try Self.scanner.object(in: text, at: offset) { key, value in
        if ranges.count <= Self.countMax { ranges.append((key, value)) }
      }
      let end = Self.scanner.skipWhiteSpace(in: text, from: range.end)
      if isDocument, end != text.count { throw .trailingBytes(offset: end) }
    } catch {
      throw TokenRejection(.malformed)
    }
    guard ranges.count <= Self.countMax else { throw TokenRejection(.claim) }
    var names: Set<[UInt8]> = []
    var members: [(name: [UInt8], value: RawRange)] = []
    for (key, value) in ranges {
      let name = Self.scanner.unescaped(key, in: text)
      guard names.insert(name).inserted else { throw TokenRejection(.duplicate) }
      members.append((name, value))
    }
    self.members = members
  }

  /// The value of a member.
  subscript(name: String) -> RawRange? {
    members.first { $0.name.elementsEqual(name.utf8) }?.value
  }

  /// Whether every member has one of these names.
  func hasOnly(_ names: [String]) -> Bool {
    members.allSatisfy { member in names.contains { member.name.elementsEqual($0.utf8) } }
  }
}
