// Rules, alerts, their pages and the dashboard say the same: each alert has a page and cases, and nothing
// asks for a metric that no node has.

import Testing

/// Reads the files for Prometheus and Grafana, as far as they have a line for each thing.
enum AlertFiles {
  /// The values of a key, in order, with what stands on the following line.
  static func values(of key: String, in file: SourceFile) -> [(value: String, next: String)] {
    let lines = file.lines.map { String($0.drop { $0 == " " || $0 == "-" }) }
    return lines.indices.compactMap { place in
      guard lines[place].hasPrefix("\(key): ") else { return nil }
      let next = place + 1 < lines.count ? lines[place + 1] : ""
      return (String(lines[place].dropFirst(key.utf8.count + 2)), next)
    }
  }

  /// Names of metrics in a text, and of the rates that were worked out of them, without the endings
  /// that the parts of a histogram have.
  static func metrics(in text: String) -> Set<String> {
    var names: Set<String> = []
    var name = ""
    for character in text + " " {
      if character.isASCII, character.isLetter || character.isNumber || "_:".contains(character) {
        name.append(character)
        continue
      }
      if name.contains("roost_") || name.hasPrefix("process_") { names.insert(name) }
      name = ""
    }
    return Set(
      names.map { name in
        let ending = ["_bucket", "_count", "_sum"].first { name.hasSuffix($0) } ?? ""
        return String(name.dropLast(ending.utf8.count))
      })
  }
}

@Suite struct AlertTests {
  private static let alertFile = SourceTree.file("ops/prometheus/alerts.yml")
  private static let recordingFile = SourceTree.file("ops/prometheus/recording.yml")
  private static let caseFile = SourceTree.file("ops/prometheus/alerts.test.yml")
  private static let dashboard = SourceTree.file("ops/grafana/roost.json")
  private static let alerts = AlertFiles.values(of: "alert", in: alertFile).map(\.value)

  @Test func `every alert has a page, which it names, and every page an alert`() {
    let pages = SourceTree.names(in: "ops/runbooks")
    #expect(
      differences(in: Self.alerts.map { "\($0).md" }, "alerts.yml", and: pages, "ops/runbooks")
        == [])
    #expect(
      AlertFiles.values(of: "runbook", in: Self.alertFile).map(\.value)
        == Self.alerts.map { "ops/runbooks/\($0).md" })
  }

  @Test func `every page says what the alert means, what to look at and what to do`() {
    for name in SourceTree.names(in: "ops/runbooks") {
      let lines = SourceTree.file("ops/runbooks/\(name)").lines
      #expect(lines.first == "# \(name.dropLast(3))")
      #expect(
        lines.filter { $0.hasPrefix("## ") } == ["## What to look at", "## What to do"], "\(name)")
      #expect((10...41).contains(lines.count), "\(name)")
    }
  }

  @Test func `every alert has a case in which it fires and one in which it is quiet`() {
    let cases = AlertFiles.values(of: "alertname", in: Self.caseFile)
    let firing = cases.filter { $0.next == "exp_alerts:" }.map(\.value)
    let quiet = cases.filter { $0.next == "exp_alerts: []" }.map(\.value)
    #expect(differences(in: Self.alerts, "alerts.yml", and: firing, "those that fire") == [])
    #expect(differences(in: Self.alerts, "alerts.yml", and: quiet, "those that are quiet") == [])
  }

  @Test func `rules, cases and dashboard ask for what nodes have`() {
    let operations = Document(SourceTree.file("Sources/Gateway/Gateway.docc/Operations.md"))
    let known = Set(
      operations.rows(under: "metric").compactMap { $0.first.map(Document.unquoted) })
    let recorded = AlertFiles.values(of: "record", in: Self.recordingFile).map(\.value)
    for file in [Self.recordingFile, Self.alertFile, Self.caseFile, Self.dashboard] {
      let unknown = AlertFiles.metrics(in: file.text)
        .filter { !known.contains($0) && !recorded.contains($0) }
      #expect(unknown.sorted() == [], "\(file.path)")
    }
    let asked = AlertFiles.metrics(in: Self.alertFile.text + Self.dashboard.text)
    #expect(recorded.filter { !asked.contains($0) } == [])
  }

  @Test func `names of metrics are read out of expressions`() {
    #expect(
      AlertFiles.metrics(
        in: "sum by (le) (rate(roost_a_seconds_bucket{b=\"c\"}[1m])) / process_d > e:roost_f:g")
        == ["roost_a_seconds", "process_d", "e:roost_f:g"])
  }
}
