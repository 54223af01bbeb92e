// The table of settings: TLS on the node's own ports.

extension Setting {
  /// The settings of ``Configuration/TLS``.
  static let tls: [Setting] = [
    node(
      "tls.certificates", .objects(Configuration.TLS.fields, countMax: 100),
      .objects(\.tls.certificates),
      "Certificates (PEM, with their chain) and keys of the public port; none means plain HTTP."),
    node(
      "tls.client_ca_file", .path, .text(\.tls.clientCAFile, show: { $0 }, parse: { $0 }),
      "Certificates that may have signed those of clients (PEM)."),
    node(
      "tls.client_certificates",
      .word(Configuration.TLS.ClientCertificates.allCases.map(\.rawValue), later: [:]),
      .word(\.tls.clientCertificates),
      "Whether clients are asked for a certificate, and whether they must have one."),
    node(
      "tls.minimum", .word(Configuration.TLS.Minimum.allCases.map(\.rawValue), later: [:]),
      .word(\.tls.minimum), "The oldest version of TLS that is spoken."),
    node(
      "tls.admin", .boolean, .boolean(\.tls.admin),
      "Whether the admin port speaks TLS, too, with the same certificates and rules."),
  ]
}
