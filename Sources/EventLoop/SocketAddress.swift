// An IPv4 or IPv6 address with a port, as a small value; text form as people write it.

import Glibc

/// A numeric TCP address: sixteen bytes of address, a port, a family.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// The address's first eight bytes, big-endian; 0 for IPv4.
  public let high: UInt64
  /// The address's last eight bytes, big-endian; for IPv4 its four bytes.
  public let low: UInt64
  /// 0 to 65,535; 0 asks for any free port when listening.
  public var port: UInt16
  /// False for IPv4.
  ///
  /// An IPv4-mapped IPv6 address becomes IPv4.
  public let isIPv6: Bool

  /// `127.0.0.1` or any other IPv4 address from its four bytes in one number, big-endian.
  public init(ipv4: UInt32, port: UInt16) {
    high = 0
    low = UInt64(ipv4)
    self.port = port
    isIPv6 = false
  }

  /// An IPv6 address from its halves, big-endian; an IPv4-mapped one becomes IPv4.
  public init(ipv6High high: UInt64, low: UInt64, port: UInt16) {
    let isMapped = high == 0 && low >> 32 == 0xFFFF
    self.high = high
    self.low = isMapped ? low & 0xFFFF_FFFF : low
    self.port = port
    isIPv6 = !isMapped
  }

  /// Reads `HOST:PORT` with a numeric host, `localhost`, or an IPv6 address in brackets.
  ///
  /// Returns nil for anything else; host names are not resolved.
  public init?(text: String) {
    // inet_pton reads a C string, so that nothing behind a zero would be looked at.
    guard !text.utf8.contains(0), let colon = text.lastIndex(of: ":") else { return nil }
    let portText = text[text.index(after: colon)...]
    guard !portText.isEmpty, portText.utf8.allSatisfy({ (48...57).contains($0) }),
      let port = UInt16(portText)
    else { return nil }
    var host = String(text[..<colon])
    if host == "localhost" { host = "127.0.0.1" }
    if host.hasPrefix("["), host.hasSuffix("]") {
      self.init(ipv6Text: String(host.dropFirst().dropLast()), port: port)
    } else {
      self.init(ipv4Text: host, port: port)
    }
  }

  private init?(ipv4Text: String, port: UInt16) {
    var address = in_addr()
    guard inet_pton(AF_INET, ipv4Text, &address) == 1 else { return nil }
    self.init(ipv4: UInt32(bigEndian: address.s_addr), port: port)
  }

  private init?(ipv6Text: String, port: UInt16) {
    var address = in6_addr()
    guard inet_pton(AF_INET6, ipv6Text, &address) == 1 else { return nil }
    self.init(address, port: port)
  }

  private init(_ address: in6_addr, port: UInt16) {
    let (first, second) = withUnsafeBytes(of: address) {
      (
        UInt64(bigEndian: $0.loadUnaligned(as: UInt64.self)),
        UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
    self.init(ipv6High: first, low: second, port: port)
  }

  /// What the kernel filled in; anything but IPv4 and IPv6 becomes 0.0.0.0:0.
  init(_ storage: sockaddr_storage) {
    self = withUnsafeBytes(of: storage) { bytes in
      switch Int32(storage.ss_family) {
      case AF_INET:
        let address = bytes.loadUnaligned(as: sockaddr_in.self)
        return SocketAddress(
          ipv4: UInt32(bigEndian: address.sin_addr.s_addr),
          port: UInt16(bigEndian: address.sin_port)
        )
      case AF_INET6:
        let address = bytes.loadUnaligned(as: sockaddr_in6.self)
        return SocketAddress(address.sin6_addr, port: UInt16(bigEndian: address.sin6_port))
      default:
        return SocketAddress(ipv4: 0, port: 0)
      }
    }
  }

  /// Calls `body` with the address in the kernel's form.
  func withKernelForm<Result>(_ body: (UnsafePointer<sockaddr>, UInt32) -> Result) -> Result {
    var storage = sockaddr_storage()
    let length: UInt32
    if isIPv6 {
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &address.sin6_addr) {
        $0.storeBytes(of: high.bigEndian, as: UInt64.self)
        $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      length = UInt32(MemoryLayout<sockaddr_in6>.size)
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in6.self) }
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      address.sin_addr.s_addr = UInt32(truncatingIfNeeded: low).bigEndian
      length = UInt32(MemoryLayout<sockaddr_in>.size)
      withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: sockaddr_in.self) }
    }
    return withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
    }
  }

  /// The numeric address without the port.
  public var hostText: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    if isIPv6 {
      var address = in6_addr()
      withUnsafeMutableBytes(of: &address) {
        $0.storeBytes(of: high.bigEndian, as: UInt64.self)
        $0.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
      }
      inet_ntop(AF_INET6, &address, &text, UInt32(text.count))
    } else {
      var address = in_addr(s_addr: UInt32(truncatingIfNeeded: low).bigEndian)
      inet_ntop(AF_INET, &address, &text, UInt32(text.count))
    }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// `HOST:PORT`, IPv6 in brackets.
  public var description: String { isIPv6 ? "[\(hostText)]:\(port)" : "\(hostText):\(port)" }
}
