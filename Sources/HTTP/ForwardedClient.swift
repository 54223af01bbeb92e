// Who is behind the proxies that a request came through: `X-Forwarded-For`, or `Forwarded` (RFC 7239).
// Everybody can write these fields, so they are read from the right, where the last proxy wrote, and
// only as long as who wrote is trusted. One field is believed and the other one is not looked at: a
// proxy that sets one passes the other one on as the client wrote it.

/// The field that trusted proxies write.
public enum ForwardedField: String, CaseIterable, Sendable {
  /// `X-Forwarded-For`, and `X-Forwarded-Proto` beside it.
  case xForwardedFor = "x-forwarded-for"
  /// `Forwarded`, RFC 7239.
  case forwarded
  /// None: proxies that forward bytes and write no fields.
  case none
}

/// Whose requests may say for whom they are.
///
/// Pure; any thread.
public struct TrustedProxies: Sendable, Equatable {
  private let ranges: [AddressRange]

  /// Trusts the proxies of these networks.
  public init(_ ranges: [AddressRange]) { self.ranges = ranges }

  /// Whether nobody is trusted.
  public var isEmpty: Bool { ranges.isEmpty }

  /// Whether what an address says about others is believed.
  public func contains(_ address: NetworkAddress) -> Bool {
    ranges.contains { $0.contains(address) }
  }
}

/// What a request says about its client, as far as it is believed.
public struct ForwardedClient: Sendable, Equatable {
  /// How the address was found.
  public enum Finding: Sendable, Equatable {
    /// The peer is not trusted, or no field was there: the address is the peer's.
    case peer
    /// A trusted proxy named it.
    case named
    /// A proxy does not want to name it: the address is that of the proxy.
    case hidden
    /// The field cannot be read: the address is the peer's.
    case malformed
  }

  /// The client's address.
  public let address: NetworkAddress
  /// How it was found.
  public let finding: Finding
  /// Whether the client's own connection was encrypted; nil when no trusted proxy said so.
  public let isSecure: Bool?

  /// Proxies that a request may have come through.
  public static let hopsMax = 32

  /// Walks from the peer towards the client, as long as who speaks is trusted.
  public init(
    peer: NetworkAddress, fields: FieldLines, believing field: ForwardedField,
    from trusted: TrustedProxies
  ) {
    let outcome: Walk.Outcome
    if trusted.contains(peer) {
      var walk = Walk(fields: fields, trusted: trusted, address: peer)
      switch field {
      case .none: outcome = walk.nothing
      case .xForwardedFor: outcome = walk.plain()
      case .forwarded: outcome = walk.standard()
      }
    } else {
      outcome = Walk.Outcome(finding: .peer, address: peer, isSecure: nil)
    }
    finding = outcome.finding
    address = outcome.finding == .malformed ? peer : outcome.address
    isSecure = outcome.isSecure
  }
}

/// One walk over the field, from its right end.
private struct Walk {
  struct Outcome {
    let finding: ForwardedClient.Finding
    let address: NetworkAddress
    let isSecure: Bool?
  }

  let fields: FieldLines
  let trusted: TrustedProxies
  /// The last address that is believed.
  var address: NetworkAddress
  var isSecure: Bool?
  private var hops = 0

  init(fields: FieldLines, trusted: TrustedProxies, address: NetworkAddress) {
    self.fields = fields
    self.trusted = trusted
    self.address = address
  }

  var nothing: Outcome { Outcome(finding: .peer, address: address, isSecure: nil) }

  private func outcome(_ finding: ForwardedClient.Finding) -> Outcome {
    Outcome(finding: finding, address: address, isSecure: isSecure)
  }

  /// Takes one step; an outcome when it was the last.
  private mutating func step(_ node: Node?) -> Outcome? {
    hops += 1
    guard hops <= ForwardedClient.hopsMax else { return outcome(.malformed) }
    switch node {
    case .none: return outcome(.malformed)
    case .hidden: return outcome(.hidden)
    case .address(let next):
      address = next
      return trusted.contains(next) ? nil : outcome(.named)
    }
  }

