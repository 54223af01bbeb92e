// The report for people: one page that needs nothing else, plots as inline SVG, faults as marks on
// one time axis, light or dark as the reader's system is.

/// Makes the page.
enum ReportPage {
  static func html(_ report: SoakReport) -> String {
    let verdict = report.isKept ? "Kept" : "Broken"
    let all = plots(report)
    let end = all.flatMap(\.lines).flatMap(\.points).map(\.seconds).max() ?? 1
    let plots = all.map { $0.svg(until: max(end, 1), report.faults, report.loadStart) }
    return """
      <!doctype html>
      <html lang="en"><head><meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(verdict): \(escaped(report.options.name))</title>
      <style>\(style)</style></head><body><main>
      <header class="\(report.isKept ? "kept" : "broken")">
      <h1>\(verdict)</h1>
      <p>\(escaped(headline(report)))</p></header>
      <h2>What was lost</h2>
      \(findings(report))
      <h2>What was broken, and when</h2>
      \(faults(report))
      <h2>What was seen</h2>
      <p class="note">Seconds since the beginning; a band is a fault, from its beginning until all
      were back.</p>
      \(plots.joined(separator: "\n"))
      <h2>In numbers</h2>
      <pre>\(escaped(report.summary))</pre>
      <h2>Again</h2>
      <pre>\(escaped(report.options.command))</pre>
      </main></body></html>

      """
  }

  private static func headline(_ report: SoakReport) -> String {
    let counts = report.figures.counts
    let text =
      "\(report.options.name), seed \(report.options.seed): \(report.figures.judged) clients, "
      + "\(counts.acknowledged) acknowledged publishes, \(counts.delivered + counts.recovered) "
      + "deliveries, \(report.faults.count) faults. "
    guard report.isKept else { return text + "\(report.findings.count) promises were broken." }
    return text + "Nothing was lost, doubled, out of order, corrupted or left untold."
  }

  private static func findings(_ report: SoakReport) -> String {
    let kinds: [Finding.Kind] = [.lost, .doubled, .reordered, .corrupted, .announcedWithoutCause]
    let shown =
      kinds
      + Finding.Kind.allCases.filter {
        !kinds.contains($0) && report.findings.counts[$0] != nil
      }
    let cells = shown.map { kind in
      let count = report.findings.counts[kind] ?? 0
      let name = kind.rawValue.replacing("_", with: " ")
      return "<div class=\"\(count == 0 ? "good" : "bad")\"><b>\(count)</b>\(name)</div>"
    }
    let sentences = report.findings.kept.map { "<li>\(escaped($0.sentence))</li>" }
    return "<div class=\"tiles\">" + cells.joined() + "</div><ul>" + sentences.joined() + "</ul>"
  }

  private static func faults(_ report: SoakReport) -> String {
    guard !report.faults.isEmpty else { return "<p>Nothing.</p>" }
    let rows = report.faults.map { fault in
      let at = Decimal.text(report.loadStart + fault.start, digits: 1)
      let back = fault.end.map { Decimal.text($0 - fault.start, digits: 1) + " s" } ?? "never"
      return "<tr><td>\(at) s</td><td>\(escaped(fault.planned.name))</td>"
        + "<td>\(escaped(fault.planned.kind.meaning))</td><td>\(back)</td></tr>"
    }
    return "<table><tr><th>at</th><th>what</th><th></th><th>all well behind</th></tr>"
      + rows.joined() + "</table>"
  }

