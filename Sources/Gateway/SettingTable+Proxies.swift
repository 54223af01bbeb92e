// The table of settings: who may say for whom a connection is.

import RoostHTTP

extension Setting {
  /// The settings of ``Configuration/Proxies``.
  static let proxies: [Setting] = [
    node(
      "trusted_proxies", .networks, .list(\.proxies.trusted),
      "Networks of the proxies in front, whose word about the client's address is believed."),
    node(
      "trusted_header", .word(ForwardedField.allCases.map(\.rawValue), later: [:]),
      .word(\.proxies.field),
      "The one header in which trusted proxies name the client; every other one is ignored."),
    node(
      "proxy_protocol", .boolean, .boolean(\.proxies.speaksProxyProtocol),
      "Whether every connection begins with a PROXY header, version 1 or 2, of a trusted proxy."),
  ]
}
