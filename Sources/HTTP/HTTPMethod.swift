// The request methods of RFC 9110, 9 and RFC 5789, by name.

/// A request method; names are case-sensitive tokens, so `get` is another method than `GET`.
public enum HTTPMethod: Equatable, Sendable {
  /// RFC 9110, 9.3.1.
  case get
  /// RFC 9110, 9.3.2: as GET, but the response has no content.
  case head
  /// RFC 9110, 9.3.3.
  case post
  /// RFC 9110, 9.3.4.
  case put
  /// RFC 9110, 9.3.5.
  case delete
  /// RFC 9110, 9.3.7: also a browser's question before a request from another origin.
  case options
  /// RFC 5789.
  case patch
  /// RFC 9110, 9.3.6: its target names a host, not a resource.
  case connect
  /// RFC 9110, 9.3.8.
  case trace
  /// Any other token, as it was sent.
  case other(String)

  /// The name as it stands in a request line.
  public var name: String {
    switch self {
    case .get: "GET"
    case .head: "HEAD"
    case .post: "POST"
    case .put: "PUT"
    case .delete: "DELETE"
    case .options: "OPTIONS"
    case .patch: "PATCH"
    case .connect: "CONNECT"
    case .trace: "TRACE"
    case .other(let name): name
    }
  }

  /// The method that a token names; the caller has checked that it is a token.
  init(token: borrowing Span<UInt8>) {
    // The length goes first, so that a method costs one or two comparisons and no string.
    switch token.count {
    case 3 where token.equals("GET"): self = .get
    case 3 where token.equals("PUT"): self = .put
    case 4 where token.equals("POST"): self = .post
    case 4 where token.equals("HEAD"): self = .head
    case 5 where token.equals("PATCH"): self = .patch
    case 5 where token.equals("TRACE"): self = .trace
    case 6 where token.equals("DELETE"): self = .delete
    case 7 where token.equals("OPTIONS"): self = .options
    case 7 where token.equals("CONNECT"): self = .connect
    default: self = .other(token.string)
    }
  }
}
