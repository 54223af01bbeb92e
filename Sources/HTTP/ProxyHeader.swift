// The PROXY protocol, versions 1 and 2, as HAProxy's specification of it (2020/03/05) has it: a proxy
// that forwards bytes tells in front of them whose they are. What is not exactly that is refused, as
// the specification asks, because whoever gets to write here chooses an address.

/// Why bytes are no PROXY header that is believed.
public enum ProxyViolation: Error, Equatable, Sendable {
  /// The connection does not begin with either signature.
  case noHeader
  /// A line of version 1 has more than 107 bytes, or a header of version 2 more than 536.
  case tooLong
  /// The line of version 1 is malformed.
  case badLine
  /// The version, the command, or the family and transport are none that this reader knows.
  case unknownKind
  /// The addresses do not fit into the length that the header gives.
  case badLength
  /// The vectors behind the addresses do not fill the rest of the header.
  case badVector
  /// The checksum is not that of the header.
  case badChecksum
}

/// Whose bytes follow a PROXY header.
public enum ProxySource: Equatable, Sendable {
  /// A client of the proxy.
  case client(NetworkAddress, port: UInt16)
  /// The proxy itself, or a client that has no IP address: the socket's own address stands.
  case socket
}

/// What a look at the bytes so far says.
public enum ProxyScan: Equatable, Sendable {
  /// No end yet; call again with the same bytes and more.
  case needMore
  /// The header is the first `headerBytes` bytes.
  case complete(headerBytes: Int, ProxySource)
}

/// Reads the header at the beginning of a connection.
///
/// Pure; any thread. Bytes are refused at the first one that no header could have there.
public enum ProxyHeader {
  /// The longest line of version 1, its line end counted; section 2.1.
  static let lineBytesMax = 107
  /// The longest header of version 2 that is read; section 2.2 asks senders to stay below it.
  public static let headerBytesMax = 536

  /// Section 2.2: bytes that no protocol of text begins with.
  static let signature: [UInt8] = [
    0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
  ]
  /// The signature, version and command, family and transport, length.
  static let fixedBytes = 16

  /// Looks at all bytes since the connection was opened, at least one.
  public static func scan(_ bytes: borrowing Span<UInt8>) throws(ProxyViolation) -> ProxyScan {
    guard bytes.count > 0 else { return .needMore }
    if bytes[0] == signature[0] { return try scanBinary(bytes) }
    return try scanLine(bytes)
  }

  // MARK: Version 1

  private static func scanLine(
    _ bytes: borrowing Span<UInt8>
  ) throws(ProxyViolation) -> ProxyScan {
    let start = "PROXY ".utf8.span
    for place in 0..<min(bytes.count, start.count) where bytes[place] != start[place] {
      throw .noHeader
    }
    let end = min(bytes.count, lineBytesMax)
    var place = min(start.count, end)
    while place < end, bytes[place] != Byte.carriageReturn {
      guard bytes[place] != Byte.lineFeed else { throw .badLine }
      place += 1
    }
    if place + 1 < end {
      guard bytes[place + 1] == Byte.lineFeed else { throw .badLine }
      let source = try source(ofLine: bytes.extracting(start.count..<place))
      return .complete(headerBytes: place + 2, source)
    }
    guard bytes.count < lineBytesMax else { throw .tooLong }
    return .needMore
  }

  /// Section 2.1: a family, two addresses and two ports with one space between them.
  private static func source(
    ofLine line: borrowing Span<UInt8>
  ) throws(ProxyViolation) -> ProxySource {
    var words = InlineArray<5, Range<Int>>(repeating: 0..<0)
    var count = 0
    var start = 0
    for place in 0...line.count where place == line.count || line[place] == Byte.space {
      // § 2.1: behind UNKNOWN anything may stand, and all of it is ignored.
      if count == 0, line.extracting(start..<place).equals("UNKNOWN") { return .socket }
      guard count < 5 else { throw .badLine }
      words[count] = start..<place
      count += 1
      start = place + 1
    }
    guard count == 5 else { throw .badLine }
    let family = line.extracting(words[0])
    let isIPv6 = family.equals("TCP6")
    guard isIPv6 || family.equals("TCP4") else { throw .badLine }
    guard let source = address(line.extracting(words[1]), isIPv6: isIPv6),
      address(line.extracting(words[2]), isIPv6: isIPv6) != nil,
      let port = port(line.extracting(words[3])), Self.port(line.extracting(words[4])) != nil
    else { throw .badLine }
    return .client(source, port: port)
  }

