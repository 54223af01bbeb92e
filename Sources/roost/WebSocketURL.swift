// Where a WebSocket is, from one URL (RFC 6455 3).

/// A `ws://` or `wss://` URL.
struct WebSocketURL: Equatable, Sendable {
  let isEncrypted: Bool
  /// Without brackets.
  let host: String
  let port: UInt16
  /// With its query.
  let path: String

  /// Reads a URL, nil when it is none; without a path it is `/ws`.
  init?(_ text: String) {
    guard let slashes = text.firstRange(of: "://"), text.utf8.count <= 4096,
      text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
    else { return nil }
    switch text[..<slashes.lowerBound].lowercased() {
    case "ws": isEncrypted = false
    case "wss": isEncrypted = true
    default: return nil
    }
    let rest = text[slashes.upperBound...].prefix { $0 != "#" }
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let target = rest.dropFirst(authority.count)
    path = target.isEmpty ? "/ws" : target.hasPrefix("?") ? "/ws\(target)" : String(target)
    var host = authority[...]
    var digits: Substring?
    if authority.hasPrefix("[") {
      guard let end = authority.firstIndex(of: "]") else { return nil }
      host = authority[..<end].dropFirst()
      let behind = authority[authority.index(after: end)...]
      guard behind.isEmpty || behind.hasPrefix(":") else { return nil }
      if !behind.isEmpty { digits = behind.dropFirst() }
    } else if let colon = authority.firstIndex(of: ":") {
      host = authority[..<colon]
      digits = authority[authority.index(after: colon)...]
    }
    guard !host.isEmpty, !host.contains("@") else { return nil }
    self.host = String(host)
    guard let digits else {
      port = isEncrypted ? 443 : 80
      return
    }
    guard digits.allSatisfy({ "0"..."9" ~= $0 }), let port = UInt16(digits), port > 0 else {
      return nil
    }
    self.port = port
  }

  /// Host and, where it is not the scheme's own, port, as the field Host has them.
  var authority: String {
    let shown = host.contains(":") ? "[\(host)]" : host
    return port == (isEncrypted ? 443 : 80) ? shown : "\(shown):\(port)"
  }
}
