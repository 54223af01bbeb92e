// A report without a run: what it says follows from figures.

import RoostJSON
import Testing

@testable import Soak

@Suite struct SoakReportTests {
  static func report() -> SoakReport {
    var report = SoakReport(
      SoakOptions(
        scenario: Scenario(), name: "a & b", seed: 7, program: "roost",
        command: "roost soak <x> --seed 7"))
    report.loadStart = 1
    report.loadEnd = 11
    report.figures.judged = 200
    report.figures.counts.acknowledged = 2000
    for second in 0..<11 {
      var entry = EngineSecond(second: second)
      entry.delivered = second * 100
      report.figures.seconds.append(entry)
    }
    report.faults = [
      FaultRecord(planned: PlannedFault(at: 3, kind: .nodeKill, node: 2), start: 3, end: 5.5),
      FaultRecord(planned: PlannedFault(at: 7, kind: .storm), start: 7, end: nil),
    ]
    var node = NodeReport(name: "node1")
    for second in 0..<11 {
      node.add(
        NodeSample(
          metrics: """
            # HELP process_resident_memory_bytes Memory.
            process_resident_memory_bytes \(20_000_000 + second)
            roost_connections{shard="0"} 3
            roost_connections{shard="1"} 4
            process_cpu_seconds_total \(Double(second) / 2)
            """, seconds: Double(second)), start: 1)
    }
    report.nodes = [node]
    return report
  }

  @Test func `samples of a node are summed over their labels`() {
    let node = Self.report().nodes[0]
    #expect(node.samples.allSatisfy { $0.connections == 7 })
    #expect(node.processorSeconds == 5)
  }

  @Test func `the verdict is one object that says how to do it again`() throws {
    var report = Self.report()
    report.findings.add(.lost, times: 3, "a sentence with \"quotes\"")
    let tree = try JSONTree(
      parsing: Array(report.verdictJSON.utf8), depthMax: 8, bytesMax: 1 << 20)
    #expect(tree["verdict"]?.string == "broken")
    #expect(tree["seed"]?.integer == 7)
    #expect(tree["command"]?.string == "roost soak <x> --seed 7")
    #expect(tree["findings"]?["lost"]?.integer == 3)
    #expect(tree["sentences"]?.elements?.first?.string == "a sentence with \"quotes\"")
    #expect(tree["faults"]?.elements?.first?["well_again_after"]?.double == 2.5)
    #expect(tree["faults"]?.elements?.last?["well_again_after"]?.isNull == true)
  }

  @Test func `the page needs nothing else and shows verdict, faults and plots`() {
    let report = Self.report()
    let page = ReportPage.html(report)
    #expect(page.contains("<h1>Kept</h1>"))
    #expect(page.contains("a &amp; b, seed 7: 200 clients, 2000 acknowledged publishes"))
    #expect(page.contains("<td>node_kill of node2</td>"))
    #expect(page.contains("<td>never</td>"))
    #expect(page.contains("prefers-color-scheme:dark"))
    #expect(page.ranges(of: "<svg").count == 9)
    #expect(page.ranges(of: "class=\"band\"").count == 18)
    for outside in ["http://", "https://", "<script", "src=", "url("] {
      #expect(!page.contains(outside), "\(outside)")
    }
    #expect(page.contains("roost soak &lt;x&gt; --seed 7"))
    #expect(!page.contains("nan") && !page.contains("inf\""))
  }

  @Test func `an earlier run is drawn beside this one`() throws {
    let verdict = Self.report().verdictJSON
    var options = Self.report().options
    options.beside = try EarlierRun(parsing: Array(verdict.utf8))
    #expect(options.beside?.handshakes.count == 10)
    var report = SoakReport(options)
    report.figures = Self.report().figures
    report.loadEnd = 11
    let page = ReportPage.html(report)
    #expect(page.ranges(of: "<svg").count == 10)
    #expect(page.contains("beside an earlier run"))
    for text in ["{}", "[", #"{"scenario":"a"}"#] {
      #expect(throws: ScenarioProblem.self) { try EarlierRun(parsing: Array(text.utf8)) }
    }
  }

