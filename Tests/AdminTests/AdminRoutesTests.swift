// What the admin port says: health, readiness, metrics that follow what clients do, and problem
// documents (RFC 9457) for everything else.

import Admin
import Gateway
import Pages
import RoostEventLoop
import TestSupport
import Testing

struct AdminRoutesTests {
  private func get(_ path: String, _ admin: AdminServer) throws -> TestResponse {
    try request("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n", to: admin.address)
  }

  @Test(arguments: [("/healthz", "ok\n"), ("/readyz", "serving\n")])
  func `a serving node is healthy and ready`(path: String, body: String) async throws {
    try await withAdmin { _, admin in
      let response = try get(path, admin)
      #expect(response.status == 200)
      #expect(response.text == body)
      #expect(response["Content-Type"] == "text/plain; charset=utf-8")
      #expect(response["Cache-Control"] == "no-store")
      let head = try request(
        "HEAD \(path) HTTP/1.1\r\nHost: a\r\n\r\n", to: admin.address, isHead: true)
      #expect(head.status == 200)
      #expect(head["Content-Length"] == String(body.utf8.count))
      #expect(head.body.isEmpty)
    }
  }

  @Test func `the client for pages is served here, too`() async throws {
    try await withAdmin { _, admin in
      let response = try get("/roost.js", admin)
      #expect(response.status == 200)
      #expect(response["Content-Type"] == "text/javascript; charset=utf-8")
      #expect(response["X-Content-Type-Options"] == "nosniff")
      #expect(response.text.contains("export class Roost "))
      let tag = try #require(response["ETag"])
      let again = try request(
        "GET /roost.js HTTP/1.1\r\nHost: a\r\nIf-None-Match: \(tag)\r\n\r\n", to: admin.address,
        isHead: true)
      #expect(again.status == 304)
      #expect(try get("/roost.d.ts", admin)["Content-Type"] == "text/plain; charset=utf-8")
    }
  }

  @Test func `a draining node is healthy and not ready`() async throws {
    try await withAdmin { node, admin in
      let client = try TestClient.open(node.address)
      node.drain()
      let readiness = try get("/readyz", admin)
      #expect(readiness.status == 503)
      #expect(readiness.text == "draining\n")
      let health = try get("/healthz", admin)
      #expect(health.status == 200)
      client.abort()
    }
  }

  @Test func `the cluster page is served with its policy, to whoever asks`() async throws {
    try await withAdmin(.forTests(dev: false)) { _, admin in
      let response = try get("/", admin)
      #expect(response.status == 200)
      #expect(response.text == ClusterPage.html)
      #expect(response["Content-Type"] == "text/html; charset=utf-8")
      #expect(response["Content-Security-Policy"] == ClusterPage.contentSecurityPolicy)
      #expect(response["X-Content-Type-Options"] == "nosniff")
      #expect(response["Referrer-Policy"] == "no-referrer")
      #expect(response["Cross-Origin-Opener-Policy"] == "same-origin")
    }
  }

  // Under --dev no key keeps them out.
  @Test(arguments: [
    ("cross-site", 403), ("same-site", 403), ("x", 403), ("same-origin", 200), ("none", 200),
  ])
  func `a page of another site may not use the server API`(site: String, status: Int) async throws {
    try await withAdmin { _, admin in
      let publish = try api(
        "POST /v1/rooms/r/messages", "1", fields: ["Sec-Fetch-Site: \(site)"], on: admin)
      #expect(publish.status == status)
      let read = try api("GET /v1/nodes", fields: ["Sec-Fetch-Site: \(site)"], on: admin)
      #expect(read.status == status)
      let health = try api("GET /healthz", fields: ["Sec-Fetch-Site: \(site)"], on: admin)
      #expect(health.status == 200)
    }
  }

