// What a test asks that looks at single clients: other pushes may come before an answer.

import TestSupport

extension TestClient {
  /// The next text of a type; others are passed over.
  func next(_ type: String) throws -> String {
    while true {
      let text = try text()
      if JSONText.value("type", of: text) == type { return text }
    }
  }

  /// Joins a room; the answer.
  @discardableResult
  func join(_ room: String) throws -> String {
    let name = room.replacing("\\", with: "\\\\")
    try send(#"{"type":"join","id":"join","room":"\#(name)"}"#)
    return try next("ok")
  }
}
