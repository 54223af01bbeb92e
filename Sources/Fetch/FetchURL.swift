// Where a request goes. What an operator writes is checked here, once, by a grammar that is narrower
// than RFC 3986: two readers of one URL must not see two hosts in it.

/// Why a URL or a header field cannot be used.
public enum FetchProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// Neither `http://` nor `https://` stands in front.
  case scheme
  /// The URL is longer than ``FetchURL/bytesMax``.
  case tooLong
  /// A character that a URL does not have, a fragment among them.
  case character
  /// A user name or a password stands in the URL.
  case credentials
  /// There is no host, or it is no name and no address.
  case host
  /// The port is not in 1...65535.
  case port
  /// The name or the value of a header field is not one.
  case field

  /// What is wrong, as it goes on after "the URL".
  public var description: String {
    switch self {
    case .scheme: "does not begin with https:// or http://"
    case .tooLong: "is longer than \(FetchURL.bytesMax) bytes"
    case .character: "has a character that does not belong into a URL"
    case .credentials: "holds a user name: what it is to be secret has a setting of its own"
    case .host: "has no host that could be asked"
    case .port: "has a port that is not in 1...65535"
    case .field: "has a header field that cannot be sent"
    }
  }
}

/// An absolute `http` or `https` URL without credentials and fragment.
///
/// Any thread.
public struct FetchURL: Sendable, Equatable {
  /// Bytes of the longest URL.
  public static let bytesMax = 2048

  /// The URL as it was given.
  public let text: String

  /// Whether it is `https`.
  public let isEncrypted: Bool

  /// Scheme, host and port without path and query, which may hold what nobody should read in a log.
  public let place: String

  /// Reads a URL; throws why it cannot be used.
  public init(_ text: String) throws(FetchProblem) {
    let bytes = Array(text.utf8)
    guard bytes.count <= Self.bytesMax else { throw .tooLong }
    let schemes = ["https://", "http://"]
    guard let scheme = schemes.first(where: { text.utf8.starts(with: $0.utf8) }) else {
      throw .scheme
    }
    guard bytes.allSatisfy(Self.isAllowed) else { throw .character }
    let rest = bytes.dropFirst(scheme.utf8.count)
    let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") }
    let authority = rest[..<(end ?? rest.endIndex)]
    try Self.check(authority: authority)
    self.text = text
    isEncrypted = scheme == "https://"
    place = scheme + String(decoding: authority, as: UTF8.self)
  }

  private static func check(authority: ArraySlice<UInt8>) throws(FetchProblem) {
    guard !authority.contains(UInt8(ascii: "@")) else { throw .credentials }
    var port: ArraySlice<UInt8>?
    let host: ArraySlice<UInt8>
    if authority.first == UInt8(ascii: "[") {
      guard let close = authority.firstIndex(of: UInt8(ascii: "]")) else { throw .host }
      host = authority[(authority.startIndex + 1)..<close]
      let behind = authority[(close + 1)...]
      if !behind.isEmpty {
        guard behind.first == UInt8(ascii: ":") else { throw .host }
        port = behind.dropFirst()
      }
      guard host.count >= 2, host.allSatisfy(isInIPv6) else { throw .host }
    } else {
      let colon = authority.firstIndex(of: UInt8(ascii: ":"))
      host = authority[..<(colon ?? authority.endIndex)]
      if let colon { port = authority[(colon + 1)...] }
      guard (1...253).contains(host.count), host.allSatisfy(isInName) else { throw .host }
    }
    guard let port else { return }
    let isNumber = (1...5).contains(port.count) && port.allSatisfy { (48...57).contains($0) }
    guard isNumber, let number = Int(String(decoding: port, as: UTF8.self)),
      (1...65_535).contains(number)
    else { throw .port }
  }

  /// Visible ASCII without what RFC 3986 leaves out, the fragment's mark and the backslash.
  private static func isAllowed(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) && !"\"#<>\\^`{|}".utf8.contains(byte)
  }

  private static func isInName(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122, UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"): true
    default: false
    }
  }

  private static func isInIPv6(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...70, 97...102, UInt8(ascii: ":"), UInt8(ascii: "."): true
    default: false
    }
  }
}
