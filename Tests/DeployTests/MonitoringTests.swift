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

  @Test(.enabled(if: RedisServer.isAvailable, Tool.isMissing))
  func `limits, slow readers, a long drain and a late probe have an alert each, and no other`()
    throws
  {
    let redis = try RedisServer(door: .none)
    let full = try ServedNode("full", settings: ["LIMITS__CONNECTIONS": "20"])
    let slow = try ServedNode(
      "slow",
      settings: [
        "LIMITS__MESSAGES_PER_SECOND": "0", "LIMITS__BYTES_PER_SECOND": "0",
        "LIMITS__MESSAGES_PER_SECOND_PER_ADDRESS": "0",
        "LIMITS__BYTES_PER_SECOND_PER_ADDRESS": "0", "LIMITS__OUTBOUND_BYTES": "65536",
      ])
    let leaving = try ServedNode("leaving")
    let deaf = try ServedNode("deaf", flags: ["--redis", redis.unixURL])
    let prometheus = try PrometheusServer(
      scraping: [full, slow, leaving, deaf].map(\.adminAddress), lateProbe: 5)
    // Rates count from a first look on.
    #expect(
      eventually { (try? prometheus.query("up == 1"))?.ranges(of: "\"job\":").count == 4 })
    #expect(try Self.faults(prometheus) == [])

    let guests = try (0..<20).map { _ in try TestClient.open(full.address) }
    for _ in 0..<130 { #expect(throws: (any Error).self) { try TestClient.open(full.address) } }
    // They join, and read nothing any more.
    let sleepers = try (0..<15).map { _ in try TestClient.open(slow.address) }
    for sleeper in sleepers { try sleeper.send(#"{"type":"join","room":"r:1"}"#) }
    let talker = try TestClient.open(slow.address)
    try talker.send(#"{"type":"join","room":"r:1","id":1}"#)
    let text = String(repeating: "x", count: 60_000)
    #expect(
      eventually {
        try? talker.send(#"{"type":"publish","room":"r:1","data":"\#(text)"}"#)
        while (try? talker.nextWithoutWaiting()) != nil {}
        return (try? slow.metrics().contains("\nroost_slow_consumers_total 15\n")) == true
      })
    let held = try leaving.drain()
    #expect(try redis.cli("ACL", "SETUSER", "default", "-publish") == "OK")

    let expected: Set = [
      "RoostLimitsHit \(full.adminAddress)", "RoostSlowConsumers \(slow.adminAddress)",
      "RoostDrainTooLong \(leaving.adminAddress)", "RoostProbeLate \(deaf.adminAddress)",
    ]
    var found: Set<String> = []
    let isSo = eventually {
      found = (try? Self.faults(prometheus)) ?? []
      return found == expected
    }
    #expect(isSo, "\(found)")
    #expect(try redis.cli("ACL", "SETUSER", "default", "+publish") == "OK")
    #expect(
      eventually {
        (try? Self.faults(prometheus))?.contains("RoostProbeLate \(deaf.adminAddress)") == false
      })
    _ = (guests, sleepers, held)
  }

  /// Alerts that fire, of those that are on one fault each, with the node that they are about.
  private static func faults(_ prometheus: PrometheusServer) throws -> Set<String> {
    let names = [
      "RoostNodeDown", "RoostRedisAway", "RoostProbeLate", "RoostLimitsHit", "RoostSlowConsumers",
      "RoostDrainTooLong",
    ]
    let answer = try prometheus.query(
      #"ALERTS{alertstate="firing",alertname=~"\#(names.joined(separator: "|"))"}"#)
    return Set(
      answer.split(separator: "{\"metric\":").compactMap { text in
        guard let end = text.firstIndex(of: "}") else { return nil }
        let labels = String(text[...end])
        guard let name = JSONText.value("alertname", of: labels) else { return nil }
        return "\(name) \(JSONText.value("instance", of: labels) ?? "")"
      })
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
