// Whom a request is for: from the right, as far as who wrote is trusted, and not one step further.

import RoostHTTP
import Testing

@Suite struct ForwardedClientTests {
  private func address(_ text: String) throws -> NetworkAddress {
    let parsed = NetworkAddress(bytes(text).span)
    return try #require(parsed, "\(text)")
  }

  /// Trusts 10.0.0.0/8 and fd00::/8.
  private func client(
    peer: String = "10.0.0.1", _ field: ForwardedField, _ fields: [String]
  ) throws -> ForwardedClient {
    let head =
      "GET / HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
    let trusted = TrustedProxies([
      try AddressRange(bytes("10.0.0.0/8").span), try AddressRange(bytes("fd00::/8").span),
    ])
    return ForwardedClient(
      peer: try address(peer), fields: try parse(head).fields, believing: field, from: trusted)
  }

  @Test(arguments: [
    ("203.0.113.7", "203.0.113.7"), ("203.0.113.7:4711", "203.0.113.7"),
    ("2001:db8::7", "2001:db8::7"), ("[2001:db8::7]", "2001:db8::7"),
    ("[2001:db8::7]:4711", "2001:db8::7"), ("::ffff:203.0.113.7", "203.0.113.7"),
    ("198.51.100.1, 203.0.113.7", "203.0.113.7"), ("garbage, 203.0.113.7", "203.0.113.7"),
    ("1.1.1.1, 203.0.113.7, 10.2.3.4", "203.0.113.7"),
    ("203.0.113.7,10.0.0.3 ,\t10.0.0.2", "203.0.113.7"), ("203.0.113.7, fd00::1", "203.0.113.7"),
    (", ,203.0.113.7, ,", "203.0.113.7"), ("10.0.0.9, 10.0.0.8", "10.0.0.9"),
    ("\"x, 203.0.113.7", "203.0.113.7"),
  ])
  func `the first address from the right that is no proxy is the client`(
    _ value: String, _ expected: String
  ) throws {
    let client = try client(.xForwardedFor, ["X-Forwarded-For: " + value])
    #expect(client.address == (try address(expected)))
    #expect(client.finding == .named)
  }

  @Test func `several fields are one list`() throws {
    let fields = ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 10.0.0.2, 10.0.0.3"]
    #expect(try client(.xForwardedFor, fields).address == address("203.0.113.7"))
    let reversed = ["X-Forwarded-For: 203.0.113.7", "x-forwarded-for: 203.0.113.8"]
    #expect(try client(.xForwardedFor, reversed).address == address("203.0.113.8"))
  }

  @Test(arguments: [
    "unknown", "_hidden", "1.1.1.1, unknown", "1.1.1.1, _x", "1.1.1.1, unknown, 10.0.0.2",
  ])
  func `a proxy that names nobody stands for its client`(_ value: String) throws {
    let client = try client(.xForwardedFor, ["X-Forwarded-For: " + value])
    #expect(client.finding == .hidden)
    #expect(client.address == (try address(value.hasSuffix("10.0.0.2") ? "10.0.0.2" : "10.0.0.1")))
  }

  @Test(arguments: [
    "garbage", "203.0.113.7, garbage", "203.0.113.7, garbage, 10.0.0.2", "203.0.113.256",
    "203.0.113.7:", "203.0.113.7:x", "203.0.113.7:70000", "[2001:db8::7", "[203.0.113.7]",
    "2001:db8::7]:1", "[::1]x", "\"203.0.113.7\"", "203.0.113.7;", "1.1.1.1 2.2.2.2",
  ])
  func `where the list cannot be read the address is the peer's`(_ value: String) throws {
    let client = try client(.xForwardedFor, ["X-Forwarded-For: " + value])
    #expect(client.finding == .malformed)
    #expect(client.address == (try address("10.0.0.1")))
  }

  @Test(arguments: [ForwardedField.xForwardedFor, .forwarded, .none])
  func `nobody else is believed`(_ field: ForwardedField) throws {
    let fields = [
      "X-Forwarded-For: 203.0.113.7", "Forwarded: for=203.0.113.7;proto=https",
      "X-Forwarded-Proto: https",
    ]
    let client = try client(peer: "192.0.2.1", field, fields)
    #expect(client.address == (try address("192.0.2.1")))
    #expect(client.finding == .peer)
    #expect(client.isSecure == nil)
  }

  @Test func `only the configured field is looked at`() throws {
    let fields = ["X-Forwarded-For: 203.0.113.7", "Forwarded: for=203.0.113.8"]
    #expect(try client(.xForwardedFor, fields).address == address("203.0.113.7"))
    #expect(try client(.forwarded, fields).address == address("203.0.113.8"))
    #expect(try client(.none, fields).address == address("10.0.0.1"))
  }

  @Test(arguments: [ForwardedField.xForwardedFor, .forwarded, .none])
  func `without a field the client is the peer`(_ field: ForwardedField) throws {
    let client = try client(field, [])
    #expect(client.address == (try address("10.0.0.1")))
    #expect(client.finding == .peer)
  }

