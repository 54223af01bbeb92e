import RoostEventLoop
import TestSupport
import Testing

@testable import Fetch

@Suite struct FetcherTests {
  @Test func `a GET brings status, fields and body`() throws {
    let server = try TestHTTPServer { _ in
      .response(
        203, fields: ["ETag: \"a\"", "Cache-Control:   max-age=60 ", "etag: \"b\""], body: "{}")
    }
    var harness = try FetchHarness()
    var request = try FetchRequest.to(server.url("/keys?a=b"))
    try request.add("If-None-Match", "\"x\"")
    let response = try harness.outcome(of: request).response
    #expect(response.status == 203)
    #expect(response.body == Array("{}".utf8))
    #expect(response.field("etag") == "\"a\"")
    #expect(response.field("cache-control") == "max-age=60")
    #expect(response.field("retry-after") == nil)
    let received = try #require(server.received.first)
    #expect(received.method == "GET")
    #expect(received.target == "/keys?a=b")
    #expect(received.field("if-none-match") == "\"x\"")
    #expect(received.field("host") == "\(server.address)")
    #expect(received.field("user-agent") == "roost")
    #expect(received.field("accept-encoding") == nil)
  }

  @Test(arguments: ["", "{\"a\":1}", String(repeating: "x", count: 2_000_000)])
  func `a POST carries its body`(body: String) throws {
    let server = try TestHTTPServer { .response(200, body: "\($0.body.count)") }
    var harness = try FetchHarness()
    var request = try FetchRequest.to(server.url("/"), body: body)
    try request.add("Content-Type", "application/json")
    let response = try harness.outcome(of: request).response
    #expect(response.body == Array("\(body.utf8.count)".utf8))
    let received = try #require(server.received.first)
    #expect(received.method == "POST")
    #expect(received.text == body)
    #expect(received.field("content-type") == "application/json")
    #expect(received.field("expect") == nil)
  }

  @Test(arguments: [301, 302, 307, 308])
  func `a redirect is an answer and is not followed`(status: Int) throws {
    let server = try TestHTTPServer { _ in .response(status, fields: ["Location: /other"]) }
    var harness = try FetchHarness()
    let response = try harness.outcome(of: try .to(server.url("/"))).response
    #expect(response.status == status)
    #expect(server.received.map(\.target) == ["/"])
  }

  @Test(arguments: [true, false])
  func `a body is taken to its limit and not beyond`(isAnnounced: Bool) throws {
    let server = try TestHTTPServer { request in
      let body = String(repeating: "x", count: Int(request.target.dropFirst()) ?? 0)
      if isAnnounced { return .response(200, body: body) }
      return .bytes(Array("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n\(body)".utf8))
    }
    var harness = try FetchHarness()
    for count in [0, 99_999, 100_000] {
      let request = try FetchRequest.to(server.url("/\(count)"), responseBytesMax: 100_000)
      #expect(try harness.outcome(of: request).response.body.count == count)
    }
    let request = try FetchRequest.to(server.url("/100001"), responseBytesMax: 100_000)
    #expect(try harness.outcome(of: request).failure == .tooLarge)
  }

  @Test func `a head is taken to its limit and not beyond`() throws {
    let server = try TestHTTPServer { request in
      let line = "X: " + String(repeating: "x", count: 997)
      let count = Int(request.target.dropFirst()) ?? 0
      return .response(200, fields: Array(repeating: line, count: count), body: "b")
    }
    var harness = try FetchHarness()
    #expect(try harness.outcome(of: .to(server.url("/16"))).response.body == [UInt8(ascii: "b")])
    #expect(try harness.outcome(of: .to(server.url("/17"))).failure == .tooLarge)
  }

  @Test func `a response in front of the real one is passed over`() throws {
    let server = try TestHTTPServer { _ in
      .bytes(
        Array(
          ("HTTP/1.1 103 Early Hints\r\nETag: \"early\"\r\n\r\n"
            + "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.").utf8))
    }
    var harness = try FetchHarness()
    let response = try harness.outcome(of: .to(server.url("/"))).response
    #expect(response.status == 200)
    #expect(response.field("etag") == nil)
  }

  @Test func `a server that says nothing is given up in time`() throws {
    let server = try TestHTTPServer { _ in .silence }
    var harness = try FetchHarness()
    let start = MonotonicInstant.now()
    let request = try FetchRequest.to(server.url("/"), timeout: .milliseconds(200))
    #expect(try harness.outcome(of: request).failure == .timeout)
    #expect(MonotonicInstant.now().since(start) >= .milliseconds(190))
  }