  @Test func `a slow run is broken only where the scenario has a bound`() {
    var report = Self.report()
    report.figures.live.add(.milliseconds(80))
    report.judgeBounds()
    #expect(report.isKept)
    var options = report.options
    options.scenario.deliveryP99Milliseconds = 50
    var bounded = SoakReport(options)
    bounded.figures = report.figures
    bounded.judgeBounds()
    #expect(
      bounded.findings.kept.map(\.sentence) == [
        "99 of 100 messages took up to 80.0 ms, more than 50 ms"
      ])
  }

  @Test func `a node that is sent more newcomers than it takes is named with the second`() {
    // Before the load, within it, and the first second of a node that came back.
    for (at, start, sentences) in [
      (0, 1, []), (4, 1, ["node1 got 151 handshakes a second at 4 s, more than 150"]),
      (4, 2, ["node1 got 751 handshakes a second at 4 s, more than 150"]),
    ] {
      var options = Self.report().options
      options.scenario.handshakesMost = 150
      var report = SoakReport(options)
      (report.loadStart, report.loadEnd) = (1, 11)
      var node = NodeReport(name: "node1")
      var total = 0
      for second in 0..<11 {
        total += second == at ? 151 : 150
        node.add(
          NodeSample(
            metrics: """
              roost_handshakes_total{result="accepted"} \(total - 5)
              roost_handshakes_total{result="limit"} 5
              """, seconds: Double(second)), start: second < at ? 1 : start)
      }
      report.nodes = [node]
      report.judgeHandshakes()
      #expect(report.findings.kept.map(\.sentence) == sentences)
    }
  }

  @Test func `seconds in which something was broken have latencies of their own`() {
    var report = Self.report()
    // The faults are from 4 s to 6.5 s, and from 8 s on.
    for second in report.figures.seconds.indices {
      report.figures.seconds[second].live.add(microseconds: UInt64(second))
    }
    let peace = report.deliveryByPeace
    #expect(peace.quiet.count == 4 && peace.quiet.maximum == 7)
    #expect(peace.broken.count == 6 && peace.broken.maximum == 10)
  }

  @Test func `memory that grows over minutes is a leak, memory that fills up is none`() {
    for (growth, count) in [(0.0, 0), (10_000, 0), (40_000, 1)] {
      var report = Self.report()
      var node = NodeReport(name: "node1")
      for second in 0..<300 {
        var sample = NodeSample(metrics: "", seconds: Double(second))
        // The first minute is that of caches.
        sample.memoryBytes = 2e7 + Double(min(second, 60)) * 1e5 + Double(second) * growth
        node.add(sample, start: 1)
      }
      report.nodes = [node]
      report.judgeNodes()
      #expect(report.findings.counts[.leaked] ?? 0 == count, "\(growth)")
    }
  }

  // Three outages of Redis within a minute had buffers grow by 3 MB, for the last time: it was told as a
  // leak of 22 KB a second.
  @Test func `memory that grows by steps and then stays is no leak`() {
    var report = Self.report()
    var node = NodeReport(name: "node1")
    for second in 0..<300 {
      var sample = NodeSample(metrics: "", seconds: Double(second))
      let steps = [165, 180, 190, 215, 240].count { $0 <= second }
      sample.memoryBytes = 2e7 + Double(steps) * 8e5
      node.add(sample, start: 1)
    }
    let half = Trend(node.samples[150...].map { ($0.seconds, $0.memoryBytes) })
    #expect(half?.grows(by: SoakReport.memoryGrowthMax) == true)
    report.nodes = [node]
    report.judgeNodes()
    #expect(report.findings.counts[.leaked] == nil)
  }

  @Test(arguments: [
    (0.0, 1, "0.0"), (1.25, 1, "1.3"), (-0.5, 1, "-0.5"), (1234.5678, 2, "1234.57"), (7.0, 0, "7"),
    (0.04, 1, "0.0"), (Double.infinity, 1, "-"),
  ])
  func `numbers are written for people`(value: Double, digits: Int, text: String) {
    #expect(Decimal.text(value, digits: digits) == text)
  }

  @Test(arguments: [(0.0, 0.001), (1, 1), (1.01, 2), (3, 5), (51, 100), (7_000, 10_000)])
  func `an axis ends at a round number`(value: Double, top: Double) {
    #expect(abs(Plot.ceiling(value) - top) < top / 1e6)
  }
}
