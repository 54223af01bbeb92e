// Networks as people configure them (RFC 4632, 3.1; RFC 4291, 2.3), to tell whose word about other
// addresses is believed.

/// A network: an address and how many of its leading bits count.
///
/// Pure; any thread.
public struct AddressRange: Hashable, Sendable {
  /// What is wrong with the text of a range.
  public enum Problem: Error, Equatable, Sendable {
    /// It is no address, or no number of bits stands behind its slash.
    case malformed
    /// Bits behind the prefix are set, so that it is not clear what was meant.
    case hostBits
  }

  /// The network's address.
  public let base: NetworkAddress
  /// Leading bits that count: 0 to 32, or to 128 for IPv6.
  public let prefixBits: Int

  /// Reads `10.0.0.0/8`, `2001:db8::/32`, or a single address.
  ///
  /// `::ffff:10.0.0.0/104` is `10.0.0.0/8`: mapped addresses are IPv4 everywhere here.
  public init(_ text: borrowing Span<UInt8>) throws(Problem) {
    var slash = text.count
    for place in 0..<text.count where text[place] == Byte.slash {
      slash = place
      break
    }
    let host = text.extracting(0..<slash)
    guard let address = NetworkAddress(host) else { throw .malformed }
    var hasColon = false
    for place in 0..<host.count where host[place] == Byte.colon { hasColon = true }
    let isMapped = hasColon && !address.isIPv6
    let width = hasColon ? 128 : 32
    var bits = width
    if slash < text.count {
      guard let number = Self.number(text.extracting(slash + 1..<text.count)), number <= width
      else { throw .malformed }
      bits = number
    }
    if isMapped {
      // Fewer bits would take in addresses that are not mapped ones.
      guard bits >= 96 else { throw .malformed }
      bits -= 96
    }
    base = address
    prefixBits = bits
    guard masked(address) == address else { throw .hostBits }
  }

  /// Whether an address is in the network; one of the other family never is.
  public func contains(_ address: NetworkAddress) -> Bool {
    address.isIPv6 == base.isIPv6 && masked(address) == base
  }

  private func masked(_ address: NetworkAddress) -> NetworkAddress {
    guard address.isIPv6 else {
      let mask: UInt64 = prefixBits == 0 ? 0 : (0xFFFF_FFFF << UInt64(32 - prefixBits))
      return NetworkAddress(ipv4: UInt32(truncatingIfNeeded: address.low & mask))
    }
    let high = prefixBits >= 64 ? .max : Self.mask(prefixBits)
    let low = prefixBits <= 64 ? 0 : Self.mask(prefixBits - 64)
    return NetworkAddress(high: address.high & high, low: address.low & low)
  }

  /// The first `bits` of 64.
  private static func mask(_ bits: Int) -> UInt64 { bits == 0 ? 0 : .max << UInt64(64 - bits) }

  private static func number(_ digits: borrowing Span<UInt8>) -> Int? {
    guard (1...3).contains(digits.count) else { return nil }
    guard digits.count == 1 || digits[0] != UInt8(ascii: "0") else { return nil }
    var number = 0
    for place in 0..<digits.count {
      guard isDigit(digits[place]) else { return nil }
      number = number * 10 + Int(digits[place] - UInt8(ascii: "0"))
    }
    return number
  }
}
