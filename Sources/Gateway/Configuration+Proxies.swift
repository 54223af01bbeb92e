// What the configuration says about proxies in front, and what the shards make of it.

import RoostEventLoop
public import RoostHTTP

extension Configuration {
  /// The proxies in front of the public port.
  public struct Proxies: Sendable, Equatable {
    /// Networks as `10.0.0.0/8` whose word about other addresses is believed; empty: nobody's.
    public var trusted: [String] = []
    /// The header in which they name the client.
    public var field = ForwardedField.xForwardedFor
    /// Whether every connection begins with a PROXY header.
    public var speaksProxyProtocol = false
  }

  /// What does not fit about the proxies.
  var proxyProblems: [ConfigurationProblem] {
    guard proxies.speaksProxyProtocol, proxies.trusted.isEmpty else { return [] }
    return [
      ConfigurationProblem(
        "proxy_protocol",
        "true needs trusted_proxies: whoever may send a PROXY header chooses an address")
    ]
  }
}

extension AddressRange {
  /// What is wrong with the text of a network, as part of a sentence; nil when it can be used.
  static func problem(with text: String) -> String? {
    do throws(Problem) {
      _ = try AddressRange(text.utf8.span)
      return nil
    } catch {
      switch error {
      case .malformed: return "is not a network: write 10.0.0.0/8, 2001:db8::/32 or one address"
      case .hostBits: return "has bits set behind its prefix: write the network's first address"
      }
    }
  }
}

/// Whom a node's shards believe about addresses.
///
/// Immutable; any thread.
struct ProxyTrust: Sendable {
  let trusted: TrustedProxies
  let field: ForwardedField
  let speaksProxyProtocol: Bool

  /// The networks were checked when they were read.
  init(_ proxies: Configuration.Proxies) {
    trusted = TrustedProxies(proxies.trusted.compactMap { try? AddressRange($0.utf8.span) })
    field = proxies.field
    speaksProxyProtocol = proxies.speaksProxyProtocol
  }

  /// Whether what an address says about others is believed.
  func contains(_ address: SocketAddress) -> Bool {
    !trusted.isEmpty && trusted.contains(address.network)
  }
}

extension SocketAddress {
  /// The address without its port.
  var network: NetworkAddress {
    isIPv6
      ? NetworkAddress(high: high, low: low)
      : NetworkAddress(ipv4: UInt32(truncatingIfNeeded: low))
  }

  /// An address that somebody named, with a port, 0 when it is not known.
  init(_ address: NetworkAddress, port: UInt16) {
    if address.isIPv6 {
      self.init(ipv6High: address.high, low: address.low, port: port)
    } else {
      self.init(ipv4: UInt32(truncatingIfNeeded: address.low), port: port)
    }
  }
}
