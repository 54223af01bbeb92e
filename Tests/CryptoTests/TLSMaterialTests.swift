// Material is checked as a whole, and says which file is wrong.

import RoostCrypto
import TestSupport
import Testing

struct TLSMaterialTests {
  private static func file(_ path: String) throws -> TLSMaterial.File {
    TLSMaterial.File(path: path, bytes: try contents(of: path))
  }

  private static func identity(_ certificate: TestCertificate) throws -> TLSMaterial.Identity {
    TLSMaterial.Identity(
      certificate: try file(certificate.certificateFile), key: try file(certificate.keyFile))
  }

  private static func failure(
    _ identities: [TLSMaterial.Identity], _ authorities: TLSMaterial.File? = nil
  ) -> TLSFailure? {
    do throws(TLSFailure) {
      _ = try TLSMaterial(
        identities: identities, clientAuthorities: authorities, requiresClientCertificate: false,
        minimum: .v12)
      return nil
    } catch {
      return error
    }
  }

  @Test func `every certificate, key and authority that is wrong is named`() throws {
    let authority = try TestCertificates()
    let (one, other) = (
      try authority.issue(names: "DNS:one"), try authority.issue(names: "DNS:other")
    )
    let good = try Self.identity(one)
    #expect(Self.failure([good, try Self.identity(other)]) == nil)
    #expect(Self.failure([good], try Self.file(authority.caFile)) == nil)
    let text = TLSMaterial.File(path: "text", bytes: Array("no certificate\n".utf8))
    let empty = TLSMaterial.File(path: "empty", bytes: [])
    for wrong in [text, empty] {
      let expected = TLSFailure.file(wrong.path, "no start line")
      let key = try Self.file(one.keyFile)
      #expect(Self.failure([good, .init(certificate: wrong, key: key)]) == expected)
      #expect(Self.failure([good], wrong) == expected)
    }
    let certificate = try Self.file(one.certificateFile)
    #expect(
      Self.failure([.init(certificate: certificate, key: try Self.file(other.keyFile))])
        == .file(other.keyFile, "key values mismatch"))
    // A chain may follow a certificate, and rubbish that looks like a part of one may not.
    let whole = try contents(of: one.certificateFile)
    let chain = whole + (try contents(of: authority.caFile))
    let key = try Self.file(one.keyFile)
    #expect(Self.failure([.init(certificate: .init(path: "a", bytes: chain), key: key)]) == nil)
    let broken =
      whole + Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8)
    #expect(Self.failure([.init(certificate: .init(path: "a", bytes: broken), key: key)]) != nil)
  }

  @Test func `the end of the first certificate to end is told`() throws {
    let authority = try TestCertificates()
    let identities = try [30, 2, 10].map {
      try Self.identity(try authority.issue(names: "DNS:a", days: $0))
    }
    let one = try TLSMaterial(
      identities: [identities[1]], clientAuthorities: nil, requiresClientCertificate: false,
      minimum: .v12)
    let all = try TLSMaterial(
      identities: identities, clientAuthorities: nil, requiresClientCertificate: false,
      minimum: .v12)
    #expect(all.expiresAt == one.expiresAt)
    #expect(one.expiresAt > 1_700_000_000)
  }

  @Test func `plain HTTP is told from other bytes`() throws {
    let authority = try TestCertificates()
    let material = try TLSMaterial(
      identities: [try Self.identity(try authority.issue(names: "DNS:a"))],
      clientAuthorities: nil, requiresClientCertificate: false, minimum: .v12)
    let context = try TLSContext.server(material)
    for (text, isHTTP) in [
      ("GET / HTTP/1.1\r\n", true), ("PUT / HTTP/1.1\r\n", true), ("xxxxxxxxxxxx", false),
    ] {
      var session = try TLSSession(context, serverName: nil)
      #expect(session.feed(Array(text.utf8).span) == text.utf8.count)
      guard case .failed = session.handshake() else {
        Issue.record("\(text) was taken")
        continue
      }
      #expect(session.hasMetHTTP == isHTTP)
    }
  }
}
