// Turns an event into the bytes of one line. Values may come from clients, so nothing in them may end
// the line, close a quote or play with a terminal; and the line is bounded, so that one write(2) to a
// pipe is atomic (PIPE_BUF is 4096 on Linux).

/// Renders log lines; pure.
struct LogLine {
  /// The longest line, its line feed included.
  static let bytesMax = 4096
  /// The longest message or text value after escaping, its mark included.
  static let valueBytesMax = 1024
  /// Ends a text that was cut.
  static let cutMark: [UInt8] = Array("…".utf8)
  /// Kept free for the count of fields left out, the closing brace and the line feed.
  private static let tailBytes = 48

  private let format: LogFormat
  private var bytes: [UInt8] = []
  private var fieldsLeftOut = 0

  private init(format: LogFormat) {
    self.format = format
    bytes.reserveCapacity(256)
  }

  /// Gives the line with its line feed, `bytesMax` bytes at most.
  ///
  /// A text beyond `valueBytesMax` ends with the mark; fields that find no room are left out, and
  /// `fields_left_out` says how many.
  static func render(
    _ format: LogFormat, time: CivilTime, level: LogLevel, event: String, message: String,
    fields: [LogField]
  ) -> [UInt8] {
    var line = LogLine(format: format)
    switch format {
    case .json:
      line.append("{\"time\":\"\(time.rfc3339)\",\"level\":\"\(level.rawValue)\",\"event\":")
      line.append(quoted(event))
      line.append(",\"message\":")
      line.append(quoted(message))
    case .text:
      line.append("\(time.rfc3339) \(level.rawValue)  ")
      line.append(escaped(event))
      line.append("  ")
      line.append(readsAsFields(message) ? quoted(message) : escaped(message))
    }
    for (position, field) in fields.enumerated() {
      line.add(field, isFirst: position == 0)
    }
    if line.fieldsLeftOut > 0 {
      let count = LogField("fields_left_out", line.fieldsLeftOut)
      line.append(line.rendered(count, isFirst: false))
    }
    line.append(format == .json ? "}\n" : "\n")
    precondition(line.bytes.count <= bytesMax, "log line of \(line.bytes.count) bytes")
    return line.bytes
  }

  private mutating func add(_ field: LogField, isFirst: Bool) {
    let addition = rendered(field, isFirst: isFirst)
    guard bytes.count + addition.count <= Self.bytesMax - Self.tailBytes else {
      fieldsLeftOut += 1
      return
    }
    bytes.append(contentsOf: addition)
  }

  private func rendered(_ field: LogField, isFirst: Bool) -> [UInt8] {
    var result: [UInt8]
    switch format {
    case .json: result = Array(",".utf8) + Self.quoted(field.key) + Array(":".utf8)
    case .text:
      result = Array((isFirst ? "  " : " ").utf8) + Self.escaped(field.key) + Array("=".utf8)
    }
    switch field.value {
    case .string(let text):
      let isBare = format == .text && Self.isBareWord(text)
      result += isBare ? Self.escaped(text) : Self.quoted(text)
    case .integer(let number): result += Array(String(number).utf8)
    case .boolean(let truth): result += Array(String(truth).utf8)
    case .double(let number):
      let isNull = format == .json && !number.isFinite
      result += Array((isNull ? "null" : number.description).utf8)
    }
    return result
  }

  private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
  private mutating func append(_ more: [UInt8]) { bytes.append(contentsOf: more) }

  // MARK: Escaping

  private static func quoted(_ text: String) -> [UInt8] {
    let quote = UInt8(ascii: "\"")
    return [quote] + escaped(text) + [quote]
  }

  /// Escapes as JSON does, and cuts between two characters when it grows too long.
  private static func escaped(_ text: String) -> [UInt8] {
    var result: [UInt8] = []
    // Where a cut that leaves room for the mark would be.
    var cutPosition = 0
    for scalar in text.unicodeScalars {
      appendEscaped(scalar, to: &result)
      if result.count <= valueBytesMax - cutMark.count { cutPosition = result.count }
      if result.count > valueBytesMax {
        result.removeSubrange(cutPosition...)
        return result + cutMark
      }
    }
    return result
  }

  private static func appendEscaped(_ scalar: Unicode.Scalar, to result: inout [UInt8]) {
    switch scalar {
    case "\"": result += Array("\\\"".utf8)
    case "\\": result += Array("\\\\".utf8)
    case "\n": result += Array("\\n".utf8)
    case "\r": result += Array("\\r".utf8)
    case "\t": result += Array("\\t".utf8)
    case _ where isUnsafeToShow(scalar):
      let digits = String(scalar.value, radix: 16)
      let padding = String(repeating: "0", count: 4 - digits.utf8.count)
      result += Array("\\u\(padding)\(digits)".utf8)
    default: result += Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
  }

  /// Control characters, line separators, and marks that reverse the direction of what follows.
  ///
  /// All lie below U+10000, so that four hexadecimal digits name them.
  private static func isUnsafeToShow(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x00...0x1F, 0x7F...0x9F, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xFEFF: true
    default: false
    }
  }

  /// Whether a value in a text line can do without quotes.
  private static func isBareWord(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"):
          true
        default: "-_.:/@+,[]%".utf8.contains(byte)
        }
      }
  }

  /// Whether a message in a text line could be taken for fields, or for the end of itself.
  private static func readsAsFields(_ message: String) -> Bool {
    var previous: UInt8 = 0
    for byte in message.utf8 {
      if byte == UInt8(ascii: "=") || byte == UInt8(ascii: "\"") { return true }
      if byte == UInt8(ascii: " "), previous == byte { return true }
      previous = byte
    }
    return false
  }
}