  @Test func `a request comes through 32 proxies and not through more`() throws {
    for (proxies, finding) in [
      (30, ForwardedClient.Finding.named), (31, .named), (32, .malformed),
    ] {
      let chain = "203.0.113.7" + String(repeating: ", 10.0.0.2", count: proxies)
      let plain = try client(.xForwardedFor, ["X-Forwarded-For: " + chain])
      #expect(plain.finding == finding, "\(proxies) proxies")
      let standard = try client(
        .forwarded,
        ["Forwarded: for=203.0.113.7" + String(repeating: ", for=10.0.0.2", count: proxies)])
      #expect(standard.finding == finding, "\(proxies) proxies")
    }
  }

  @Test(arguments: [
    ("for=203.0.113.7", "203.0.113.7"), ("For=203.0.113.7", "203.0.113.7"),
    ("for=\"203.0.113.7:4711\"", "203.0.113.7"), ("for=\"[2001:db8::7]:47011\"", "2001:db8::7"),
    ("for=\"[2001:db8::7]\"", "2001:db8::7"), ("for=\"\\203.0.113.7\"", "203.0.113.7"),
    ("for=\"203.0.113.7:_port\"", "203.0.113.7"), ("by=10.0.0.1;for=203.0.113.7", "203.0.113.7"),
    ("for=198.51.100.1, for=203.0.113.7", "203.0.113.7"),
    ("for=203.0.113.7;proto=http;by=203.0.113.43", "203.0.113.7"),
    ("for=203.0.113.7; proto=http ; host=\"a,b;c\"", "203.0.113.7"),
    ("for=203.0.113.7, for=10.0.0.2;secret=x, for=10.0.0.3", "203.0.113.7"),
    (",, for=203.0.113.7,", "203.0.113.7"), (";for=203.0.113.7;", "203.0.113.7"),
    ("for=1.1.1.1;host=\"\\\", for=9.9.9.9\", for=203.0.113.7", "203.0.113.7"),
  ])
  func `the standard field is walked from the right, too`(
    _ value: String, _ expected: String
  ) throws {
    let client = try client(.forwarded, ["Forwarded: " + value])
    #expect(client.address == (try address(expected)))
    #expect(client.finding == .named)
  }

  @Test(arguments: [
    "for=unknown", "for=_hidden", "for=\"_x:_y\"", "proto=https", "for=1.1.1.1, by=_x",
  ])
  func `an element that names nobody ends the walk`(_ value: String) throws {
    let client = try client(.forwarded, ["Forwarded: " + value])
    #expect(client.finding == .hidden)
    #expect(client.address == (try address("10.0.0.1")))
  }

  @Test(arguments: [
    "for", "for=", "=x", "for=\"203.0.113.7", "for=203.0.113.7;for=203.0.113.7", "for=[::1]",
    "for=203.0.113.7:80", "for =203.0.113.7", "for= 203.0.113.7", "203.0.113.7",
    "for=203.0.113.7 proto=http", "for=garbage", "for=\"2001:db8::7\"x", "for=\"x\", \"", "for=(",
    "for=203.0.113.7;proto=http;proto=https", "for=\"203.0.113.7\\",
  ])
  func `a standard field that breaks its grammar names nobody`(_ value: String) throws {
    let client = try client(.forwarded, ["Forwarded: " + value])
    #expect(client.finding == .malformed)
    #expect(client.address == (try address("10.0.0.1")))
  }

  @Test func `a line that a client broke does not spoil the line of a proxy`() throws {
    let fields = ["Forwarded: for=\"", "Forwarded: for=203.0.113.7"]
    #expect(try client(.forwarded, fields).address == address("203.0.113.7"))
  }

  @Test(arguments: [
    ("https", true), ("HTTPS", true), ("wss", true), ("http", false), ("ws", false),
  ])
  func `a trusted proxy tells whether the client came encrypted`(
    _ scheme: String, _ isSecure: Bool
  ) throws {
    let plain = ["X-Forwarded-For: 203.0.113.7", "X-Forwarded-Proto: \(scheme)"]
    #expect(try client(.xForwardedFor, plain).isSecure == isSecure)
    #expect(try client(.xForwardedFor, ["X-Forwarded-Proto: \(scheme)"]).isSecure == isSecure)
    let standard = ["Forwarded: for=203.0.113.7;proto=\(scheme), for=10.0.0.2;proto=gopher"]
    #expect(try client(.forwarded, standard).isSecure == isSecure)
  }

  @Test(arguments: [
    ["X-Forwarded-Proto: gopher"], ["X-Forwarded-Proto: https, http"],
    ["X-Forwarded-Proto: https", "X-Forwarded-Proto: https"], ["X-Forwarded-Proto:"], [],
  ])
  func `what is no single word about encryption says nothing`(_ fields: [String]) throws {
    #expect(try client(.xForwardedFor, fields).isSecure == nil)
  }

  @Test func `a long list is walked and not kept`() throws {
    let list = Array(repeating: "for=1.1.1.1", count: 250).joined(separator: ",")
    let client = try client(.forwarded, ["Forwarded: \(list),for=203.0.113.7, for=10.0.0.9"])
    #expect(client.address == (try address("203.0.113.7")))
  }
}
