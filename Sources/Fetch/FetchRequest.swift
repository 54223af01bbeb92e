// What is asked of another server: a URL, header fields, perhaps a body, and how long and how large
// the answer may be.

/// One request.
///
/// Any thread.
public struct FetchRequest: Sendable {
  /// Where it goes.
  public let url: FetchURL
  /// The body of a POST; nil makes it a GET.
  public let body: [UInt8]?
  /// Header fields, one `Name: value` a line.
  private(set) var lines: [String] = []
  /// Time from the start to the last byte of the response.
  public let timeout: Duration
  /// Time for names, TCP and TLS together, within ``timeout``.
  public let connectTimeout: Duration
  /// Bytes of the largest body that is taken.
  public let responseBytesMax: Int
  /// A PEM file of the authorities that are trusted; nil for those of the system.
  public let authorityFile: String?

  /// A request without header fields of its own.
  ///
  /// - Parameters:
  ///   - body: nil for a GET.
  ///   - timeout: at least a millisecond, at most an hour.
  ///   - connectTimeout: like it.
  ///   - responseBytesMax: at least 1.
  ///   - authorityFile: nil for the system's authorities.
  public init(
    url: FetchURL, body: [UInt8]?, timeout: Duration, connectTimeout: Duration,
    responseBytesMax: Int, authorityFile: String?
  ) {
    precondition(responseBytesMax >= 1, "a response of \(responseBytesMax) bytes")
    self.url = url
    self.body = body
    self.timeout = Self.bounded(timeout)
    self.connectTimeout = Self.bounded(connectTimeout)
    self.responseBytesMax = responseBytesMax
    self.authorityFile = authorityFile
  }

  /// Adds a header field.
  ///
  /// Throws ``FetchProblem/field`` for a name that is no token (RFC 9110 § 5.6.2) and for a value
  /// that is empty or holds anything but visible ASCII and spaces: no value ends the line that it
  /// stands in.
  public mutating func add(_ name: String, _ value: String) throws(FetchProblem) {
    guard (1...64).contains(name.utf8.count), name.utf8.allSatisfy(Self.isInToken),
      (1...4096).contains(value.utf8.count),
      value.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
    else { throw .field }
    lines.append("\(name): \(value)")
  }

  /// 0 would mean "none" to libcurl.
  private static func bounded(_ time: Duration) -> Duration {
    min(max(time, .milliseconds(1)), .seconds(3600))
  }

  private static func isInToken(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122: true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
  }
}
