// Field names (RFC 9110, 5.1): those that decide something here are told apart once, while a head is
// parsed, so that asking for one of them later compares no text.

/// The name of a field; letter case is free.
///
/// The names that are members cost one comparison of bytes a field; any other text works as well and
/// is compared with the name of each field.
public struct FieldName: Sendable, ExpressibleByStringLiteral {
  /// A name that the parser knows.
  enum Kind: UInt8, Sendable {
    case other
    case host, connection, upgrade, origin, expect, authorization
    case contentLength, transferEncoding
    case webSocketKey, webSocketVersion, webSocketAccept, webSocketProtocol, webSocketExtensions
  }

  let kind: Kind
  /// The name where it is none of the known ones.
  let text: String

  /// Any name.
  public init(_ text: String) {
    self.text = text
    kind = .other
  }

  /// Any name.
  public init(stringLiteral text: String) { self.init(text) }

  private init(_ kind: Kind) {
    self.kind = kind
    text = ""
  }

  /// `Host`.
  public static var host: FieldName { FieldName(.host) }
  /// `Connection`.
  public static var connection: FieldName { FieldName(.connection) }
  /// `Upgrade`.
  public static var upgrade: FieldName { FieldName(.upgrade) }
  /// `Origin`.
  public static var origin: FieldName { FieldName(.origin) }
  /// `Expect`.
  public static var expect: FieldName { FieldName(.expect) }
  /// `Authorization`.
  public static var authorization: FieldName { FieldName(.authorization) }
  /// `Content-Length`.
  public static var contentLength: FieldName { FieldName(.contentLength) }
  /// `Transfer-Encoding`.
  public static var transferEncoding: FieldName { FieldName(.transferEncoding) }
  /// `Sec-WebSocket-Key`.
  public static var webSocketKey: FieldName { FieldName(.webSocketKey) }
  /// `Sec-WebSocket-Version`.
  public static var webSocketVersion: FieldName { FieldName(.webSocketVersion) }
  /// `Sec-WebSocket-Accept`.
  public static var webSocketAccept: FieldName { FieldName(.webSocketAccept) }
  /// `Sec-WebSocket-Protocol`.
  public static var webSocketProtocol: FieldName { FieldName(.webSocketProtocol) }
  /// `Sec-WebSocket-Extensions`.
  public static var webSocketExtensions: FieldName { FieldName(.webSocketExtensions) }

  /// What a name in a head is.
  static func kind(of name: borrowing Span<UInt8>) -> Kind {
    // The length picks one or two candidates, so that most fields cost no comparison.
    switch name.count {
    case 4 where name.equalsIgnoringCase("Host"): .host
    case 6 where name.equalsIgnoringCase("Origin"): .origin
    case 6 where name.equalsIgnoringCase("Expect"): .expect
    case 7 where name.equalsIgnoringCase("Upgrade"): .upgrade
    case 10 where name.equalsIgnoringCase("Connection"): .connection
    case 13 where name.equalsIgnoringCase("Authorization"): .authorization
    case 14 where name.equalsIgnoringCase("Content-Length"): .contentLength
    case 17 where name.equalsIgnoringCase("Sec-WebSocket-Key"): .webSocketKey
    case 17 where name.equalsIgnoringCase("Transfer-Encoding"): .transferEncoding
    case 20 where name.equalsIgnoringCase("Sec-WebSocket-Accept"): .webSocketAccept
    case 21 where name.equalsIgnoringCase("Sec-WebSocket-Version"): .webSocketVersion
    case 22 where name.equalsIgnoringCase("Sec-WebSocket-Protocol"): .webSocketProtocol
    case 24 where name.equalsIgnoringCase("Sec-WebSocket-Extensions"): .webSocketExtensions
    default: .other
    }
  }
}
