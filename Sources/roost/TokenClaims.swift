// The claims of a token that `roost token make` writes: those of RFC 7519 4.1 that a node looks at,
// and Roost's own `rooms` and `info`.

import Auth
import RoostJSON

/// What a new token says.
struct TokenClaims: Equatable {
  /// One pattern of rooms with what may be done in them.
  struct Rule: Equatable {
    let pattern: String
    let actions: [RoomAction]

    /// Reads `chat:*=join,publish`; the pattern may have an equals sign itself.
    init(_ text: String) throws(CommandMistake) {
      guard let equals = text.lastIndex(of: "=") else {
        throw CommandMistake("--room \(text) has no actions: PATTERN=ACTION,ACTION")
      }
      pattern = String(text[..<equals])
      guard RoomPattern(Array(pattern.utf8)) != nil else {
        throw CommandMistake("a pattern of --room has 1 to \(RoomPattern.bytesMax) bytes")
      }
      let known = RoomAction.allCases.map(\.rawValue)
      var actions: [RoomAction] = []
      let words = text[text.index(after: equals)...].split(
        separator: ",", omittingEmptySubsequences: false)
      for word in words {
        guard let action = RoomAction(rawValue: String(word)) else {
          throw CommandMistake(
            "--room \(text): an action is one of \(known.joined(separator: ", "))")
        }
        if !actions.contains(action) { actions.append(action) }
      }
      self.actions = actions
    }
  }

  /// Bytes of `info`, as a node takes them.
  static let infoBytesMax = 1024
  /// Bytes of `jti`.
  static let tokenIDBytesMax = 128

  var user: String
  var issuedAt: Int64
  var expiresAt: Int64
  var notBefore: Int64?
  var issuer: String?
  var audiences: [String] = []
  var rules: [Rule] = []
  /// JSON text.
  var info: [UInt8]?
  var tokenID: String?

  /// The claims as JSON text on one line.
  func json() -> [UInt8] {
    var output = Array(#"{"sub":"#.utf8)
    JSONWriter.appendString(user, to: &output)
    append("iat", issuedAt, to: &output)
    if let notBefore { append("nbf", notBefore, to: &output) }
    append("exp", expiresAt, to: &output)
    if let issuer { append("iss", issuer, to: &output) }
    if let only = audiences.first, audiences.count == 1 {
      append("aud", only, to: &output)
    } else if !audiences.isEmpty {
      output += Array(#","aud":"#.utf8)
      append(audiences, to: &output)
    }
    if let tokenID { append("jti", tokenID, to: &output) }
    if let info { output += Array(#","info":"#.utf8) + info }
    if !rules.isEmpty {
      output += Array(#","rooms":["#.utf8)
      for (place, rule) in rules.enumerated() {
        output += Array((place == 0 ? "" : ",").utf8) + Array(#"{"pattern":"#.utf8)
        JSONWriter.appendString(rule.pattern, to: &output)
        output += Array(#","allow":"#.utf8)
        append(rule.actions.map(\.rawValue), to: &output)
        output.append(UInt8(ascii: "}"))
      }
      output.append(UInt8(ascii: "]"))
    }
    output.append(UInt8(ascii: "}"))
    return output
  }

  /// JSON text on one line and within the size of `info`, or why it is none.
  static func checkedInfo(_ text: String) throws(CommandMistake) -> [UInt8] {
    let bytes = Array(text.utf8)
    var info: [UInt8] = []
    do throws(JSONViolation) {
      let range = try JSONScanner(depthMax: 14).document(in: bytes.span)
      JSONWriter.appendValue(range, in: bytes.span, to: &info)
    } catch {
      throw CommandMistake("--info is no JSON: \(error.reason) at byte \(error.offset)")
    }
    guard info.count <= infoBytesMax else {
      throw CommandMistake("--info has more than \(infoBytesMax) bytes")
    }
    return info
  }

  private func append(_ name: String, _ number: Int64, to output: inout [UInt8]) {
    output += Array(",\"\(name)\":\(number)".utf8)
  }

  private func append(_ name: String, _ text: String, to output: inout [UInt8]) {
    output += Array(",\"\(name)\":".utf8)
    JSONWriter.appendString(text, to: &output)
  }

  private func append(_ texts: [String], to output: inout [UInt8]) {
    output.append(UInt8(ascii: "["))
    for (place, text) in texts.enumerated() {
      if place > 0 { output.append(UInt8(ascii: ",")) }
      JSONWriter.appendString(text, to: &output)
    }
    output.append(UInt8(ascii: "]"))
  }
}
