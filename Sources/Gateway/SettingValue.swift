// The few shapes that a setting's value can have, and how each is written in JSON.

import RoostJSON

/// The value of one setting.
public enum SettingValue: Sendable, Equatable {
  /// A whole number.
  case integer(Int)
  /// A time, in whole milliseconds.
  case seconds(Duration)
  /// Yes or no.
  case boolean(Bool)
  /// A word, a name or an address.
  case text(String)
  /// Several texts.
  case list([String])
  /// Several texts that nobody is shown.
  case secrets([String])
  /// One text that nobody is shown.
  case secret(String)
  /// Several objects, whose secrets nobody is shown.
  case objects([SettingObject])

  /// The value as JSON, on one line; times are numbers of seconds.
  public var json: String {
    switch self {
    case .integer(let number): return String(number)
    case .seconds(let duration): return Self.secondsText(duration)
    case .boolean(let value): return value ? "true" : "false"
    case .text(let text): return Self.quoted(text)
    case .list(let texts): return "[" + texts.map(Self.quoted).joined(separator: ", ") + "]"
    case .secrets(let texts):
      return "[" + texts.map { _ in "\"***\"" }.joined(separator: ", ") + "]"
    case .secret(let text): return text.isEmpty ? "\"\"" : "\"***\""
    case .objects(let objects):
      return "[" + objects.map(\.json).joined(separator: ", ") + "]"
    }
  }

  /// A time of whole milliseconds as a decimal number of seconds, without needless zeros.
  static func secondsText(_ duration: Duration) -> String {
    let (seconds, attoseconds) = duration.components
    let milliseconds = attoseconds.magnitude / 1_000_000_000_000_000
    let sign = duration < .zero ? "-" : ""
    guard milliseconds > 0 else { return sign + String(seconds.magnitude) }
    var digits = String(milliseconds + 1000).dropFirst()
    while digits.last == "0" { digits.removeLast() }
    return "\(sign)\(seconds.magnitude).\(digits)"
  }

  /// A string in quotes; also how messages show what somebody wrote, so that nothing in it can
  /// disturb a terminal or a log.
  static func quoted(_ text: String) -> String {
    var bytes: [UInt8] = []
    JSONWriter.appendString(text, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }
}
