// The PROXY protocol: whose bytes follow, however the header is cut, and everything that is refused.

import TestRandom
import Testing

@testable import RoostHTTP

@Suite struct ProxyHeaderTests {
  private static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
  private static let ipv4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 2, 0xC0, 0x01, 0x01, 0xBB]
  private static let ipv6: [UInt8] =
    [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1]
    + [0x20, 0x01, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [2] + [0xC0, 0x01, 0x01, 0xBB]
  private static let clientV4 = ProxySource.client(
    NetworkAddress(ipv4: 0xC000_0201), port: 49_153)
  private static let clientV6 = ProxySource.client(
    NetworkAddress(high: 0x2001_0DB8_0000_0000, low: 1), port: 49_153)

  private func scan(_ bytes: [UInt8]) throws(ProxyViolation) -> ProxyScan {
    try ProxyHeader.scan(bytes.span)
  }

  /// A header of version 2.
  private static func binary(
    _ command: UInt8, _ kind: UInt8, _ block: [UInt8], length: Int? = nil
  ) -> [UInt8] {
    let length = length ?? block.count
    return signature + [command, kind, UInt8(length >> 8), UInt8(length & 0xFF)] + block
  }

  private static func vector(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
    [type, UInt8(value.count >> 8), UInt8(value.count & 0xFF)] + value
  }

  /// A header whose checksum is right, with a vector before it and one behind it.
  private static func checked() -> [UInt8] {
    var header = binary(
      0x21, 0x11,
      ipv4 + vector(0x04, [1, 2, 3]) + vector(0x03, [0, 0, 0, 0]) + vector(0x20, [0, 0]))
    let place = 16 + 12 + 6 + 3
    let sum = ProxyHeader.checksum(header.span, zeroAt: place)
    for (offset, shift) in [24, 16, 8, 0].enumerated() {
      header[place + offset] = UInt8(truncatingIfNeeded: sum >> UInt32(shift))
    }
    return header
  }

  private static let good: [([UInt8], ProxySource)] = [
    (bytes("PROXY TCP4 192.0.2.1 198.51.100.2 49153 443\r\n"), clientV4),
    (bytes("PROXY TCP6 2001:db8::1 2001:db8::2 49153 443\r\n"), clientV6),
    (bytes("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 49153 443\r\n"), clientV4),
    (
      bytes("PROXY TCP4 192.0.2.1 198.51.100.2 0 65535\r\n"),
      .client(NetworkAddress(ipv4: 0xC000_0201), port: 0)
    ),
    (bytes("PROXY UNKNOWN\r\n"), .socket),
    (bytes("PROXY UNKNOWN ffff:f...f:ffff ffff 65535 65535\r\n"), .socket),
    (bytes("PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n"), .socket),
    (binary(0x21, 0x11, ipv4), clientV4),
    (binary(0x21, 0x21, ipv6), clientV6),
    (binary(0x21, 0x31, [UInt8](repeating: 0x41, count: 216)), .socket),
    (binary(0x21, 0x00, []), .socket),
    (binary(0x21, 0x00, [1, 2, 3]), .socket),
    (binary(0x20, 0x00, []), .socket),
    (binary(0x20, 0x11, ipv4), .socket),
    (binary(0x20, 0x77, [9]), .socket),
    (binary(0x21, 0x11, ipv4 + vector(0x01, bytes("h2")) + vector(0xEE, [])), clientV4),
    (binary(0x21, 0x11, ipv4 + vector(0x04, [UInt8](repeating: 0, count: 505))), clientV4),
    (checked(), clientV4),
  ]

  @Test(arguments: good)
  func `a header tells whose bytes follow wherever it is cut`(
    _ header: [UInt8], _ source: ProxySource
  ) throws {
    let followed = header + bytes("GET / HTTP/1.1\r\n")
    for split in 0...followed.count {
      let expected: ProxyScan =
        split < header.count ? .needMore : .complete(headerBytes: header.count, source)
      #expect(try scan(Array(followed[..<split])) == expected, "split at \(split)")
    }
  }

  private static let bad: [([UInt8], ProxyViolation)] = [
    (bytes("GET / HTTP/1.1\r\n"), .noHeader),
    (bytes("PROXX"), .noHeader),
    (bytes("proxy TCP4 1.1.1.1 2.2.2.2 1 2\r\n"), .noHeader),
    (bytes(" "), .noHeader),
    ([22, 3, 1], .noHeader),
    (bytes("PROXY\tTCP4 1.1.1.1 2.2.2.2 1 2\r\n"), .noHeader),
    (bytes("PROXY \r\n"), .badLine),
    (bytes("PROXY TCP4\r\n"), .badLine),
    (bytes("PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n"), .badLine),
    (bytes("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 3\r\n"), .badLine),
    (bytes("PROXY TCP4  1.1.1.1 2.2.2.2 1 2\r\n"), .badLine),
    (bytes("PROXY TCP4 1.1.1.1 2.2.2.2 1 2 \r\n"), .badLine),
    (bytes("PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n"), .badLine),
    (bytes("PROXY TCP4 1.1.1.1 2.2.2.2 01 2\r\n"), .badLine),
    (bytes("PROXY TCP4 1.1.1.1 2.2.2.2 +1 2\r\n"), .badLine),
    (bytes("PROXY TCP4 1.1.1.256 2.2.2.2 1 2\r\n"), .badLine),
    (bytes("PROXY TCP4 1.1.1.1 x 1 2\r\n"), .badLine),
    (bytes("PROXY TCP4 ::1 ::2 1 2\r\n"), .badLine),
    (bytes("PROXY TCP6 1.1.1.1 2.2.2.2 1 2\r\n"), .badLine),
    (bytes("PROXY TCP6 [::1] ::2 1 2\r\n"), .badLine),
    (bytes("PROXY UDP4 1.1.1.1 2.2.2.2 1 2\r\n"), .badLine),
    (bytes("PROXY UNKNOWNX\r\n"), .badLine),
    (bytes("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\n"), .badLine),
    (bytes("PROXY TCP4 1.1.1.1 2.2.2.2 1 2\r\r\n"), .badLine),
    (bytes("PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n"), .tooLong),
    (bytes("PROXY UNKNOWN " + String(repeating: "x", count: 93)), .tooLong),
    (Array(signature.dropLast()) + [11], .noHeader),
    ([13, 10, 13, 11], .noHeader),
    (binary(0x11, 0x11, ipv4), .unknownKind),
    (binary(0x31, 0x11, ipv4), .unknownKind),
    (binary(0x22, 0x11, ipv4), .unknownKind),
    (binary(0x2F, 0x11, ipv4), .unknownKind),
    (binary(0x21, 0x12, ipv4), .unknownKind),
    (binary(0x21, 0x10, ipv4), .unknownKind),
    (binary(0x21, 0x01, ipv4), .unknownKind),
    (binary(0x21, 0x41, ipv4), .unknownKind),
    (binary(0x21, 0x22, ipv6), .unknownKind),
    (binary(0x21, 0x11, Array(ipv4.dropLast())), .badLength),
    (binary(0x21, 0x21, ipv4), .badLength),
    (binary(0x21, 0x31, ipv6), .badLength),
    (binary(0x21, 0x11, [], length: 521), .tooLong),
    (binary(0x20, 0x00, [], length: 0xFFFF), .tooLong),
    (binary(0x21, 0x11, ipv4 + [1]), .badVector),
    (binary(0x21, 0x11, ipv4 + [1, 0]), .badVector),
    (binary(0x21, 0x11, ipv4 + [1, 0, 1]), .badVector),
    (binary(0x21, 0x11, ipv4 + [1, 0xFF, 0xFF, 0]), .badVector),
    (binary(0x21, 0x11, ipv4 + vector(0x03, [1, 2, 3, 4])), .badChecksum),
    (binary(0x21, 0x11, ipv4 + vector(0x03, [])), .badChecksum),
    (binary(0x21, 0x11, ipv4 + vector(0x03, [1, 2, 3, 4, 5])), .badChecksum),
    (checked().dropLast(1) + [1], .badChecksum),
  ]

  @Test(arguments: bad)
  func `what is not exactly a header is refused wherever it is cut`(
    _ header: [UInt8], _ violation: ProxyViolation
  ) {
    #expect(throws: violation) { try scan(header) }
    for split in 0..<header.count {
      do {
        #expect(try scan(Array(header[..<split])) == .needMore, "split at \(split)")
      } catch {
        #expect(error == violation, "split at \(split)")
      }
    }
  }

  @Test func `a header may have 536 bytes and none more`() throws {
    for (room, fits) in [(504, true), (505, true), (506, false)] {
      let header = Self.binary(
        0x21, 0x11, Self.ipv4 + Self.vector(0x04, [UInt8](repeating: 0, count: room)))
      if fits {
        #expect(try scan(header) == .complete(headerBytes: header.count, Self.clientV4))
      } else {
        #expect(throws: ProxyViolation.tooLong) { try scan(header) }
      }
    }
  }

  @Test func `any wrong bit in a checked header is noticed`() throws {
    let header = Self.checked()
    // Behind what is looked at before the checksum, and not in the lengths of the vectors.
    for place in 16..<header.count where ![28, 29, 30, 34, 35, 36, 41, 42, 43].contains(place) {
      for bit in 0..<8 {
        var broken = header
        broken[place] ^= 1 << UInt8(bit)
        #expect(throws: ProxyViolation.badChecksum, "byte \(place), bit \(bit)") {
          try scan(broken)
        }
      }
    }
  }

  @Test func `the checksum is that of RFC 3720`() {
    let zeros = [UInt8](repeating: 0, count: 32)
    #expect(ProxyHeader.checksum(zeros.span, zeroAt: 32) == 0x8A91_36AA)
    let ones = [UInt8](repeating: 0xFF, count: 32)
    #expect(ProxyHeader.checksum(ones.span, zeroAt: 32) == 0x62A8_AB43)
  }

  @Test func `whatever comes is judged the same in pieces`() throws {
    var random = SeededGenerator.make()
    for _ in 0..<2_000 {
      var header = Self.good.randomElement(using: &random)?.0 ?? []
      let place = Int.random(in: 0..<header.count, using: &random)
      header[place] = UInt8.random(in: 0...255, using: &random)
      let whole = Result { () throws(ProxyViolation) in try scan(header) }
      var pieces: Result<ProxyScan, ProxyViolation> = .success(.needMore)
      for end in 1...header.count where pieces == .success(.needMore) {
        pieces = Result { () throws(ProxyViolation) in try scan(Array(header[..<end])) }
      }
      #expect(pieces == whole, "\(random): \(header)")
    }
  }
}
