// What all TLS sessions of one purpose share: certificates, keys, whom to trust. TLS 1.2 or newer
// (RFC 5246, RFC 8446), without compression and renegotiation. OpenSSL does the work; it never sees
// a descriptor.

import RoostCOpenSSL

/// Why a context could not be made, or a session came to its end.
public enum TLSFailure: Error, Equatable, Sendable, CustomStringConvertible {
  /// A file could not be used: its path, and why.
  case file(String, String)
  /// The peer's certificate was not accepted: why.
  case certificate(String)
  /// The peer broke the protocol, refused us, or has nothing in common with us.
  case handshake(String)
  /// OpenSSL had no memory or failed otherwise.
  case library(String)

  /// A sentence without its full stop.
  public var description: String {
    switch self {
    case .file(let path, let reason): "\(path): \(reason)"
    case .certificate(let reason): "the certificate was not accepted: \(reason)"
    case .handshake(let reason): "TLS failed: \(reason)"
    case .library(let reason): "OpenSSL failed: \(reason)"
    }
  }
}

/// Certificates, keys and trust for sessions of one role.
///
/// Owner: one thread. Sessions keep what they need of it alive. Reading new files means making a new
/// context; sessions of the old one go on.
public final class TLSContext {
  /// Which end of a connection a session is.
  public enum Role: Sendable {
    /// The end that connects.
    case client
    /// The end that accepts.
    case server
  }

  /// The role of its sessions.
  public let role: Role
  /// The name that peers' certificates must have, instead of the one that a session is given.
  public let serverName: String?
  let context: OpaquePointer
  let method: OpaquePointer
  /// Which certificate a client gets, where there are several; the context knows its address.
  private var names: TLSNames?

  init(_ role: Role, serverName: String?) throws(TLSFailure) {
    ERR_clear_error()
    guard let context = roost_tls_context(role == .server ? 1 : 0) else {
      throw .library(Self.reason())
    }
    guard let method = roost_tls_method() else {
      SSL_CTX_free(context)
      throw .library(Self.reason())
    }
    self.role = role
    self.serverName = serverName
    self.context = context
    self.method = method
  }

  deinit {
    SSL_CTX_free(context)
    BIO_meth_free(method)
  }

  /// A context for a public server, with everything that the material says.
  ///
  /// Costs a millisecond or so. Contexts of one material resume each other's sessions.
  public static func server(_ material: TLSMaterial) throws(TLSFailure) -> TLSContext {
    let made = try TLSContext(.server, serverName: nil)
    try made.serve(material, as: material.identities[0])
    guard material.identities.count > 1 else { return made }
    // The chooser's sessions keep it alive, and it keeps the names and the other contexts alive.
    let names = TLSNames(choosingIn: made)
    for identity in material.identities.dropFirst() {
      let other = try TLSContext(.server, serverName: nil)
      try other.serve(material, as: identity)
      names.add(other)
    }
    made.names = names
    return made
  }

