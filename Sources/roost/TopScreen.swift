// The picture that `roost top` draws: from figures to lines that fit the terminal. Pure, so that tests
// look at it line by line.

/// A look of a piece of text.
enum TextStyle {
  case plain
  case heading
  case good
  case warning
  case bad
  case faint

  /// The parameters of "select graphic rendition", ECMA-48 8.3.117; sixteen colours only, which every
  /// terminal has and every reader has set to taste.
  var parameters: String {
    switch self {
    case .plain: "0"
    case .heading: "1"
    case .good: "32"
    case .warning: "33"
    case .bad: "31"
    case .faint: "2"
    }
  }
}

/// A line of pieces.
struct StyledLine: Equatable {
  var pieces: [(text: String, style: TextStyle)] = []

  /// A line of one piece.
  init(_ text: String = "", _ style: TextStyle = .plain) { pieces = [(text, style)] }

  /// Adds a piece.
  mutating func add(_ text: String, _ style: TextStyle = .plain) { pieces.append((text, style)) }

  /// Without its looks.
  var text: String { pieces.map(\.text).joined() }

  /// As it is sent to a terminal of that width.
  func rendered(width: Int, isColoured: Bool) -> String {
    var output = ""
    var left = width
    for (text, style) in pieces {
      let shown = TerminalText.prefix(text, left)
      left -= TerminalText.columns(of: shown)
      if isColoured, style != .plain, !shown.isEmpty {
        output += "\u{1B}[\(style.parameters)m\(shown)\u{1B}[0m"
      } else {
        output += shown
      }
    }
    return output
  }

  static func == (left: StyledLine, right: StyledLine) -> Bool {
    left.pieces.elementsEqual(right.pieces) { $0.text == $1.text && $0.style == $1.style }
  }
}

/// Draws the screen.
struct TopScreen {
  let width: Int
  let height: Int

  /// The lines, at most `height`.
  ///
  /// - Parameters:
  ///   - problem: why the figures are not those of now; nil when they are.
  ///   - draining: the most connections that each draining incarnation was seen with.
  func lines(
    _ snapshot: ClusterSnapshot, problem: String?, draining: [String: Int], clock: String
  ) -> [StyledLine] {
    var lines = head(snapshot, problem, clock)
    // Two tables of at least two rows with their headings, and the last line.
    let nodeRows = max(1, height - lines.count - 1 - 2 * 4 - 1)
    lines += nodes(snapshot.nodes, rows: nodeRows, draining)
    let left = height - lines.count - 1
    if left >= 4 {
      let upper = left / 2
      lines += rooms(snapshot, rows: upper - 2)
      lines += connections(snapshot, rows: left - upper - 2)
    }
    while lines.count < height - 1 { lines.append(StyledLine()) }
    if lines.count >= height { lines = Array(lines.prefix(max(0, height - 1))) }
    lines.append(StyledLine("q quits", .faint))
    return Array(lines.suffix(max(height, 1)))
  }

  private func head(
    _ snapshot: ClusterSnapshot, _ problem: String?, _ clock: String
  ) -> [StyledLine] {
    let count = snapshot.nodes.count
    let connections = Int(snapshot.sum { Double($0.connections) })
    let title =
      "roost top  \(count) \(count == 1 ? "node" : "nodes"), \(snapshot.readyCount) ready, "
      + "\(connections) \(connections == 1 ? "connection" : "connections")"
    var first = StyledLine(TerminalText.fitted(title, max(0, width - 9)), .heading)
    first.add(" " + clock)
    let second =
      "in \(TerminalText.short(snapshot.sum(\.messagesIn)))/s  "
      + "out \(TerminalText.short(snapshot.sum(\.messagesOut)))/s  "
      + "handshakes \(TerminalText.short(snapshot.sum(\.handshakes)))/s  "
      + "queued \(TerminalText.size(snapshot.sum { Double($0.queueBytes) }))B"
    var third = StyledLine()
    if let problem {
      third = StyledLine(TerminalText.clean(problem), .bad)
    } else if !snapshot.missing.isEmpty {
      third = StyledLine("not seen: " + snapshot.missing.joined(separator: ", "), .bad)
    } else if let node = snapshot.nodes.first(where: { $0.notReady != nil && $0.phase == "serving" }
    ) {
      third = StyledLine("\(node.name) is not ready: \(node.notReady ?? "")", .bad)
    }
    return [first, StyledLine(second), third]
  }

  // MARK: Nodes

  private static let nodeColumns = [
    ("PHASE", 9), ("CONN", 6), ("USED", 4), ("ROOMS", 5), ("IN/S", 5), ("OUT/S", 5), ("HS/S", 5),
    ("QUEUE", 5), ("RSS", 5), ("REDIS", 5),
  ]

