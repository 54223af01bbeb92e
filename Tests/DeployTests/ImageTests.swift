// The image and the compose file: read by the programs that others read them with, and, in the long
// run, built without a container engine.

import Gateway
import TestSupport
import Testing

@Suite(.serialized) struct ImageTests {
  @Test(.enabled(if: Tool.hadolint != nil, Tool.isMissing))
  func `hadolint finds nothing in the recipe`() throws {
    let process = try Subprocess(
      try #require(Tool.hadolint), ["--no-color", "\(Checkout.root)/deploy/Dockerfile"])
    #expect(try process.wait() == .exited(0), "\(process.outputs)")
    #expect(process.outputs.isEmpty)
  }

  @Test(.enabled(if: Tool.compose != nil, Tool.isMissing))
  func `Docker Compose takes the file, and reads out of it what was meant`() throws {
    let process = try Subprocess(
      try #require(Tool.compose),
      ["-f", "\(Checkout.root)/docker-compose.yml", "config", "--format", "json"],
      environment: Tool.environment)
    #expect(try process.wait() == .exited(0), "\(process.outputs)")
    let text = process.output
    for node in ["node1", "node2", "node3"] {
      #expect(JSONText.value("services", node, "image", of: text) == "roost")
      #expect(JSONText.value("services", node, "environment", "ROOST_NODE_ID", of: text) == node)
      #expect(
        JSONText.value("services", node, "build", "dockerfile", of: text) == "deploy/Dockerfile")
      #expect(
        JSONText.value("services", node, "depends_on", "redis", "condition", of: text)
          == "service_healthy")
      #expect(
        JSONText.value("services", "haproxy", "depends_on", node, "condition", of: text)
          == "service_healthy")
      #expect(JSONText.value("services", node, "ulimits", "nofile", "hard", of: text) == "65536")
      // 75 seconds are more than the 60 of drain.hard_stop.
      #expect(JSONText.value("services", node, "stop_grace_period", of: text) == "1m15s")
    }
    #expect(Configuration().drain.hardStop == .seconds(60))
    #expect(text.contains("\"noeviction\""))
    // Nothing is published on an address that others reach.
    let published = text.ranges(of: "\"published\"").count
    #expect(published == 6)
    #expect(text.ranges(of: "\"host_ip\": \"127.0.0.1\"").count == published)
  }

  @Test func `Prometheus and Grafana of the compose file are given the files that are shipped`()
    throws
  {
    let text = try Checkout.text("docker-compose.yml")
    for path in [
      "./ops/prometheus:/", "./ops/grafana/provisioning:/", "./ops/grafana/roost.json:/",
    ] {
      #expect(text.contains(path))
    }
    // A tag that moves would change what runs.
    let images = text.split(separator: "\n").filter { $0.hasPrefix("    image: ") }
    #expect(images.count == 4)
    #expect(images.allSatisfy { $0.contains(":") && !$0.hasSuffix(":latest") }, "\(images)")
    let nodes = (1...3).map { "\"node\($0):8081\"" }.joined(separator: ", ")
    #expect(try Checkout.text("ops/prometheus/targets/compose.yml").contains("[\(nodes)]"))
  }

  @Test func `HAProxy is given as many nodes as the compose file has`() throws {
    let text = try Checkout.text("docker-compose.yml")
    let configuration = try Checkout.text("deploy/haproxy/haproxy.cfg")
    for number in 1...3 {
      #expect(text.contains("ROOST_NODE\(number): node\(number):8080"))
      #expect(configuration.contains("server node\(number) \"${ROOST_NODE\(number)}\""))
    }
  }

  @Test func `the image runs as a user of its own, and its health check is the program's`() throws {
    let lines = try Checkout.text("deploy/Dockerfile").split(separator: "\n")
    #expect(lines.contains("USER 10001:10001"))
    #expect(lines.contains("STOPSIGNAL SIGTERM"))
    #expect(lines.contains("EXPOSE 8080 8081"))
    #expect(
      lines.contains { $0.hasPrefix("HEALTHCHECK ") && $0.hasSuffix(#"["roost", "health"]"#) })
  }
}

/// Needs root, debootstrap and some minutes: with ops/test --conformance only.
@Suite(
  .enabled(
    if: Environment["ROOST_TEST_CONFORMANCE"] != nil, "it is for ops/test --conformance only"))
struct ImageConformanceTests {
  @Test func `the recipe's steps make an image whose node is healthy`() throws {
    let process = try Subprocess(
      "\(Checkout.root)/ops/image", [], environment: Tool.environment)
    #expect(try process.wait(within: .seconds(2400)) == .exited(0), "\(process.outputs)")
    #expect(process.output.contains("== the image works: "))
  }
}