  // MARK: X-Forwarded-For

  /// Addresses with commas between them, the client's first; ports and brackets occur.
  mutating func plain() -> Outcome {
    isSecure = plainScheme()
    let fields = fields
    let span = fields.bytes.span
    for value in fields.valueRanges(of: "X-Forwarded-For").reversed() {
      var end = value.upperBound
      while end >= value.lowerBound {
        var start = end
        while start > value.lowerBound, span[start - 1] != Byte.comma { start -= 1 }
        let element = fields.trimmed(start..<end)
        if !element.isEmpty, let end = step(Node(span.extracting(element))) { return end }
        end = start - 1
      }
    }
    // All of them are proxies: whoever is first asked for itself.
    return outcome(hops > 0 ? .named : .peer)
  }

  /// One word; several proxies with several opinions say nothing.
  private func plainScheme() -> Bool? {
    let values = fields.valueRanges(of: "X-Forwarded-Proto")
    guard values.count == 1 else { return nil }
    return Self.isSecure(fields.bytes.span.extracting(values[0]))
  }

  // MARK: Forwarded

  /// RFC 7239, section 4: elements with commas between them, each of pairs with semicolons.
  mutating func standard() -> Outcome {
    let fields = fields
    let span = fields.bytes.span
    for value in fields.valueRanges(of: "Forwarded").reversed() {
      guard let elements = ForwardedElement.list(span, value) else { return outcome(.malformed) }
      for element in elements.reversed() {
        isSecure = element.scheme.flatMap { Self.isSecure($0.span) }
        // § 5.2: an element without `for` names nobody.
        let node = element.node.map { Node($0.span) } ?? .hidden
        if let end = step(node) { return end }
      }
    }
    return outcome(hops > 0 ? .named : .peer)
  }

  private static func isSecure(_ scheme: borrowing Span<UInt8>) -> Bool? {
    if scheme.equalsIgnoringCase("https") || scheme.equalsIgnoringCase("wss") { return true }
    if scheme.equalsIgnoringCase("http") || scheme.equalsIgnoringCase("ws") { return false }
    return nil
  }
}

/// RFC 7239, section 6: a node, with its port set aside.
private enum Node {
  case address(NetworkAddress)
  /// `unknown`, or a name that the proxy made up.
  case hidden

  init?(_ text: borrowing Span<UInt8>) {
    if text.equalsIgnoringCase("unknown") || text.count > 0 && text[0] == UInt8(ascii: "_") {
      self = .hidden
      return
    }
    if text.count > 0, text[0] == UInt8(ascii: "[") {
      var end = 1
      while end < text.count, text[end] != UInt8(ascii: "]") { end += 1 }
      guard end < text.count, let halves = NetworkAddress.ipv6(text.extracting(1..<end)),
        Self.isPort(text, from: end + 1)
      else { return nil }
      self = .address(NetworkAddress(high: halves.high, low: halves.low))
      return
    }
    if let address = NetworkAddress(text) {
      self = .address(address)
      return
    }
    var colon = 0
    while colon < text.count, text[colon] != Byte.colon { colon += 1 }
    guard let address = NetworkAddress.ipv4(text.extracting(0..<colon)),
      Self.isPort(text, from: colon)
    else { return nil }
    self = .address(NetworkAddress(ipv4: address))
  }

  /// Nothing, or a colon and a port, which a proxy may have made up, too.
  private static func isPort(_ text: borrowing Span<UInt8>, from start: Int) -> Bool {
    guard start < text.count else { return true }
    guard text[start] == Byte.colon, start + 1 < text.count else { return false }
    let port = text.extracting(start + 1..<text.count)
    return port[0] == UInt8(ascii: "_") || ProxyHeader.port(port) != nil
  }
}