  private func serve(
    _ material: TLSMaterial, as identity: TLSMaterial.Identity
  ) throws(TLSFailure) {
    let isSet = material.ticketSecret.withUnsafeBufferPointer {
      roost_tls_serve(context, material.minimum == .v13 ? 1 : 0, $0.baseAddress)
    }
    guard isSet == 1 else { throw .library(Self.reason()) }
    try take(identity.certificate) { roost_tls_use_certificates($0, $1, $2) }
    do throws(TLSFailure) {
      try take(identity.key) { roost_tls_use_key($0, $1, $2) }
    } catch .file(let path, "unsupported") {
      // Its word for everything that it cannot decode.
      throw .file(path, "there is no private key (PEM) without a password in it")
    }
    guard let authorities = material.clientAuthorities else { return }
    try take(authorities) { roost_tls_trust($0, $1, $2) }
    let demand = material.requiresClientCertificate ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | demand, nil)
  }

  private func take(
    _ file: TLSMaterial.File, _ use: (OpaquePointer, UnsafeRawPointer?, Int) -> Int32
  ) throws(TLSFailure) {
    let isUsed = file.bytes.withUnsafeBytes { use(context, $0.baseAddress, $0.count) }
    guard isUsed == 1 else { throw .file(file.path, Self.reason()) }
  }

  /// When the certificate ends, in seconds since 1970; 0 when that cannot be read.
  var end: Int { Int(roost_tls_end(context)) }

  /// When the context's certificates end, all that it may choose from.
  var ends: [Int] { [end] + (names?.ends ?? []) }

  /// A context for connecting; the peer's certificate and name are always verified.
  ///
  /// - Parameter caFile: certificates (PEM) that may vouch for the peer; nil takes the system's.
  /// - Parameter certificateFile: our own certificates (PEM), where the peer wants them.
  /// - Parameter keyFile: the key (PEM) of `certificateFile`; both or neither.
  /// - Parameter serverName: verified instead of the name that a session is given.
  public static func client(
    caFile: String?, certificateFile: String?, keyFile: String?, serverName: String? = nil
  ) throws(TLSFailure) -> TLSContext {
    let made = try TLSContext(.client, serverName: serverName)
    SSL_CTX_set_verify(made.context, SSL_VERIFY_PEER, nil)
    try made.trust(caFile)
    switch (certificateFile, keyFile) {
    case (nil, nil): break
    case (let certificate?, let key?): try made.identify(certificateFile: certificate, keyFile: key)
    case (let lonely?, nil), (nil, let lonely?):
      throw .file(lonely, "a certificate and its key go together")
    }
    return made
  }

  /// A context for connecting without asking who the peer is: for questions that anyone may hear.
  ///
  /// - Parameter certificateFile: our own certificates (PEM), where the peer wants them.
  /// - Parameter keyFile: the key (PEM) of `certificateFile`; both or neither.
  public static func probe(
    certificateFile: String?, keyFile: String?
  ) throws(TLSFailure) -> TLSContext {
    let made = try TLSContext(.client, serverName: nil)
    SSL_CTX_set_verify(made.context, SSL_VERIFY_NONE, nil)
    if let certificateFile, let keyFile {
      try made.identify(certificateFile: certificateFile, keyFile: keyFile)
    }
    return made
  }

  /// A context for accepting.
  ///
  /// - Parameter certificateFile: the certificate (PEM) and those between it and its root.
  /// - Parameter keyFile: the certificate's key (PEM).
  /// - Parameter caFile: who may vouch for peers, which then must have a certificate; nil asks for
  ///   none.
  public static func server(
    certificateFile: String, keyFile: String, caFile: String?
  ) throws(TLSFailure) -> TLSContext {
    let made = try TLSContext(.server, serverName: nil)
    try made.identify(certificateFile: certificateFile, keyFile: keyFile)
    if let caFile {
      SSL_CTX_set_verify(
        made.context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nil)
      try made.trust(caFile)
    }
    return made
  }

  private func trust(_ caFile: String?) throws(TLSFailure) {
    guard let caFile else {
      guard SSL_CTX_set_default_verify_paths(context) == 1 else {
        throw .library(Self.reason())
      }
      return
    }
    guard SSL_CTX_load_verify_file(context, caFile) == 1 else {
      throw .file(caFile, Self.reason())
    }
  }

  private func identify(certificateFile: String, keyFile: String) throws(TLSFailure) {
    guard SSL_CTX_use_certificate_chain_file(context, certificateFile) == 1 else {
      throw .file(certificateFile, Self.reason())
    }
    guard SSL_CTX_use_PrivateKey_file(context, keyFile, SSL_FILETYPE_PEM) == 1,
      SSL_CTX_check_private_key(context) == 1
    else { throw .file(keyFile, Self.reason()) }
  }

  /// The library's sentence about its first error on this thread.
  static func reason() -> String {
    roost_tls_error().map { String(cString: $0) } ?? "it gave no reason"
  }
}
