// One plot over the time of a run, as SVG.

/// Some lines over one time axis.
struct Plot {
  struct Line {
    let name: String
    let points: [(seconds: Double, value: Double)]
  }

  let title: String
  let unit: String
  let lines: [Line]

  private static let width = 920.0
  private static let height = 210.0
  private static let left = 64.0
  private static let top = 34.0
  private static let bottom = 24.0

  /// The drawing, with bands where something was broken.
  func svg(until last: Double, _ faults: [FaultRecord], _ loadStart: Double) -> String {
    let highest = Self.ceiling(lines.flatMap { $0.points.map(\.value) }.max() ?? 0)
    let across = Self.width - Self.left - 8
    let down = Self.height - Self.top - Self.bottom
    func x(_ seconds: Double) -> Double { Self.left + min(seconds, last) / last * across }
    func y(_ value: Double) -> Double { Self.top + (1 - min(value / highest, 1)) * down }
    var text = "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\">"
    text += "<title>\(ReportPage.escaped(title))</title>"
    for fault in faults {
      let from = x(loadStart + fault.start)
      let to = x(loadStart + (fault.end ?? fault.start + 60))
      text += "<rect class=\"band\" x=\"\(Self.place(from))\" y=\"\(Self.place(Self.top))\" "
      text += "width=\"\(Self.place(max(to - from, 1.5)))\" height=\"\(Self.place(down))\">"
      text += "<title>\(ReportPage.escaped(fault.planned.name))</title></rect>"
    }
    for step in 0...2 {
      let value = highest * Double(step) / 2
      let place = Self.place(y(value))
      text +=
        "<line class=\"rule\" x1=\"\(Self.place(Self.left))\" x2=\"\(Self.place(Self.width - 8))\" "
      text += "y1=\"\(place)\" y2=\"\(place)\"/><text x=\"\(Self.place(Self.left - 8))\" "
      text += "y=\"\(Self.place(y(value) + 4))\" text-anchor=\"end\">\(Self.number(value))</text>"
    }
    for step in 0...4 {
      let seconds = last * Double(step) / 4
      text += "<text x=\"\(Self.place(x(seconds)))\" y=\"\(Self.place(Self.height - 6))\" "
      text += "text-anchor=\"middle\">\(Decimal.text(seconds, digits: 0))</text>"
    }
    for (index, line) in lines.enumerated() where !line.points.isEmpty {
      let points = line.points.map { "\(Self.place(x($0.seconds))),\(Self.place(y($0.value)))" }
      text += "<polyline class=\"line\" style=\"stroke:var(--l\(index % 6))\" "
      text += "points=\"\(points.joined(separator: " "))\"/>"
    }
    text += "<text class=\"title\" x=\"0\" y=\"16\">\(ReportPage.escaped(title)), \(unit)</text>"
    var place = Self.width - 8
    for (index, line) in lines.enumerated().reversed() {
      text += "<text x=\"\(Self.place(place))\" y=\"16\" text-anchor=\"end\" "
      text += "style=\"fill:var(--l\(index % 6))\">\(ReportPage.escaped(line.name))</text>"
      place -= Double(line.name.count) * 7 + 16
    }
    return text + "</svg>"
  }

  /// A round number that is not below a value.
  static func ceiling(_ value: Double) -> Double {
    var unit = 0.001
    while unit < 1e12 {
      for factor in [1.0, 2, 5] where unit * factor >= value { return unit * factor }
      unit *= 10
    }
    return max(value, 1)
  }

  private static func number(_ value: Double) -> String {
    if value >= 10_000 { return Decimal.text(value / 1000, digits: 0) + "k" }
    return Decimal.text(value, digits: value == value.rounded() ? 0 : value < 1 ? 2 : 1)
  }

  private static func place(_ value: Double) -> String { Decimal.text(value, digits: 1) }
}
