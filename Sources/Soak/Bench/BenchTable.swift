// Results as tables of text.

/// Columns of text.
struct TableText {
  private var rows: [[String]]
  /// Columns whose text stands at the left; the others are numbers.
  private let leftColumns: Set<Int>

  init(_ heading: [String], leftColumns: Set<Int>) {
    rows = [heading]
    self.leftColumns = leftColumns
  }

  mutating func add(_ cells: [String]) {
    precondition(cells.count == rows[0].count, "\(cells.count) cells of \(rows[0].count)")
    rows.append(cells)
  }

  var text: String {
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let space = String(repeating: " ", count: widths[column] - cell.count)
        return leftColumns.contains(column) ? cell + space : space + cell
      }
      let line = cells.joined(separator: "  ")
      return String(line.reversed().drop { $0 == " " }.reversed()) + "\n"
    }.joined()
  }

  /// Text from elsewhere without what gives orders to a terminal, and not too much of it.
  static func harmless(_ text: String) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.prefix(100).map { scalar in
          switch scalar.properties.generalCategory {
          case .control, .format, .lineSeparator, .paragraphSeparator: "?"
          default: scalar
          }
        }))
  }
}

extension BenchResult {
  /// What a person is told at the end.
  public var summary: String {
    var text = ""
    if !build.isRelease {
      text += """
        THIS IS A DEBUG BUILD: its figures are many times those of a release build and say nothing
        about Roost. Build with: swift build -c release


        """
    }
    text += "roost \(build.version), \(build.configuration) build; \(machine.text)\n"
    text +=
      machine.isPinned
      ? "nodes on one processor, clients on another one\n"
      : "NOT PINNED, because there is one processor only: clients and nodes slow each other down\n"
    text += "\(Decimal.text(seconds, digits: 1)) s each; CPU is \(source.text)\n\n"
    text += list + "\n" + table
    for outcome in outcomes where !outcome.faults.isEmpty {
      text +=
        "VOID  \(outcome.workload.name.rawValue): \(outcome.faults.sentence), so that its figures "
        + "say nothing\n"
    }
    for skip in skipped { text += "not measured: \(skip.name.rawValue), \(skip.sentence)\n" }
    return text
  }

  /// What the workloads are.
  private var list: String {
    var table = TableText(["workload", ""], leftColumns: [0, 1])
    for outcome in outcomes {
      table.add([outcome.workload.name.rawValue, outcome.workload.about])
    }
    return table.text
  }

  private var table: String {
    var table = TableText(
      [
        "workload", "cost", "", "rate/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms", "node MiB",
        "CPU %", "lost/doubled/late",
      ], leftColumns: [0, 2])
    for outcome in outcomes {
      func cell(_ measure: BenchMeasure) -> String {
        outcome.figures[measure].map(measure.text) ?? ""
      }
      let isMemory = outcome.figures[.memory] != nil
      let shares = [BenchMeasure.nodeShare, .loadShare].map(cell)
      table.add([
        outcome.workload.name.rawValue, isMemory ? cell(.memory) : cell(.processor),
        "\(isMemory ? "B" : "µs")/\(outcome.workload.unit)", cell(.rate), cell(.median),
        cell(.percentile99), cell(.percentile999), cell(.longest), cell(.nodeMemory),
        shares.contains("") ? "" : shares.joined(separator: "/"), outcome.faults.text,
      ])
    }
    return table.text
  }
}

extension BenchFaults {
  /// What there is of them, in words.
  var sentence: String {
    let parts = [
      (lost, "lost"), (doubled, "doubled"), (reordered, "out of order"), (wrong, "not as sent"),
      (cut, cut == 1 ? "connection cut" : "connections cut"),
    ]
    return parts.filter { $0.0 > 0 }.map { "\(Grouped.text($0.0)) \($0.1)" }
      .joined(separator: ", ")
  }
}

extension BenchComparison {
  /// What a person is told: a ratio above 1 means more than then.
  public var text: String {
    var text =
      "\nAgainst roost \(TableText.harmless(build.version)), \(build.configuration) build:\n"
    for warning in warnings { text += "  NOTE: \(warning)\n" }
    guard !rows.isEmpty else { return text + "  there is nothing that both have\n" }
    var table = TableText(
      ["workload", "figure", "then", "now", "now/then"], leftColumns: [0, 1])
    for row in rows {
      table.add([
        row.workload.name.rawValue, row.measure.title(row.workload), row.measure.text(row.before),
        row.measure.text(row.now), row.ratio.map { Decimal.text($0, digits: 2) } ?? "-",
      ])
    }
    return text + table.text
  }
}
