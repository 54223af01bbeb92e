// JSON that compares by what it says: members in any order, numbers by their value. A scenario's "*" is
// any value, and "=NAME" is bound at first sight.

import RoostJSON

/// A JSON value without its place in a text.
enum PlainJSON: Hashable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([PlainJSON])
  case object([String: PlainJSON])

  /// Parses a text.
  init(_ text: [UInt8]) throws(JSONViolation) {
    self.init(try JSONTree(parsing: text, depthMax: 300, bytesMax: 64 << 20))
  }

  init(_ tree: JSONTree) {
    switch tree {
    case .null: self = .null
    case .bool(let value, _): self = .bool(value)
    case .number(_, _): self = .number(tree.double ?? .infinity)
    // "@N" in a scenario stands for N letters.
    case .string(let content, _):
      if content.first == "@", let count = Int(content.dropFirst()) {
        self = .string(String(repeating: "x", count: count))
      } else {
        self = .string(content)
      }
    case .array(let elements, _): self = .array(elements.map { PlainJSON($0) })
    case .object(let members, _):
      self = .object(
        Dictionary(members.map { ($0.key, PlainJSON($0.value)) }, uniquingKeysWith: { $1 }))
    }
  }

  subscript(key: String) -> PlainJSON? {
    if case .object(let members) = self { members[key] } else { nil }
  }

  var string: String? { if case .string(let content) = self { content } else { nil } }
  var integer: Int? { if case .number(let value) = self { Int(exactly: value) } else { nil } }
  var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
  var elements: [PlainJSON]? { if case .array(let elements) = self { elements } else { nil } }

  /// The same without some members.
  func without(_ keys: String...) -> PlainJSON {
    guard case .object(let members) = self else { return self }
    return .object(members.filter { !keys.contains($0.key) })
  }

  /// The same with another member.
  func with(_ key: String, _ value: PlainJSON?) -> PlainJSON {
    guard case .object(var members) = self else { return self }
    members[key] = value
    return .object(members)
  }

  /// Whether this is what `pattern` says; names are bound on the way.
  func matches(_ pattern: PlainJSON, _ names: inout [String: PlainJSON]) -> Bool {
    switch (self, pattern) {
    case (_, .string("*")): return true
    case (_, .string(let text)) where text.first == "=":
      let bound = names[text] ?? self
      names[text] = bound
      return bound == self
    case (.array(let own), .array(let wanted)):
      guard own.count == wanted.count else { return false }
      for (element, part) in zip(own, wanted) {
        guard element.matches(part, &names) else { return false }
      }
      return true
    case (.object(let own), .object(let wanted)):
      guard own.keys == wanted.keys else { return false }
      for (key, part) in wanted {
        guard own[key]?.matches(part, &names) == true else { return false }
      }
      return true
    default: return self == pattern
    }
  }

  /// The value's text.
  var text: String {
    switch self {
    case .null: return "null"
    case .bool(let value): return "\(value)"
    case .number(let value):
      return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
    case .string(let content):
      var text: [UInt8] = []
      JSONWriter.appendString(content, to: &text)
      return String(decoding: text, as: UTF8.self)
    case .array(let elements): return "[" + elements.map(\.text).joined(separator: ",") + "]"
    case .object(let members):
      let parts = members.sorted { $0.key < $1.key }
        .map { "\(PlainJSON.string($0.key).text):\($0.value.text)" }
      return "{" + parts.joined(separator: ",") + "}"
    }
  }
}
