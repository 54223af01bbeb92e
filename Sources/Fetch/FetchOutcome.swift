// What became of a request.

/// A response, whatever its status.
public struct FetchResponse: Sendable, Equatable {
  /// The status, 100...999; redirects are not followed, so 3xx is one of them.
  public let status: Int
  /// The body, at most as large as the request allowed.
  public let body: [UInt8]
  /// The header section, lines as they came.
  let head: [UInt8]

  /// The first value of a header field, without the white space around it; nil when there is none.
  ///
  /// - Parameter name: in lower case.
  public func field(_ name: String) -> String? {
    for line in head.split(whereSeparator: { $0 == 10 || $0 == 13 }) {
      guard let colon = line.firstIndex(of: UInt8(ascii: ":")),
        colon - line.startIndex == name.utf8.count,
        line[..<colon].elementsEqual(name.utf8, by: { Self.lowered($0) == $1 })
      else { continue }
      let value = line[(colon + 1)...].drop { $0 == 32 || $0 == 9 }
      let end = value.lastIndex { $0 != 32 && $0 != 9 }
      return String(decoding: end.map { value[...$0] } ?? [], as: UTF8.self)
    }
    return nil
  }

  private static func lowered(_ byte: UInt8) -> UInt8 {
    (65...90).contains(byte) ? byte | 0x20 : byte
  }
}

/// Why there is no response.
public struct FetchFailure: Error, Sendable, Equatable, CustomStringConvertible {
  /// What went wrong, as far as a reader of metrics wants to know.
  public enum Kind: String, Sendable, CaseIterable {
    /// The host's name has no address.
    case unresolved
    /// No connection could be made.
    case refused
    /// The time was over.
    case timeout
    /// The server's certificate is not trusted, or is for another name.
    case untrusted
    /// TLS failed in another way.
    case security
    /// The connection ended before the response did.
    case cut
    /// What came is not HTTP.
    case malformed
    /// The response is larger than the request allows.
    case tooLarge = "too_large"
    /// The system or libcurl refused.
    case other
  }

  /// What went wrong.
  public let kind: Kind
  /// libcurl's sentence about it, which names the host but neither path nor query.
  public let detail: String

  /// For people.
  public var description: String { detail.isEmpty ? kind.rawValue : detail }
}

/// A response, or why there is none.
public enum FetchOutcome: Sendable, Equatable {
  /// The server answered.
  case response(FetchResponse)
  /// It did not.
  case failed(FetchFailure)
}

/// The end of a request.
public struct FetchCompletion: Sendable {
  /// The number with which it was started.
  public let id: UInt64
  /// What became of it.
  public let outcome: FetchOutcome
  /// Time since the start.
  public let duration: Duration
}
