// Which form of the metrics a scraper gets. Prometheus names the forms that it reads with weights
// (RFC 9110, 12.5.1); everybody else gets the plain text that a person can read.

import Telemetry

extension MetricsFormat {
  /// The form for who accepts these media ranges: OpenMetrics where it is named and weighs no less
  /// than plain text.
  ///
  /// Pure. A range that cannot be read counts for nothing.
  init(accepting ranges: [String]) {
    var openMetrics = 0
    var text = 0
    for range in ranges {
      let parts = range.split(separator: ";").map { Self.trimmed($0).lowercased() }
      guard let type = parts.first else { continue }
      let weight = Self.weight(parts.dropFirst())
      switch type {
      case "application/openmetrics-text":
        // A version that this is not would be read wrongly.
        let version = parts.first { $0.hasPrefix("version=") }?.dropFirst("version=".count)
        guard version == nil || version == "1.0.0" || version == "\"1.0.0\"" else { continue }
        openMetrics = max(openMetrics, weight)
      case "text/plain", "text/*", "*/*": text = max(text, weight)
      default: continue
      }
    }
    self = openMetrics > 0 && openMetrics >= text ? .openMetrics : .prometheus
  }

  /// The weight among a range's parameters, in thousandths: 1000 without one, 0 for one that is none.
  private static func weight(_ parameters: ArraySlice<String>) -> Int {
    guard let parameter = parameters.first(where: { $0.hasPrefix("q=") }) else { return 1000 }
    let digits = Array(parameter.dropFirst(2).utf8)
    // 0 or 1, then a point and up to three digits.
    guard (1...5).contains(digits.count), digits.count == 1 || digits[1] == UInt8(ascii: ".") else {
      return 0
    }
    var thousandths = 0
    var place = 1000
    for (position, digit) in digits.enumerated() where position != 1 {
      guard (48...57).contains(digit) else { return 0 }
      thousandths += Int(digit - 48) * place
      place /= 10
    }
    return thousandths <= 1000 ? thousandths : 0
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " || $0 == "\t" }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return text
  }
}