  @Test(arguments: [
    ("GET /nothing", 404, "Not Found", "There is nothing at this path.", "not_found"),
    (
      "POST /readyz", 405, "Method Not Allowed", "Only GET and HEAD are allowed here.",
      "method_not_allowed"
    ),
    (
      "DELETE /metrics", 405, "Method Not Allowed", "Only GET and HEAD are allowed here.",
      "method_not_allowed"
    ),
  ])
  func `what is not there is a problem document`(
    line: String, status: Int, title: String, detail: String, code: String
  ) async throws {
    try await withAdmin { _, admin in
      let response = try request("\(line) HTTP/1.1\r\nHost: a\r\n\r\n", to: admin.address)
      #expect(response.status == status)
      #expect(response["Content-Type"] == "application/problem+json")
      #expect(
        response.text == #"{"type":"about:blank","title":"\#(title)","status":\#(status),"#
          + #""detail":"\#(detail)","code":"\#(code)"}"# + "\n")
      #expect(response["Allow"] == (status == 405 ? "GET, HEAD" : nil))
    }
  }

  @Test func `every family of metrics has its help and its type before its samples`() async throws {
    try await withAdmin { _, admin in
      let response = try get("/metrics", admin)
      #expect(response.status == 200)
      #expect(response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8")
      var family = ""
      var types: Set<Substring> = []
      for line in response.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      {
        if line.hasPrefix("# HELP ") {
          let words = line.split(separator: " ", maxSplits: 3)
          #expect(words.count == 4 && words[3].hasSuffix("."), "\(line)")
          family = String(words[2])
        } else if line.hasPrefix("# TYPE ") {
          #expect(line.split(separator: " ")[2] == family, "\(line)")
          #expect(types.insert(line.split(separator: " ")[2]).inserted, "\(line)")
        } else {
          #expect(line.hasPrefix(family) && !family.isEmpty, "\(line)")
        }
      }
      #expect(types.count > 30)
    }
  }

  @Test(arguments: [
    ("", "text/plain; version=0.0.4; charset=utf-8", ""),
    (
      "Accept: application/openmetrics-text;version=1.0.0\r\n",
      "application/openmetrics-text; version=1.0.0; charset=utf-8", "# EOF"
    ),
  ])
  func `the accepted form is served, and says that it depends on that`(
    field: String, type: String, last: String
  ) async throws {
    try await withAdmin { _, admin in
      let response = try request(
        "GET /metrics HTTP/1.1\r\nHost: a\r\n\(field)\r\n", to: admin.address)
      #expect(response.status == 200)
      #expect(response["Content-Type"] == type)
      #expect(response["Vary"] == "Accept")
      #expect(
        response.text.split(separator: "\n").filter { $0 == "# EOF" }
          == (last == "" ? [] : ["# EOF"]))
      #expect(last == "" || response.text.hasSuffix("# EOF\n"))
    }
  }

  @Test(arguments: [1, 2])
  func `metrics follow what clients do`(shards: Int) async throws {
    try await withAdmin(.forTests(shards: shards)) { node, admin in
      let anna = try TestClient.open(node.address)
      let bert = try TestClient.open(node.address)
      for client in [anna, bert] {
        try client.send(#"{"type":"join","room":"r","id":1}"#)
        _ = try client.text()
      }
      #expect(try anna.text().hasPrefix(#"{"type":"joined""#))
      try anna.send(#"{"type":"publish","room":"r","data":1,"id":1}{"type":"dance"}"#)
      _ = try anna.texts(3)
      _ = try bert.text()
      try bert.close()
      _ = try anna.text()
      _ = try request("GET /nothing HTTP/1.1\r\nHost: a\r\n\r\n", to: node.address)
      try await node.settles { $0.sockets == 1 }
      let lines = Set(try get("/metrics", admin).text.split(separator: "\n").map(String.init))
      for expected in [
        "roost_connections 1", #"roost_handshakes_total{result="accepted"} 2"#,
        "roost_joins_total 2",
        "roost_leaves_total 1", "roost_publishes_total 1", "roost_deliveries_total 2",
        "roost_messages_received_total 3", "roost_requests_total 4",
        #"roost_errors_total{code="unknown_type"} 1"#,
        #"roost_closes_total{code="1000",side="client"} 1"#,
        #"roost_http_responses_total{class="4xx"} 1"#, "roost_publish_ack_seconds_count 1",
        #"roost_node_phase{phase="serving"} 1"#, #"roost_node_phase{phase="draining"} 0"#,
      ] {
        #expect(lines.contains(expected), "\(expected)")
      }
    }
  }
}
