// Settings that are lists of objects: keys of tokens, certificates. An object is a small set of texts
// under names of its own, so that one kind of setting serves all of them. What is written in one may
// be a secret in the wrong place, so that no message shows any of it.

import RoostJSON

/// One key of the objects that a setting lists.
public struct SettingField: Sendable, Equatable {
  /// What the text may be.
  public enum Kind: Sendable, Equatable {
    /// One of some words.
    case word([String])
    /// A text of 1 to so many bytes of UTF-8.
    case text(bytesMax: Int)
    /// A text of 1 to so many bytes that nobody is shown.
    case secret(bytesMax: Int)
    /// The path of a file, at most 4,096 bytes and without a NUL.
    case path
  }

  /// Its name.
  public let key: String
  /// What it accepts.
  public let kind: Kind
  /// Whether every object must have it.
  public let isRequired: Bool

  /// Puts a field together.
  public init(_ key: String, _ kind: Kind, isRequired: Bool = false) {
    self.key = key
    self.kind = kind
    self.isRequired = isRequired
  }

  /// Why a text is refused, continuing "`key` "; nil when it is accepted.
  func problem(with text: String) -> String? {
    switch kind {
    case .word(let words):
      return words.contains(text) ? nil : "is not one of " + words.joined(separator: ", ")
    case .text(let bytesMax), .secret(let bytesMax):
      return (1...bytesMax).contains(text.utf8.count) ? nil : "is not 1 to \(bytesMax) bytes long"
    case .path:
      guard (1...4096).contains(text.utf8.count), !text.utf8.contains(0) else {
        return "is not a path of 1 to 4096 bytes without a NUL"
      }
      return nil
    }
  }
}

/// One object of a setting that lists them: texts by their keys, in the order of the fields.
public struct SettingObject: Sendable, Equatable {
  private struct Member: Sendable, Equatable {
    let key: String
    let text: String
    let isSecret: Bool
  }

  private var members: [Member] = []

  /// The object with these texts; a key that no field has is left out.
  public init(_ texts: [String: String], fields: [SettingField]) {
    for field in fields {
      guard let text = texts[field.key] else { continue }
      var isSecret = false
      if case .secret = field.kind { isSecret = true }
      members.append(Member(key: field.key, text: text, isSecret: isSecret))
    }
  }

  /// The text of a key; nil when the object has none.
  public subscript(key: String) -> String? { members.first { $0.key == key }?.text }

  /// The keys that the object has, in the order of the fields.
  public var keys: [String] { members.map(\.key) }

  /// The object as JSON, on one line, with its secrets replaced.
  var json: String {
    let parts = members.map { member in
      let text = member.isSecret ? "\"***\"" : SettingValue.quoted(member.text)
      return SettingValue.quoted(member.key) + ": " + text
    }
    return "{" + parts.joined(separator: ", ") + "}"
  }

  /// Reads an object; the problem continues "number 2 ".
  static func read(
    _ tree: JSONTree, fields: [SettingField]
  ) throws(SettingObjectProblem) -> SettingObject {
    guard let members = tree.members else { throw SettingObjectProblem("is not an object") }
    var texts: [String: String] = [:]
    for (key, value) in members {
      guard fields.contains(where: { $0.key == key }) else {
        let known = fields.map(\.key).joined(separator: ", ")
        throw SettingObjectProblem("has an unknown key; its keys are \(known)")
      }
      guard let text = value.string else {
        throw SettingObjectProblem("has a `\(key)` that is not a string")
      }
      texts[key] = text
    }
    let object = SettingObject(texts, fields: fields)
    if let problem = object.problem(with: fields) { throw SettingObjectProblem(problem) }
    return object
  }

  /// Why an object is refused, continuing "number 2 "; nil when it is accepted.
  func problem(with fields: [SettingField]) -> String? {
    for field in fields {
      guard let text = self[field.key] else {
        if field.isRequired { return "has no `\(field.key)`" }
        continue
      }
      if let problem = field.problem(with: text) { return "has a `\(field.key)` that \(problem)" }
    }
    return nil
  }
}

/// Why an object is refused, without anything of what was written in it.
struct SettingObjectProblem: Error {
  let reason: String

  init(_ reason: String) { self.reason = reason }
}
