// What a certificate says to people, for commands that look at one before clients do.

import RoostCOpenSSL

/// A server's certificate whose key fits.
public struct TLSCertificateReport: Sendable, Equatable {
  /// The certificate's file.
  public let path: String
  /// Its key's file.
  public let keyPath: String
  /// The DNS names that it is for; a certificate without one is for nobody.
  public let names: [String]
  /// When it begins, in seconds since 1970.
  public let startsAt: Int
  /// When it ends, in seconds since 1970.
  public let endsAt: Int
}

extension TLSMaterial {
  /// What each certificate says, in the order of the material.
  ///
  /// Costs a millisecond or so each.
  public func reports() throws(TLSFailure) -> [TLSCertificateReport] {
    var reports: [TLSCertificateReport] = []
    for identity in identities {
      let single = try TLSMaterial(
        identities: [identity], clientAuthorities: nil, requiresClientCertificate: false,
        minimum: minimum)
      let context = try TLSContext.server(single)
      reports.append(
        TLSCertificateReport(
          path: identity.certificate.path, keyPath: identity.key.path,
          names: TLSNames.names(of: context), startsAt: Int(roost_tls_start(context.context)),
          endsAt: context.end))
    }
    return reports
  }
}
