// How a service knows that a request is from this node: a code over time and body that only those can
// make who know the secret. The time lets it refuse what somebody recorded.

import RoostCrypto

/// Signs bodies of requests with a shared secret.
///
/// Any thread.
struct RequestSigner: Sendable {
  /// The field that carries the signature.
  static let fieldName = "Roost-Signature"
  /// The field that names the request, the same each time it is sent.
  static let idFieldName = "Roost-Id"

  private let secret: [UInt8]

  init(secret: String) { self.secret = Array(secret.utf8) }

  /// `t=<seconds since 1970>,v1=<HMAC-SHA-256 of "<seconds>.<body>" in hexadecimal digits>`.
  func signature(of body: [UInt8], wallSeconds: Int64) -> String {
    let message = Array("\(wallSeconds).".utf8) + body
    var text = Array("t=\(wallSeconds),v1=".utf8)
    for byte in HMAC.sha256(key: secret.span, message: message.span) {
      for nibble in [byte >> 4, byte & 15] { text.append(nibble < 10 ? 48 + nibble : 87 + nibble) }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
