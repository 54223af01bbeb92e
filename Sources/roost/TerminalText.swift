// Text for a terminal: how many columns it takes, and none of it able to steer the terminal. Names come
// from clients and from other nodes.

/// Measures, cuts and cleans text for a terminal.
enum TerminalText {
  /// The text without what a terminal would act upon or what would change the order of letters:
  /// control and format characters become `?`.
  static func clean(_ text: String) -> String {
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse,
        .unassigned:
        scalars.append("?")
      default: scalars.append(scalar)
      }
    }
    return String(scalars)
  }

  /// Columns that the text takes.
  static func columns(of text: String) -> Int {
    text.unicodeScalars.reduce(0) { $0 + columns(of: $1) }
  }

  /// The text in exactly that many columns: filled up with spaces, or cut with `…` at its end.
  static func fitted(_ text: String, _ width: Int, toTheRight: Bool = false) -> String {
    guard width > 0 else { return "" }
    let taken = columns(of: text)
    if taken <= width {
      let rest = String(repeating: " ", count: width - taken)
      return toTheRight ? rest + text : text + rest
    }
    let kept = prefix(text, width - 1)
    return kept + "…" + String(repeating: " ", count: width - 1 - columns(of: kept))
  }

  /// The beginning of a text that takes at most so many columns.
  static func prefix(_ text: String, _ width: Int) -> String {
    var taken = 0
    var scalars = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      taken += columns(of: scalar)
      if taken > width { break }
      scalars.append(scalar)
    }
    return String(scalars)
  }

  private static func columns(of scalar: Unicode.Scalar) -> Int {
    if scalar.isASCII { return 1 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: return isWide(scalar.value) ? 2 : 1
    }
  }

  /// Unicode's East Asian Width, W and F, as whole ranges.
  private static func isWide(_ value: UInt32) -> Bool {
    switch value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3,
      0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F,
      0x1F680...0x1F6FF, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
      true
    default: false
    }
  }

  /// A number in at most five columns.
  static func short(_ number: Double) -> String {
    guard number.isFinite, number > 0 else { return "0" }
    if number < 9.95 {
      let tenths = Int((number * 10).rounded())
      return tenths % 10 == 0 ? String(tenths / 10) : "\(tenths / 10).\(tenths % 10)"
    }
    return scaled(number, ["", "k", "M", "G", "T", "P"], step: 1000, from: 99_999)
  }

  /// Bytes in at most five columns.
  static func size(_ bytes: Double) -> String {
    guard bytes.isFinite, bytes > 0 else { return "0" }
    return scaled(bytes, ["", "K", "M", "G", "T", "P"], step: 1024, from: 9999)
  }

  private static func scaled(
    _ number: Double, _ units: [String], step: Double, from limit: Double
  ) -> String {
    guard number > limit else { return String(Int(number.rounded())) }
    var value = number
    var place = 0
    while value >= step - 0.5, place + 1 < units.count {
      value /= step
      place += 1
    }
    guard value < 9.95 else { return "\(Int(min(value, 9999).rounded()))\(units[place])" }
    let tenths = Int((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)\(units[place])"
  }
}