  @Test func `a server that goes on a byte at a time is given up, too`() throws {
    let server = try TestHTTPServer { _ in .drip(every: .milliseconds(10)) }
    var harness = try FetchHarness()
    let request = try FetchRequest.to(server.url("/"), timeout: .milliseconds(200))
    #expect(try harness.outcome(of: request).failure == .timeout)
  }

  @Test func `a port that nobody listens on is refused`() throws {
    var port: UInt16 = 0
    do {
      let listener = try Socket.listen(on: .loopback, sharesPort: false, backlog: 1)
      port = try Socket.localAddress(of: listener).port
    }
    var harness = try FetchHarness()
    #expect(try harness.outcome(of: .to("http://127.0.0.1:\(port)/")).failure == .refused)
  }

  @Test func `a name without an address is told`() throws {
    var harness = try FetchHarness()
    #expect(try harness.outcome(of: .to("http://nobody.invalid/")).failure == .unresolved)
  }

  @Test func `what is not HTTP is refused`() throws {
    let server = try TestHTTPServer { _ in .bytes(Array("220 smtp.example.com\r\n".utf8)) }
    var harness = try FetchHarness()
    #expect(try harness.outcome(of: .to(server.url("/"))).failure == .malformed)
  }

  @Test func `a connection that ends early is told`() throws {
    let server = try TestHTTPServer { request in
      request.target == "/0"
        ? .hangUp : .bytes(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1234".utf8))
    }
    var harness = try FetchHarness()
    #expect(try harness.outcome(of: .to(server.url("/0"))).failure == .cut)
    #expect(try harness.outcome(of: .to(server.url("/1"))).failure == .cut)
  }

  @Test func `a connection is used again`() throws {
    let server = try TestHTTPServer { _ in .response(200, body: "x") }
    var harness = try FetchHarness()
    for _ in 0..<5 { _ = try harness.outcome(of: .to(server.url("/"), body: "y")).response }
    #expect(server.accepted == 1)
    #expect(server.received.count == 5)
  }

  @Test func `as many requests as may be are under way at once`() throws {
    let server = try TestHTTPServer { .response(200, body: $0.text) }
    var harness = try FetchHarness(concurrencyMax: 16)
    for id in 0..<16 {
      #expect(harness.start(try .to(server.url("/"), body: "\(id)"), id: UInt64(id)))
    }
    #expect(!harness.start(try .to(server.url("/")), id: 16))
    let completed = try harness.run(until: 16)
    for completion in completed {
      #expect(try completion.outcome.response.body == Array("\(completion.id)".utf8))
    }
    #expect(Set(completed.map(\.id)) == Set(0..<16))
    #expect(harness.stages.fetcher.underWay == 0)
    #expect(harness.start(try .to(server.url("/")), id: 16))
  }

  @Test func `a request that is cancelled has no end`() throws {
    let server = try TestHTTPServer { $0.target == "/silent" ? .silence : .response(200) }
    var harness = try FetchHarness()
    #expect(harness.start(try .to(server.url("/silent")), id: 1))
    #expect(harness.start(try .to(server.url("/")), id: 2))
    _ = try harness.run(until: 1)
    let cancelled = harness.stages.fetcher.cancel(id: 1)
    #expect(cancelled)
    let isThere = harness.stages.fetcher.cancel(id: 1)
    #expect(!isThere)
    #expect(harness.start(try .to(server.url("/")), id: 3))
    #expect(try harness.run(until: 2).map(\.id) == [2, 3])
  }

  @Test func `letting go of a fetcher ends what is under way`() throws {
    let server = try TestHTTPServer { _ in .silence }
    do {
      var harness = try FetchHarness()
      for id in 0..<4 { #expect(harness.start(try .to(server.url("/")), id: UInt64(id))) }
      #expect(harness.start(try .to("http://nobody.invalid/"), id: 4))
      harness.stages.patience = MonotonicInstant.now().advanced(by: .seconds(20))
      while server.received.count < 4, MonotonicInstant.now() < harness.stages.patience {
        harness.loop.tick(&harness.stages)
      }
      #expect(server.received.count == 4)
    }
    // The server's threads end as its clients do, or this test would not.
  }

  @Test func `neither the environment's proxy nor another scheme is used`() throws {
    let server = try TestHTTPServer { _ in .response(200) }
    let proxy = try TestHTTPServer { _ in .response(502) }
    try withEnvironment("http_proxy", proxy.url("")) {
      var harness = try FetchHarness()
      #expect(try harness.outcome(of: .to(server.url("/"))).response.status == 200)
    }
    #expect(proxy.received == [])
  }
}
