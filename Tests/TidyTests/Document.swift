// A Markdown document as the tests compare it with the code: its sections and its tables' rows.

/// A document.
struct Document: Sendable {
  let path: String
  private let lines: [String]

  init(_ file: SourceFile) {
    path = file.path
    lines = file.lines
  }

  /// The rows of all tables in a section, without the tables' first two rows.
  ///
  /// The section ends at the next heading of its level or a higher one. A row is its cells, without
  /// blanks around them.
  func rows(inSection title: String) -> [[String]] {
    var rows: [[String]] = []
    var level = 0
    var rowsOfTable = 0
    for line in lines {
      if line.hasPrefix("#") {
        rowsOfTable = 0
        let depth = line.prefix { $0 == "#" }.count
        if level > 0, depth <= level { break }
        if level == 0, Self.trimmed(line.drop { $0 == "#" }) == title { level = depth }
        continue
      }
      guard level > 0, line.hasPrefix("|") else {
        rowsOfTable = 0
        continue
      }
      rowsOfTable += 1
      if rowsOfTable > 2 { rows.append(Self.cells(of: line)) }
    }
    return rows
  }

  /// The rows of all tables whose first heading is `heading`.
  func rows(under heading: String) -> [[String]] {
    var rows: [[String]] = []
    var rowsOfTable = 0
    var isWanted = false
    for line in lines {
      guard line.hasPrefix("|") else {
        rowsOfTable = 0
        continue
      }
      rowsOfTable += 1
      let cells = Self.cells(of: line)
      if rowsOfTable == 1 { isWanted = cells.first == heading }
      if rowsOfTable > 2, isWanted { rows.append(cells) }
    }
    return rows
  }

  /// The texts between single backticks, outside fenced blocks.
  var codeSpans: [String] {
    var spans: [String] = []
    var isFenced = false
    for line in lines {
      if line.hasPrefix("```") {
        isFenced.toggle()
        continue
      }
      guard !isFenced else { continue }
      let parts = line.split(separator: "`", omittingEmptySubsequences: false)
      for (index, part) in parts.enumerated() where index % 2 == 1 { spans.append(String(part)) }
    }
    return spans
  }

  /// The targets of links to files: `[text](target)` without a scheme.
  var fileLinks: [String] {
    lines.joined(separator: "\n").split(separator: "](", omittingEmptySubsequences: false)
      .dropFirst()
      .map { String($0.prefix { $0 != ")" && $0 != "#" }) }
      .filter { !$0.isEmpty && !$0.contains(":") }
  }

  /// The cells of a table's row; a bar behind a backslash does not end one.
  static func cells(of line: String) -> [String] {
    var cells: [String] = []
    var cell = ""
    var previous: Character = " "
    for character in line.dropFirst() {
      if character == "|", previous != "\\" {
        cells.append(trimmed(cell[...]))
        cell = ""
      } else {
        if character == "|" { cell.removeLast() }
        cell.append(character)
      }
      previous = character
    }
    return cells
  }

  /// A cell without the backticks around it.
  static func unquoted(_ cell: String) -> String { cell.filter { $0 != "`" } }

  static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}

/// What only one of two lists has, as sentences; empty when they are the same.
///
/// A list that is empty is a finding as well: then the test looks in the wrong place.
func differences(
  in code: some Sequence<String>, _ codeName: String, and document: some Sequence<String>,
  _ documentName: String
) -> [String] {
  let inCode = Set(code)
  let inDocument = Set(document)
  var findings: [String] = []
  if inCode.isEmpty { findings.append("nothing was found in \(codeName)") }
  if inDocument.isEmpty { findings.append("nothing was found in \(documentName)") }
  findings += inCode.subtracting(inDocument).sorted().map {
    "\($0) is in \(codeName) and not in \(documentName)"
  }
  findings += inDocument.subtracting(inCode).sorted().map {
    "\($0) is in \(documentName) and not in \(codeName)"
  }
  return findings
}
