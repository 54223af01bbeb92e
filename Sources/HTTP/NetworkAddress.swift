// An IP address as a number, read from text without the system's help: the addresses that proxies
// write come from outside, and this target asks nobody (RFC 4291, 2.2; RFC 3986, 3.2.2).

/// An IPv4 or IPv6 address without a port.
///
/// Pure; any thread. An IPv4-mapped IPv6 address is the IPv4 address that it stands for, so that one
/// machine cannot be two.
public struct NetworkAddress: Hashable, Sendable {
  /// The first eight bytes, big-endian; 0 for IPv4.
  public let high: UInt64
  /// The last eight bytes, big-endian; for IPv4 its four bytes.
  public let low: UInt64
  /// False for IPv4.
  public let isIPv6: Bool

  /// An IPv4 address from its four bytes in one number, big-endian.
  public init(ipv4: UInt32) {
    high = 0
    low = UInt64(ipv4)
    isIPv6 = false
  }

  /// An IPv6 address from its halves, big-endian; an IPv4-mapped one becomes IPv4.
  public init(high: UInt64, low: UInt64) {
    let isMapped = high == 0 && low >> 32 == 0xFFFF
    self.high = high
    self.low = isMapped ? low & 0xFFFF_FFFF : low
    isIPv6 = !isMapped
  }

  /// Reads `192.0.2.1` or `2001:db8::1`; nil for anything else, zones and brackets included.
  public init?(_ text: borrowing Span<UInt8>) {
    if let address = Self.ipv4(text) {
      self.init(ipv4: address)
    } else if let (high, low) = Self.ipv6(text) {
      self.init(high: high, low: low)
    } else {
      return nil
    }
  }

  /// Four decimal numbers; a leading zero is refused, because some readers take it for octal.
  static func ipv4(_ text: borrowing Span<UInt8>) -> UInt32? {
    guard (7...15).contains(text.count) else { return nil }
    var address: UInt32 = 0
    var place = 0
    for part in 0..<4 {
      let start = place
      var number: UInt32 = 0
      while place < text.count, isDigit(text[place]), place - start < 3 {
        number = number * 10 + UInt32(text[place] - UInt8(ascii: "0"))
        place += 1
      }
      guard place > start, number <= 255 else { return nil }
      guard place - start == 1 || text[start] != UInt8(ascii: "0") else { return nil }
      address = address << 8 | number
      guard part < 3 else { break }
      guard place < text.count, text[place] == UInt8(ascii: ".") else { return nil }
      place += 1
    }
    return place == text.count ? address : nil
  }

  /// Eight groups of one to four hexadecimal digits, `::` once for zeros, perhaps an IPv4 address at
  /// the end.
  static func ipv6(_ text: borrowing Span<UInt8>) -> (high: UInt64, low: UInt64)? {
    guard (2...45).contains(text.count) else { return nil }
    var groups = InlineArray<8, UInt64>(repeating: 0)
    var count = 0
    var gap: Int?
    var place = 0
    if text[0] == Byte.colon {
      guard text[1] == Byte.colon else { return nil }
      gap = 0
      place = 2
    }
    while place < text.count {
      guard count < 8 else { return nil }
      let start = place
      var group: UInt64 = 0
      while place < text.count, place - start < 4, let digit = hexadecimalValue(text[place]) {
        group = group << 4 | UInt64(digit)
        place += 1
      }
      guard place > start else { return nil }
      if place < text.count, text[place] == UInt8(ascii: ".") {
        guard count <= 6, let tail = ipv4(text.extracting(start..<text.count)) else { return nil }
        groups[count] = UInt64(tail >> 16)
        groups[count + 1] = UInt64(tail & 0xFFFF)
        count += 2
        break
      }
      groups[count] = group
      count += 1
      guard place < text.count else { break }
      guard text[place] == Byte.colon, place + 1 < text.count else { return nil }
      place += 1
      if text[place] == Byte.colon {
        guard gap == nil else { return nil }
        gap = count
        place += 1
      }
    }
    // `::` stands for one group at least.
    guard gap == nil ? count == 8 : count < 8 else { return nil }
    let zeros = 8 - count
    var halves: (high: UInt64, low: UInt64) = (0, 0)
    for place in 0..<8 {
      var group: UInt64 = 0
      if let gap, place >= gap {
        group = place < gap + zeros ? 0 : groups[place - zeros]
      } else {
        group = groups[place]
      }
      if place < 4 {
        halves.high = halves.high << 16 | group
      } else {
        halves.low = halves.low << 16 | group
      }
    }
    return halves
  }
}
