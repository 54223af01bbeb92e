// Certificates of an authority that lives for one test, made by openssl(1).

import Glibc

/// A certificate and its key, as PEM files.
public struct TestCertificate: Sendable {
  /// The certificate's path.
  public let certificateFile: String
  /// The key's path.
  public let keyFile: String

  /// Puts paths together, whether they fit or not.
  public init(certificateFile: String, keyFile: String) {
    self.certificateFile = certificateFile
    self.keyFile = keyFile
  }
}

/// An authority with a directory of its own, which is removed with the last reference.
public final class TestCertificates {
  /// The directory of its files, without a slash at the end.
  public let directory: String
  /// The authority's own certificate.
  public var caFile: String { "\(directory)/authority.crt" }
  private var issued = 0

  /// Makes an authority.
  public init() throws {
    var template = Array("/tmp/roost-certificates-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw TestFailure("mkdtemp: errno \(errno)") }
    directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    try openssl(
      ["req", "-x509", "-out", caFile, "-days", "2", "-subj", "/CN=authority"]
        + key("authority"))
  }

  deinit { _ = try? Subprocess("/bin/rm", ["-rf", directory]).wait() }

  /// Issues a certificate.
  ///
  /// - Parameter names: what it stands for, as in `DNS:localhost,IP:127.0.0.1`.
  /// - Parameter days: how long it is valid; -1 has been over since yesterday.
  public func issue(names: String, days: Int = 2) throws -> TestCertificate {
    issued += 1
    let path = "\(directory)/\(issued)"
    try openssl(["req", "-new", "-out", "\(path).csr", "-subj", "/CN=issued"] + key("\(issued)"))
    guard let file = fopen("\(path).ext", "w") else { throw TestFailure("fopen: errno \(errno)") }
    fputs("subjectAltName=\(names)\n", file)
    fclose(file)
    try openssl([
      "x509", "-req", "-in", "\(path).csr", "-out", "\(path).crt", "-days", "\(days)", "-CA",
      caFile, "-CAkey", "\(directory)/authority.key", "-CAcreateserial", "-extfile", "\(path).ext",
    ])
    return TestCertificate(certificateFile: "\(path).crt", keyFile: "\(path).key")
  }

  private func key(_ name: String) -> [String] {
    [
      "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
      "\(directory)/\(name).key", "-batch",
    ]
  }

  private func openssl(_ words: [String]) throws {
    let run = try Subprocess("/usr/bin/openssl", words)
    let end = try run.wait()
    guard end == .exited(0) else { throw TestFailure("openssl: \(end) \(run.outputs)") }
  }
}
