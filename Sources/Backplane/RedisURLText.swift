// The parts of a Redis URL, taken from its front one after the other.

import RoostEventLoop

/// What is left of a URL behind its scheme.
struct RedisURLText {
  private var rest: Substring

  init(_ rest: Substring) {
    self.rest = rest
  }

  /// Takes `user:password@`, `user@`, `:password@` or nothing.
  mutating func takeCredentials() throws(RedisEndpointProblem) -> (String?, String?) {
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    // A password may hold a bare @: the last one ends it.
    guard let end = authority.lastIndex(of: "@") else { return (nil, nil) }
    let credentials = authority[..<end]
    rest = rest[rest.index(after: end)...]
    guard let colon = credentials.firstIndex(of: ":") else {
      let user = try Self.decoded(credentials, "user")
      return (user.isEmpty ? nil : user, nil)
    }
    let user = try Self.decoded(credentials[..<colon], "user")
    let password = try Self.decoded(credentials[credentials.index(after: colon)...], "password")
    return (user.isEmpty ? nil : user, password.isEmpty && user.isEmpty ? nil : password)
  }

  /// Takes a name, an IPv4 address, or an IPv6 address in brackets, which comes out without them.
  mutating func takeHost() throws(RedisEndpointProblem) -> String {
    if rest.first == "[" {
      guard let end = rest.firstIndex(of: "]"),
        let address = SocketAddress(text: "\(rest[...end]):0")
      else { throw RedisEndpointProblem("brackets in a Redis URL hold an IPv6 address") }
      rest = rest[rest.index(after: end)...]
      return address.hostText
    }
    let host = rest.prefix { $0 != ":" && $0 != "/" && $0 != "?" && $0 != "#" }
    rest = rest[host.endIndex...]
    guard !host.isEmpty else { throw RedisEndpointProblem("a Redis URL names a host") }
    let isName = host.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"): true
      case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
      default: false
      }
    }
    guard isName, host.utf8.count <= 253 else {
      throw RedisEndpointProblem(
        "the host of a Redis URL is a name of at most 253 letters, digits, '-', '.' and '_',"
          + " or an address; in a user or password write / ? # and % as %2F %3F %23 and %25")
    }
    return host.lowercased()
  }

  /// Takes `:port`; nil when there is none.
  mutating func takePort() throws(RedisEndpointProblem) -> UInt16? {
    guard rest.first == ":" else { return nil }
    let digits = rest.dropFirst().prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    rest = rest[digits.endIndex...]
    guard let port = Self.number(digits, upTo: 65_535), port > 0 else {
      throw RedisEndpointProblem("the port of a Redis URL is a number of 1 to 65535")
    }
    return UInt16(port)
  }

  /// Takes `/db`, `/` or nothing, which has to be the end.
  mutating func takeDatabaseOfPath() throws(RedisEndpointProblem) -> Int {
    if rest.isEmpty || rest == "/" { return 0 }
    guard rest.first == "/" else {
      throw RedisEndpointProblem("behind the host of a Redis URL come only :port and /database")
    }
    return try Self.database(rest.dropFirst())
  }

  /// Takes the path of a socket.
  mutating func takeSocketPath() throws(RedisEndpointProblem) -> String {
    let path = rest.prefix { $0 != "?" && $0 != "#" }
    rest = rest[path.endIndex...]
    guard path.first == "/", path.count > 1 else {
      throw RedisEndpointProblem(
        "the URL of a Unix socket names an absolute path, as in redis+unix:///run/redis.sock")
    }
    let decoded = try Self.decoded(path, "path")
    guard decoded.utf8.count <= Socket.pathBytesMax else {
      throw RedisEndpointProblem(
        "the path of a Unix socket has at most \(Socket.pathBytesMax) bytes")
    }
    return decoded
  }

  /// Takes `?db=n` or nothing, which has to be the end.
  mutating func takeDatabaseOfQuery() throws(RedisEndpointProblem) -> Int {
    if rest.isEmpty { return 0 }
    guard rest.hasPrefix("?db=") else {
      throw RedisEndpointProblem("behind the path of a Unix socket comes only ?db=number")
    }
    return try Self.database(rest.dropFirst(4))
  }

  /// Writes every byte that could mean something else as `%XX`.
  static func encoded(_ text: String) -> String {
    let digits = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "/"):
        bytes.append(byte)
      default:
        bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func database(_ text: Substring) throws(RedisEndpointProblem) -> Int {
    guard let number = number(text, upTo: RedisEndpoint.databaseMax) else {
      throw RedisEndpointProblem(
        "the database of a Redis URL is a number of 0 to \(RedisEndpoint.databaseMax)")
    }
    return number
  }

  private static func number(_ text: Substring, upTo most: Int) -> Int? {
    guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
      let number = Int(text), number <= most
    else { return nil }
    return number
  }

  private static func decoded(
    _ text: Substring, _ part: StaticString
  ) throws(RedisEndpointProblem) -> String {
    var bytes: [UInt8] = []
    var source = text.utf8.makeIterator()
    while let byte = source.next() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard let high = source.next().flatMap(hexadecimal),
        let low = source.next().flatMap(hexadecimal)
      else {
        throw RedisEndpointProblem(
          "in the \(part) of a Redis URL % begins a byte in hexadecimal; write %25 for % itself")
      }
      bytes.append(high << 4 | low)
    }
    guard !bytes.contains(0), let decoded = String(validating: bytes, as: UTF8.self) else {
      throw RedisEndpointProblem("the \(part) of a Redis URL is UTF-8 without a zero byte")
    }
    return decoded
  }

  private static func hexadecimal(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
