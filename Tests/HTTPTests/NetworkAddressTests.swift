// Addresses as text: what counts as one, and that two spellings of one machine are one.

import RoostHTTP
import Testing

@Suite struct NetworkAddressTests {
  private func address(_ text: String) -> NetworkAddress? { NetworkAddress(bytes(text).span) }

  @Test(arguments: [
    ("0.0.0.0", 0 as UInt32), ("127.0.0.1", 0x7F00_0001), ("255.255.255.255", 0xFFFF_FFFF),
    ("10.200.30.4", 0x0AC8_1E04),
  ])
  func `four decimal numbers are an IPv4 address`(_ text: String, _ expected: UInt32) {
    #expect(address(text) == NetworkAddress(ipv4: expected))
  }

  @Test(arguments: [
    ("::", 0 as UInt64, 0 as UInt64), ("::1", 0, 1), ("1::", 0x0001_0000_0000_0000, 0),
    ("2001:db8::1", 0x2001_0DB8_0000_0000, 1),
    ("2001:DB8:0:0:0:0:0:1", 0x2001_0DB8_0000_0000, 1),
    ("1:2:3:4:5:6:7:8", 0x0001_0002_0003_0004, 0x0005_0006_0007_0008),
    ("1:2:3:4:5:6:7::", 0x0001_0002_0003_0004, 0x0005_0006_0007_0000),
    ("::2:3:4:5:6:7:8", 0x0000_0002_0003_0004, 0x0005_0006_0007_0008),
    ("fe80::a:b", 0xFE80_0000_0000_0000, 0x0000_0000_000A_000B),
    ("64:ff9b::192.0.2.33", 0x0064_FF9B_0000_0000, 0xC000_0221),
    ("1:2:3:4:5:6:1.2.3.4", 0x0001_0002_0003_0004, 0x0005_0006_0102_0304),
    (
      "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", 0xFFFF_FFFF_FFFF_FFFF,
      0xFFFF_FFFF_FFFF_FFFF
    ),
  ])
  func `groups of hexadecimal digits are an IPv6 address`(
    _ text: String, _ high: UInt64, _ low: UInt64
  ) {
    #expect(address(text) == NetworkAddress(high: high, low: low))
    #expect(address(text)?.isIPv6 == true)
  }

  @Test(arguments: ["::ffff:192.0.2.1", "::FFFF:c000:0201", "0:0:0:0:0:ffff:192.0.2.1"])
  func `a mapped address is the IPv4 address that it stands for`(_ text: String) {
    #expect(address(text) == NetworkAddress(ipv4: 0xC000_0201))
  }

  @Test(arguments: [
    "", "1", "1.2.3", "1.2.3.", "1.2.3.4.", "1.2.3.4.5", "1.2.3.256", "1.2.3.1000", "01.2.3.4",
    "1.2.3.00", "1.2.3.-4", " 1.2.3.4", "1.2.3.4 ", "1..3.4", "0x7f.0.0.1", "1.2.3.4:80",
    ":", ":::", "1:", ":1", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8", "12345::", "g::", "::1%eth0", "[::1]", "::1.2.3", "::1.2.3.4:5",
    "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "::256.1.1.1", "1:::2", "localhost", "::1 ", "\0::1",
  ])
  func `anything else is no address`(_ text: String) {
    #expect(address(text) == nil)
  }
}
