// A Prometheus as an operator has it, with the files that are shipped, but in more of a hurry.

import Glibc
import RoostEventLoop
import TestSupport
import Testing

/// A Prometheus that scrapes nodes each second and has the shipped rules.
final class PrometheusServer {
  private let folder: TemporaryFolder
  private let process: Subprocess
  private let address: SocketAddress

  /// Starts one that scrapes these admin ports, and waits until it answers.
  ///
  /// - Parameter lateProbe: seconds after which a probe is late. A machine that is short of time may be
  ///   late with one, and must not look like a fault where that is not the question.
  init(scraping targets: [SocketAddress], lateProbe: Int = 60) throws {
    folder = try TemporaryFolder()
    address = try freeAddress()
    let names = targets.map { "\"\($0)\"" }.joined(separator: ", ")
    _ = try folder.write("targets.yml", "- targets: [\(names)]\n")
    _ = try folder.write("recording.yml", Checkout.text("ops/prometheus/recording.yml"))
    _ = try folder.write(
      "alerts.yml", Self.hurried(Checkout.text("ops/prometheus/alerts.yml"), lateProbe))
    // As shipped, but for the seconds and the name of the file with the nodes.
    let shipped = try Checkout.text("ops/prometheus/prometheus.yml")
    let configuration = try folder.write(
      "prometheus.yml",
      shipped.replacing("interval: 10s", with: "interval: 1s")
        .replacing("targets/*.yml", with: "targets.yml"))
    process = try Subprocess(
      try #require(Tool.prometheus),
      [
        "--config.file=\(configuration)", "--storage.tsdb.path=\(folder.path)/data",
        "--web.listen-address=\(address)",
      ])
    guard eventually({ (try? self.get("/-/ready").hasPrefix("HTTP/1.0 200")) == true }) else {
      process.takeWritten()
      throw TestFailure("Prometheus does not answer: \(process.outputs)")
    }
  }

  /// Rules that wait for three seconds where the shipped ones wait longer.
  private static func hurried(_ rules: String, _ lateProbe: Int) -> String {
    let patient = rules.replacing("probe_age_seconds > 3", with: "probe_age_seconds > \(lateProbe)")
    return patient.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      guard let range = line.firstRange(of: "for: ") else { return String(line) }
      return line[..<range.upperBound] + "3s"
    }.joined(separator: "\n")
  }

  /// What an expression gives now: the text of the result, `[]` for nothing.
  func query(_ expression: String) throws -> String {
    process.takeWritten()
    let response = try get("/api/v1/query?query=\(Self.encoded(expression))")
    let head = #"{"status":"success","data":{"resultType":"vector","result":"#
    guard let range = response.firstRange(of: head) else {
      throw TestFailure("\(expression): \(response)")
    }
    return String(response[range.upperBound...].dropLast(2))
  }

  /// Whether a rule could not be worked out.
  func hasRuleTrouble() throws -> Bool {
    try get("/api/v1/rules").contains(#""health":"err""#)
  }

  /// Of HTTP/1.0, so that bodies come as they are and end with the connection.
  private func get(_ target: String) throws -> String {
    let socket = try BlockingSocket(to: address)
    try socket.write(Array("GET \(target) HTTP/1.0\r\nHost: localhost\r\n\r\n".utf8))
    return String(decoding: try socket.readToEnd().bytes, as: UTF8.self)
  }

  private static func encoded(_ text: String) -> String {
    text.utf8.map { byte in
      let isPlain = Array("-_.".utf8).contains(byte) || Character(Unicode.Scalar(byte)).isLetter
      guard !isPlain || byte > 127 else { return String(Unicode.Scalar(byte)) }
      let digits = String(byte, radix: 16, uppercase: true)
      return "%" + (digits.count == 1 ? "0" : "") + digits
    }.joined()
  }
}

/// What the dashboard asks.
struct Dashboard {
  /// Titles of rows, in order.
  let rows: [String]
  /// Panels by title with their expressions, in order.
  let panels: [(title: String, expressions: [String])]

  /// Reads the shipped file, which has a line for each field.
  init() throws {
    var rows: [String] = []
    var panels: [(title: String, expressions: [String])] = []
    var isRow = false
    var isInPanels = false
    for line in try Checkout.text("ops/grafana/roost.json").split(separator: "\n") {
      let words = line.drop { $0 == " " }
      if words.hasPrefix("\"panels\": [") { isInPanels = true }
      guard isInPanels else { continue }
      if let type = Self.value("type", words) { isRow = type == "row" }
      if let title = Self.value("title", words) {
        if isRow { rows.append(title) } else { panels.append((title, [])) }
      }
      if let expression = Self.value("expr", words), !panels.isEmpty {
        panels[panels.count - 1].expressions.append(expression)
      }
    }
    self.rows = rows
    self.panels = panels
  }

  private static func value(_ key: String, _ line: Substring) -> String? {
    let start = "\"\(key)\": \""
    guard line.hasPrefix(start), let end = line.lastIndex(of: "\"") else { return nil }
    let text = String(line[..<end].dropFirst(start.utf8.count))
    return text.replacing(#"\""#, with: "\"").replacing(#"\\"#, with: #"\"#)
  }

  /// An expression as Grafana sends it when all nodes are chosen.
  static func filled(_ expression: String) -> String {
    expression.replacing("$instance", with: ".*").replacing("$__rate_interval", with: "10s")
  }
}