  private static func address(
    _ text: borrowing Span<UInt8>, isIPv6: Bool
  ) -> NetworkAddress? {
    guard isIPv6 else { return NetworkAddress.ipv4(text).map { NetworkAddress(ipv4: $0) } }
    return NetworkAddress.ipv6(text).map { NetworkAddress(high: $0.high, low: $0.low) }
  }

  /// A port in decimal digits without a leading zero.
  static func port(_ text: borrowing Span<UInt8>) -> UInt16? {
    guard (1...5).contains(text.count) else { return nil }
    guard text.count == 1 || text[0] != UInt8(ascii: "0") else { return nil }
    var number: UInt32 = 0
    for place in 0..<text.count {
      guard isDigit(text[place]) else { return nil }
      number = number * 10 + UInt32(text[place] - UInt8(ascii: "0"))
    }
    return UInt16(exactly: number)
  }

  // MARK: Version 2

  private static func scanBinary(
    _ bytes: borrowing Span<UInt8>
  ) throws(ProxyViolation) -> ProxyScan {
    for place in 0..<min(bytes.count, signature.count) where bytes[place] != signature[place] {
      throw .noHeader
    }
    guard bytes.count > 12 else { return .needMore }
    guard bytes[12] >> 4 == 2, bytes[12] & 0x0F <= 1 else { throw .unknownKind }
    let isLocal = bytes[12] & 0x0F == 0
    guard bytes.count > 13 else { return .needMore }
    let kind = bytes[13]
    // § 2.2: with LOCAL the family means nothing. Other transports than streams cannot be what this
    // stream of bytes came over.
    guard isLocal || [0x00, 0x11, 0x21, 0x31].contains(kind) else { throw .unknownKind }
    guard bytes.count >= fixedBytes else { return .needMore }
    let length = fixedBytes + Int(bytes[14]) << 8 + Int(bytes[15])
    guard length <= headerBytesMax else { throw .tooLong }
    guard bytes.count >= length else { return .needMore }
    guard !isLocal, kind != 0x00 else { return .complete(headerBytes: length, .socket) }
    let addressBytes = kind == 0x11 ? 12 : kind == 0x21 ? 36 : 216
    guard length >= fixedBytes + addressBytes else { throw .badLength }
    try checkVectors(bytes.extracting(0..<length), from: fixedBytes + addressBytes)
    let source: ProxySource =
      switch kind {
      case 0x11:
        .client(
          NetworkAddress(ipv4: UInt32(truncatingIfNeeded: number(bytes, at: 16, bytes: 4))),
          port: UInt16(truncatingIfNeeded: number(bytes, at: 24, bytes: 2)))
      case 0x21:
        .client(
          NetworkAddress(
            high: number(bytes, at: 16, bytes: 8), low: number(bytes, at: 24, bytes: 8)),
          port: UInt16(truncatingIfNeeded: number(bytes, at: 48, bytes: 2)))
      default: .socket
      }
    return .complete(headerBytes: length, source)
  }

  /// § 2.2.1: a type, a length and that many bytes, until the header ends; only the checksum is
  /// read.
  private static func checkVectors(
    _ header: borrowing Span<UInt8>, from start: Int
  ) throws(ProxyViolation) {
    var place = start
    var checksumAt: Int?
    while place < header.count {
      guard header.count - place >= 3 else { throw .badVector }
      let length = Int(header[place + 1]) << 8 + Int(header[place + 2])
      guard header.count - place - 3 >= length else { throw .badVector }
      // § 2.2.3: PP2_TYPE_CRC32C.
      if header[place] == 0x03 {
        guard length == 4, checksumAt == nil else { throw .badChecksum }
        checksumAt = place + 3
      }
      place += 3 + length
    }
    guard let checksumAt else { return }
    let expected = UInt32(truncatingIfNeeded: number(header, at: checksumAt, bytes: 4))
    guard checksum(header, zeroAt: checksumAt) == expected else { throw .badChecksum }
  }

  /// CRC-32C (RFC 3720, B.4) of a header whose checksum field counts as zeros.
  static func checksum(_ header: borrowing Span<UInt8>, zeroAt field: Int) -> UInt32 {
    var remainder = UInt32.max
    for place in 0..<header.count {
      let isField = place >= field && place < field + 4
      remainder ^= isField ? 0 : UInt32(header[place])
      for _ in 0..<8 {
        remainder = remainder >> 1 ^ (remainder & 1 == 1 ? 0x82F6_3B78 : 0)
      }
    }
    return ~remainder
  }

  private static func number(
    _ bytes: borrowing Span<UInt8>, at start: Int, bytes count: Int
  ) -> UInt64 {
    var number: UInt64 = 0
    for place in start..<start + count { number = number << 8 | UInt64(bytes[place]) }
    return number
  }
}
