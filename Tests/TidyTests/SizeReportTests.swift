// Sizes that good code of this kind has. They are reported and never fail: there may be a reason.

import Testing

/// Finds what is long.
enum Sizes {
  static let lineColumnsMax = 100
  static let fileLinesMax = 500
  static let functionLinesMax = 70

  /// The long lines of a file, the file itself when it is long, and its long functions.
  static func findings(in code: SwiftCode) -> [String] {
    let path = code.file.path
    let lines = code.file.lines
    let long = lines.enumerated()
      .filter { $0.element.utf8.count > lineColumnsMax && $0.element.count > lineColumnsMax }
      .map { String($0.offset + 1) }
    var findings: [String] = []
    if !long.isEmpty {
      findings.append(
        "\(path): more than \(lineColumnsMax) columns in " + long.joined(separator: ", "))
    }
    if lines.count > fileLinesMax { findings.append("\(path): \(lines.count) lines") }
    return findings + longFunctions(in: code)
  }

  private static func longFunctions(in code: SwiftCode) -> [String] {
    code.words.filter { $0.text == "func" }.compactMap { word in
      guard let start = code.bytes[word.start...].firstIndex(of: UInt8(ascii: "{")) else {
        return nil
      }
      var depth = 0
      for offset in start..<code.bytes.count {
        if code.bytes[offset] == UInt8(ascii: "{") { depth += 1 }
        if code.bytes[offset] == UInt8(ascii: "}") { depth -= 1 }
        guard depth == 0 else { continue }
        let count = code.bytes[word.start..<offset].count { $0 == UInt8(ascii: "\n") } + 1
        return count > functionLinesMax
          ? "\(code.place(of: word)): a function of \(count) lines" : nil
      }
      return nil
    }
  }
}

@Suite struct SizeReportTests {
  @Test func `what is long is reported`() {
    // A page as one literal has the lines that the page has.
    let findings = (SwiftCode.ofSources + SwiftCode.ofTests)
      .filter {
        !["Cluster", "Console", "ClientScript"].map { "Sources/Pages/\($0).swift" }
          .contains($0.file.path)
      }
      .flatMap(Sizes.findings)
    if !findings.isEmpty {
      print("Long, which may have its reason:\n  " + findings.joined(separator: "\n  "))
    }
  }

  @Test func `long lines, files and functions are found`() {
    let body = String(repeating: "  one()\n", count: 70)
    let comment = "// " + String(repeating: "x", count: 98)
    let text = "func short() {}\nfunc long() {\n" + body + "}\n" + comment
    #expect(
      Sizes.findings(in: SwiftCode("A.swift", text))
        == ["A.swift: more than 100 columns in 74", "A.swift:2: a function of 72 lines"])
    let lines = String(repeating: "\n", count: 500)
    #expect(Sizes.findings(in: SwiftCode("B.swift", lines)) == ["B.swift: 501 lines"])
  }
}
