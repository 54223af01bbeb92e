// Encrypted links: who is trusted, who is refused, and that bytes survive in both directions.

import Backplane
import RoostEventLoop
import TestSupport
import Testing

@Suite(.enabled(if: RedisServer.isAvailable, "redis-server is not installed"))
struct RedisLinkTLSTests {
  private static func server(
    _ authority: TestCertificates, _ certificate: TestCertificate, wantsCertificates: Bool = false
  ) throws -> RedisServer {
    try RedisServer(
      [
        "tls-cert-file \(certificate.certificateFile)", "tls-key-file \(certificate.keyFile)",
        "tls-ca-cert-file \(authority.caFile)",
        "tls-auth-clients \(wantsCertificates ? "yes" : "no")", "requirepass secret",
      ], door: .encrypted)
  }

  private static func url(_ server: RedisServer, host: String = "127.0.0.1") -> String {
    "rediss://:secret@\(host):\(server.port)/1"
  }

  @Test(arguments: ["127.0.0.1", "localhost"])
  func `bytes survive in both directions`(host: String) throws {
    let authority = try TestCertificates()
    let server = try Self.server(
      authority, try authority.issue(names: "DNS:localhost,IP:127.0.0.1"))
    var limits = LinkHarness.limits
    limits.tickBytesMax = 100_000
    limits.outputBytesMax = 1 << 23
    var harness = try LinkHarness(
      Self.url(server, host: host), security: RedisSecurity(caFile: authority.caFile),
      limits: limits)
    #expect(try harness.open() == .opened)
    let long = String(repeating: "abcdefghijklmnopqrstuvwxyz", count: 40_000)
    for number in 0..<3 { harness.send(["ECHO", "\(number)" + long]) }
    try harness.run { $0.replies.count == 3 }
    for number in 0..<3 {
      let isRight = harness.stages.replies[number] == "$\(number)" + long
      #expect(isRight, "reply \(number)")
    }
    #expect(try harness.ask("PING") == "+PONG")
    try server.stop()
    #expect(try harness.nextEvent() == .lost(.closedByPeer))
  }

  @Test(
    arguments: [
      ("IP:127.0.0.1", -1, nil, "the certificate was not accepted: certificate has expired"),
      ("DNS:redis", 2, nil, "the certificate was not accepted: IP address mismatch"),
      ("DNS:redis", 2, "other", "the certificate was not accepted: hostname mismatch"),
      ("DNS:redis", 2, "redis", nil),
    ] as [(String, Int, String?, String?)])
  func `a certificate that is not right is refused, and it is said why`(
    names: String, days: Int, serverName: String?, reason: String?
  ) throws {
    let authority = try TestCertificates()
    let server = try Self.server(authority, try authority.issue(names: names, days: days))
    var harness = try LinkHarness(
      Self.url(server),
      security: RedisSecurity(caFile: authority.caFile, serverName: serverName))
    #expect(try harness.open() == reason.map { .lost(.tls($0)) } ?? .opened)
  }

  @Test func `a stranger's authority is refused`() throws {
    let (authority, stranger) = (try TestCertificates(), try TestCertificates())
    let server = try Self.server(authority, try authority.issue(names: "IP:127.0.0.1"))
    var harness = try LinkHarness(
      Self.url(server), security: RedisSecurity(caFile: stranger.caFile))
    guard case .lost(.tls(let reason)) = try harness.open() else {
      Issue.record("\(harness.stages.events)")
      return
    }
    #expect(reason.hasPrefix("the certificate was not accepted: "))
  }

  @Test func `a Redis that wants a certificate gets ours`() throws {
    let authority = try TestCertificates()
    let certificate = try authority.issue(names: "IP:127.0.0.1")
    let server = try Self.server(authority, certificate, wantsCertificates: true)
    var with = try LinkHarness(
      Self.url(server),
      security: RedisSecurity(
        caFile: authority.caFile, certificateFile: certificate.certificateFile,
        keyFile: certificate.keyFile))
    #expect(try with.open() == .opened)
    var without = try LinkHarness(
      Self.url(server), security: RedisSecurity(caFile: authority.caFile))
    guard case .lost = try without.open() else {
      Issue.record("it was let in without a certificate")
      return
    }
  }
}
