// Files that cannot be used are told by name.

import RoostCrypto
import TestSupport
import Testing

struct TLSContextTests {
  private static func failure(_ body: () throws(TLSFailure) -> TLSContext) -> TLSFailure? {
    do {
      _ = try body()
      return nil
    } catch {
      return error
    }
  }

  @Test func `a file that is missing or no certificate is named`() throws {
    let missing = Self.failure { () throws(TLSFailure) in
      try .client(caFile: "/no/such/file", certificateFile: nil, keyFile: nil)
    }
    #expect(missing == .file("/no/such/file", "No such file or directory"))
    let key = Self.failure { () throws(TLSFailure) in
      try .server(certificateFile: "/etc/passwd", keyFile: "/etc/passwd", caFile: nil)
    }
    #expect(key == .file("/etc/passwd", "no start line"))
    #expect(key?.description == "/etc/passwd: no start line")
  }

  @Test func `a certificate without its key is refused, and so is another's key`() throws {
    let authority = try TestCertificates()
    let one = try authority.issue(names: "DNS:one")
    let other = try authority.issue(names: "DNS:other")
    #expect(
      Self.failure { () throws(TLSFailure) in
        try .client(caFile: nil, certificateFile: one.certificateFile, keyFile: nil)
      } == .file(one.certificateFile, "a certificate and its key go together"))
    #expect(
      Self.failure { () throws(TLSFailure) in
        try .server(
          certificateFile: one.certificateFile, keyFile: other.keyFile, caFile: nil)
      } == .file(other.keyFile, "key values mismatch"))
  }

  @Test func `the system's authorities are taken where no file is named`() throws {
    let context = try TLSContext.client(caFile: nil, certificateFile: nil, keyFile: nil)
    #expect(context.role == .client)
  }

  @Test func `a client without a name to verify is refused`() throws {
    let context = try TLSContext.client(caFile: nil, certificateFile: nil, keyFile: nil)
    for name in [nil, "", "a\0b"] {
      #expect(throws: TLSFailure.certificate("there is no name to verify")) {
        _ = try TLSSession(context, serverName: name)
      }
    }
  }

  @Test func `the context's own name goes before the session's`() throws {
    let context = try TLSContext.client(
      caFile: nil, certificateFile: nil, keyFile: nil, serverName: "redis.internal")
    _ = try TLSSession(context, serverName: nil)
    #expect(context.serverName == "redis.internal")
  }
}
