// Moments and spans as people read and write them at a terminal.

import Telemetry

/// Texts of moments and spans.
enum TimeText {
  /// `2026-11-23T07:34:33Z` for seconds since 1970.
  static func utc(_ seconds: Int64) -> String {
    let (milliseconds, isOver) = seconds.multipliedReportingOverflow(by: 1000)
    let bound: Int64 = seconds < 0 ? .min : .max
    let text = CivilTime(millisecondsSinceEpoch: isOver ? bound : milliseconds).rfc3339
    return text.prefix { $0 != "." } + "Z"
  }

  /// `in 15 minutes`, `3 days ago` or `now` for so many seconds from now.
  static func relative(_ seconds: Int64) -> String {
    guard seconds != 0 else { return "now" }
    let text = span(seconds.magnitude)
    return seconds > 0 ? "in \(text)" : "\(text) ago"
  }

  /// `1 hour 30 minutes`: the two largest units of a number of seconds.
  static func span(_ seconds: UInt64) -> String {
    let units: [(name: String, seconds: UInt64)] = [
      ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1),
    ]
    guard let first = units.firstIndex(where: { seconds >= $0.seconds }) else { return "0 seconds" }
    var rest = seconds
    var words: [String] = []
    for unit in units[first...].prefix(2) {
      let count = rest / unit.seconds
      rest %= unit.seconds
      if count > 0 { words.append("\(count) \(unit.name)\(count == 1 ? "" : "s")") }
    }
    return words.joined(separator: " ")
  }

  /// The seconds of `90`, `90s`, `15m`, `1h30m` or `7d`; nil for anything else, and for more than a
  /// hundred years.
  static func seconds(of text: String) -> Int64? {
    var total: Int64 = 0
    var number: Int64?
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        let grown = (number ?? 0) * 10 + Int64(byte - UInt8(ascii: "0"))
        guard grown <= secondsMax else { return nil }
        number = grown
      default:
        guard let unit = unit(byte), let count = number else { return nil }
        let (product, isOver) = count.multipliedReportingOverflow(by: unit)
        guard !isOver, product <= secondsMax else { return nil }
        total += product
        number = nil
      }
      guard total <= secondsMax else { return nil }
    }
    // A number without a unit stands alone.
    if let number {
      guard total == 0, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
      return number
    }
    return text.isEmpty ? nil : total
  }

  private static let secondsMax: Int64 = 3_153_600_000

  private static func unit(_ letter: UInt8) -> Int64? {
    switch letter {
    case UInt8(ascii: "s"): 1
    case UInt8(ascii: "m"): 60
    case UInt8(ascii: "h"): 3600
    case UInt8(ascii: "d"): 86_400
    default: nil
    }
  }
}
