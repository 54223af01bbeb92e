// Where a Redis is and as whom to enter, from one URL. Whatever the URL has that is not understood
// is refused with a sentence; the sentence never shows a user or a password.

import RoostEventLoop

/// A URL that names no Redis.
public struct RedisEndpointProblem: Error, Equatable, Sendable, CustomStringConvertible {
  /// A sentence about what is wrong and what is allowed, without its full stop.
  public let description: String

  init(_ description: String) {
    self.description = description
  }
}

/// A Redis as a URL names it: where it is, as whom to enter, which database.
public struct RedisEndpoint: Hashable, Sendable, CustomStringConvertible {
  /// Where a Redis listens.
  public enum Place: Hashable, Sendable {
    /// On a TCP port of a host; `host` is a name or a numeric address without brackets, in lower
    /// case.
    case tcp(host: String, port: UInt16, isEncrypted: Bool)
    /// On a Unix socket.
    case unix(path: String)
  }

  /// Bytes of the longest URL.
  public static let bytesMax = 4096
  /// The highest number of a database.
  public static let databaseMax = 1_000_000
  /// The port where a URL names none.
  public static let defaultPort: UInt16 = 6379

  /// Where it listens.
  public let place: Place
  /// The user of its access list; nil is its default user.
  public let user: String?
  /// The password; nil enters without one.
  public let password: String?
  /// The database, 0...`databaseMax`.
  public let database: Int

  /// Reads `redis://[user[:password]@]host[:port][/db]`, `rediss://…` for TLS,
  /// `redis+unix://[user[:password]@]/path[?db=n]` or `unix://…`.
  ///
  /// User, password and path are percent-decoded; IPv6 addresses stand in brackets.
  public init(_ text: String) throws(RedisEndpointProblem) {
    guard text.utf8.count <= Self.bytesMax else {
      throw RedisEndpointProblem("a Redis URL has at most \(Self.bytesMax) bytes")
    }
    guard let colon = text.firstRange(of: "://") else {
      throw RedisEndpointProblem("a Redis URL begins with redis://, rediss:// or redis+unix://")
    }
    let scheme = text[..<colon.lowerBound].lowercased()
    var rest = RedisURLText(text[colon.upperBound...])
    switch scheme {
    case "redis", "rediss":
      (user, password) = try rest.takeCredentials()
      let host = try rest.takeHost()
      let port = try rest.takePort() ?? Self.defaultPort
      place = .tcp(host: host, port: port, isEncrypted: scheme == "rediss")
      database = try rest.takeDatabaseOfPath()
    case "unix", "redis+unix":
      (user, password) = try rest.takeCredentials()
      place = .unix(path: try rest.takeSocketPath())
      database = try rest.takeDatabaseOfQuery()
    case "redis+sentinel", "redis+cluster", "rediss+sentinel", "rediss+cluster":
      throw RedisEndpointProblem("\(scheme):// is not built yet; name one primary with redis://")
    default:
      throw RedisEndpointProblem(
        "a Redis URL begins with redis://, rediss:// or redis+unix://, not with another scheme")
    }
  }

  /// Whether TLS protects the way to it.
  public var isEncrypted: Bool {
    if case .tcp(_, _, isEncrypted: true) = place { true } else { false }
  }

  /// The form that is hashed and compared: the same place is the same text however it was written.
  ///
  /// User and password are not in it; port and database always are.
  public var canonical: String {
    switch place {
    case .tcp(let host, let port, let isEncrypted):
      let shown = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
      return "\(isEncrypted ? "rediss" : "redis")://\(shown):\(port)/\(database)"
    case .unix(let path):
      return "redis+unix://\(RedisURLText.encoded(path))?db=\(database)"
    }
  }

  /// The URL for people: with the user, and with `***` instead of a password.
  public var description: String {
    guard user != nil || password != nil else { return canonical }
    let name = RedisURLText.encoded(user ?? "") + (password == nil ? "" : ":***")
    guard let colon = canonical.firstRange(of: "://") else { return canonical }
    return canonical[..<colon.upperBound] + name + "@" + canonical[colon.upperBound...]
  }
}

/// Which files prove who is who on encrypted links, and whom to expect.
public struct RedisSecurity: Equatable, Sendable {
  /// Certificates (PEM) that may vouch for the Redis; nil takes the system's.
  public var caFile: String?
  /// Our own certificate (PEM), where the Redis wants one; goes with `keyFile`.
  public var certificateFile: String?
  /// The key (PEM) of our own certificate.
  public var keyFile: String?
  /// The name that the Redis's certificate must have; nil takes the URL's host.
  public var serverName: String?

  /// Names the files.
  public init(
    caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil,
    serverName: String? = nil
  ) {
    self.caFile = caFile
    self.certificateFile = certificateFile
    self.keyFile = keyFile
    self.serverName = serverName
  }
}
