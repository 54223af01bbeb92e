// Certificates for one run: an authority that lives as long as the run's folder, and one certificate for
// all nodes, which have one address.

import Glibc
import RoostEventLoop

enum RunCertificates {
  /// Makes `authority.crt`, `node.crt` and `node.key` in a folder; throws when openssl cannot.
  static func make(in folder: String) throws(SoakFailure) {
    guard let program = Program.find("openssl") else {
      throw SoakFailure("openssl is missing; install it, or set clients.tls_percent to 0")
    }
    let authority = "\(folder)/authority"
    let node = "\(folder)/node"
    try Files.write("subjectAltName=IP:127.0.0.1\n", to: "\(node).ext")
    let steps: [[String]] = [
      ["req", "-x509", "-out", "\(authority).crt", "-days", "3", "-subj", "/CN=soak authority"]
        + key(authority),
      ["req", "-new", "-out", "\(node).csr", "-subj", "/CN=soak node"] + key(node),
      [
        "x509", "-req", "-in", "\(node).csr", "-out", "\(node).crt", "-days", "3", "-CA",
        "\(authority).crt", "-CAkey", "\(authority).key", "-CAcreateserial", "-extfile",
        "\(node).ext",
      ],
    ]
    for step in steps {
      let process = try ChildProcess("openssl", program, step, log: "\(folder)/openssl.log")
      guard process.wait(within: .seconds(20)), process.end == .exited(0) else {
        throw SoakFailure("openssl made no certificate: \(process.lastWords)")
      }
    }
  }

  private static func key(_ path: String) -> [String] {
    [
      "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "\(path).key",
      "-batch",
    ]
  }
}
