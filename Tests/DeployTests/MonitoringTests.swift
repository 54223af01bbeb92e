// The files for Prometheus and Grafana: read by Debian's Prometheus, which scrapes a real cluster.

import Glibc
import RoostEventLoop
import TestSupport
import Testing

@Suite(
  .serialized, .enabled(if: Tool.promtool != nil && Tool.prometheus != nil, Tool.isMissing))
struct MonitoringTests {
  /// What no healthy cluster has: these are empty until somebody is refused.
  private static let emptyPanels: Set = ["Refused connections", "Refused messages"]

  private static func promtool(_ arguments: [String]) throws -> Subprocess {
    let process = try Subprocess(try #require(Tool.promtool), arguments)
    #expect(try process.wait() == .exited(0), "\(process.outputs)")
    return process
  }

  @Test func `promtool finds nothing wrong with the metrics of a node`() throws {
    let redis = RedisServer.isAvailable ? try RedisServer(door: .none) : nil
    let node = try ServedNode("node1", flags: redis.map { ["--redis", $0.unixURL] } ?? [])
    let scrape = try request(
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", to: node.adminAddress)
    #expect(scrape.status == 200)
    #expect(scrape.text.contains("\n# TYPE roost_redis_ready gauge\n") == (redis != nil))
    let folder = try TemporaryFolder()
    let path = try folder.write("metrics", scrape.text)
    let process = try Subprocess(
      "/bin/sh", ["-c", "'\(try #require(Tool.promtool))' check metrics <'\(path)'"])
    #expect(try process.wait() == .exited(0), "\(process.outputs)")
    #expect(process.outputs.isEmpty, "\(process.outputs)")
    node.process.kill(SIGKILL)
  }

  @Test func `each alert fires when it should and is quiet when it should`() throws {
    let folder = "\(Checkout.root)/ops/prometheus"
    let check = try Self.promtool(
      ["check", "rules", "\(folder)/recording.yml", "\(folder)/alerts.yml"])
    #expect(!check.outputs.contains("FAILED"))
    #expect(
      try Self.promtool(["check", "config", "\(folder)/prometheus.yml"]).output
        .contains("2 rule files found"))
    let test = try Self.promtool(["test", "rules", "\(folder)/alerts.test.yml"])
    #expect(test.output.contains("SUCCESS"), "\(test.outputs)")
  }

  @Test(.enabled(if: RedisServer.isAvailable, Tool.isMissing))
  func `the dashboard shows a cluster, and an alert tells of the fault that there is`() throws {
    let redis = try RedisServer(door: .none)
    let nodes = try ["node1", "node2"].map {
      try ServedNode(
        $0, flags: ["--redis", redis.unixURL],
        settings: ["LIMITS__PING_INTERVAL": "1", "LIMITS__PONG_TIMEOUT": "1"])
    }
    let prometheus = try PrometheusServer(scraping: nodes.map(\.adminAddress))
    try Self.expectEveryPanelShowsSomething(prometheus, nodes)
    #expect(try !prometheus.hasRuleTrouble())
    // Messages that come back through Redis are known as the node's own.
    #expect(
      try prometheus.query("roost_delivery_lag_seconds_count > 0").ranges(of: "\"instance\":").count
        == 2)
    let names = ["RoostRedisAway", "RoostProbeLate", "RoostNodeDown"]
    for name in names { #expect(try Self.firing(name, prometheus) == "[]") }

    try redis.stop()
    #expect(eventually { Self.instances(of: "RoostRedisAway", prometheus) == 2 })
    // The other alerts would send people to the wrong place.
    for name in names.dropFirst() { #expect(try Self.firing(name, prometheus) == "[]") }
    try redis.restart()
    #expect(eventually { (try? Self.firing("RoostRedisAway", prometheus)) == "[]" })

    nodes[1].process.kill(SIGKILL)
    #expect(eventually { Self.instances(of: "RoostNodeDown", prometheus) == 1 })
    #expect(
      try Self.firing("RoostNodeDown", prometheus).contains("\"\(nodes[1].adminAddress)\""))
    #expect(try Self.firing("RoostRedisAway", prometheus) == "[]")
  }

  /// Uses the cluster until each panel has something to show; says which has not.
  private static func expectEveryPanelShowsSomething(
    _ prometheus: PrometheusServer, _ nodes: [ServedNode]
  ) throws {
    let dashboard = try Dashboard()
    #expect(dashboard.rows == ["Overview", "Delivery", "Backplane", "Drain", "Limits"])
    var missing = dashboard.panels.flatMap { panel in
      panel.expressions.map { (panel: panel.title, expression: Dashboard.filled($0)) }
    }
    #expect(missing.count > 50)
    #expect(dashboard.panels.allSatisfy { !$0.expressions.isEmpty })
    let clients = try nodes.map { try TestClient.open($0.address) }
    for client in clients { try client.send(#"{"type":"join","room":"r:1","id":1}"#) }
    let deadline = MonotonicInstant.now().advanced(by: .seconds(60))
    while missing.contains(where: { !emptyPanels.contains($0.panel) }) {
      guard MonotonicInstant.now() < deadline else { break }
      for (place, client) in clients.enumerated() {
        // A message for both, an error for itself, and somebody who leaves.
        try client.send(#"{"type":"publish","room":"r:1","data":\#(place)}{"type":"dance"}"#)
        while try client.nextWithoutWaiting() != nil {}
        try TestClient.open(nodes[place].address).close()
      }
      missing = try missing.filter { try prometheus.query($0.expression) == "[]" }
    }
    for (panel, expression) in missing where !emptyPanels.contains(panel) {
      Issue.record("the panel \(panel) shows nothing for \(expression)")
    }
  }

  private static func firing(_ name: String, _ prometheus: PrometheusServer) throws -> String {
    try prometheus.query(#"ALERTS{alertname="\#(name)",alertstate="firing"}"#)
  }

  private static func instances(of name: String, _ prometheus: PrometheusServer) -> Int {
    (try? firing(name, prometheus))?.ranges(of: "\"instance\":").count ?? 0
  }
}
