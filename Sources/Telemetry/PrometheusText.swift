// The two text forms in which metrics are read: Prometheus' exposition format 0.0.4 and OpenMetrics
// 1.0, which differ in the names of families and in an end mark. Written in one go for each scrape, in
// the order in which the caller names the families.

/// What a family of metrics is, as its TYPE line says.
public enum MetricType: String, Sendable {
  /// Only grows, or starts anew at zero.
  case counter
  /// Rises and falls.
  case gauge
  /// Counts by bucket.
  case histogram
  /// Always 1; its labels tell what does not change while the process lives.
  case info
}

/// A text form of metrics.
public enum MetricsFormat: CaseIterable, Sendable {
  /// Prometheus text 0.0.4.
  case prometheus
  /// OpenMetrics text 1.0.
  case openMetrics

  /// The media type under which it is served.
  public var contentType: String {
    switch self {
    case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
    case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
    }
  }
}

/// Writes metrics as Prometheus text, or as OpenMetrics.
///
/// Names are the program's own: a bad or repeated one is a bug and traps. Label values and help texts
/// may hold anything and are escaped. Owned by the thread that answers the scrape.
public struct PrometheusText: Sendable {
  /// The form that is written.
  public let format: MetricsFormat

  /// All that was written so far; each line ends with a line feed.
  public private(set) var bytes: [UInt8] = []

  private var familyNames: Set<String> = []
  private var name = ""
  private var type: MetricType?

  /// Starts an empty text.
  public init(_ format: MetricsFormat = .prometheus) { self.format = format }

  /// Marks the end, where the format has a mark for it: what was cut off is then seen as such.
  ///
  /// Once, behind the last sample.
  public mutating func finish() {
    if format == .openMetrics { append("# EOF\n") }
  }

  /// Opens a family: its HELP and TYPE lines.
  ///
  /// All samples up to the next family belong to it.
  public mutating func family(_ name: String, _ type: MetricType, help: String) {
    precondition(Self.isName(name, colonAllowed: true), "metric name \(name)")
    precondition(familyNames.insert(name).inserted, "metric family \(name) opened twice")
    // OpenMetrics asks for these endings; Prometheus recommends them.
    precondition(type != .counter || name.hasSuffix("_total"), "counter \(name)")
    precondition(type != .info || name.hasSuffix("_info"), "info \(name)")
    self.name = name
    self.type = type
    let title = title(of: name, type)
    append("# HELP ", title.name, " ")
    // Quotes in a help text are escaped in one of the two formats only.
    appendEscaped(help, quotes: format == .openMetrics)
    append("\n# TYPE ", title.name, " ", title.type.rawValue, "\n")
  }

  /// What stands above the samples of a family: OpenMetrics leaves the type's ending out of its name,
  /// Prometheus text has no type for what is always 1.
  private func title(of name: String, _ type: MetricType) -> (name: String, type: MetricType) {
    switch (format, type) {
    case (.prometheus, .info): (name, .gauge)
    case (.openMetrics, .counter): (String(name.dropLast("_total".count)), type)
    case (.openMetrics, .info): (String(name.dropLast("_info".count)), type)
    case (.prometheus, _), (.openMetrics, .gauge), (.openMetrics, .histogram): (name, type)
    }
  }

  /// Writes one sample of a whole number into the open family.
  public mutating func sample(_ labels: [(String, String)], _ value: some FixedWidthInteger) {
    line(labels, String(value))
  }

  /// Writes one sample of a real number into the open family; NaN and infinities have their words.
  public mutating func sample(_ labels: [(String, String)], _ value: Double) {
    line(labels, Self.text(value))
  }

  /// Writes the open family's only sample, a whole number without labels.
  public mutating func sample(_ value: some FixedWidthInteger) { sample([], value) }

  /// Writes the open family's only sample, a real number without labels.
  public mutating func sample(_ value: Double) { sample([], value) }

  /// Writes one histogram into the open family: its buckets, its sum, its count.
  ///
  /// Nanoseconds are shown as seconds, so the family's name ends in `_seconds`.
  public mutating func histogram(_ labels: [(String, String)], _ snapshot: HistogramSnapshot) {
    precondition(type == .histogram, "histogram in family \(name), which is no histogram")
    precondition(!labels.contains { $0.0 == "le" }, "label le in histogram \(name)")
    let bounds = snapshot.bounds.upperBounds.map(snapshot.bounds.label) + ["+Inf"]
    for (bound, count) in zip(bounds, snapshot.cumulativeCounts) {
      sampleLine(suffix: "_bucket", labels + [("le", bound)], String(count))
    }
    sampleLine(suffix: "_sum", labels, snapshot.bounds.decimal(snapshot.sum))
    sampleLine(suffix: "_count", labels, String(snapshot.count))
  }

  /// Writes the open family's only histogram, without labels.
  public mutating func histogram(_ snapshot: HistogramSnapshot) { histogram([], snapshot) }

  // MARK: Lines

  private mutating func line(_ labels: [(String, String)], _ value: String) {
    guard let type else { preconditionFailure("a sample before any family") }
    precondition(type != .histogram, "a plain sample in histogram \(name)")
    sampleLine(suffix: "", labels, value)
  }

  private mutating func sampleLine(
    suffix: String, _ labels: [(String, String)], _ value: String
  ) {
    append(name, suffix)
    var seen: Set<String> = []
    for (label, labelValue) in labels {
      precondition(
        Self.isName(label, colonAllowed: false) && !label.hasPrefix("__"), "label name \(label)")
      append(seen.isEmpty ? "{" : ",", label, "=\"")
      precondition(seen.insert(label).inserted, "label \(label) twice in \(name)")
      appendEscaped(labelValue, quotes: true)
      append("\"")
    }
    append(seen.isEmpty ? " " : "} ", value, "\n")
  }

  private mutating func append(_ parts: String...) {
    for part in parts { bytes.append(contentsOf: part.utf8) }
  }

  /// Escapes the backslash and the line feed, and within quotes also the quote.
  private mutating func appendEscaped(_ text: String, quotes: Bool) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\\"): append("\\\\")
      case UInt8(ascii: "\n"): append("\\n")
      case UInt8(ascii: "\"") where quotes: append("\\\"")
      default: bytes.append(byte)
      }
    }
  }

  private static func text(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return value.description
  }

  private static func isName(_ name: String, colonAllowed: Bool) -> Bool {
    for (position, byte) in name.utf8.enumerated() {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "_"):
        continue
      case UInt8(ascii: ":") where colonAllowed: continue
      case UInt8(ascii: "0")...UInt8(ascii: "9") where position > 0: continue
      default: return false
      }
    }
    return !name.isEmpty
  }
}
