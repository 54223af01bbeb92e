// Proxies that are asked by CONNECT (RFC 9110, 9.3.6): from an option, or, only where the application
// wants that, from the environment as other programs read it.

import Glibc
import RoostCrypto

/// A proxy on the way.
struct ClientProxy: Hashable, Sendable {
  let host: String
  let port: UInt16
  /// The value of Proxy-Authorization; nil without a user.
  let authorization: String?

  /// Reads `http://[USER:PASSWORD@]HOST[:PORT]`; throws `.configuration`.
  init(_ text: String) throws(ClientFailure) {
    let parts = try ClientURL.split(text.contains("://") ? text : "http://" + text)
    guard parts.scheme == "http" else {
      throw .configuration("a proxy is asked over http://")
    }
    host = parts.host
    port = parts.port ?? 8080
    authorization = parts.user.map { user in
      let letters = Self.decoded(user)
      return "Basic " + String(decoding: Base64.encode(letters.span), as: UTF8.self)
    }
  }

  /// The proxy for an address, by the options and the environment.
  static func choose(
    for url: ClientURL, _ options: ClientOptions
  ) throws(ClientFailure) -> ClientProxy? {
    if let text = options.proxy { return try ClientProxy(text) }
    guard options.takesProxyFromEnvironment else { return nil }
    let names =
      url.isSecure ? ["https_proxy", "HTTPS_PROXY"] : ["http_proxy"]
    guard let text = names.compactMap(environment).first else { return nil }
    let exceptions = ["no_proxy", "NO_PROXY"].compactMap(environment).first ?? ""
    return isExcepted(url.host, from: exceptions) ? nil : try ClientProxy(text)
  }

  /// Whether a host is on a list such as `localhost,.example.com,10.0.0.1` or `*`.
  static func isExcepted(_ host: String, from list: String) -> Bool {
    let host = host.lowercased()
    return list.lowercased().split(whereSeparator: { $0 == "," || $0 == " " }).contains { entry in
      if entry == "*" { return true }
      let name = entry.hasPrefix(".") ? entry.dropFirst() : entry
      return host == name || host.hasSuffix("." + name)
    }
  }

  /// The request that asks for a way to a server.
  func request(for url: ClientURL) -> [UInt8] {
    var text = "CONNECT \(url.authority) HTTP/1.1\r\nHost: \(url.authority)\r\n"
    if let authorization { text += "Proxy-Authorization: \(authorization)\r\n" }
    return Array((text + "\r\n").utf8)
  }

  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }

  /// What percent-encoding stands for.
  private static func decoded(_ text: String) -> [UInt8] {
    let bytes = Array(text.utf8)
    var output: [UInt8] = []
    var index = 0
    while index < bytes.count {
      if bytes[index] == UInt8(ascii: "%"), index + 2 < bytes.count,
        let byte = UInt8(String(decoding: bytes[index + 1...index + 2], as: UTF8.self), radix: 16)
      {
        output.append(byte)
        index += 3
      } else {
        output.append(bytes[index])
        index += 1
      }
    }
    return output
  }
}
