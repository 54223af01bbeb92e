// Where a client may put its token: `Authorization: Bearer` (RFC 6750 2.1), the query, a cookie, or, as
// a page in a browser can set neither fields nor always cookies, the list of subprotocols. Two
// different ones are refused: nobody should have to guess which of them counted.

import RoostHTTP

/// What a request carries to say who it is.
enum Credential: Equatable, Sendable {
  /// Nothing.
  case none
  /// A token, not looked at yet.
  case token([UInt8])
  /// Two that are not the same.
  case contradictory

  /// The element of `Sec-WebSocket-Protocol` that holds a token.
  static let subprotocolPrefix = "bearer."

  /// Looks for the credential of a request.
  ///
  /// - Parameters:
  ///   - cookie: the name of the cookie that may hold it; empty: none may.
  ///   - inQuery: whether the query may.
  init(of head: RequestHead, cookie: String, inQuery: Bool) {
    var found: [[UInt8]] = []
    for value in head.fields.allValueBytes(of: .authorization) {
      if let token = BearerToken.token(in: value) { found.append(token) }
    }
    for element in head.fields.listElements(of: .webSocketProtocol)
    where element.hasPrefix(Self.subprotocolPrefix) {
      found.append(Array(element.utf8.dropFirst(Self.subprotocolPrefix.utf8.count)))
    }
    if inQuery {
      for (name, value) in head.queryItems() ?? [] where name.elementsEqual("token".utf8) {
        found.append(value)
      }
    }
    if !cookie.isEmpty {
      for value in head.fields.allValueBytes(of: "Cookie") {
        found += Self.cookies(named: cookie, in: value)
      }
    }
    guard let first = found.first else {
      self = .none
      return
    }
    self = found.allSatisfy { $0 == first } ? .token(first) : .contradictory
  }

  /// § RFC 6265 4.2.1: pairs parted by semicolons; quotes around a value are part of how it is sent.
  static func cookies(named name: String, in field: [UInt8]) -> [[UInt8]] {
    var values: [[UInt8]] = []
    for pair in field.split(separator: UInt8(ascii: ";")) {
      guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { continue }
      let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
      let key = pair[..<equals].drop(while: isSpace)
      guard key.elementsEqual(name.utf8) else { continue }
      var value = pair[(equals + 1)...].drop(while: isSpace)
      while let last = value.last, isSpace(last) { value = value.dropLast() }
      let quote = UInt8(ascii: "\"")
      if value.count >= 2, value.first == quote, value.last == quote {
        value = value.dropFirst().dropLast()
      }
      values.append(Array(value))
    }
    return values
  }
}

/// The scheme of RFC 6750.
enum BearerToken {
  /// What stands behind `Bearer` in the value of an `Authorization` field, the scheme in any case.
  static func token(in value: [UInt8]) -> [UInt8]? {
    let scheme = Array("bearer ".utf8)
    guard value.count > scheme.count else { return nil }
    for (place, letter) in scheme.enumerated() where value[place] | 0x20 != letter { return nil }
    return Array(value[scheme.count...].drop { $0 == UInt8(ascii: " ") })
  }
}
