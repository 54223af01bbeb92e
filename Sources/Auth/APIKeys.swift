// The keys of the server API. Only their digests are kept, and a presented key is compared by its
// digest in constant time with every one of them: how long it takes tells nothing.

import RoostCrypto

/// The keys that open the server API.
///
/// Any thread; a value.
public struct APIKeys: Sendable, Equatable {
  /// Characters that a key has at least.
  public static let charactersMin = 16
  /// Characters that a key has at most.
  public static let charactersMax = 512

  private let digests: [[UInt8]]

  /// Keys, each of which opens everything; several are for changing them without a gap.
  public init(_ keys: [String]) {
    digests = keys.map { Digest.sha256(Array($0.utf8).span) }
  }

  /// Whether there is none, so that nobody can have one.
  public var isEmpty: Bool { digests.isEmpty }

  /// The digest of a key that opens the API; nil for any other.
  public func digest(of key: [UInt8]) -> [UInt8]? {
    guard (Self.charactersMin...Self.charactersMax).contains(key.count) else { return nil }
    let presented = Digest.sha256(key.span)
    var isKnown = false
    for digest in digests where constantTimeEquals(digest.span, presented.span) { isKnown = true }
    return isKnown ? presented : nil
  }

  /// Whether a text may be a key: visible ASCII without commas, which part keys in variables.
  public static func isKey(_ text: String) -> Bool {
    (charactersMin...charactersMax).contains(text.utf8.count)
      && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: ",") }
  }
}
