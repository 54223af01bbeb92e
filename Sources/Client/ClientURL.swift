// Addresses as applications write them (RFC 3986, RFC 6455 section 3): scheme, host, port, path and query.

import RoostHTTP

/// Where a server is.
struct ClientURL: Hashable, Sendable {
  /// Whether the connection is TLS: `wss`.
  let isSecure: Bool
  /// The host without the brackets of an IPv6 address.
  let host: String
  /// 1 to 65,535.
  let port: UInt16
  /// Path and query, with the leading slash.
  let path: String

  /// Host and port as HTTP writes them; the port only where it is not the scheme's own.
  var hostField: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
  }

  /// Host and port as CONNECT names them.
  var authority: String { "\(host.contains(":") ? "[\(host)]" : host):\(port)" }

  /// Reads `ws://HOST[:PORT][/PATH][?QUERY]` or the same with `wss`, `http` or `https`.
  ///
  /// Without a path it is `/ws`. Throws `.configuration`.
  init(_ text: String) throws(ClientFailure) {
    let parts = try Self.split(text)
    switch parts.scheme {
    case "ws", "http": isSecure = false
    case "wss", "https": isSecure = true
    default: throw .configuration("the address begins with ws:// or wss://: \(text)")
    }
    guard parts.user == nil else {
      throw .configuration("the address has a user in it: give a token instead")
    }
    host = parts.host
    port = parts.port ?? (isSecure ? 443 : 80)
    var path = parts.rest
    if path.isEmpty || path.hasPrefix("?") { path = "/ws" + path }
    if let fragment = path.firstIndex(of: "#") { path = String(path[..<fragment]) }
    guard path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw .configuration("path and query are percent-encoded ASCII: \(path)")
    }
    self.path = path
  }

  /// The pieces of an address.
  struct Parts {
    var scheme: String
    var user: String?
    var host: String
    var port: UInt16?
    var rest: String
  }

  /// Takes an address apart; throws `.configuration`.
  static func split(_ text: String) throws(ClientFailure) -> Parts {
    guard text.utf8.count <= 8192, let mark = text.firstRange(of: "://") else {
      throw .configuration("this is no address: \(text.prefix(200))")
    }
    var rest = text[mark.upperBound...]
    var parts = Parts(scheme: text[..<mark.lowerBound].lowercased(), host: "", rest: "")
    let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
    parts.rest = String(rest[end...])
    rest = rest[..<end]
    if let at = rest.lastIndex(of: "@") {
      parts.user = String(rest[..<at])
      rest = rest[rest.index(after: at)...]
    }
    var port: Substring?
    if rest.hasPrefix("["), let bracket = rest.firstIndex(of: "]") {
      parts.host = String(rest[rest.index(after: rest.startIndex)..<bracket])
      let behind = rest[rest.index(after: bracket)...]
      guard behind.isEmpty || behind.hasPrefix(":") else {
        throw .configuration("the host cannot be read: \(text)")
      }
      port = behind.isEmpty ? nil : behind.dropFirst()
    } else if let colon = rest.lastIndex(of: ":") {
      parts.host = String(rest[..<colon])
      port = rest[rest.index(after: colon)...]
    } else {
      parts.host = String(rest)
    }
    if let port, !port.isEmpty {
      guard port.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt16(port),
        number > 0
      else { throw .configuration("the port is 1 to 65535: \(text)") }
      parts.port = number
    }
    guard !parts.host.isEmpty, parts.host.utf8.count <= 255,
      parts.host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { throw .configuration("the address has no host: \(text)") }
    return parts
  }
}
