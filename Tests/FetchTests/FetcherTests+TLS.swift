// TLS against openssl's own server: who is trusted, and for which name.

import Glibc
import TestSupport
import Testing

@testable import Fetch

/// Runs `body` with a variable of the environment set.
func withEnvironment(_ name: String, _ value: String, _ body: () throws -> Void) throws {
  setenv(name, value, 1)
  defer { unsetenv(name) }
  try body()
}

@Suite struct FetcherTLSTests {
  /// An HTTPS server that answers everything with a page about the session.
  private final class SecureServer {
    let port: Int
    private let process: Subprocess

    init(_ certificate: TestCertificate, _ options: [String] = []) throws {
      process = try Subprocess(
        "/usr/bin/openssl",
        [
          "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", certificate.certificateFile,
          "-key", certificate.keyFile,
        ] + options)
      while true {
        let line = try process.line()
        guard line.hasPrefix("ACCEPT") else { continue }
        let digits = line.split(separator: ":").last.flatMap { Int($0) }
        port = try #require(digits, "\(line)")
        return
      }
    }
  }

  private static func outcome(_ url: String, authority: String?) throws -> FetchOutcome {
    var harness = try FetchHarness()
    return try harness.outcome(of: .to(url, authorityFile: authority))
  }

  @Test func `a server with a certificate of a trusted authority is asked`() throws {
    let authority = try TestCertificates()
    let server = try SecureServer(authority.issue(names: "DNS:localhost,IP:127.0.0.1"))
    for host in ["localhost", "127.0.0.1"] {
      let outcome = try Self.outcome("https://\(host):\(server.port)/", authority: authority.caFile)
      #expect(try outcome.response.status == 200)
    }
  }

  @Test func `a certificate for another name is refused`() throws {
    let authority = try TestCertificates()
    let server = try SecureServer(authority.issue(names: "DNS:example.com"))
    let outcome = try Self.outcome("https://localhost:\(server.port)/", authority: authority.caFile)
    #expect(outcome.failure == .untrusted)
  }

  @Test func `a certificate of an authority that is not trusted is refused`() throws {
    let authority = try TestCertificates()
    let other = try TestCertificates()
    let server = try SecureServer(authority.issue(names: "DNS:localhost"))
    for file in [other.caFile, nil] {
      let outcome = try Self.outcome("https://localhost:\(server.port)/", authority: file)
      #expect(outcome.failure == .untrusted)
    }
  }

  @Test func `a certificate whose time is over is refused`() throws {
    let authority = try TestCertificates()
    let server = try SecureServer(authority.issue(names: "DNS:localhost", days: -1))
    let outcome = try Self.outcome("https://localhost:\(server.port)/", authority: authority.caFile)
    #expect(outcome.failure == .untrusted)
  }

  @Test func `TLS 1_1 is refused`() throws {
    let authority = try TestCertificates()
    let server = try SecureServer(
      authority.issue(names: "DNS:localhost"), ["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"])
    let outcome = try Self.outcome("https://localhost:\(server.port)/", authority: authority.caFile)
    #expect(outcome.failure == .security)
  }

  @Test func `a file of authorities that cannot be read is told`() throws {
    let authority = try TestCertificates()
    let server = try SecureServer(authority.issue(names: "DNS:localhost"))
    let outcome = try Self.outcome(
      "https://localhost:\(server.port)/", authority: "\(authority.directory)/none.crt")
    #expect(outcome.failure == .untrusted)
  }

  @Test func `a server that speaks no TLS is refused`() throws {
    let server = try TestHTTPServer { _ in .response(200) }
    let outcome = try Self.outcome("https://\(server.address)/", authority: nil)
    #expect(outcome.failure == .security)
  }
}
