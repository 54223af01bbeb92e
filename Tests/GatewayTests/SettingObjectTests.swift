// Lists of objects as settings: what is accepted, what is said about the rest, and what is never
// shown.

import RoostJSON
import Testing

@testable import Gateway

struct SettingObjectTests {
  static let fields = [
    SettingField("name", .text(bytesMax: 4)), SettingField("color", .word(["red", "blue"])),
    SettingField("file", .path, isRequired: true), SettingField("word", .secret(bytesMax: 8)),
  ]

  private func read(_ json: String) throws -> SettingKind.Reading {
    SettingKind.objects(Self.fields, countMax: 2)
      .read(try JSONTree(parsing: Array(json.utf8), depthMax: 4, bytesMax: 65_536))
  }

  private func objects(_ json: String) throws -> [SettingObject] {
    guard case .accepted(.objects(let objects)) = try read(json) else {
      Issue.record("\(json) was refused: \(try read(json))")
      return []
    }
    return objects
  }

  @Test func `objects keep their texts in the order of the fields`() throws {
    let objects = try objects(
      #"[{"word": "secret", "file": "/a", "color": "red", "name": "abcd"}, {"file": "b"}]"#)
    try #require(objects.count == 2)
    #expect(objects[0].keys == ["name", "color", "file", "word"])
    #expect(objects[0]["word"] == "secret")
    #expect(objects[1].keys == ["file"])
    #expect(objects[1]["name"] == nil)
  }

  @Test func `a secret is never shown`() throws {
    let objects = try objects(#"[{"word": "secret", "file": "/a"}]"#)
    #expect(
      SettingValue.objects(objects).json == #"[{"file": "/a", "word": "***"}]"#)
  }

  @Test(arguments: [
    (#"{}"#, "this is not a list of objects with the keys name, color, file (required), word"),
    (
      #""secret""#, "this is not a list of objects with the keys name, color, file (required), word"
    ),
    (#"["secret"]"#, "number 1 is not an object"),
    (#"[{"file": "a"}, {}]"#, "number 2 has no `file`"),
    (#"[{"file": 1}]"#, "number 1 has a `file` that is not a string"),
    (
      #"[{"file": "a", "secret": "b"}]"#,
      "number 1 has an unknown key; its keys are name, color, file, word"
    ),
    (
      #"[{"file": "a", "color": "secret"}]"#,
      "number 1 has a `color` that is not one of red, blue"
    ),
    (#"[{"file": "a", "name": "abcde"}]"#, "number 1 has a `name` that is not 1 to 4 bytes long"),
    (#"[{"file": "a", "name": ""}]"#, "number 1 has a `name` that is not 1 to 4 bytes long"),
    (
      #"[{"file": "a", "word": "secretsecret"}]"#,
      "number 1 has a `word` that is not 1 to 8 bytes long"
    ),
    (
      #"[{"file": "a\u0000"}]"#,
      "number 1 has a `file` that is not a path of 1 to 4096 bytes without a NUL"
    ),
    (#"[{"file": "a"}, {"file": "a"}, {"file": "a"}]"#, "more than 2"),
  ])
  func `a mistake is named without what was written`(json: String, reason: String) throws {
    guard case .rejected(let found) = try read(json) else {
      Issue.record("\(json) was accepted")
      return
    }
    #expect(found == reason)
    #expect(!found.contains("secret"))
  }

  @Test func `objects made in code are checked like those of a file`() {
    let kind = SettingKind.objects(Self.fields, countMax: 2)
    guard
      case .rejected(let reason) = kind.check(
        .objects([SettingObject(["file": "a", "name": "abcde"], fields: Self.fields)]))
    else {
      Issue.record("it was accepted")
      return
    }
    #expect(reason == "number 1 has a `name` that is not 1 to 4 bytes long")
  }

  @Test func `a variable holds the list as JSON`() throws {
    let kind = SettingKind.objects(Self.fields, countMax: 2)
    let tree = kind.tree(ofText: #"[{"file": "a"}]"#)
    guard case .accepted(.objects(let objects)) = kind.read(tree) else {
      Issue.record("it was refused")
      return
    }
    #expect(objects.map { $0["file"] } == ["a"])
    guard case .rejected = kind.read(kind.tree(ofText: "[{")) else {
      Issue.record("half an object was accepted")
      return
    }
  }
}
