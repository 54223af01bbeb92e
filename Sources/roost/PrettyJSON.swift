// JSON for people: a member a line. What stands in it may come from anybody, so that nothing in it may
// play with a terminal.

import RoostJSON

/// Writes documents with line breaks.
enum PrettyJSON {
  /// A document as text, with a line feed behind it.
  static func text(_ tree: JSONTree) -> String {
    var text = ""
    append(tree, indent: 0, to: &text)
    return text + "\n"
  }

  /// A document on one line.
  static func line(_ tree: JSONTree) -> String {
    switch tree {
    case .object(let members, _):
      "{" + members.map { quoted($0.key) + ":" + line($0.value) }.joined(separator: ",") + "}"
    case .array(let elements, _): "[" + elements.map(line).joined(separator: ",") + "]"
    case .string(let content, _): quoted(content)
    case .number(let digits, _): digits
    case .bool(let value, _): value ? "true" : "false"
    case .null: "null"
    }
  }

  /// An object of members in their order.
  static func object(_ members: [(key: String, value: JSONTree)]) -> JSONTree {
    .object(members, offset: 0)
  }

  /// A string.
  static func string(_ content: String) -> JSONTree { .string(content, offset: 0) }

  /// An integer.
  static func number(_ number: Int) -> JSONTree { .number(String(number), offset: 0) }

  /// A string in quotes; control characters of all kinds are escaped.
  static func quoted(_ content: String) -> String {
    var bytes: [UInt8] = []
    JSONWriter.appendString(content, to: &bytes)
    var text = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  private static func append(_ tree: JSONTree, indent: Int, to text: inout String) {
    switch tree {
    case .object(let members, _):
      let items = members.map { (quoted($0.key) + ": ", $0.value) }
      appendItems(items, "{", "}", indent, to: &text)
    case .array(let elements, _):
      appendItems(elements.map { ("", $0) }, "[", "]", indent, to: &text)
    case .string(let content, _): text += quoted(content)
    case .number(let digits, _): text += digits
    case .bool(let value, _): text += value ? "true" : "false"
    case .null: text += "null"
    }
  }

  private static func appendItems(
    _ items: [(prefix: String, value: JSONTree)], _ open: String, _ close: String, _ indent: Int,
    to text: inout String
  ) {
    text += open
    let margin = "\n" + String(repeating: " ", count: indent + 2)
    for (place, item) in items.enumerated() {
      text += (place == 0 ? "" : ",") + margin + item.prefix
      append(item.value, indent: indent + 2, to: &text)
    }
    if !items.isEmpty { text += "\n" + String(repeating: " ", count: indent) }
    text += close
  }
}
