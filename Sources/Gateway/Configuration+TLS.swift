// What the configuration says about TLS on the node's own ports, and how its files become material.

import Glibc
public import RoostCrypto
import RoostEventLoop

extension Configuration {
  /// TLS on the public port and, if wanted, on the admin port.
  public struct TLS: Sendable, Equatable {
    /// Whether clients have to have a certificate.
    public enum ClientCertificates: String, Sendable, CaseIterable {
      /// They are not asked for one.
      case off
      /// One that is there must be good.
      case optional
      /// Nobody without a good one is let in.
      case required
    }

    /// The oldest version that is spoken.
    public enum Minimum: String, Sendable, CaseIterable {
      /// TLS 1.2.
      case v12 = "1.2"
      /// TLS 1.3.
      case v13 = "1.3"
    }

    /// Files of certificates and keys; none: the port speaks plain HTTP.
    public var certificates: [SettingObject] = []
    /// Who may vouch for clients; empty: nobody.
    public var clientCAFile = ""
    /// Whether clients have to have a certificate.
    public var clientCertificates = ClientCertificates.off
    /// The oldest version that is spoken.
    public var minimum = Minimum.v12
    /// Whether the admin port speaks TLS, too.
    public var admin = false

    /// The keys of an object of `certificates`.
    public static let fields = [
      SettingField("certificate", .path, isRequired: true),
      SettingField("key", .path, isRequired: true),
    ]

    /// All files.
    var files: [String] {
      let pairs = certificates.flatMap { [$0["certificate"], $0["key"]] }
      return (pairs + [clientCAFile]).compactMap { $0 }.filter { !$0.isEmpty }
    }

    /// Reads and checks the files; there must be a certificate.
    func material() throws(TLSFailure) -> TLSMaterial {
      var identities: [TLSMaterial.Identity] = []
      for object in certificates {
        identities.append(
          TLSMaterial.Identity(
            certificate: try Self.file(object["certificate"] ?? ""),
            key: try Self.file(object["key"] ?? "")))
      }
      return try TLSMaterial(
        identities: identities,
        clientAuthorities: clientCertificates == .off ? nil : try Self.file(clientCAFile),
        requiresClientCertificate: clientCertificates == .required,
        minimum: minimum == .v13 ? .v13 : .v12)
    }

    /// Chains and bundles have some KiB; what is longer is no file of certificates.
    private static let fileBytesMax = 1 << 20

    private static func file(_ path: String) throws(TLSFailure) -> TLSMaterial.File {
      let number = open(path, O_RDONLY | O_CLOEXEC)
      guard number >= 0 else { throw .file(path, Errno(code: errno).description) }
      let descriptor = Descriptor(taking: number)
      var content: [UInt8] = []
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        let count = read(descriptor.number, &buffer, buffer.count)
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw .file(path, Errno(code: errno).description) }
        guard count > 0 else { return TLSMaterial.File(path: path, bytes: content) }
        content.append(contentsOf: buffer[..<count])
        guard content.count <= fileBytesMax else {
          throw .file(path, "the file is over 1 MiB long")
        }
      }
    }
  }

  /// What does not fit about TLS; the files are not looked at.
  var tlsProblems: [ConfigurationProblem] {
    var problems: [ConfigurationProblem] = []
    func add(_ path: String, _ reason: String) {
      problems.append(ConfigurationProblem(path, reason))
    }
    if tls.certificates.isEmpty {
      if tls.admin { add("tls.admin", "true needs tls.certificates") }
      if tls.clientCertificates != .off {
        add("tls.client_certificates", "\(tls.clientCertificates.rawValue) needs tls.certificates")
      }
    }
    if tls.clientCertificates == .off, !tls.clientCAFile.isEmpty {
      add("tls.client_ca_file", "it is for tls.client_certificates, which is off")
    }
    if tls.clientCertificates != .off, tls.clientCAFile.isEmpty {
      add(
        "tls.client_certificates",
        "\(tls.clientCertificates.rawValue) needs tls.client_ca_file: who may vouch for clients")
    }
    return problems
  }

  /// What is wrong with the files that the configuration names; nil when they can be used.
  ///
  /// Reads them.
  public var fileProblem: ConfigurationProblem? {
    guard !tls.certificates.isEmpty else { return nil }
    do throws(TLSFailure) {
      _ = try tls.material()
      return nil
    } catch {
      return ConfigurationProblem("tls", error.description)
    }
  }

  /// What the certificates of the configuration say; empty without any.
  ///
  /// Reads them.
  public func certificateReports() throws(ConfigurationProblem) -> [TLSCertificateReport] {
    guard !tls.certificates.isEmpty else { return [] }
    do throws(TLSFailure) {
      return try tls.material().reports()
    } catch {
      throw ConfigurationProblem("tls", error.description)
    }
  }
}
