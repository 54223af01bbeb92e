// What a public server's contexts are made of, as bytes: files are read once and checked, and every
// thread makes its own context from the same content, whatever happens to the files meanwhile.

/// Certificates, keys and rules for clients of a public server.
///
/// Any thread. It holds private keys: it has no description, and none is ever written.
public struct TLSMaterial: Sendable {
  /// A file's content and its path, for messages.
  public struct File: Sendable {
    /// Where the content was read.
    public let path: String
    let bytes: [UInt8]

    /// Names bytes.
    public init(path: String, bytes: [UInt8]) {
      self.path = path
      self.bytes = bytes
    }
  }

  /// A certificate (PEM, with those between it and its root) and its key (PEM).
  public struct Identity: Sendable {
    let certificate: File
    let key: File

    /// Puts both together; whether they fit is checked with the rest of the material.
    public init(certificate: File, key: File) {
      self.certificate = certificate
      self.key = key
    }
  }

  /// The oldest version that is spoken.
  public enum Minimum: String, Sendable, CaseIterable {
    /// TLS 1.2 (RFC 5246).
    case v12 = "1.2"
    /// TLS 1.3 (RFC 8446).
    case v13 = "1.3"
  }

  let identities: [Identity]
  let clientAuthorities: File?
  let requiresClientCertificate: Bool
  let minimum: Minimum
  let ticketSecret: [UInt8]

  /// When the first of the certificates ends, in seconds since 1970.
  public private(set) var expiresAt = 0

  /// Puts the material together and checks it: every file can be used, every key fits.
  ///
  /// Each material has a new secret for the tickets of resumed sessions, so that the sessions of an
  /// older one begin with a full handshake.
  /// - Parameter identities: at least one; clients that ask for no known name get the first.
  /// - Parameter clientAuthorities: who may vouch for clients (PEM); nil: they are not asked for a
  ///   certificate.
  /// - Parameter requiresClientCertificate: whether clients without one are refused; those with a bad
  ///   one are in any case.
  public init(
    identities: [Identity], clientAuthorities: File?, requiresClientCertificate: Bool,
    minimum: Minimum
  ) throws(TLSFailure) {
    precondition(!identities.isEmpty, "a server needs a certificate")
    self.identities = identities
    self.clientAuthorities = clientAuthorities
    self.requiresClientCertificate = requiresClientCertificate
    self.minimum = minimum
    var secret = [UInt8](repeating: 0, count: 80)
    RandomBytes.fill(&secret)
    ticketSecret = secret
    let context = try TLSContext.server(self)
    expiresAt = context.ends.min() ?? 0
  }
}