  private func nodes(
    _ nodes: [ClusterSnapshot.Node], rows: Int, _ draining: [String: Int]
  ) -> [StyledLine] {
    let taken = Self.nodeColumns.reduce(0) { $0 + $1.1 + 1 }
    let nameWidth = min(max(8, width - taken), 40)
    var heading = TerminalText.fitted("NODE", nameWidth)
    for (name, columns) in Self.nodeColumns {
      heading += " " + TerminalText.fitted(name, columns, toTheRight: name != "PHASE")
    }
    var lines = [StyledLine(heading, .heading)]
    // What wants to be seen comes first.
    let sorted = nodes.sorted {
      let (first, second) = (Self.isFine($0), Self.isFine($1))
      return first == second ? $0.name < $1.name : !first
    }
    let shown = sorted.count > rows ? rows - 1 : sorted.count
    for node in sorted.prefix(shown) { lines.append(row(node, nameWidth, draining)) }
    if sorted.count > shown {
      lines.append(StyledLine("and \(sorted.count - shown) more", .faint))
    }
    return lines
  }

  private static func isFine(_ node: ClusterSnapshot.Node) -> Bool {
    node.phase == "serving" && node.notReady == nil && node.links != .down
  }

  private func row(
    _ node: ClusterSnapshot.Node, _ nameWidth: Int, _ draining: [String: Int]
  ) -> StyledLine {
    var line = StyledLine(TerminalText.fitted(node.name, nameWidth))
    var phase = node.phase
    var style = TextStyle.good
    if node.phase == "draining" {
      let most = max(draining[node.incarnation] ?? 0, node.connections, 1)
      phase = "drain \(100 * (most - node.connections) / most)%"
      style = .warning
    } else if !Self.isFine(node) {
      style = .bad
    }
    line.add(" ")
    line.add(TerminalText.fitted(phase, 9), style)
    let used = node.connectionsMax > 0 ? 100 * node.connections / node.connectionsMax : 0
    let cells = [
      (TerminalText.short(Double(node.connections)), TextStyle.plain),
      (node.connectionsMax > 0 ? "\(used)%" : "", used > 90 ? .bad : .plain),
      (TerminalText.short(Double(node.rooms)), .plain),
      (TerminalText.short(node.messagesIn), .plain),
      (TerminalText.short(node.messagesOut), .plain),
      (TerminalText.short(node.handshakes), .plain),
      (TerminalText.size(Double(node.queueBytes)), node.queueBytes > 1 << 20 ? .warning : .plain),
      (TerminalText.size(Double(node.residentBytes)), .plain),
      (node.links.rawValue, node.links == .down ? .bad : node.links == .late ? .warning : .plain),
    ]
    for ((text, style), (_, columns)) in zip(cells, Self.nodeColumns.dropFirst()) {
      line.add(" ")
      line.add(TerminalText.fitted(text, columns, toTheRight: true), style)
    }
    return line
  }

  // MARK: Tables, two beside each other

  private var half: Int { (width - 2) / 2 }

  private func rooms(_ snapshot: ClusterSnapshot, rows: Int) -> [StyledLine] {
    let name = half - 14
    func left(_ first: String, _ second: String, _ third: String) -> String {
      TerminalText.fitted(first, name) + " " + TerminalText.fitted(second, 6, toTheRight: true)
        + " " + TerminalText.fitted(third, 6, toTheRight: true)
    }
    func right(_ first: String, _ second: String) -> String {
      TerminalText.fitted(first, half - 7) + " "
        + TerminalText.fitted(second, 6, toTheRight: true)
    }
    return pairs(
      (left("LARGEST ROOMS", "MEMB", "MSG/S"), right("BUSIEST ROOMS", "MSG/S")),
      snapshot.largestRooms.map {
        left(
          $0.name, TerminalText.short(Double($0.members)),
          TerminalText.short($0.messagesPerSecond))
      },
      snapshot.busiestRooms.map { right($0.name, TerminalText.short($0.messagesPerSecond)) },
      rows: rows)
  }

  private func connections(_ snapshot: ClusterSnapshot, rows: Int) -> [StyledLine] {
    func cell(_ first: String, _ second: String) -> String {
      TerminalText.fitted(first, half - 7) + " "
        + TerminalText.fitted(second, 6, toTheRight: true)
    }
    func name(_ connection: ClusterSnapshot.Connection) -> String {
      "\(connection.user ?? connection.id) \(connection.address)"
    }
    return pairs(
      (cell("DEEPEST QUEUES", "BYTES"), cell("BUSIEST CONNECTIONS", "MSG/S")),
      snapshot.deepestQueues.map { cell(name($0), TerminalText.size(Double($0.queueBytes))) },
      snapshot.busiestConnections.map {
        cell(name($0), TerminalText.short($0.messagesPerSecond))
      }, rows: rows)
  }

  /// An empty line, headings and rows.
  private func pairs(
    _ headings: (String, String), _ left: [String], _ right: [String], rows: Int
  ) -> [StyledLine] {
    var lines = [StyledLine(), StyledLine(headings.0 + "  " + headings.1, .heading)]
    for place in 0..<max(rows, 0) {
      let first = place < left.count ? left[place] : ""
      let second = place < right.count ? right[place] : ""
      lines.append(StyledLine(TerminalText.fitted(first, half) + "  " + second))
    }
    return lines
  }
}
