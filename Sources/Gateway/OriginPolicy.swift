// Which web pages may open a connection: a browser sends the page's origin with the handshake, and
// without this check any page could act with a visitor's cookies or network place (RFC 6455, 10.2).

/// Decides by the `Origin` field of a handshake.
///
/// Pure and immutable; any thread.
public struct OriginPolicy: Sendable, Equatable {
  /// One entry of the configuration.
  private enum Rule: Equatable {
    case any
    case exact(Origin)
    /// Any host below `parent.host`, however deep; not that host itself.
    case below(parent: Origin)
  }

  /// Scheme, host and port in comparable form: lower case, the scheme's own port left out.
  private struct Origin: Equatable {
    var scheme: String
    var host: String
    var port: UInt16?
  }

  /// Empty: only pages of the same host.
  private let rules: [Rule]

  /// Takes patterns such as `https://app.example.com` and `https://*.example.com`, or `*` for all.
  ///
  /// No pattern at all means the pages of the host that was asked for. What ``problem(with:)``
  /// complains about matches nothing.
  public init(patterns: [String]) {
    // An entry that cannot be read must not turn "only these" into "same host", nor be dropped
    // silently: the loader has refused it. A rule that matches nothing keeps the list non-empty.
    rules = patterns.map { Self.rule(for: $0) ?? .exact(Origin(scheme: "", host: "", port: nil)) }
  }

  /// Every page may connect.
  public static let anywhere = OriginPolicy(patterns: ["*"])

  /// What is wrong with a pattern, as part of a sentence; nil when it can be used.
  public static func problem(with pattern: String) -> String? {
    guard rule(for: pattern) == nil else { return nil }
    return "is not an origin: write https://app.example.com, https://*.example.com or *"
  }

  /// Whether a handshake may go on.
  ///
  /// - Parameters:
  ///   - origin: the `Origin` field; nil when there is none, which no browser does: allowed.
  ///   - host: the `Host` field, with its port if it has one.
  ///   - isSecure: whether the client's own connection is encrypted; nil when that is not known.
  public func allows(origin: String?, host: String, isSecure: Bool?) -> Bool {
    guard let origin else { return true }
    // "null" (a sandboxed frame, a file) is nobody's origin, so only "any" covers it.
    guard let page = Self.parse(origin) else { return rules.contains(.any) }
    guard !rules.isEmpty else {
      // Where nobody said which scheme a balancer took off, the page's counts.
      let scheme = isSecure.map { $0 ? "https" : "http" } ?? page.scheme
      return Self.parse(scheme + "://" + host) == page
    }
    return rules.contains { rule in
      switch rule {
      case .any: true
      case .exact(let expected): expected == page
      case .below(let parent):
        page.scheme == parent.scheme && page.port == parent.port
          && page.host.utf8.count > parent.host.utf8.count + 1
          && page.host.hasSuffix("." + parent.host)
      }
    }
  }

  private static func rule(for pattern: String) -> Rule? {
    if pattern == "*" { return .any }
    let wildcard = "://*."
    guard let star = pattern.firstRange(of: wildcard) else {
      return parse(pattern).map { .exact($0) }
    }
    let parent = pattern[..<star.lowerBound] + "://" + pattern[star.upperBound...]
    return parse(String(parent)).map { .below(parent: $0) }
  }

  /// Reads `scheme://host[:port]` and nothing more (RFC 6454, 6.2).
  private static func parse(_ text: String) -> Origin? {
    guard text.utf8.count <= 512, let separator = text.firstRange(of: "://") else { return nil }
    let scheme = text[..<separator.lowerBound].lowercased()
    guard let first = scheme.utf8.first, (97...122).contains(first),
      scheme.utf8.allSatisfy({ isLetterOrDigit($0) || "+-.".utf8.contains($0) })
    else { return nil }

    var rest = text[separator.upperBound...]
    var port: UInt16?
    // A colon inside the brackets of an IPv6 address does not start a port.
    if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("]") {
      let digits = rest[rest.index(after: colon)...]
      guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let number = UInt16(digits) else {
        return nil
      }
      port = number
      rest = rest[..<colon]
    }
    let host = rest.lowercased()
    guard isHost(host) else { return nil }
    let usual: UInt16? =
      switch scheme {
      case "https", "wss": 443
      case "http", "ws": 80
      default: nil
      }
    return Origin(scheme: scheme, host: host, port: port == usual ? nil : port)
  }

  /// Letters, digits, `-`, `_` and `.`, or an IPv6 address in brackets; international names arrive
  /// in their ASCII form.
  private static func isHost(_ host: String) -> Bool {
    if host.hasPrefix("["), host.hasSuffix("]") {
      let address = host.utf8.dropFirst().dropLast()
      return !address.isEmpty
        && address.allSatisfy {
          (48...57).contains($0) || (97...102).contains($0) || $0 == 58 || $0 == 46
        }
    }
    return !host.isEmpty && !host.hasPrefix(".")
      && host.utf8.allSatisfy { isLetterOrDigit($0) || "-_.".utf8.contains($0) }
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (97...122).contains(byte) || (48...57).contains(byte)
  }
}