  private static func plots(_ report: SoakReport) -> [Plot] {
    let seconds = report.figures.seconds
    func line(_ name: String, _ value: (EngineSecond) -> Double) -> Plot.Line {
      Plot.Line(name: name, points: seconds.map { (Double($0.second), value($0)) })
    }
    func nodes(_ value: (NodeSample) -> Double) -> [Plot.Line] {
      report.nodes.map { node in
        Plot.Line(name: node.name, points: node.samples.map { ($0.seconds, value($0)) })
      }
    }
    return (report.comparison.map { [$0] } ?? []) + [
      Plot(
        title: "Delivery, from when a publish was due", unit: "ms",
        lines: [
          line("p50") { $0.live.milliseconds(at: 0.5) },
          line("p99") { $0.live.milliseconds(at: 0.99) },
          line("longest") { $0.live.milliseconds(at: 1) },
        ]),
      Plot(
        title: "Messages", unit: "a second",
        lines: [
          line("published") { Double($0.published) },
          line("delivered live") { Double($0.delivered) },
          line("recovered") { Double($0.recovered) },
        ]),
      Plot(
        title: "Connections that came and went", unit: "a second",
        lines: [
          line("handshakes") { Double($0.handshakes) }, line("lost") { Double($0.lost) },
        ]),
      Plot(
        title: "Clients in their rooms", unit: "clients",
        lines: [line("joined") { Double($0.joined) }]),
      Plot(title: "Connections of each node", unit: "connections", lines: nodes(\.connections)),
      Plot(
        title: "Handshakes of each node", unit: "a second", lines: nodes(\.handshakeRate)),
      Plot(title: "Memory of each node", unit: "MiB", lines: nodes { $0.memoryBytes / 1_048_576 }),
      Plot(title: "Descriptors of each node", unit: "descriptors", lines: nodes(\.descriptors)),
      Plot(title: "Bytes in queues", unit: "KiB", lines: nodes { $0.queueBytes / 1024 }),
    ]
  }

  static func escaped(_ text: String) -> String {
    text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
      .replacing("\"", with: "&quot;")
  }

  private static let style = """
    :root{color-scheme:light dark;--ground:#fff;--ink:#1c2430;--soft:#5b6675;--rule:#dde2e8;
    --band:#e8590c22;--good:#2b8a3e;--bad:#c92a2a;--l0:#1971c2;--l1:#e8590c;--l2:#2f9e44;
    --l3:#9c36b5;--l4:#0c8599;--l5:#b08900}
    @media(prefers-color-scheme:dark){:root{--ground:#14181e;--ink:#e6eaf0;--soft:#97a3b2;
    --rule:#2b333d;--band:#ff922b2e;--good:#51cf66;--bad:#ff6b6b;--l0:#4dabf7;--l1:#ffa94d;
    --l2:#69db7c;--l3:#da77f2;--l4:#3bc9db;--l5:#ffd43b}}
    body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
    main{max-width:960px;margin:0 auto;padding:16px}
    header{border-left:8px solid var(--good);padding:4px 16px;margin:16px 0}
    header.broken{border-color:var(--bad)}h1{margin:0;font-size:32px;color:var(--good)}
    .broken h1{color:var(--bad)}header p{margin:4px 0}h2{font-size:18px;margin:28px 0 8px}
    .tiles{display:flex;flex-wrap:wrap;gap:8px}.tiles div{border:1px solid var(--rule);
    border-radius:6px;padding:8px 14px;min-width:96px}.tiles b{display:block;font-size:24px}
    .good b{color:var(--good)}.bad b{color:var(--bad)}.note{color:var(--soft)}
    table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:4px 12px 4px 0;
    border-bottom:1px solid var(--rule);vertical-align:top}td:first-child,td:last-child{
    font-variant-numeric:tabular-nums;white-space:nowrap}
    pre{overflow-x:auto;border:1px solid var(--rule);border-radius:6px;padding:12px;font-size:13px}
    svg{width:100%;height:auto;margin:4px 0 12px;display:block}svg text{fill:var(--soft);
    font-size:12px;font-family:inherit}svg .title{fill:var(--ink);font-weight:600;font-size:14px}
    .rule{stroke:var(--rule)}.band{fill:var(--band)}.mark{stroke:var(--l1);stroke-dasharray:3 3}
    .line{fill:none;stroke-width:1.6;stroke-linejoin:round}
    """
}
